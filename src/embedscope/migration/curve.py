"""The learning curve of a bridge over the pairs that fit it, and how many pairs are predicted to be enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import EmbedscopeError
from embedscope.core.progress import Progress
from embedscope.core.tables import Score
from embedscope.migration.maps import NONE, MapPairs, family_of, fit_map
from embedscope.migration.retention import Direction, Kept, RetentionJudge
from embedscope.transforms.repair import KindMap

FIRST = 50
POINTS = 5
REACH = 8
"""A prediction is believed up to this many times the pairs that were tried."""

_POWERS = np.geomspace(0.1, 2.0, 25)
_REFITS = 200


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """What a family of maps keeps when ``pairs`` pairs fit it: its best setting by the selecting part, certified.

    ``kept`` is the score that decides, ``scores`` are all of them.
    """

    family: str
    pairs: int
    text: str
    kept: Score
    scores: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """The curve a - b K^-c of one family.

    Attributes
    ----------
    family : whose curve
    limit : a, what any number of pairs is predicted to keep at most
    enough : pairs predicted to keep what is wanted; None where the curve stays below
    low, high : the middle 80 % of ``enough`` over bootstrap draws, None for never
    share : share of draws in which ``enough`` is within reach
    """

    family: str
    limit: float
    enough: int | None
    low: int | None
    high: int | None
    share: float


def sizes(n: int) -> list[int]:
    """Numbers of pairs at which a curve is taken: at most five up to ``n``, in equal ratios.

    >>> sizes(800)
    [50, 100, 200, 400, 800]
    """
    if n <= FIRST:
        return [n]
    steps = min(POINTS, 2 + int(np.log2(n / FIRST)))
    return sorted({round(v) for v in np.geomspace(max(FIRST, n / 2 ** (POINTS - 1)), n, steps)})


def learning_curve(
    judge: RetentionJudge,
    direction: Direction,
    texts: Iterable[str],
    known: dict[str, KindMap],
    progress: Progress,
    steps: Sequence[int] | None = None,
) -> list[CurvePoint]:
    """Points of every family of ``texts`` in one ``direction``; ``known`` are maps that all pairs have fitted.

    A setting is chosen on the part that selects, by maps that it did not fit, and then fitted on all pairs of a point.

    ``steps`` are the numbers of pairs, those of ``sizes`` where None.
    """
    pairs, choosing = judge.pairs(direction), judge.pairs(direction, choosing=True)
    families: dict[str, list[str]] = {}
    for text in texts:
        families.setdefault(family_of(text), []).append(text)
    steps = sizes(len(pairs)) if steps is None else steps
    progress.start("learning curve", len(steps), "sizes")
    points = []
    as_they_are: Kept | None = None  # no pairs fit it: the same at every point
    for k in steps:
        fit, fit_choosing = pairs.first(k), choosing.first(k)
        for family, settings in families.items():
            best = _best_setting(judge, direction, settings, fit_choosing)
            if best is None:
                continue
            try:
                fitted = known[best] if k == len(pairs) and best in known else fit_map(best, fit)
            except EmbedscopeError:  # so few pairs do not fit it
                continue
            kept = as_they_are if best == NONE and as_they_are else judge.measure(direction, fitted, "certify")
            as_they_are = kept if best == NONE else as_they_are
            points.append(CurvePoint(family, k, best, kept.main, kept.scores))
        progress.advance(1)
    progress.close()
    return points


def _best_setting(judge: RetentionJudge, direction: Direction, settings: Sequence[str], pairs: MapPairs) -> str | None:
    """The setting of a family that is best on the part that selects, fitted without it; None where none is fitted."""
    if len(settings) == 1:
        return settings[0]
    scores: dict[str, float] = {}
    for text in settings:
        try:
            scores[text] = _value(judge.measure(direction, fit_map(text, pairs), "select").main)
        except EmbedscopeError:  # so few pairs do not fit it
            continue
    return max(scores, key=lambda text: scores[text]) if scores else None


def predict(points: Sequence[CurvePoint], family: str, retain: float, reach: int) -> Prediction | None:
    """The curve of ``family``, and the pairs at which it keeps ``retain``; None with fewer than three points.

    Parameters
    ----------
    reach : pairs up to which a crossing counts
    """
    mine = [p for p in points if p.family == family and p.kept.value is not None and p.kept.draws is not None]
    if len(mine) < 3:
        return None
    ks = np.array([p.pairs for p in mine], dtype=np.float64)
    values = np.array([p.kept.value for p in mine])
    draws = np.stack([np.asarray(p.kept.draws) for p in mine])[:, :_REFITS]
    draws = draws[:, np.isfinite(draws).all(axis=0)]
    limit, enough = _crossing(ks, values, retain)
    each = np.array([_crossing(ks, draws[:, i], retain)[1] for i in range(draws.shape[1])])
    within = float((each <= reach).mean()) if len(each) else float(enough <= reach)
    low, high = (float(np.quantile(each, q, method="nearest")) for q in (0.1, 0.9)) if len(each) else (enough, enough)
    return Prediction(family, limit, _whole(enough), _whole(low), _whole(high), within)


def fit_curve(ks: Floats, values: Floats) -> tuple[float, float, float]:
    """(a, b, c) of a - b K^-c with the least squares, 0 <= b, a <= 1 and c among 25 powers from 0.1 to 2.

    >>> ks = np.array([50.0, 100.0, 200.0, 400.0])
    >>> a, b, c = fit_curve(ks, 0.9 - 2 * ks ** -float(_POWERS[12]))
    >>> round(a, 6), round(b, 6)
    (0.9, 2.0)
    """
    best, fit = np.inf, (float(values.mean()), 0.0, 1.0)
    for c in _POWERS:
        x = ks**-c
        spread = ((x - x.mean()) ** 2).sum()
        b = max(0.0, -float(((x - x.mean()) * values).sum() / spread)) if spread > 0 else 0.0
        a = float((values + b * x).mean())
        if a > 1.0:
            a, b = 1.0, max(0.0, float(((1.0 - values) * x).sum() / (x * x).sum()))
        error = float(((values - a + b * x) ** 2).sum())
        if error < best:
            best, fit = error, (a, b, float(c))
    return fit


def _crossing(ks: Floats, values: Floats, retain: float) -> tuple[float, float]:
    """Where the curve ends, and the K at which it reaches ``retain``, inf for never."""
    a, b, c = fit_curve(ks, values)
    if a <= retain:
        return a, np.inf
    return a, float((b / (a - retain)) ** (1 / c)) if b > 0 else 0.0


def _whole(k: float) -> int | None:
    return int(np.ceil(k)) if np.isfinite(k) and k < 1e12 else None


def _value(score: Score) -> float:
    return -1.0 if score.value is None else score.value
