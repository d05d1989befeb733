"""The probability of a match: fitted on one part, chosen on a second, checked on a third."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.calibration.guarantees import Judged
from embedscope.core.arrays import Floats
from embedscope.stats.bootstrap import expanded_level, item_counts
from embedscope.transforms.calibration import Beta, Calibration, Isotonic, Platt

METHODS: dict[str, type[Platt] | type[Beta] | type[Isotonic]] = {"platt": Platt, "beta": Beta, "isotonic": Isotonic}
"""Simplest first: of equal scores the simpler curve is taken."""

LEAST = 20
"""Fewest matches, and others, among the pairs that fit; half of it in the parts that choose and check."""

BINS = 15
DRAWS = 1000

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CalibrationError:
    """How far probabilities are from shares of matches, on pairs that neither fitted nor chose.

    Attributes
    ----------
    value : expected calibration error over bins of equal numbers of pairs, as it is computed everywhere
    corrected : less what the bootstrap says is sampling noise, at least 0
    low, high : 95 % interval of the corrected error, by units
    brier, base_brier : mean squared error of the probabilities, and of the base rate alone
    bins : for each bin: mean probability, share of matches, its 95 % interval, pairs
    n, units : pairs and units
    """

    value: float
    corrected: float
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
        found = min(int(here.sum()), int((~here).sum()))
        if found < least:
            return (
                f"no probability: the part that is to {name} has {int(here.sum()):,} pairs that match and "
                f"{int((~here).sum()):,} that do not, at least {least} of each are needed; add labels"
            )
    fits, selects = judged.of(parts == 0), judged.of(parts == 1)
    losses = {
        name: log_loss(fitted(method, fits).probability(selects.cosines), selects.match)
        for name, method in METHODS.items()
    }
    name = min(losses, key=lambda key: round(losses[key], 6))
    curve = fitted(METHODS[name], judged.of(parts != 2))
    held = judged.of(parts == 2)
    error = calibration_error(curve.probability(held.cosines), held.match, held.unit)
    return Chosen(curve, name, error, tuple(losses.items()))


def fitted(method: type[Platt] | type[Beta] | type[Isotonic], judged: Judged) -> Calibration:
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


def calibration_error(p: Floats, match: Mask, unit: npt.NDArray[np.intp], seed: int = 0) -> CalibrationError:
    """Expected calibration error sum over bins of |sum of (p - match)| / n, with the bootstrap over units.

    Bins hold equal numbers of pairs; equal probabilities stay in one bin. The plain value is too high by noise even for
    true probabilities; the corrected one is 2 value - mean of the draws, its interval 2 value - their quantiles.

    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=4000)
    >>> found = calibration_error(p, rng.uniform(size=4000) < p, np.arange(4000))
    >>> found.value > found.corrected < 0.01
    True
    """
    edges = np.unique(np.quantile(p, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, p, side="right")
    number = np.unique(unit, return_inverse=True)[1]
    n_units, n_bins = int(number.max()) + 1, len(edges) + 1
    cells = number * n_bins + place
    counts = np.bincount(cells, minlength=n_units * n_bins).reshape(n_units, n_bins).astype(np.float64)
    hits = np.bincount(cells, match, n_units * n_bins).reshape(n_units, n_bins)
    sums = np.bincount(cells, p, n_units * n_bins).reshape(n_units, n_bins)
    value = float(np.abs((sums - hits).sum(axis=0)).sum() / len(p))
    drawn = item_counts(n_units, seed, DRAWS).T.astype(np.float64)
    sizes = drawn @ counts
    draws = np.abs(drawn @ (sums - hits)).sum(axis=1) / sizes.sum(axis=1)
    level = expanded_level(n_units)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    shares = np.divide(drawn @ hits, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)
    bins = []
    for b in range(n_bins):
        size = float(counts[:, b].sum())
        if size == 0:
            continue
        ends = np.nanquantile(shares[:, b], [(1 - level) / 2, (1 + level) / 2])
        share = float(hits[:, b].sum() / size)
        bins.append((float(sums[:, b].sum() / size), share, float(ends[0]), float(ends[1]), int(size)))
    base = float(match.mean())
    return CalibrationError(
        value,
        max(0.0, 2 * value - float(draws.mean())),
        max(0.0, 2 * value - float(high)),
        max(0.0, 2 * value - float(low)),
        float(((p - match) ** 2).mean()),
        base * (1 - base),
        tuple(bins),
        len(p),
        n_units,
    )
