"""A metric of two spaces, and the matched rows that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from embedscope.core.arrays import Array, Floats, Hashes, Rows, as_matrix, to_numpy, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS, groups_of, hash_rows
from embedscope.core.tables import Index
from embedscope.metrics.metric import Bound, Measured, UndefinedError
from embedscope.stats import Interval, jackknife

NO_INTERVAL = Interval(None, None, None)


@dataclass(frozen=True, eq=False)
class Paired:
    """Rows of two spaces and which of them belong together: rows of equal id.

    Attributes
    ----------
    x, y : (n, dx) and (m, dy)
    x_ids, y_ids : (n,) and (m,) hashes of what rows belong to
    names : of the two sides, for suffixes of ids
    values_only : leave out what costs many times the value: permutation nulls
    units : (n,) and (m,) hashes of the unit of evidence of each row, where it is not its id
    """

    x: Floats
    y: Floats
    x_ids: Hashes
    y_ids: Hashes
    names: tuple[str, str] = ("a", "b")
    shared: dict[Any, Any] = field(default_factory=dict)
    values_only: bool = False
    units: tuple[Hashes, Hashes] | None = None

    @classmethod
    def of(
        cls,
        x: Array,
        y: Array,
        ids: tuple[Hashes, Hashes] | None = None,
        names: tuple[str, str] = ("a", "b"),
    ) -> Paired:
        """Checked arrays; rows belong together by position where ``ids`` is None."""
        a, b = (np.asarray(to_numpy(as_matrix(v, n)), dtype=np.float64) for v, n in ((x, "x"), (y, "y")))
        if ids is None:
            if len(a) != len(b):
                raise InputError(
                    f"both sides must have the same number of rows; got {len(a):,} and {len(b):,} (without ids, row i "
                    "of one belongs to row i of the other: pass ids where they differ)"
                )
            ids = hash_rows(0, len(a)), hash_rows(0, len(b))
        if (len(a), len(b)) != (len(ids[0]), len(ids[1])):
            raise InputError(f"{len(a)} and {len(b)} rows need one id each, got {len(ids[0])} and {len(ids[1])}")
        return cls(_scale(a), _scale(b), *ids, names)

    @cached_property
    def matches(self) -> tuple[Index, Index]:
        """Row numbers (p,) of x and of y of every matching pair, by row of x, then of y."""
        order = np.argsort(self.y_ids, kind="stable")
        first = np.searchsorted(self.y_ids[order], self.x_ids, side="left")
        count = np.searchsorted(self.y_ids[order], self.x_ids, side="right") - first
        left = np.repeat(np.arange(len(self.x_ids)), count)
        within = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        return left, order[np.repeat(first, count) + within]

    @cached_property
    def groups(self) -> tuple[Index, Index]:
        """Jackknife group of every row of x and of y: rows of one unit fall into one group."""
        x, y = self.units or (self.x_ids, self.y_ids)
        return groups_of(x), groups_of(y)

    @cached_property
    def unit(self) -> Paired:
        """The same at unit length, without zero rows."""
        (x, kept), (y, here) = unit_rows(self.x), unit_rows(self.y)
        if x.shape[1] != y.shape[1]:
            raise InputError(
                f"both sides must have the same dimensions for cosines between them, got {x.shape[1]}, {y.shape[1]}"
            )
        units = None if self.units is None else (self.units[0][kept], self.units[1][here])
        return Paired(x, y, self.x_ids[kept], self.y_ids[here], self.names, units=units)

    @cached_property
    def aligned(self) -> tuple[Floats, Floats, Index]:
        """Rows (p, dx) and (p, dy) that match, each row of either side at most once, and their groups (p,)."""
        left, right = self.matches
        _, first = np.unique(left, return_index=True)
        left, right = left[first], right[first]
        _, first = np.unique(right, return_index=True)
        rows = np.sort(first)
        return self.x[left[rows]], self.y[right[rows]], self.groups[0][left[rows]]

    @cached_property
    def aligned_units(self) -> Hashes:
        """Hashes (p,) of the units of evidence of the rows of ``aligned``."""
        left, right = self.matches
        _, first = np.unique(left, return_index=True)
        left, right = left[first], right[first]
        _, first = np.unique(right, return_index=True)
        units = self.x_ids if self.units is None else self.units[0]
        return np.asarray(units[left[np.sort(first)]])

    @property
    def one_to_one(self) -> bool:
        """Whether every row of a pair is in one pair."""
        return all(len(np.unique(rows)) == len(rows) for rows in self.matches)


def _scale(x: Floats) -> Floats:
    """Rows ``x`` (n, d) times a power of two, where fourth powers of their values would leave float64.

    No metric of two spaces depends on the scale of a side, and a power of two costs no digit.

    >>> _scale(np.array([[1e-170, 0.0]])).round(2).tolist()
    [[0.6, 0.0]]
    """
    largest = float(abs(x).max())
    exponent = math.frexp(largest)[1]
    if largest == 0 or abs(exponent) < _FAR:
        return x
    return np.ldexp(x, -exponent)


_FAR = 200
"""Exponent of two from which on fourth powers of sums, or their inverses, come near the limits of float64."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and the pairs or rows it is taken on."""

    value: float
    interval: Interval
    n: int
    note: str | None = None


@dataclass(frozen=True)
class PairMetric:
    """A number (or a few) of two spaces; callable on two arrays of matching rows.

    Attributes
    ----------
    function : matched rows -> estimates by id and suffix, the main one first; raises ``UndefinedError``
    joint : whether it takes both sides as one space, so that ``invariant`` speaks of one transform of both; else each
        side may be transformed by itself
    other attributes : as of a ``Metric``
    """

    id: str
    function: Callable[[Paired], Mapping[str, Estimate]]
    rows: Rows
    invariant: frozenset[str]
    bounds: tuple[Bound, Bound]
    ideal: Bound
    units: str
    cite: str
    joint: bool
    summary: str

    def __post_init__(self) -> None:
        for name in ("__doc__", "__module__", "__name__"):
            object.__setattr__(self, name, getattr(self.function, name))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, x: Array, y: Array) -> float:
        """The value on matching rows ``x`` (n, dx) and ``y`` (n, dy); ``UndefinedError`` where there is none."""
        return next(iter(self.function(replace(Paired.of(x, y), values_only=True)).values())).value

    def measure(self, paired: Paired) -> tuple[Measured, ...]:
        """The numbers with intervals from groups of ids; one of value None where undefined."""
        dim = int(paired.x.shape[1])
        try:
            estimates = self.function(paired)
        except UndefinedError as reason:
            none = (None, None, None)
            return (Measured(self.id, None, *none, len(paired.matches[0]), dim, self.rows, True, str(reason)),)
        return tuple(
            Measured(
                key, e.value, e.interval.stderr, e.interval.low, e.interval.high, e.n, dim, self.rows, True, e.note
            )
            for key, e in estimates.items()
        )


def pair_metric(
    *,
    rows: Rows,
    invariant: set[str],
    bounds: tuple[Bound, Bound],
    ideal: Bound,
    units: str,
    cite: str,
    joint: bool,
) -> Callable[[Callable[[Paired], Mapping[str, Estimate]]], PairMetric]:
    """Make a function of matched rows into a ``PairMetric`` whose id is its name."""

    def decorate(function: Callable[[Paired], Mapping[str, Estimate]]) -> PairMetric:
        summary = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        kept = frozenset(invariant)
        return PairMetric(function.__name__, function, rows, kept, bounds, ideal, units, cite, joint, summary)

    return decorate


def jackknife_interval(value: float, without: Callable[[int], float], sizes: Sequence[int]) -> Interval:
    """Jackknife of ``value`` over the 16 groups, ``sizes`` rows in each; ``without`` gives it without one."""
    filled = [g for g in range(GROUPS) if sizes[g]]
    if len(filled) < 2:
        return NO_INTERVAL
    try:
        return jackknife(value, [without(g) for g in filled], [sizes[g] for g in filled])
    except UndefinedError:
        return NO_INTERVAL


def mean_estimate(items: Floats, groups: Index, note: str | None = None) -> Estimate:
    """Mean of ``items`` (n,) with the jackknife over their ``groups`` (n,)."""
    sizes = np.bincount(groups, minlength=GROUPS)
    sums = np.bincount(groups, items, minlength=GROUPS)
    n, total = len(items), float(items.sum())
    interval = jackknife_interval(total / n, lambda g: float((total - sums[g]) / (n - sizes[g])), sizes.tolist())
    return Estimate(total / n, interval, n, note)
