"""How alike two spaces are over the same rows, whatever their dimensions and bases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from embedscope.core.arrays import Floats, Hashes, row_norms
from embedscope.core.ids import GROUPS, mix
from embedscope.core.tables import Index
from embedscope.metrics.metric import UndefinedError
from embedscope.metrics.pairs.metric import (
    NO_INTERVAL,
    Estimate,
    Paired,
    jackknife_interval,
    mean_estimate,
    pair_metric,
)
from embedscope.stats.null import null_of
from embedscope.stats.row_sets import nearest_others

IDS = ("linear_cka", "procrustes_distance", "knn_overlap")

K = 10
NULL_ROWS = 1024
"""Rows that a permutation null takes at most; of more a sample by hash (half as many for Procrustes, whose cost is
cubic)."""
ROUNDING = 1e-13
MOVES = {"rotation", "translation", "scale"}
two_spaces = partial(pair_metric, rows="raw", invariant=MOVES, joint=False)


@dataclass(frozen=True, eq=False)
class _Side:
    """Sums of two sets of rows that the unbiased HSIC of their linear kernels takes; they add up over rows."""

    n: int
    x: Floats
    y: Floats
    gram: Floats
    a: float
    b: float
    ab: float
    xb: Floats
    ya: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats) -> _Side:
        a, b = row_norms(x) ** 2, row_norms(y) ** 2
        return cls(len(x), x.sum(0), y.sum(0), x.T @ y, float(a.sum()), float(b.sum()), float(a @ b), b @ x, a @ y)

    def minus(self, o: _Side) -> _Side:
        return _Side(*(getattr(self, f) - getattr(o, f) for f in self.__dataclass_fields__))

    def hsic(self) -> float:
        """Unbiased HSIC of XX' and YY': (tr KL + 1'K1 1'L1 / ((n-1)(n-2)) - 2 1'KL1 / (n-2)) / (n (n-3)).

        K and L have a zero diagonal; each term follows from the sums [song2012].
        """
        n = self.n
        if n < 4:
            raise UndefinedError(f"undefined: needs at least 4 pairs, got {n}")
        trace = float((self.gram**2).sum()) - self.ab
        ones = (float(self.x @ self.x) - self.a) * (float(self.y @ self.y) - self.b)
        cross = float(self.x @ self.gram @ self.y) - float(self.x @ self.xb) - float(self.y @ self.ya) + self.ab
        values = (trace + ones / ((n - 1) * (n - 2)) - 2 * cross / (n - 2)) / (n * (n - 3))
        noise = ROUNDING * float((self.gram**2).sum()) / (n * (n - 3))
        return 0.0 if abs(values) <= noise else values


def _align(paired: Paired) -> tuple[Floats, Floats, Index, str | None]:
    x, y, groups = paired.aligned
    if len(x) < 2:
        raise UndefinedError(f"undefined: needs at least 2 pairs, got {len(x)}")
    note = (
        None if paired.one_to_one else f"each row in one pair at most: {len(x):,} of {len(paired.matches[0]):,} pairs"
    )
    return x - x.mean(axis=0), y - y.mean(axis=0), groups, note


def _differ(*sides: Floats) -> None:
    for x in sides:
        if float(row_norms(x).max()) == 0:
            raise UndefinedError(f"undefined: all {len(x)} rows of one side are equal")


@two_spaces(bounds=(None, None), ideal=1.0, units="ratio", cite="kornblith2019")
def linear_cka(paired: Paired) -> Mapping[str, Estimate]:
    """Likeness of the two matrices of inner products, centred kernel alignment with unbiased HSIC.

    HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)), linear kernels of rows (n, dx) and (n, dy), in O(n dx dy). About 0 where
    unrelated, also below; 1 for a rotation. Source: kornblith2019, with the unbiased HSIC of song2012.
    ``linear_cka.calibrated`` and ``.p`` set it against 200 permutations of the rows of one side [groeger2026].

    Raises
    ------
    UndefinedError
        with fewer than 4 pairs, or where HSIC(X, X) or HSIC(Y, Y) is not positive.
    """
    x, y, groups, note = _align(paired)
    _differ(x, y)
    x, y = x / row_norms(x).max(), y / row_norms(y).max()
    pairs = ((x, y), (x, x), (y, y))
    full = [_Side.of(*p) for p in pairs]
    sizes = np.bincount(groups, minlength=GROUPS)
    value = _alike(full)

    def without(g: int) -> float:
        mine = groups == g
        return _alike([s.minus(_Side.of(p[0][mine], p[1][mine])) for s, p in zip(full, pairs, strict=True)])

    estimate = Estimate(value, jackknife_interval(value, without, sizes.tolist()), len(x), note)
    return {"linear_cka": estimate} | _null(paired, "linear_cka", _cka_by_chance(paired))


def _alike(sides: list[_Side]) -> float:
    xy, xx, yy = (s.hsic() for s in sides)
    if xx <= 0 or yy <= 0:
        raise UndefinedError(f"undefined: the unbiased HSIC of a space with itself is {min(xx, yy):.3g}, not above 0")
    return float(xy / np.sqrt(xx * yy))


@two_spaces(bounds=(0.0, 1.0), ideal=0.0, units="share of the variance", cite="gower1975")
def procrustes_distance(paired: Paired) -> Mapping[str, Estimate]:
    """What is left of the variance after the best translation, rotation and scaling of one space onto the other.

    1 - |X'Y|_*^2 / (|X|_F^2 |Y|_F^2) over centred rows (n, dx) and (n, dy), |.|_* the sum of singular values. Error
    bars take the singular values to first order. Source: gower1975.
    ``procrustes_distance.calibrated`` (a similarity: 1 for equal spaces) and ``.p`` as of ``linear_cka``.

    Raises
    ------
    UndefinedError
        with fewer than 2 pairs, or where all rows of a side are equal.
    """
    x, y, groups, note = _align(paired)
    _differ(x, y)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    left, singular, right = np.linalg.svd(x.T @ y, full_matrices=False)
    value = float(np.clip(1 - singular.sum() ** 2, 0.0, 1.0))
    parts = np.einsum("ij,ij->i", x @ left, y @ right.T)
    sizes = np.bincount(groups, minlength=GROUPS)
    sums = [np.bincount(groups, v, minlength=GROUPS) for v in (parts, row_norms(x) ** 2, row_norms(y) ** 2)]

    def without(g: int) -> float:
        mine, n = groups == g, len(x) - sizes[g]
        mx, my = x[mine].sum(axis=0) / n, y[mine].sum(axis=0) / n
        nuclear = singular.sum() - sums[0][g] - n * float((mx @ left) @ (right @ my))
        spread = (1 - sums[1][g] - n * mx @ mx) * (1 - sums[2][g] - n * my @ my)
        return float(1 - nuclear**2 / spread)

    estimate = Estimate(value, jackknife_interval(value, without, sizes.tolist()), len(x), note)
    return {"procrustes_distance": estimate} | _null(paired, "procrustes_distance", _procrustes_by_chance(paired))


@two_spaces(bounds=(0.0, 1.0), ideal=1.0, units="share of neighbours", cite="huh2024")
def knn_overlap(paired: Paired) -> Mapping[str, Estimate]:
    """Share of the 10 nearest rows in one space that are among the 10 nearest in the other, by Euclidean distance.

    Mean over rows (n, d), itself left out; chance is 10 / (n - 1). ``knn_overlap.calibrated`` and ``.p`` as of
    ``linear_cka``. Source: huh2024.

    Raises
    ------
    UndefinedError
        with fewer than 12 pairs.
    """
    x, y, groups, note = _align(paired)
    if len(x) < K + 2:
        raise UndefinedError(f"undefined: {K} neighbours of pairs need at least {K + 2} pairs, got {len(x)}")
    near, other = (np.sort(nearest_others(v, K)[0], axis=1) for v in (x, y))
    items = _shared(near, other)
    note_with_chance = "; ".join(t for t in (note, f"chance {K / (len(x) - 1):.4f}") if t)
    by_chance = None if paired.values_only else (partial(_shared_neighbours, near, other), paired.aligned_units)
    return {"knn_overlap": mean_estimate(items, groups, note_with_chance)} | _null(paired, "knn_overlap", by_chance)


def _shared(near: Index, other: Index) -> Floats:
    """Share (n,) of the neighbours ``near`` (n, k) that are among ``other`` (n, k), both sorted."""
    joined = np.sort(np.hstack([near, other]), axis=1)
    return np.asarray((joined[:, 1:] == joined[:, :-1]).sum(axis=1) / K)


def _shared_neighbours(near: Index, other: Index, order: Index) -> float:
    """Mean overlap with the rows of the other space taken in ``order`` (n,)."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return float(_shared(near, np.sort(place[other[order]], axis=1)).mean())


def _sample(paired: Paired, most: int) -> tuple[Floats, Floats, Hashes]:
    """Up to ``most`` aligned rows, those of the units with the smallest hashes, and their units."""
    x, y, _, _ = _align(paired)
    units = paired.aligned_units
    if len(x) > most:
        rows = np.sort(np.argsort(mix(units), kind="stable")[:most])
        x, y, units = x[rows], y[rows], units[rows]
    return x - x.mean(axis=0), y - y.mean(axis=0), units


def _cka_by_chance(paired: Paired) -> tuple[Callable[[Index], float], Hashes] | None:
    """Debiased CKA with the rows of one side in another order: only its numerator changes."""
    if paired.values_only:
        return None
    x, y, units = _sample(paired, NULL_ROWS)
    kernels = [u @ u.T for u in (x / row_norms(x).max(), y / row_norms(y).max())]
    for kernel in kernels:
        np.fill_diagonal(kernel, 0.0)
    n, sums = len(x), [kernel.sum(axis=1) for kernel in kernels]

    def hsic(k: Floats, other: Floats, a: Floats, b: Floats) -> float:
        trace, ones, cross = float(np.einsum("ij,ij->", k, other)), float(a.sum() * b.sum()), float(a @ b)
        return (trace + ones / ((n - 1) * (n - 2)) - 2 * cross / (n - 2)) / (n * (n - 3))

    own = [hsic(k, k, s, s) for k, s in zip(kernels, sums, strict=True)]
    if min(own) <= 0:
        return None
    scale = float(np.sqrt(own[0] * own[1]))

    def similarity(order: Index) -> float:
        moved = kernels[1][order][:, order]
        return hsic(kernels[0], moved, sums[0], sums[1][order]) / scale

    return similarity, units


def _procrustes_by_chance(paired: Paired) -> tuple[Callable[[Index], float], Hashes] | None:
    """1 - distance with the rows of one side in another order: only the nuclear norm changes."""
    if paired.values_only:
        return None
    x, y, units = _sample(paired, NULL_ROWS // 2)
    sides = []
    for side in (x, y):  # rows in their own principal axes: at most as many as there are rows
        left, values, _ = np.linalg.svd(side, full_matrices=False)
        sides.append(left * (values / np.linalg.norm(values)))
    return lambda order: float(np.linalg.svd(sides[0].T @ sides[1][order], compute_uv=False).sum() ** 2), units


def _null(paired: Paired, name: str, by_chance: tuple[Callable[[Index], float], Hashes] | None) -> dict[str, Estimate]:
    """``NAME.calibrated``, 0 by chance and 1 for equal spaces, and ``NAME.p`` of a permutation test.

    Units of evidence are permuted as wholes.
    """
    if by_chance is None:
        return {}
    similarity, units = by_chance
    n, distinct = len(units), len(np.unique(units))
    null = null_of(similarity, n, units=units)
    chance = 1 - null.mean if name == "procrustes_distance" else null.mean
    sampled = f" on {n:,} sampled rows" if n < len(paired.aligned[0]) else ""
    what = "one side" if distinct == n else f"the {distinct:,} units of one side"
    note = f"{null.permutations} permutations of {what}{sampled}: {name} {chance:.4f} by chance"
    return {
        f"{name}.calibrated": Estimate(null.calibrated, NO_INTERVAL, n, note),
        f"{name}.p": Estimate(null.p, NO_INTERVAL, n, note),
    }


ENTRIES = {"linear_cka": linear_cka, "procrustes_distance": procrustes_distance, "knn_overlap": knn_overlap}
