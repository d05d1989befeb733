"""What candidates are judged on: queries with judgements, queries alone, or rows of the index that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.certification.evidence import Evidence, Known, Survey, declared_units, find_evidence
from embedscope.certification.fitting import FitContext, moments_of
from embedscope.certification.judges.base import SplitOptions
from embedscope.certification.judges.queries import POOL, JudgedQueries, query_judge
from embedscope.certification.split import LEAST, assign_parts, number_labels
from embedscope.compression.fitting import DOCUMENT, QUERY
from embedscope.compression.search import Truth, truth_of
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index
from embedscope.stats.copies import without_copies
from embedscope.stats.moments import Gaussian
from embedscope.tasks.means import check_apart, directions

Matrix = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Probe:
    """Queries of one part, and the full index.

    Attributes
    ----------
    queries : (m, d) as they were given
    truth : what the full index finds
    units : (m,) number of the unit of evidence of each query
    """

    queries: Matrix
    truth: Truth
    units: Index


@dataclass(frozen=True, eq=False)
class Material:
    """One index and its queries.

    Attributes
    ----------
    documents : (n, d) that are searched, in the order of the index
    select, certify : the queries that choose a candidate, and those that test it
    moments : of unit rows, by whose they are
    evidence : units of the queries
    what : what the queries are, in words
    notes : what was sampled or left out
    """

    documents: Matrix
    select: Probe
    certify: Probe
    moments: Mapping[str, Gaussian]
    evidence: Evidence
    what: str
    notes: tuple[str, ...] = ()


def judged_material(
    data: JudgedQueries, options: SplitOptions, notes: Sequence[str], groups: Matrix | None, keep_fit: bool
) -> Material:
    """From judgements: a quarter of the queries selects, the others certify.

    ``keep_fit`` leaves the half that ``repair`` fits on to a fit on queries; else it certifies, for nothing is fitted
    on queries.
    """
    judge = query_judge(data, FitContext(True), options, False, notes, groups)
    pool = np.asarray(data.corpus[judge.pool])
    unit = directions(pool)
    check_apart(unit, "the documents")
    rows = {"select": judge.rows["select"], "certify": judge.rows["certify"]}
    if not keep_fit:
        more = judge.rows["fit"][: options.max_eval_rows]
        rows["certify"] = np.sort(np.concatenate([rows["certify"], more]))
    probes, distinct = {}, without_copies(unit, 1) is None
    for part, mine in rows.items():
        asked = np.asarray(data.queries[mine])
        truth = truth_of(directions(asked), unit, None, _select_judgements(data, mine, judge.pool), distinct)
        probes[part] = Probe(asked, truth, number_labels(judge.units[mine]))
    return Material(
        pool, probes["select"], probes["certify"], judge.moments, judge.evidence, "judged queries", tuple(judge.notes)
    )


def _select_judgements(
    data: JudgedQueries, queries: Index, pool: Index
) -> tuple[Index, Index, npt.NDArray[np.float64]]:
    """Judgements of some queries about documents of the pool, numbered anew."""
    query, document, grade = data.judged
    place_q, place_d = np.full(len(data.queries), -1), np.full(len(data.corpus), -1)
    place_q[queries], place_d[pool] = np.arange(len(queries)), np.arange(len(pool))
    kept = (place_q[query] >= 0) & (place_d[document] >= 0)
    return place_q[query[kept]], place_d[document[kept]], grade[kept]


def plain_material(
    documents: Matrix,
    total: int,
    moments: Gaussian,
    queries: Matrix | None,
    options: SplitOptions,
    groups: Matrix | None,
) -> Material:
    """Without judgements: how many of the ten nearest rows stay, for ``queries``, or for rows of the index itself.

    Parameters
    ----------
    documents : (n, d) rows of the index that are held
    total : rows that the index has
    moments : of all rows
    queries : (m, d), None to take rows of the index, each of which is no result of its own
    groups : (m,) what each query (or row) belongs to
    """
    unit = directions(documents)
    check_apart(unit, "the index")
    asked = documents if queries is None else queries
    n = len(asked)
    declared = None if groups is None else declared_units(groups, n, n, "queries" if queries is not None else "rows")
    evidence = find_evidence([Survey.of(asked)], Known(hash_rows(0, n), declared=declared))
    part = assign_parts(evidence.clusters, options.seed)
    units = number_labels(evidence.clusters)
    order = np.argsort(combine(hash_rows(0, n), options.seed + 1), kind="stable")
    choose = {"select": part == 1, "certify": part != 1}
    probes, notes, distinct = {}, [], without_copies(unit, 1) is None
    if len(documents) < total:
        notes.append(
            f"{len(documents):,} of {total:,} rows were searched, chosen by their hash; a larger index is harder"
        )
    for name, mine in choose.items():
        rows = np.sort(order[mine[order]][: options.max_eval_rows if name == "certify" else options.max_eval_rows // 4])
        if len(np.unique(units[rows])) < LEAST:
            raise InputError(
                f"the queries that {name} form {len(np.unique(units[rows]))} units of evidence, at least {LEAST} are "
                "needed; pass some hundred more rows or queries"
            )
        own = rows if queries is None else None
        probe = np.asarray(asked[rows])
        probes[name] = Probe(probe, truth_of(directions(probe), unit, own, None, distinct), number_labels(units[rows]))
    what = "queries" if queries is not None else "rows of the index, taken as queries"
    by = {DOCUMENT: moments} | ({} if queries is None else {QUERY: moments_of(queries, True)})
    return Material(documents, probes["select"], probes["certify"], by, evidence, what, tuple(notes))


def kept_rows(limit: int) -> int:
    """Rows of an index that are held, for ``limit`` queries."""
    return POOL * limit
