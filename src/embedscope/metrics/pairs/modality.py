"""Where two modalities lie in one space: the gap between them and the cosines across, from sums alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.ids import GROUPS
from embedscope.core.tables import Index
from embedscope.metrics.metric import UndefinedError
from embedscope.metrics.pairs.metric import Estimate, Paired, jackknife_interval, pair_metric

IDS = (
    "modality_gap",
    "relative_modality_gap",
    "paired_cosine",
    "unpaired_cosine",
    "alignment",
)

ONE_SPACE = {"rotation", "scale", "row_scale"}
one_space = partial(pair_metric, rows="unit", invariant=ONE_SPACE, joint=True)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of unit rows, by group: rows of x and y, pairs, and what they add up to."""

    nx: Floats
    ny: Floats
    pairs: Floats
    sx: Floats
    sy: Floats
    across: Floats

    def total(self, without: int | None = None) -> _Sums:
        kept = np.arange(len(self.nx)) != (-1 if without is None else without)
        nx, ny, pairs, across = (v[kept].sum() for v in (self.nx, self.ny, self.pairs, self.across))
        return _Sums(nx, ny, pairs, self.sx[kept].sum(axis=0), self.sy[kept].sum(axis=0), across)


def _sums(paired: Paired) -> _Sums:
    if "sums" not in paired.shared:
        u = paired.unit
        left, right = u.matches
        gx, gy = u.groups
        rows = [_by_group(x, g) for x, g in ((u.x, gx), (u.y, gy))]
        cosines = np.einsum("ij,ij->i", u.x[left], u.y[right])
        counts = [np.bincount(g, minlength=GROUPS).astype(np.float64) for g in (gx, gy, gx[left])]
        across = np.asarray(np.bincount(gx[left], cosines, minlength=GROUPS), dtype=np.float64)
        paired.shared["sums"] = _Sums(counts[0], counts[1], counts[2], rows[0], rows[1], across)
    kept_sums: _Sums = paired.shared["sums"]
    return kept_sums


def _by_group(x: Floats, groups: Index) -> Floats:
    out = np.zeros((GROUPS, x.shape[1]))
    for g in range(GROUPS):
        out[g] = x[groups == g].sum(axis=0)
    return out


def _estimate(paired: Paired, name: str, value: Callable[[_Sums], float]) -> Mapping[str, Estimate]:
    sums = _sums(paired)
    full = value(sums.total())
    interval = jackknife_interval(full, lambda g: value(sums.total(without=g)), sums.pairs.astype(int).tolist())
    zero = len(paired.x) + len(paired.y) - len(paired.unit.x) - len(paired.unit.y)
    return {name: Estimate(full, interval, int(sums.pairs.sum()), f"{zero} zero rows left out" if zero else None)}


def _require(held: bool, what: str) -> None:
    if not held:
        raise UndefinedError(f"undefined: needs {what}")


def _gap(s: _Sums) -> float:
    _require(bool(s.nx and s.ny), "a non-zero row on both sides")
    return float(np.linalg.norm(s.sx / s.nx - s.sy / s.ny))


def _sampling_part(s: _Sums) -> float:
    """Expected |mean u - mean v|^2 of sides whose true means are equal: their variances less twice their covariance."""
    _require(bool(s.nx > 1 and s.ny > 1), "two non-zero rows on both sides")
    mx, my = s.sx / s.nx, s.sy / s.ny
    spread = (1 - mx @ mx) / (s.nx - 1) + (1 - my @ my) / (s.ny - 1)
    shared = (s.across - s.pairs * (mx @ my)) / (s.nx * s.ny)
    return float(spread - 2 * shared * max(s.nx, s.ny) / (max(s.nx, s.ny) - 1))


def _unbiased_gap(s: _Sums) -> float:
    return float(np.sqrt(max(_gap(s) ** 2 - _sampling_part(s), 0.0)))


def _mean_paired(s: _Sums) -> float:
    _require(bool(s.pairs), "a pair of non-zero rows")
    return float(s.across / s.pairs)


def _mean_unpaired(s: _Sums) -> float:
    others = s.nx * s.ny - s.pairs
    _require(bool(others > 0), "rows that do not belong together")
    return float((s.sx @ s.sy - s.across) / others)


def _relative(s: _Sums) -> float:
    _require(bool(s.nx > 1 and s.ny > 1), "two non-zero rows on both sides")
    within = [1 - (total @ total - n) / (n * n - n) for total, n in ((s.sx, s.nx), (s.sy, s.ny))]
    apart, spread = 1 - _mean_paired(s), float(sum(within)) / 2
    _require(apart + spread > 1e-15, "rows that differ")
    return apart / (apart + spread)


@one_space(bounds=(0.0, 2.0), ideal=0.0, units="length", cite="liang2022")
def modality_gap(paired: Paired) -> Mapping[str, Estimate]:
    """Distance between the mean image and the mean text, rows of unit length.

    |mean_i u_i - mean_j v_j| over all rows of either side. Source: liang2022. Sampling alone makes it positive:
    ``modality_gap.unbiased`` is the root of the squared distance less its expected sampling part, 0 where that is more.

    Raises
    ------
    UndefinedError
        without a non-zero row on both sides.

    Examples
    --------
    >>> round(modality_gap([[1.0, 0.0]], [[0.0, 1.0]]), 12) == round(2**0.5, 12)
    True
    """
    estimates = _estimate(paired, "modality_gap", _gap)
    sums = _sums(paired).total()
    if min(sums.nx, sums.ny) < 2:
        return estimates
    part = float(np.sqrt(max(_sampling_part(sums), 0.0)))
    note = f"sampling alone gives about {part:.2g} where the means are equal"
    gap = estimates["modality_gap"]
    joined = "; ".join(filter(None, [gap.note, note]))
    return {
        "modality_gap": replace(gap, note=joined),
        **_estimate(paired, "modality_gap.unbiased", _unbiased_gap),
    }


@one_space(bounds=(0.0, 1.0), ideal=0.0, units="ratio", cite="schrodi2025")
def relative_modality_gap(paired: Paired) -> Mapping[str, Estimate]:
    """Mean distance of pairs against the spread within the modalities, P / (W + P), D = 1 - cosine.

    P is the mean D of pairs, W the mean of the two mean D over i != j within a modality. Source: schrodi2025, whose
    public code computes this (with D halved, which cancels).

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows on a side, or where all rows are equal.
    """
    return _estimate(paired, "relative_modality_gap", _relative)


@one_space(bounds=(-1.0, 1.0), ideal=None, units="cosine", cite="liang2022")
def paired_cosine(paired: Paired) -> Mapping[str, Estimate]:
    """Mean cosine of pairs that belong together.

    Source: liang2022.

    Raises
    ------
    UndefinedError
        without a pair of non-zero rows.
    """
    return _estimate(paired, "paired_cosine", _mean_paired)


@one_space(bounds=(-1.0, 1.0), ideal=0.0, units="cosine", cite="liang2022")
def unpaired_cosine(paired: Paired) -> Mapping[str, Estimate]:
    """Mean cosine of all image-text pairs that do not belong together.

    (<sum u, sum v> - sum over pairs) / (n m - p): exact in O(n d). Source: liang2022.

    Raises
    ------
    UndefinedError
        where there is no such pair.
    """
    return _estimate(paired, "unpaired_cosine", _mean_unpaired)


@one_space(bounds=(0.0, 4.0), ideal=0.0, units="squared length", cite="wang2020")
def alignment(paired: Paired) -> Mapping[str, Estimate]:
    """Mean squared distance of pairs that belong together, rows of unit length: 2 - 2 paired_cosine.

    Source: wang2020.

    Raises
    ------
    UndefinedError
        without a pair of non-zero rows.
    """
    return _estimate(paired, "alignment", lambda s: 2 - 2 * _mean_paired(s))


ENTRIES = {
    "modality_gap": modality_gap,
    "relative_modality_gap": relative_modality_gap,
    "paired_cosine": paired_cosine,
    "unpaired_cosine": unpaired_cosine,
    "alignment": alignment,
}
