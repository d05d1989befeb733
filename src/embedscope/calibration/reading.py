"""What the user gives -> sides, judged pairs, matches: the rows, what is known to match, and units of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.calibration.guarantees import Judged
from embedscope.calibration.sides import Sides
from embedscope.certification.evidence import Evidence, Known, Survey, declared_units, find_evidence
from embedscope.certification.judges.queries import JudgedQueries, query_evidence
from embedscope.certification.judges.scored_pairs import pair_clusters
from embedscope.certification.origins import file_origins, labels_of, name_of
from embedscope.certification.pair_rows import matching_rows
from embedscope.certification.row_files import read_rows
from embedscope.certification.spaces import open_space, space_evidence
from embedscope.certification.split import number_labels
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import combine, hash_rows
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.core.unused import refuse_unused
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.options import ModelOptions
from embedscope.sources.paired_vectors import id_hashes, read_side
from embedscope.sources.retrieval_data import (
    cosine_notes,
    judged_rows,
    judgements_of,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.sources.row_order import check_row_order
from embedscope.sources.single_space import single_space
from embedscope.sources.texts import TextSource
from embedscope.stats.neighbours import top_k
from embedscope.tasks.means import directions

FEW_CLASSES = 50
"""Labels from which on the rows of one label are one unit of evidence: duplicates, captions of an image."""


@dataclass(frozen=True, eq=False)
class CalibrationRequest:
    """What the user gives; see :func:`embedscope.calibration.calibrate.calibrate`."""

    source: Any = None
    pair: tuple[Any, Any] | None = None
    pair_ids: tuple[Any, Any] | None = None
    pairs: Any = None
    queries: Any = None
    corpus: tuple[Any, ...] = ()
    qrels: Any = None
    query_ids: Any = None
    corpus_ids: tuple[Any, ...] = ()
    allow_missing: bool = False
    labels: Any = None
    judged: Any = None
    groups: Any = None
    texts: TextSource | None = None
    images: Any = None
    k: int = 10
    max_eval_rows: int = 10_000
    seed: int = 0

    @property
    def way(self) -> str:
        """Which kind of input it is: "space", "pair" or "qrels"; raises ``InputError`` where they are mixed."""
        retrieval = self.queries is not None or self.qrels is not None
        if self.pair is not None and (retrieval or self.source is not None):
            raise InputError("give one of a SOURCE, --pair A B, or --queries with --corpus and --qrels")
        if self.pair is None and (self.pairs is not None or self.pair_ids is not None):
            raise InputError("--pairs and --pair-ids say which rows of --pair A B match; add --pair A B")
        if retrieval and (self.labels is not None or self.judged is not None):
            raise InputError("with --queries the judgements are --qrels; leave out --labels and --judged")
        if self.labels is not None and (self.judged is not None or self.pair is not None):
            raise InputError("--labels are of the rows of one SOURCE, without --judged; rows of one label match")
        if self.judged is not None and (self.pairs is not None or self.pair_ids is not None):
            raise InputError("--judged has matches and others; leave out --pairs and --pair-ids")
        if not retrieval and self.pair is None and self.source is None:
            raise InputError("there is nothing to calibrate: name a SOURCE, or two files with --pair A B")
        material = {"texts": self.texts, "images": self.images}
        if self.pair is not None:
            refuse_unused("is for a model, and --pair A B holds vectors", **material)
        if retrieval:
            refuse_unused("is for one SOURCE, and with --queries the texts are --corpus", **material)
        else:
            refuse_unused(
                "is for --queries and --qrels",
                query_ids=self.query_ids,
                corpus=self.corpus,
                corpus_ids=self.corpus_ids,
                allow_missing=self.allow_missing,
            )
        return "pair" if self.pair is not None else "qrels" if retrieval else "space"


@dataclass(frozen=True, eq=False)
class Given:
    """What was read.

    Attributes
    ----------
    source, space : as records call them
    sides : the rows
    judged : judged pairs of the population that is cut by a threshold, None without labels
    matches : cosines (p,) of the pairs that match, and the unit (p,) of each; None without labels
    population : of which pairs the probability and the precision speak, in words
    evidence : units of evidence of all rows
    notes : what was sampled or assumed
    candidates : pairs (p,) of rows and their cosines among which duplicates are looked for, for a space
    """

    source: str
    space: str
    sides: Sides
    judged: Judged | None
    matches: tuple[Floats, Index] | None
    population: str
    evidence: Evidence
    notes: tuple[str, ...] = ()
    candidates: tuple[Index, Index, Floats] | None = field(default=None)


def read_given(
    request: CalibrationRequest, encoder: ModelOptions, dedup: bool, provenance: Provenance, progress: Progress
) -> Given:
    """The rows and labels of ``request``; with ``dedup`` the nearest pairs of a space too."""
    way = request.way
    if dedup and way != "space":
        raise InputError("--dedup looks for duplicates among the rows of one SOURCE; leave out --pair and --queries")
    if way == "pair":
        encoder.refuse_for_vectors("--pair A B")
        return _pair(request, provenance)
    if way == "qrels":
        return _queries(request, encoder, provenance, progress)
    encoder.refuse_prompts()
    return _space(request, encoder, dedup, provenance, progress)


def _space(
    request: CalibrationRequest, encoder: ModelOptions, dedup: bool, provenance: Provenance, progress: Progress
) -> Given:
    space = open_space(request.source, request.texts, request.images, encoder, provenance, progress)
    groups = None if request.groups is None else read_groups(request.groups, space.name)
    label: Index | None = None
    if request.labels is not None:
        label = np.unique(labels_of(request.labels, provenance), return_inverse=True)[1].astype(np.intp)
    evidence = space_evidence(space, groups, classes=label)
    unit, notes = number_labels(evidence.clusters), [*space.notes, *evidence.notes]
    x = directions(np.concatenate(list(space.blocks())), space.name)
    related = related_rows(unit, evidence)
    if label is not None:
        many = len(np.unique(label)) >= FEW_CLASSES
        unit = label if many else unit
        related = label
        if not many:
            notes.append(
                f"{len(np.unique(label))} classes: rows are the units of evidence, so what is promised holds for new "
                "rows of these classes and not for new classes"
            )
    sides = Sides(x, group_x=related, unit_x=unit, titles_x=space.titles)
    base = Given(space.name, space.space, sides, None, None, "", evidence, tuple(notes))
    if request.judged is not None:
        return _add_judged(base, request.judged, provenance)
    if label is None and not dedup:
        return base
    left, right, cosines = _nearest_of_itself(sides, request)
    what = f"the {request.k} nearest of each row" if request.k > 1 else "the nearest of each row"
    searched = replace(
        base, candidates=(left, right, cosines), population=f"pairs of rows of which one is among {what}"
    )
    if label is None:
        return searched
    match = label[left] == label[right]
    return replace(
        searched,
        judged=Judged(cosines, match, number_labels(unit[left])),
        matches=_matches_of_labels(sides, label, unit, request),
    )


def related_rows(unit: Index, evidence: Evidence) -> Index:
    """Rows that are related: those of one unit, unless units are blocks of the file."""
    from embedscope.stats.units import FILE_ORDER

    if FILE_ORDER in evidence.units.ways:
        return np.arange(len(unit))
    return unit


def _nearest_of_itself(sides: Sides, request: CalibrationRequest) -> tuple[Index, Index, Floats]:
    """Pairs of a row with one of its k nearest others, each pair once; at most ``max_eval_rows`` rows ask."""
    n = len(sides.x)
    asks = _sample(sides.units[0], request.max_eval_rows, request.seed)
    k = min(request.k, n - 1)
    neighbours = top_k(sides.x[asks], sides.x, k, exclude=asks)
    left, right = np.repeat(asks, k), neighbours.indices.ravel()
    low, high = np.minimum(left, right), np.maximum(left, right)
    _, first = np.unique(low * n + high, return_index=True)
    return left[first], right[first], np.clip(neighbours.scores.ravel()[first], -1, 1)


def _sample(units: Index, limit: int, seed: int) -> Index:
    """Rows of whole units, at most ``limit``, by the hash of the unit."""
    n = len(units)
    if n <= limit:
        return np.arange(n)
    order = np.argsort(combine(hash_rows(0, int(units.max()) + 1), seed + 1), kind="stable")
    sizes = np.bincount(units, minlength=len(order))
    kept = order[np.cumsum(sizes[order]) <= limit]
    return np.flatnonzero(np.isin(units, kept))


def _matches_of_labels(sides: Sides, label: Index, unit: Index, request: CalibrationRequest) -> tuple[Floats, Index]:
    """Cosines of pairs of equal label: of each row with at most ``k`` others of its label, drawn by rotation."""
    order = np.argsort(label, kind="stable")
    sizes, starts = np.bincount(label), np.concatenate([[0], np.cumsum(np.bincount(label))[:-1]])
    place = np.empty(len(label), dtype=np.intp)
    place[order] = np.arange(len(label)) - starts[label[order]]
    lefts, rights = [], []
    for step in range(1, request.k + 1):
        size = sizes[label]
        rows = np.flatnonzero(size > step) if step > 1 else np.flatnonzero(size > 1)
        other = order[starts[label[rows]] + (place[rows] + step) % size[rows]]
        lefts.append(rows)
        rights.append(other)
    left, right = np.concatenate(lefts), np.concatenate(rights)
    low, high = np.minimum(left, right), np.maximum(left, right)
    low, high = np.unique(np.stack([low, high]), axis=1)
    return _cosines(sides, low, high), number_labels(unit[low])


def _cosines(sides: Sides, left: Index, right: Index) -> Floats:
    return np.asarray(np.clip(np.einsum("ij,ij->i", sides.x[left], sides.right[right]), -1.0, 1.0))


def _add_judged(given: Given, judged: Any, provenance: Provenance) -> Given:
    """With a file of judged pairs: two row numbers and 1 for a match, 0 for none."""
    sides = given.sides
    n, m = len(sides.x), len(sides.right)
    if isinstance(judged, str | Path):
        provenance.data[str(judged)] = file_facts(Path(judged)) if Path(judged).is_file() else {}
    rows = read_rows(judged, 3, (n, m), "judged pairs")
    left, right = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp)
    if not np.isin(rows[:, 2], (0, 1)).all():
        odd = rows[~np.isin(rows[:, 2], (0, 1)), 2][0]
        raise InputError(f"judged pairs end with 1 for a match or 0 for none, got {odd:g}; a scale needs a cut first")
    match = rows[:, 2] == 1
    a, b = sides.units
    size = int(max(a.max(), b.max())) + 1
    clusters, note = pair_clusters(size, a[left], b[right])
    unit = number_labels(clusters[a[left]])
    cosines = _cosines(sides, left, right)
    related = (left[match], right[match])
    return replace(
        given,
        sides=replace(sides, related=related),
        judged=Judged(cosines, match, unit),
        matches=(cosines[match], unit[match]),
        population=f"pairs such as the {len(rows):,} that were judged",
        notes=(*given.notes, *([note] if note else [])),
    )


def _pair(request: CalibrationRequest, provenance: Provenance) -> Given:
    a, b = request.pair or (None, None)
    x, y = read_side(a, provenance, "A"), read_side(b, provenance, "B")
    if x.shape[1] != y.shape[1]:
        raise InputError(
            f"the two sides have {x.shape[1]} and {y.shape[1]} dimensions, so they have no cosine; align them first "
            "(embedscope repair --pair)"
        )
    file_origins({"a": a, "b": b}, provenance)
    n, total = len(x), len(x) + len(y)
    judged_only = request.judged is not None
    left, right, names = _pair_rows(request, x, y, judged_only)
    groups = None if request.groups is None else read_groups(request.groups, name_of(a, "the first side"))
    declared = None if groups is None else declared_units(groups, n, total, "rows of the first side")
    links = [] if judged_only else [(left, n + right)]
    evidence = find_evidence(
        [Survey.of(x), Survey.of(y)],
        Known(hash_rows(0, total) if names is None else np.concatenate(names), links, declared, named="matches"),
    )
    units = number_labels(evidence.clusters)
    label = "|".join(name_of(s, o) for s, o in zip((a, b), ("a", "b"), strict=True))
    sides = Sides(directions(x, "A"), directions(y, "B"), units[:n], units[n:], units[:n], units[n:])
    given = Given(label, "pair", sides, None, None, "", evidence, tuple(evidence.notes))
    if judged_only:
        return _add_judged(given, request.judged, provenance)
    return _search(given, left, right, request, "B", "A")


def _pair_rows(
    request: CalibrationRequest, x: Floats, y: Floats, judged_only: bool
) -> tuple[Index, Index, tuple[Any, Any] | None]:
    """Rows of both sides that match."""
    none = np.zeros(0, dtype=np.intp)
    if judged_only:
        return none, none, None
    if request.pairs is not None:
        if request.pair_ids is not None:
            raise InputError("--pairs and --pair-ids both say which rows match; give one of them")
        rows = read_rows(request.pairs, 2, (len(x), len(y)), "pairs")
        return rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp), None
    if request.pair_ids is not None:
        names = id_hashes(request.pair_ids[0], len(x), "left"), id_hashes(request.pair_ids[1], len(y), "right")
        left, right = matching_rows(*names)
        if not len(left):
            raise InputError("no id of one side is an id of the other; check that they are spelled alike")
        return left, right, names
    if len(x) != len(y):
        raise InputError(
            f"the two sides have {len(x):,} and {len(y):,} rows, and rows match by position; say which match with "
            "--pair-ids or --pairs"
        )
    check_row_order(*(request.pair or ()))
    return np.arange(len(x)), np.arange(len(x)), None


def _search(given: Given, left: Index, right: Index, request: CalibrationRequest, index: str, asking: str) -> Given:
    """With the ``k`` nearest rows of the right side for each left row that has a match: what a search returns."""
    sides = given.sides
    m = len(sides.right)
    unit = sides.units[0]
    judged = np.unique(left)
    asks = judged[_sample(number_labels(unit[judged]), request.max_eval_rows, request.seed)]
    k = min(request.k, m)
    neighbours = top_k(sides.x[asks], sides.right, k)
    a, b = np.repeat(asks, k), neighbours.indices.ravel()
    keys = np.unique(left * m + right)
    match = np.isin(a * m + b, keys)
    cosines = np.clip(neighbours.scores.ravel(), -1, 1)
    kept = np.isin(left, asks)
    notes = list(given.notes)
    if len(asks) < len(judged):
        notes.append(
            f"{len(asks):,} of {len(judged):,} rows of {asking} were searched for, chosen by the hash of their unit"
        )
    notes.append(
        f"probabilities and precision are those of an index of {m:,} rows: in a larger one more rows compete, "
        f"and both fall"
    )
    return replace(
        given,
        sides=replace(sides, related=(left, right)),
        judged=Judged(cosines, match, number_labels(unit[a])),
        matches=(_cosines(sides, left[kept], right[kept]), number_labels(unit[left[kept]])),
        population=f"the {k} nearest rows of {index} for a row of {asking}"
        if k > 1
        else f"the nearest row of {index} for a row of {asking}",
        notes=tuple(notes),
    )


def _queries(request: CalibrationRequest, encoder: ModelOptions, provenance: Provenance, progress: Progress) -> Given:
    if request.queries is None or request.qrels is None:
        raise InputError("relevance judgements need --queries and --qrels, with documents as SOURCE or --corpus")
    documents: Sequence[Any] = request.corpus or (request.source,)
    model = str(request.source) if request.corpus and request.source is not None else None
    if documents[0] is None:
        raise InputError("there are queries and no documents: name them as SOURCE or with --corpus")
    asked = read_collection(request.queries, request.query_ids, provenance, "queries")
    named = [d if isinstance(d, Mapping) or not isinstance(d, Path) else str(d) for d in documents]
    pool = read_corpus(named, request.corpus_ids, None, provenance)
    judged = judged_rows(judgements_of(request.qrels, provenance), asked, pool, allow_missing=request.allow_missing)
    place = single_space(list(retrieval_spaces(asked, pool, model, encoder, provenance, progress)))
    rows = np.unique(judged.query)
    data = JudgedQueries(
        place.queries, place.corpus, asked.ids, pool.ids, (), (judged.query, judged.document, judged.grade)
    )
    groups = None if request.groups is None else read_groups(request.groups, asked.name)
    evidence, more = query_evidence(data, rows, groups)
    unit_x = np.empty(len(asked), dtype=np.intp)
    start = len(np.unique(evidence.clusters))
    unit_x[:] = start + np.arange(len(asked))
    unit_x[rows] = number_labels(evidence.clusters)
    unit_y = int(unit_x.max()) + 1 + np.arange(len(pool))
    sides = Sides(
        directions(place.queries, "queries"),
        directions(place.corpus, "corpus"),
        unit_x=unit_x,
        unit_y=unit_y,
        titles_x=asked.texts or asked.ids,
        titles_y=pool.texts or pool.ids,
    )
    notes = (*judged.notes, *cosine_notes(place.score), *evidence.notes, *more)
    given = Given(place.source, place.space, sides, None, None, "", evidence, notes)
    right = judged.grade > 0
    if not right.any():
        raise InputError("no judgement says that a document is relevant (grade above 0); there is nothing to calibrate")
    out = _search(given, judged.query[right], judged.document[right], request, "the corpus", "the queries")
    unjudged = "documents that nobody judged for a query count as no match"
    return replace(out, notes=(*out.notes, unjudged))


def part_numbers_of(judged: Judged, seed: int) -> npt.NDArray[np.intp]:
    """Part of each judged pair (p,): 0 fits, 1 selects, 2 certifies; whole units."""
    from embedscope.certification.split import assign_parts

    return assign_parts(hash_rows(0, int(judged.unit.max()) + 1)[judged.unit], seed)
