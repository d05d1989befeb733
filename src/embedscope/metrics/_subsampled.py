"""Metrics of neighbourhoods: their error bars come from subsamples, since leaving rows out changes every neighbour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.choices import Search
from embedscope.core.tables import Index
from embedscope.metrics.metric import Bound, Measured, Metric, UndefinedError, Value, units_note
from embedscope.stats import GroupedResult
from embedscope.stats.neighbourhood import Neighbourhood, NeighbourRows
from embedscope.stats.row_sets import LISTED, K, RowSet
from embedscope.stats.uncertainty import Interval, at_least_binomial, jackknife, student_interval

_SMALL = 2000
_MOST = 4096

_LEFT_OUT = "pairs inside units left out"

OfRows = Callable[[RowSet], Value]
OfGroups = Callable[[RowSet, Index], Sequence[Mapping[str, float]]]


@dataclass(frozen=True)
class NeighbourMetric(Metric):
    """A metric whose value on any set of rows is ``of_rows``.

    Attributes
    ----------
    of_queries : value from queries asked against all rows (identities of their neighbours (m, k), rows n), for more
        rows than are held; None where the value is taken on the rows held
    of_groups : the values without each group in turn (rows, their groups (n,)), where these are known without taking
        the value again; the interval is then a jackknife, else it comes from subsamples
    across_units : whether pairs of rows inside a unit of evidence are left out
    certify : interval of the value of all rows from such queries that holds without assumptions; None for none
    share : whether the value is a share of rows, whose interval is no narrower than that of independent units
    indexed : whether it is a function of how often rows are neighbours, which a FAISS index may say
    """

    of_rows: OfRows | None = None
    of_queries: Callable[[npt.NDArray[np.uint64], int], Value] | None = None
    certify: Callable[[npt.NDArray[np.uint64], int], tuple[float, float]] | None = None
    indexed: bool = False
    share: bool = False
    across_units: bool = False
    of_groups: OfGroups | None = None

    def with_neighbours(self, search: Search) -> NeighbourMetric:
        """The same metric with exact neighbours, or those of a FAISS index; itself where it cannot use one."""
        assert isinstance(self.needs, NeighbourRows)
        return replace(self, needs=replace(self.needs, search=search)) if self.indexed else self

    def measure(self, grouped: GroupedResult[Any]) -> tuple[Measured, ...]:
        """The numbers of this metric, with intervals from subsamples of whole groups."""
        full: Neighbourhood = grouped.full
        try:
            values = self._values(full)
        except UndefinedError as reason:
            return (self._to_measured(self.id, None, (None, None, None), full, [str(reason)]),)
        labels = _labels(grouped)
        asks = _asks(full, self.of_queries)
        intervals, problem = self._by_queries(full, labels) if asks else self._by_parts(full, labels, values)
        if grouped.units is not None and grouped.units.problem:
            intervals, problem = {}, grouped.units.problem
        notes = [self.warning(full) if self.warning else None, self._omission_note(full), self._sample_note(full)]
        approximate = full.search == "faiss"
        notes += [str(full.all.search_index(K))] if approximate else []
        notes += [_LEFT_OUT] if self.across_units and full.all.units is not None else []
        out = []
        for key, value in values.items():
            bars_of_key = intervals.get(key, Interval(None, None, None))
            if self.share:
                rows = full.all.n
                known = rows if grouped.units is None else min(rows, grouped.units.units)
                bars_of_key = at_least_binomial(bars_of_key, value, known)
            interval = (bars_of_key.stderr, bars_of_key.low, bars_of_key.high)
            estimates = self._to_measured(
                key, value, interval, full, [*notes, self.caveat if key in intervals else problem, units_note(grouped)]
            )
            out.append(_inexact(estimates) if full.sampled or approximate else estimates)
        units = None if grouped.units is None else grouped.units.units
        return tuple(replace(m, units=units) for m in out)

    def _sample_note(self, full: Neighbourhood) -> str | None:
        if not full.sampled:
            return None
        if _asks(full, self.of_queries):
            return f"{len(full.asked):,} sampled rows compared with all {full.n:,}, exactly"
        return f"on {full.all.n:,} sampled of {full.n:,} rows, which have fewer near neighbours than all"

    def _by_queries(self, full: Neighbourhood, labels: Index) -> tuple[Mapping[str, Interval], str | None]:
        groups = labels[full.asked]
        values = self._values(full)
        left, sizes = [], []
        for g in np.unique(groups):
            rest = groups != g
            left.append(self._by_name(self.of_queries(full.ids[rest], full.n)))  # type: ignore[misc]
            sizes.append(int((~rest).sum()))
        intervals = {key: jackknife(v, [one[key] for one in left], sizes) for key, v in values.items()}
        if self.certify is not None:
            low, high = self.certify(full.ids, full.n)
            intervals = {key: Interval(bars.stderr, low, high) for key, bars in intervals.items()}
        return intervals, None

    def _by_parts(
        self, full: Neighbourhood, labels: Index, values: Mapping[str, float]
    ) -> tuple[Mapping[str, Interval], str | None]:
        """Subsamples of 1, 2, 4 or 8 of 16 groups: half of few rows, else about 2,000 rows or 1/16 of all.

        Which groups are taken together is balanced (`subsamples`), so that the error bar has the degrees of freedom of
        16 groups: 16 windows of 8 neighbouring groups would have 3.
        """
        assert self.of_rows is not None
        labels = labels[full.places]
        if len(np.unique(labels)) < 2:
            return {}, None
        if self.of_groups is not None:
            try:
                left = self.of_groups(full.all, labels)
            except UndefinedError as problem:
                return {}, f"no interval: without a group of rows, {problem}"
            sizes = np.unique(labels, return_counts=True)[1].tolist()
            return {key: jackknife(v, [one[key] for one in left], sizes) for key, v in values.items()}, None
        reason: str | None = None
        n = len(labels)
        for width in self._widths(full, n):
            try:
                draws, shares = self._draw(full, labels, width)
            except UndefinedError as problem:
                reason = f"no interval: in a subsample, {problem}"
                continue
            shared = [key for key in values if all(key in d for d in draws)]
            return {key: _spread(values[key], [d[key] for d in draws], shares, width) for key in shared}, None
        return {}, reason

    def _widths(self, full: Neighbourhood, n: int) -> list[int]:
        """Groups of a subsample, the first that gives a value; halves where lists of all hold their neighbours."""
        if full.rows == "unit" and full.search == "exact" and full.all.units is None and n < LISTED:
            return [8]
        return [w for w in (1, 2, 4, 8) if w == 8 or n * w / 16 >= _SMALL]

    def _draw(self, full: Neighbourhood, labels: Index, width: int) -> tuple[list[Mapping[str, float]], list[float]]:
        draws, shares = [], []
        for groups in subsamples(width):
            members = np.isin(labels, groups)
            if full.search == "faiss":  # rows held are in order of their hash: the first of them are a sample
                members &= np.cumsum(members) <= _MOST
            if members.any() and not members.all():
                draws.append(self._by_name(self.of_rows(full.part(members))))  # type: ignore[misc]
                shares.append(float(members.mean()))
        return draws, shares

    def _by_name(self, value: Value) -> Mapping[str, float]:
        return value if isinstance(value, Mapping) else {self.id: value}


def _asks(s: Neighbourhood, of_queries: object) -> bool:
    """Whether the value is taken from queries asked against all rows."""
    return s.sampled and s.search == "exact" and of_queries is not None


def _inexact(m: Measured) -> Measured:
    return replace(m, exact=False)


def _labels(grouped: GroupedResult[Any]) -> Index:
    """Jackknife group of every row held: the group without which it was not fed."""
    full: Neighbourhood = grouped.full
    labels = np.zeros(len(full.kept.x), dtype=np.intp)
    for g, left in enumerate(grouped.left_out):
        missing = np.ones(len(labels), dtype=bool)
        missing[left.seen] = False
        labels[missing] = g
    return labels


def subsamples(width: int) -> list[tuple[int, ...]]:
    """Sets of ``width`` of 16 groups in which every two groups are together equally often (in those of 2: adjacent).

    Of 8 groups the 15 half samples of a Hadamard matrix, some by their complements (mccarthy1969); of 4 the 20 lines of
    the affine plane over the field of 4 elements; of 1 each, of 2 each with the next.

    >>> [len(subsamples(width)) for width in (1, 2, 4, 8)]
    [16, 16, 20, 15]
    """
    if width == _HALF:
        flip = [(i & i >> 1 & 1) ^ (i >> 2 & i >> 3 & 1) for i in range(16)]  # bent: no group is always left out
        return [tuple(j for j in range(16) if (i & j).bit_count() % 2 == flip[i]) for i in range(1, 16)]
    if width == _QUARTER:
        lines = [[(x, _TIMES[slope][x] ^ start) for x in range(4)] for slope in range(4) for start in range(4)]
        lines += [[(x, y) for y in range(4)] for x in range(4)]
        return [tuple(4 * x + y for x, y in line) for line in lines]
    return [tuple((first + i) % 16 for i in range(width)) for first in range(16)]


_QUARTER, _HALF = 4, 8
_TIMES = ((0, 0, 0, 0), (0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2))
_DEGREES = {1: 15, 2: 9, 4: 15, 8: 14}
"""Of freedom of the variance of a mean from such subsamples; those of 2 groups are not balanced."""


def _spread(value: float, draws: Sequence[float], shares: Sequence[float], width: int) -> Interval:
    """Interval of ``value`` from subsamples that hold ``shares`` of the rows (delete-d jackknife, shao1989)."""
    off = (np.asarray(draws) - np.mean(draws)) ** 2
    ratio = np.asarray(shares) / (1 - np.asarray(shares))
    lost = 1 if width == _HALF else 0  # half samples are independent, and so is their mean
    stderr = float(np.sqrt((ratio * off).sum() / max(len(draws) - lost, 1)))
    return student_interval(value, stderr, min(_DEGREES[width], max(len(draws) - 1, 1)))


def neighbour_metric(
    needs: NeighbourRows,
    *,
    rows: Any,
    invariant: set[str],
    bounds: tuple[Bound, Bound],
    ideal: Bound,
    units: str,
    cite: str,
    **more: Any,
) -> Callable[[OfRows], NeighbourMetric]:
    """Make a function of a set of rows into a ``NeighbourMetric``; as ``metric``."""

    def decorate(function: OfRows) -> NeighbourMetric:
        of_queries = more.get("of_queries")

        def value(s: Neighbourhood) -> Value:
            if _asks(s, of_queries):
                return of_queries(s.ids, s.n)  # type: ignore[no-any-return,misc]
            return function(s.all)

        value.__doc__, value.__module__ = function.__doc__, function.__module__
        value.__name__ = name = function.__name__
        summary = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        kept = frozenset(invariant)
        return NeighbourMetric(
            name, needs, value, rows, kept, bounds, ideal, units, cite, summary, of_rows=function, **more
        )

    return decorate
