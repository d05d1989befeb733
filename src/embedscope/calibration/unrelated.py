"""The cosines of unrelated pairs: exact mean and spread by moments, the tail by sampled pairs, also for each query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.calibration.sides import Sides
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.short_repr import short_repr
from embedscope.core.tables import Index
from embedscope.tasks.means import check_apart

SAMPLED = 200_000
"""Pairs that are sampled for the tail."""

LEAST = 1000
"""Fewest unrelated pairs from which a tail is read."""

PER_STEP = 20
"""Sampled pairs beyond the last point of the saved table: a share that so few pairs show is not resolved further."""


@dataclass(frozen=True)
class PairMoments:
    """Mean and standard deviation of the cosine over ``n`` ordered pairs of unrelated rows, exact."""

    n: float
    mean: float
    sd: float


def pair_moments(sides: Sides) -> PairMoments:
    """Exact moments of the cosine over all unrelated pairs, in O(n d^2) and not O(n^2 d).

    Over all pairs, sum of c = (sum x)'(sum y) and sum of c^2 = <X'X, Y'Y>; the pairs of related rows are then taken off
    one by one. Rows are unrelated where their groups differ and no judgement says that they match.

    >>> sides = Sides(np.eye(3))
    >>> pair_moments(sides)
    PairMoments(n=6.0, mean=0.0, sd=0.0)
    """
    x, y = sides.x, sides.right
    first = float(x.sum(axis=0) @ y.sum(axis=0))
    second = float(np.sum((x.T @ x) * (y.T @ y)))
    n = float(len(x)) * float(len(y))
    for a, b in _related_pairs(sides):
        cosines = np.einsum("ij,ij->i", x[a], y[b])
        n, first, second = n - cosines.size, first - float(cosines.sum()), second - float((cosines**2).sum())
    if n < 1:
        raise InputError(
            f"no pair of the {len(x):,} rows that search and the {len(y):,} that are searched is unrelated; add rows, "
            "or check groups and labels"
        )
    mean = first / n
    return PairMoments(n, mean, float(np.sqrt(max(second / n - mean**2, 0.0))))


def _related_pairs(sides: Sides) -> list[tuple[Index, Index]]:
    """Pairs of related rows, as arrays (p,) of equal length."""
    left, right = sides.groups
    order = np.argsort(right, kind="stable")
    lo, hi = np.searchsorted(right[order], left, "left"), np.searchsorted(right[order], left, "right")
    counts = hi - lo
    out, start = [], 0
    ends = np.cumsum(counts)
    while start < len(left):  # about a million pairs at a time
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] - counts[start] + 1_000_000, "right")))
        size = counts[start:stop]
        a = np.repeat(np.arange(start, stop), size)
        place = np.arange(len(a)) - np.repeat(np.cumsum(size) - size, size)
        out.append((a, order[np.repeat(lo[start:stop], size) + place]))
        start = stop
    if sides.related is not None:
        a, b = sides.related
        if sides.same:
            a, b = np.concatenate([a, b]), np.concatenate([b, a])
        a, b = np.unique(np.stack([a, b]), axis=1)
        apart = left[a] != right[b]
        out.append((a[apart], b[apart]))
    return [(a, b) for a, b in out if len(a)]


@short_repr
@dataclass(frozen=True, eq=False)
class Tail:
    """Shares of unrelated pairs below a cosine, from sampled pairs.

    Attributes
    ----------
    n : pairs
    levels : (m,) shares, rising
    cosines : (m,) cosines below which these shares lie
    z_levels : (m,) the same for cosines less the query's own mean, in units of its own spread
    exact : whether the pairs are all there are
    """

    n: int
    levels: Floats
    cosines: Floats
    z_levels: Floats
    exact: bool = False

    def share_below(self, cosine: Any) -> Floats:
        """Share of unrelated pairs below each ``cosine``, at most 1 - 1/n."""
        return np.asarray(np.interp(np.asarray(cosine, dtype=np.float64), self.cosines, self.levels))

    def share_below_z(self, z: Any) -> Floats:
        """The same for z, the cosine in units of the query's own spread."""
        return np.asarray(np.interp(np.asarray(z, dtype=np.float64), self.z_levels, self.levels))


@short_repr
@dataclass(frozen=True, eq=False)
class Unrelated:
    """The distribution of the cosine of unrelated pairs.

    Attributes
    ----------
    moments : exact mean and spread over all pairs
    tail : shares, from sampled pairs
    mean : (d,) mean of the unit rows that are searched
    covariance : (d, d) their covariance, by n
    query_spread : standard deviation of the queries' own means
    """

    moments: PairMoments
    tail: Tail
    mean: Floats
    covariance: Floats
    query_spread: float

    def z(self, cosine: Any) -> Floats:
        """The cosine less the mean of unrelated pairs, in units of their standard deviation."""
        sd = self.moments.sd
        if sd == 0:
            raise InputError("all unrelated pairs have the same cosine, so there is no z; use other vectors")
        return np.asarray((np.asarray(cosine, dtype=np.float64) - self.moments.mean) / sd)

    def query_moments(self, queries: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (m,) of the cosine of each unit row of ``queries`` (m, d) with the rows searched.

        q'm and sqrt(q'C q), with the mean m and the covariance C of the unit rows.
        """
        means = queries @ self.mean
        variances = np.einsum("ij,jk,ik->i", queries, self.covariance, queries)
        return np.asarray(means), np.sqrt(np.maximum(variances, 0.0))


@dataclass(frozen=True, eq=False)
class Sampled:
    """Sampled unrelated pairs: their rows, cosines (p,), and z (p,) by the moments of each left row."""

    left: Index
    right: Index
    cosines: Floats
    z: Floats
    exact: bool


def sample_unrelated(sides: Sides, seed: int) -> tuple[Unrelated, Sampled]:
    """The distribution of unrelated pairs of ``sides``, and the pairs that were sampled for its tail."""
    check_apart(sides.right, "the side that is searched" if not sides.same else "SOURCE")
    moments = pair_moments(sides)
    if moments.n < LEAST:
        raise InputError(
            f"{moments.n:,.0f} unrelated pairs are too few to say what a cosine means, at least {LEAST:,} are needed; "
            "add rows"
        )
    y = sides.right
    mean = y.mean(axis=0)
    covariance = y.T @ y / len(y) - np.outer(mean, mean)
    left, right, exact = sample_pairs(sides, seed)
    cosines = np.einsum("ij,ij->i", sides.x[left], y[right])
    draft = Unrelated(moments, Tail(0, np.zeros(0), np.zeros(0), np.zeros(0)), mean, covariance, 0.0)
    means, spreads = draft.query_moments(sides.x)
    if sides.same:  # a row is not compared with itself
        n = len(sides.x)
        squares = (spreads**2 + means**2) * n - 1
        means = (means * n - 1) / (n - 1)
        spreads = np.sqrt(np.maximum(squares / (n - 1) - means**2, 0.0))
    z = (cosines - means[left]) / np.where(spreads[left] > 0, spreads[left], 1.0)
    tail = _tail(cosines, z, exact)
    return Unrelated(moments, tail, mean, covariance, float(means.std())), Sampled(left, right, cosines, z, exact)


def sample_pairs(sides: Sides, seed: int, n: int = SAMPLED) -> tuple[Index, Index, bool]:
    """At most ``n`` unrelated pairs of rows, and whether they are all there are.

    Every left row is taken equally often, with right rows that rotations of one random order give: no row is drawn more
    often than others.
    """
    rng = np.random.default_rng([seed, len(sides.x), len(sides.right)])
    a, b = len(sides.x), len(sides.right)
    every = a * b if not sides.same else a * (a - 1) // 2
    if every <= n:
        left, right = np.divmod(np.arange(a * b), b)
        kept = left < right if sides.same else np.ones(a * b, dtype=bool)
        left, right = left[kept], right[kept]
    else:
        lefts, rights = [], []
        for _ in range(-(-n // a)):
            lefts.append(np.arange(a))
            rights.append(np.resize(rng.permutation(b), a) if b < a else rng.permutation(b)[:a])
        left, right = np.concatenate(lefts)[:n], np.concatenate(rights)[:n]
        if len(left) < -(-n // a) * a:  # the last round in part: of random rows, not of the first
            last = rng.permutation(a)[: n - (len(lefts) - 1) * a]
            left = np.concatenate([left[: (len(lefts) - 1) * a], last])
    apart = sides.apart(left, right)
    return left[apart], right[apart], every <= n


def _tail(cosines: Floats, z: Floats, exact: bool) -> Tail:
    n = len(cosines)
    least = min(0.05, PER_STEP / n)
    far = np.logspace(np.log10(least), np.log10(0.1), 60)
    levels = np.unique(np.concatenate([[0.0], far, np.linspace(0.1, 0.9, 81), 1 - far]))
    both = [np.maximum.accumulate(np.append(np.quantile(v, levels), v.max())) for v in (cosines, z)]
    return Tail(n, np.append(levels, 1 - 1 / n), both[0], both[1], exact=exact)


def tail_intervals(sampled: Sampled, sides: Sides, cosines: Floats) -> tuple[Floats, Floats, Floats]:
    """Share of unrelated pairs above each of ``cosines`` (k,), and the ends of its 95 % interval.

    Each unit's influence is the sum over its pairs of (above - share); the squares of these add up to the variance, in
    which a pair's own noise counts twice, as in the pigeonhole bootstrap (owen2007). The interval is taken on the
    logarithm. Where no pair lies above, the upper end is 3 / units, the rule of three.
    """
    above = (sampled.cosines[None] >= cosines[:, None]).astype(np.float64)
    share = above.mean(axis=1)
    both = np.unique(np.concatenate(sides.units), return_inverse=True)[1]
    a, b = both[: len(sides.units[0])][sampled.left], both[len(sides.units[0]) :][sampled.right]
    n, units = len(sampled.cosines), int(both.max()) + 1
    errors = []
    for row, mean in zip(above - share[:, None], share, strict=True):
        influence = np.bincount(a, row, units) + np.bincount(b, row, units)
        errors.append(np.sqrt((influence**2).sum()) / n / max(mean, 1e-300))
    factor = np.exp(1.96 * np.minimum(errors, 100.0))
    rule = min(3 / min(len(np.unique(side)) for side in sides.units), 1.0)
    return share, share / factor, np.where(share > 0, np.minimum(share * factor, 1.0), rule)


def histogram(values: npt.NDArray[np.float64], edges: Floats) -> Floats:
    """Share of ``values`` per unit of the axis in each bin of ``edges``; those outside count in the end bins."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return np.asarray(counts / max(len(values), 1) / np.diff(edges))
