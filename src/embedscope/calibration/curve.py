"""The probability of a match: fitted on one part, chosen on a second, checked on a third."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.calibration.guarantees import Judged
from embedscope.core.arrays import Floats
from embedscope.transforms.calibration import Beta, Calibration, Isotonic, Platt

METHODS: dict[str, type[Platt] | type[Beta] | type[Isotonic]] = {"platt": Platt, "beta": Beta, "isotonic": Isotonic}
"""Simplest first: of equal scores the simpler curve is taken."""

LEAST = 20
"""Fewest matches, and others, among the pairs that fit; half of it in the parts that choose and check."""

BINS = 15

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CalibrationError:
    """How far probabilities are from shares of matches, on pairs that neither fitted nor chose.

    Attributes
    ----------
    ece : expected calibration error over bins of equal numbers of pairs, as it is computed everywhere
    noise : what it is on average for true probabilities, by sampling alone
    value : root mean square error of the bins, without the part of sampling noise; it is never below the true ECE
    low, high : 95 % interval of it, by units
    brier, base_brier : mean squared error of the probabilities, and of the base rate alone
    bins : for each bin: mean probability, share of matches, its 95 % interval, pairs
    n, units : pairs and units
    """

    ece: float
    noise: float
    value: float
    low: float
    high: float
    brier: float
    base_brier: float
    bins: tuple[tuple[float, float, float, float, int], ...]
    n: int
    units: int


@dataclass(frozen=True)
class Chosen:
    """The curve that was chosen, its held-out error, and the log loss of every curve on the part that chose."""

    curve: Calibration
    name: str
    error: CalibrationError
    losses: tuple[tuple[str, float], ...]


def choose_curve(judged: Judged, parts: npt.NDArray[np.intp]) -> Chosen | str:
    """The curve with the least log loss on part 1, fitted on part 0 and then on both, checked on part 2 of ``parts``.

    A sentence instead where a part holds too few pairs of either kind.
    """
    for part, name in enumerate(("fit", "select", "certify")):
        here = judged.match[parts == part]
        least = LEAST if part == 0 else LEAST // 2
        fewest = min(int(here.sum()), int((~here).sum()))
        if fewest < least:
            return (
                f"no probability: the part that is to {name} has {int(here.sum()):,} pairs that match and "
                f"{int((~here).sum()):,} that do not, at least {least} of each are needed; add labels"
            )
    fits, selects = judged.of(parts == 0), judged.of(parts == 1)
    losses = {
        name: log_loss(fit_method(method, fits).probability(selects.cosines), selects.match)
        for name, method in METHODS.items()
    }
    name = min(losses, key=lambda key: round(losses[key], 6))
    curve = fit_method(METHODS[name], judged.of(parts != 2))
    held = judged.of(parts == 2)
    error = calibration_error(curve.probability(held.cosines), held.match, held.unit)
    return Chosen(curve, name, error, tuple(losses.items()))


def fit_method(method: type[Platt] | type[Beta] | type[Isotonic], judged: Judged) -> Calibration:
    """``method`` at the share of matches that the pairs have."""
    match = judged.match
    return method.fit(judged.cosines[match], judged.cosines[~match], positive_rate=float(match.mean()))


def log_loss(p: Floats, match: Mask) -> float:
    """Mean negative log likelihood; probabilities are kept 1e-4 away from 0 and 1, where a step function may lie.

    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    kept = np.clip(p, 1e-4, 1 - 1e-4)
    return float(-np.where(match, np.log(kept), np.log1p(-kept)).mean())


def calibration_error(p: Floats, match: Mask, unit: npt.NDArray[np.intp]) -> CalibrationError:
    """Calibration error with its sampling noise taken out, and its interval by units.

    With the mean residual r_b = mean of (p - match) and the weight w_b of each bin, ECE = sum w_b |r_b| is above 0 by
    noise even for true probabilities. The unbiased square sum w_b (r_b^2 - s_b^2), with the variance s_b^2 of r_b by
    units, is 0 on average there (kumar2019); its root is given, 0 where it is negative. Its variance is
    2 tr(WSWS) + 4 r'WSWr, with the covariance S of the residuals of the bins. Bins hold equal numbers of pairs; equal
    probabilities stay in one bin.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=4000)
    >>> found = calibration_error(p, rng.uniform(size=4000) < p, np.arange(4000))
    >>> found.ece > 0.01 > found.value
    True
    """
    edges = np.unique(np.quantile(p, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="right")
    number = np.unique(unit, return_inverse=True)[1]
    n_units = int(number.max()) + 1
    used, place = np.unique(place, return_inverse=True)
    n_bins = len(used)
    cells = number * n_bins + place
    counts = np.bincount(cells, minlength=n_units * n_bins).reshape(n_units, n_bins).astype(np.float64)
    hits = np.bincount(cells, match, n_units * n_bins).reshape(n_units, n_bins)
    sums = np.bincount(cells, p, n_units * n_bins).reshape(n_units, n_bins)
    sizes = counts.sum(axis=0)
    weight, mean, share = sizes / len(p), sums.sum(axis=0) / sizes, hits.sum(axis=0) / sizes
    residual = mean - share
    influence = (sums - hits - counts * residual) / sizes  # of each unit on the residual of each bin
    covariance = influence.T @ influence * n_units / max(n_units - 1, 1)
    variance = np.diag(covariance)
    square = float(weight @ (residual**2 - variance))
    scaled = weight[:, None] * covariance
    signal = np.sign(residual) * np.sqrt(np.maximum(residual**2 - variance, 0.0)) * weight
    spread = np.sqrt(max(2 * float(np.sum(scaled * scaled.T)) + 4 * float(signal @ covariance @ signal), 0.0))
    low, high = (np.sqrt(max(square + end * spread, 0.0)) for end in (-1.96, 1.96))
    of_share = (hits - counts * share) / sizes
    error = 1.96 * np.sqrt((of_share**2).sum(axis=0) * n_units / max(n_units - 1, 1))
    rule = np.where((share == 0) | (share == 1), 3 / np.maximum((counts > 0).sum(axis=0), 3), error)
    bins = tuple(
        (float(m), float(s), float(max(s - e, 0.0)), float(min(s + e, 1.0)), int(size))
        for m, s, e, size in zip(mean, share, rule, sizes, strict=True)
    )
    base = float(match.mean())
    return CalibrationError(
        float(weight @ np.abs(residual)),
        float(weight @ np.sqrt(2 * variance / np.pi)),
        float(np.sqrt(max(square, 0.0))),
        float(low),
        float(high),
        float(((p - match) ** 2).mean()),
        base * (1 - base),
        bins,
        len(p),
        n_units,
    )
