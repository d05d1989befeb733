"""A score calibration beside a repair: cosines of what matches and of what does not, on the selecting part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedscope.certification.judges.base import Candidate, Judge
from embedscope.certification.judges.pairs import PairJudge
from embedscope.certification.judges.queries import QueryJudge
from embedscope.certification.split import Part
from embedscope.core.arrays import Floats
from embedscope.core.ids import combine, hash_rows
from embedscope.core.tables import Index
from embedscope.tasks._means import directions
from embedscope.transforms.calibration import Calibration, Isotonic, Platt, Reliability, reliability

PRIOR = 0.5
ISOTONIC_FROM = 1000
"""Pairs that match from which an isotonic calibration is fitted; with fewer, Platt's two numbers are safer."""

ENOUGH_JUDGED = 5
"""Documents judged not relevant, for each query, from which these stand for what does not match."""

LEAST = 8
"""Fewest pairs of either kind, in either part."""

_OTHERS = 20  # pairs that do not match, for each that does

Cosines = tuple[Floats, Floats]


@dataclass(frozen=True)
class Calibrated:
    """A calibration, how far it held on pairs it was not fitted on, and what the pairs are.

    Attributes
    ----------
    what : in words, of what the probability is
    others : which pairs stood for those that do not match
    """

    calibration: Calibration
    held: Reliability
    what: str
    others: str


def calibrated(judge: Judge, candidate: Candidate, positive_rate: float = PRIOR) -> Calibrated | None:
    """Fitted on the selecting part, checked on the certifying part, weighted so that ``positive_rate`` is the share of matches.

    Pairs: each match stands beside 20 rows of other clusters, drawn by hash. Judgements: a document with a grade above
    0 matches its query; what does not are documents judged 0 where there are enough, else documents of the index that
    nobody judged for that query, drawn by hash. None for a scorer, for kinds of document that differ, where no cosine
    goes across, and where there are too few pairs.
    """
    if candidate.scorer is not None:
        return None
    if isinstance(judge, PairJudge):
        if candidate.repair is None and len(set(judge.parts.cross.widths)) > 1:
            return None
        pairs = judge
        others = f"{_OTHERS} rows that do not match for each that does, drawn by hash"
        return _made(lambda part: _of_pairs(pairs, candidate, part), positive_rate, "a match", others)
    if isinstance(judge, QueryJudge) and not judge.asked.kinds:
        asked, sampled = judge, _few_judged(judge)
        others = f"{_OTHERS} documents that nobody judged for the query, drawn by hash, for each that is relevant"
        named = others if sampled else "documents that were judged not relevant"
        return _made(lambda part: _of_judgements(asked, candidate, part, sampled), positive_rate, "relevance", named)
    return None


def _made(cosines: Callable[[Part], Cosines], positive_rate: float, what: str, others: str) -> Calibrated | None:
    fit, held = cosines("select"), cosines("certify")
    if min(len(side) for side in (*fit, *held)) < LEAST:
        return None
    method = Isotonic if len(fit[0]) >= ISOTONIC_FROM else Platt
    found = method.fit(*fit, positive_rate=positive_rate)
    return Calibrated(found, reliability(found, *held), what, others)


def _of_pairs(judge: PairJudge, candidate: Candidate, part: Part) -> Cosines:
    """Cosines of pairs that match, and of pairs drawn by hash from those of different clusters."""
    rows, mapped = judge.parts.rows[part], judge.mapped(candidate, part)
    u, v = directions(mapped.x), directions(mapped.y)
    others = []
    for i in range(_OTHERS):
        other = _drawn(len(rows.left), judge.seed + i, len(v))
        apart = rows.cluster_x[rows.left] != rows.cluster_y[other]
        others.append(_rows(u, v, rows.left[apart], other[apart]))
    return _rows(u, v, rows.left, rows.right), np.concatenate(others)


def _few_judged(judge: QueryJudge) -> bool:
    """Whether documents judged not relevant are too few to stand for what does not match."""
    grade = judge.asked.judged[2]
    return int((grade <= 0).sum()) < ENOUGH_JUDGED * len(np.unique(judge.asked.judged[0]))


def _of_judgements(judge: QueryJudge, candidate: Candidate, part: Part, sampled: bool) -> Cosines:
    """Cosines of queries with relevant documents, and with others."""
    query, document, grade = judge.judged(part)
    u, v = (directions(x) for x in judge.moved(candidate, part))
    relevant = grade > 0
    matching = _rows(u, v, query[relevant], document[relevant])
    if not sampled:
        return matching, _rows(u, v, query[~relevant], document[~relevant])
    known, asking, others = query * len(v) + document, query[relevant], []
    for i in range(_OTHERS):
        other = _drawn(len(asking), judge.seed + i, len(v))
        fresh = ~np.isin(asking * len(v) + other, known)
        others.append(_rows(u, v, asking[fresh], other[fresh]))
    return matching, np.concatenate(others)


def _drawn(n: int, seed: int, among: int) -> Index:
    return (combine(hash_rows(0, n), seed) % np.uint64(among)).astype(np.intp)


def _rows(u: Floats, v: Floats, left: Index, right: Index) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", u[left], v[right]))
