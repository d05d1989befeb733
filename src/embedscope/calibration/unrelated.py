"""The cosines of unrelated pairs: exact mean and spread by moments, the tail by sampled pairs, also for each query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

_ROWS, _BAND = 2048, 512
"""Rows whose sums, and pairs whose cosines, are taken at once; rows of a group that meet all others of it at once."""

_FEW = 64
"""Pairs of a group up to which their rows are gathered one by one."""

Rows = npt.NDArray[np.floating[Any]]


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
    ours = _sums(x)
    theirs = ours if sides.same else _sums(y)
    n, first, second = float(len(x)) * float(len(y)), float(ours[0] @ theirs[0]), float(np.sum(ours[1] * theirs[1]))
    for cosines in _related_cosines(sides):
        n, first, second = n - cosines.size, first - float(cosines.sum()), second - float((cosines**2).sum())
    if n < 1:
        raise InputError(
            f"no pair of the {len(x):,} rows that search and the {len(y):,} that are searched is unrelated; add rows, "
            "or check groups and labels"
        )
    mean = first / n
    return PairMoments(n, mean, float(np.sqrt(max(second / n - mean**2, 0.0))))


def _sums(x: Rows) -> tuple[Floats, Floats]:
    """Sum (d,) of the rows ``x`` (n, d) and of their outer products (d, d), in float64."""
    total, second = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    for lo in range(0, len(x), _ROWS):
        rows = x[lo : lo + _ROWS].astype(np.float64)
        total += rows.sum(axis=0)
        second += rows.T @ rows
    return total, second


def _related_cosines(sides: Sides) -> Iterator[Floats]:
    """Cosines of all pairs of related rows, in blocks: those of large groups by products of matrices."""
    left, right = sides.groups
    names = np.intersect1d(left, right)
    orders = [np.argsort(side, kind="stable") for side in (left, right)]
    starts, ends = (
        [np.searchsorted(side[order], names, where) for side, order in zip((left, right), orders, strict=True)]
        for where in ("left", "right")
    )
    sizes = [end - start for start, end in zip(starts, ends, strict=True)]
    large = sizes[0] * sizes[1] > _FEW
    for group in np.flatnonzero(large):
        a, b = (order[s[group] : e[group]] for order, s, e in zip(orders, starts, ends, strict=True))
        y = sides.right[b].astype(np.float64)
        for lo in range(0, len(a), _BAND):
            yield np.asarray(sides.x[a[lo : lo + _BAND]].astype(np.float64) @ y.T)
    few = np.flatnonzero(~large)
    for lo in range(0, len(few), _ROWS):
        some = few[lo : lo + _ROWS]
        counts = sizes[0][some] * sizes[1][some]
        of = np.repeat(some, counts)
        place = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        a, b = np.divmod(place, sizes[1][of])
        yield pair_cosines(sides, orders[0][starts[0][of] + a], orders[1][starts[1][of] + b])
    if sides.related is not None:
        a, b = sides.related
        if sides.same:
            a, b = np.concatenate([a, b]), np.concatenate([b, a])
        a, b = np.unique(np.stack([a, b]), axis=1)
        apart = left[a] != right[b]
        yield pair_cosines(sides, a[apart], b[apart])


def pair_cosines(sides: Sides, left: Index, right: Index) -> Floats:
    """Cosine (p,) of each row of ``left`` (p,) with that of ``right``, block by block, in the precision of the rows."""
    out = np.empty(len(left))
    for lo in range(0, len(left), _ROWS):
        part = slice(lo, lo + _ROWS)
        out[part] = np.einsum("ij,ij->i", sides.x[left[part]], sides.right[right[part]])
    return out


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
        means, variances = np.empty(len(queries)), np.empty(len(queries))
        for lo in range(0, len(queries), _ROWS):
            part = slice(lo, lo + _ROWS)
            rows = queries[part].astype(np.float64)
            means[part] = rows @ self.mean
            variances[part] = np.einsum("ij,ij->i", rows @ self.covariance, rows)
        return means, np.sqrt(np.maximum(variances, 0.0))


@dataclass(frozen=True, eq=False)
class Sampled:
    """Sampled unrelated pairs: their rows, cosines (p,), and z (p,) by the moments of each left row."""

    left: Index
    right: Index
    cosines: Floats
    z: Floats
    exact: bool


def sample_unrelated(sides: Sides, seed: int) -> tuple[Unrelated, Sampled]:
    """The distribution of unrelated pairs of ``sides``, and the pairs that were sampled for its tail.

    Rows of zeros have no cosine and are in no pair.
    """
    check_apart(sides.right, "the side that is searched" if not sides.same else "SOURCE")
    sides, lefts, rights = sides.without_zero_rows()
    moments = pair_moments(sides)
    if moments.n < LEAST:
        raise InputError(
            f"{moments.n:,.0f} unrelated pairs are too few to say what a cosine means, at least {LEAST:,} are needed; "
            "add rows"
        )
    total, second = _sums(sides.right)
    mean = total / len(sides.right)
    covariance = second / len(sides.right) - np.outer(mean, mean)
    left, right, exact = sample_pairs(sides, seed)
    cosines = pair_cosines(sides, left, right)
    draft = Unrelated(moments, Tail(0, np.zeros(0), np.zeros(0), np.zeros(0)), mean, covariance, 0.0)
    means, spreads = draft.query_moments(sides.x)
    if sides.same:  # a row is not compared with itself
        n = len(sides.x)
        squares = (spreads**2 + means**2) * n - 1
        means = (means * n - 1) / (n - 1)
        spreads = np.sqrt(np.maximum(squares / (n - 1) - means**2, 0.0))
    z = (cosines - means[left]) / np.where(spreads[left] > 0, spreads[left], 1.0)
    tail = _tail(cosines, z, exact)
    sampled = Sampled(lefts[left], rights[right], cosines, z, exact)
    return Unrelated(moments, tail, mean, covariance, float(means.std())), sampled


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
    levels, low = _quantiles(cosines)
    return Tail(len(cosines), levels, low, _quantiles(z)[1], exact=exact)


def _quantiles(values: Floats) -> tuple[Floats, Floats]:
    """Shares (m,) of ``values`` that are tabulated, rising, and the values below which these lie."""
    n = len(values)
    far = np.logspace(np.log10(min(0.05, PER_STEP / n)), np.log10(0.1), 60)
    levels = np.unique(np.concatenate([[0.0], far, np.linspace(0.1, 0.9, 81), 1 - far]))
    below = np.maximum.accumulate(np.append(np.quantile(values, levels), values.max()))
    return np.append(levels, 1 - 1 / n), below


def cosines_reached(cosines: Floats, shares: Sequence[float]) -> Floats:
    """The cosines that ``shares`` of sampled pairs with ``cosines`` (p,) reach, as the table gives them.

    >>> cosines_reached(np.linspace(0, 1, 101), [0.25]).round(6).tolist()
    [0.75]
    """
    levels, below = _quantiles(cosines)
    return np.interp([1 - share for share in shares], levels, below)


def tail_intervals(sampled: Sampled, sides: Sides, cosines: Floats) -> tuple[Floats, Floats, Floats]:
    """Share of unrelated pairs above each of ``cosines`` (k,), and the ends of its 95 % interval."""
    return share_intervals(sampled.cosines, sampled.left, sampled.right, sides, cosines)


def share_intervals(
    pairs: Floats, left: Index, right: Index, sides: Sides, cosines: Floats
) -> tuple[Floats, Floats, Floats]:
    """Share of the sampled ``pairs`` (p,), the cosines of rows ``left`` and ``right``, above each of ``cosines`` (k,).

    And the ends of its 95 % interval. Each unit's influence is the sum over its pairs of (above - share); the squares
    of these add up to the variance, in which a pair's own noise counts twice, as in the pigeonhole bootstrap
    (owen2007). The interval is taken on the logarithm. Where no pair lies above, the upper end is 3 / units, the rule
    of three.
    """
    above = (pairs[None] >= cosines[:, None]).astype(np.float64)
    share = above.mean(axis=1)
    both = np.unique(np.concatenate(sides.units), return_inverse=True)[1]
    a, b = both[: len(sides.units[0])][left], both[len(sides.units[0]) :][right]
    n, units = len(pairs), int(both.max()) + 1
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
