"""Cosine to the probability that a pair matches, fitted from cosines of pairs that match and of pairs that do not.

"Every cosine is 0.8" is a threshold problem first: a probability carries over between models, a cosine does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.short_repr import short_repr
from embedscope.transforms.calibration_fits import logistic_fit, pool_adjacent_violators, sigmoid, sigmoid_fit


class Calibration(Protocol):
    """A rising function of a cosine; ``positive_rate`` is the share of matches among the pairs that it speaks of."""

    @property
    def positive_rate(self) -> float:
        """Share of matches that was stated."""

    def probability(self, cosine: Any) -> Floats:
        """Probability of a match for each ``cosine``, of the same shape."""

    def as_dict(self) -> dict[str, Any]:
        """JSON types that ``calibration_from`` reads."""


@short_repr
@dataclass(frozen=True)
class Isotonic:
    """The rising step function with the least weighted squared error, linear between its corners (ayer1955).

    Attributes
    ----------
    cosines, probabilities : corners, both rising; held constant beyond the ends
    positive_rate : share of matches that was stated
    n_matching, n_other : pairs it was fitted on

    >>> made = Isotonic.fit([0.8, 0.6], [0.2, 0.7], positive_rate=0.5)
    >>> made.probability([0.1, 0.65, 0.9]).tolist()
    [0.0, 0.5, 1.0]
    """

    cosines: tuple[float, ...]
    probabilities: tuple[float, ...]
    positive_rate: float
    n_matching: int
    n_other: int

    @classmethod
    def fit(cls, matching: Any, others: Any, *, positive_rate: float) -> Isotonic:
        """Fit on cosines of pairs that match and of ``others``, weighted so that ``positive_rate`` of them match."""
        x, y, w, (n1, n0) = weigh_pairs(matching, others, positive_rate)
        corners, levels = pool_adjacent_violators(x, y, w)
        return cls(tuple(corners.tolist()), tuple(levels.tolist()), float(positive_rate), n1, n0)

    def probability(self, cosine: Any) -> Floats:
        """Probability of a match for each ``cosine``, of the same shape."""
        return np.asarray(np.interp(np.asarray(cosine, dtype=np.float64), self.cosines, self.probabilities))

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        lists = {"cosines": list(self.cosines), "probabilities": list(self.probabilities)}
        return {"method": "isotonic"} | vars(self) | lists


@dataclass(frozen=True)
class Platt:
    """1 / (1 + exp(-(slope c + intercept))), fitted by maximum likelihood with Platt's targets (platt1999, lin2007).

    The targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2) keep the slope finite where cosines separate the pairs.

    Attributes
    ----------
    slope, intercept : of the logit
    positive_rate : share of matches that was stated
    n_matching, n_other : pairs it was fitted on

    >>> round(float(Platt(2.0, -1.0, 0.5, 10, 10).probability(0.5)), 3)
    0.5
    """

    slope: float
    intercept: float
    positive_rate: float
    n_matching: int
    n_other: int

    @classmethod
    def fit(cls, matching: Any, others: Any, *, positive_rate: float) -> Platt:
        """Fit on cosines of pairs that match and of ``others``, weighted so that ``positive_rate`` of them match."""
        x, y, w, (n1, n0) = weigh_pairs(matching, others, positive_rate)
        targets = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        slope, intercept = sigmoid_fit(x, targets, w)
        return cls(slope, intercept, float(positive_rate), n1, n0)

    def probability(self, cosine: Any) -> Floats:
        """Probability of a match for each ``cosine``, of the same shape."""
        return sigmoid(self.slope * np.asarray(cosine, dtype=np.float64) + self.intercept)

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {"method": "platt"} | vars(self)


@dataclass(frozen=True)
class Beta:
    """Beta calibration of s = (1 + cosine) / 2: sigmoid(a ln s - b ln(1 - s) + intercept), a, b >= 0 (kull2017).

    Three numbers where Platt has two: the two ends of the scale may have different slopes. Targets as Platt's.

    Attributes
    ----------
    a, b : slopes
    intercept : of the logit
    positive_rate : share of matches that was stated
    n_matching, n_other : pairs it was fitted on

    >>> round(float(Beta(1.0, 1.0, 0.0, 0.5, 10, 10).probability(0.5)), 3)  # a = b = 1: the share s itself
    0.75
    """

    a: float
    b: float
    intercept: float
    positive_rate: float
    n_matching: int
    n_other: int

    @classmethod
    def fit(cls, matching: Any, others: Any, *, positive_rate: float) -> Beta:
        """Fit on cosines of pairs that match and of ``others``, weighted so that ``positive_rate`` of them match."""
        x, y, w, (n1, n0) = weigh_pairs(matching, others, positive_rate)
        targets = np.where(y > 0, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        features, used = _log_odds(x), [0, 1]
        slopes, intercept = logistic_fit(features, targets, w)
        if (slopes < 0).any():  # not rising: the other slope alone, as kull2017 does
            used = [int(np.argmax(slopes))]
            slopes, intercept = logistic_fit(features[used], targets, w)
        if (slopes < 0).any():
            used, slopes, intercept = [], np.zeros(0), float(np.log(positive_rate / (1 - positive_rate)))
        both = np.zeros(2)
        both[used] = slopes
        return cls(float(both[0]), float(both[1]), intercept, float(positive_rate), n1, n0)

    def probability(self, cosine: Any) -> Floats:
        """Probability of a match for each ``cosine``, of the same shape."""
        left, right = _log_odds(np.asarray(cosine, dtype=np.float64))
        return sigmoid(self.a * left + self.b * right + self.intercept)

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {"method": "beta"} | vars(self)


BETA_END = 1e-6
"""Shares nearer to 0 or 1 than this are taken as this far from it: equal rows have a cosine of 1."""


def _log_odds(cosine: Floats) -> Floats:
    """ln s and -ln(1 - s) of s = (1 + cosine) / 2."""
    share = np.clip((1 + cosine) / 2, BETA_END, 1 - BETA_END)
    return np.stack([np.log(share), -np.log1p(-share)])


METHODS: Mapping[str, type[Isotonic] | type[Platt] | type[Beta]] = {"isotonic": Isotonic, "platt": Platt, "beta": Beta}
"""Name -> calibration."""


@short_repr
@dataclass(frozen=True)
class Reliability:
    """How far probabilities can be trusted, on pairs that the calibration was not fitted on.

    Attributes
    ----------
    brier : weighted mean of (p - y)^2, 0 to 1, 0 is best
    ece : expected calibration error over bins of equal width, 0 to 1, 0 is best
    base_brier : Brier score of always predicting the positive_rate, positive_rate (1 - positive_rate)
    n_matching, n_other : pairs
    bins : for each bin with pairs: mean probability, share of matches, weight
    """

    brier: float
    ece: float
    base_brier: float
    n_matching: int
    n_other: int
    bins: tuple[tuple[float, float, float], ...]


def reliability(calibration: Calibration, matching: Any, others: Any, *, bins: int = 10) -> Reliability:
    """Brier score and calibration error of held-out pairs, at the positive_rate that the calibration was fitted for.

    >>> found = reliability(Platt(0.0, 0.0, 0.5, 1, 1), [0.9, 0.2], [0.3, 0.1])
    >>> found.brier, found.ece
    (0.25, 0.0)
    """
    x, y, w, (n1, n0) = weigh_pairs(matching, others, calibration.positive_rate)
    w = w / w.sum()
    p = calibration.probability(x)
    place = np.minimum((p * bins).astype(np.intp), bins - 1)
    sums = np.stack([np.bincount(place, w * v, bins) for v in (np.ones_like(p), p, y)])
    kept = sums[0] > 0
    weight, mean_p, share = sums[0, kept], sums[1, kept] / sums[0, kept], sums[2, kept] / sums[0, kept]
    rows = tuple(zip(mean_p.tolist(), share.tolist(), weight.tolist(), strict=True))
    base = calibration.positive_rate * (1 - calibration.positive_rate)
    return Reliability(float(w @ (p - y) ** 2), float(weight @ np.abs(mean_p - share)), base, n1, n0, rows)


@short_repr
@dataclass(frozen=True)
class Threshold:
    """A cosine from which on pairs are taken as matches, and what is promised of it.

    Attributes
    ----------
    promise : "precision", "recall" or "max_false_merge"
    target : the rate that is promised
    cosine : the threshold; None where nothing can be certified
    confidence : with which the promise holds
    observed : the rate in the data that certify
    n : units (matches, pairs) the test rests on
    method : the test, in words
    why : why there is none, with what it would take
    recall : share of matches at or above the threshold, None where unknown
    needed : units that it would take, None where unknown or certified
    """

    promise: str
    target: float
    cosine: float | None
    confidence: float
    observed: float | None
    n: int
    method: str
    why: str | None = None
    recall: float | None = None
    needed: int | None = None


def threshold_of(thresholds: Sequence[Threshold], promise: str | None = None) -> Threshold:
    """The certified threshold of ``promise`` among ``thresholds``; the only one where None.

    Raises
    ------
    InputError
        if there is no such promise, or it could not be certified.
    """
    known = {t.promise: t for t in thresholds}
    if promise is None and len(known) == 1:
        promise = next(iter(known))
    if promise not in known:
        listed = ", ".join(known) or "none; calibrate with precision=, recall= or max_false_merge="
        raise InputError(f"no threshold for {promise or 'a promise that is not named'}; this calibration has {listed}")
    threshold = known[promise]
    if threshold.cosine is None:
        raise InputError(f"{promise} {threshold.target:g} is not certified: {threshold.why}"[:395])
    return threshold


def calibration_from(facts: Mapping[str, Any]) -> Calibration:
    """The calibration whose ``as_dict`` gave ``facts``."""
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items() if k != "method"}
    if facts["method"] not in METHODS:
        raise InputError(f"unknown score calibration '{facts['method']}', wanted {' or '.join(METHODS)}")
    return METHODS[facts["method"]](**known)


def weigh_pairs(matching: Any, others: Any, positive_rate: float) -> tuple[Floats, Floats, Floats, tuple[int, int]]:
    """All cosines (n,), 1 for a match (n,), weights (n,) that sum to n, ``positive_rate`` of it on matches; counts."""
    if not 0 < positive_rate < 1:
        raise InputError(f"positive_rate is the share of pairs that match, between 0 and 1, got {positive_rate!r}")
    sides = [np.asarray(side, dtype=np.float64).ravel() for side in (matching, others)]
    for name, side in zip(("matching", "others"), sides, strict=True):
        if not len(side) or not np.isfinite(side).all():
            raise InputError(f"{name} must hold finite cosines, at least one, got {len(side)}; pass cosines of pairs")
    n1, n0 = len(sides[0]), len(sides[1])
    x = np.concatenate(sides)
    y = np.repeat([1.0, 0.0], [n1, n0])
    return x, y, (n1 + n0) * np.where(y > 0, positive_rate / n1, (1 - positive_rate) / n0), (n1, n0)
