"""A metric: a pure function of one frozen statistic, with what is known about it as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from embedscope.core.accumulate import Need
from embedscope.core.arrays import Array, Precision, Rows
from embedscope.core.choices import Search
from embedscope.core.errors import InputError
from embedscope.core.ids import GROUPS
from embedscope.core.threads import cores, in_threads
from embedscope.stats import Gaussian, GroupedResult, Interval, Statistic, jackknife, statistic_of
from embedscope.stats.uncertainty import widen

_AT_ONCE = 2
"""Groups left out at a time, each with matrices of d x d of its own: few, for the sake of memory."""

Value = float | Mapping[str, float]
Bound = float | Literal["dim"] | None


class UndefinedError(InputError):
    """The value does not exist for these rows; the message is the reason (a record has null and this as its note)."""


@dataclass(frozen=True)
class Measured:
    """One number of a metric, with its 95 % interval; ``value`` is None where it is undefined, ``note`` says why.

    ``metric`` is the id, with a suffix for further numbers of the same metric (``coordinate_std.cv``).
    """

    metric: str
    value: float | None
    stderr: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    dim: int
    rows: Rows
    exact: bool
    note: str | None
    units: int | None = None


@dataclass(frozen=True)
class Metric:
    """A number (or a few) that a statistic of the rows gives; callable on an array.

    Attributes
    ----------
    id, variant : the name, and the name of a variant that differs from the definition
    needs : the statistic it is a function of
    function : statistic -> number, or several by id and suffix, the main one first; raises ``UndefinedError``
    rows : what it is taken on, ``raw`` or ``unit``; ``fixed_rows`` where nothing else makes sense
    invariant : transforms of the rows that leave it alone, of rotation, translation, scale (one factor for all rows)
        and row_scale (a positive factor for each row)
    bounds, ideal : range and the value of an isotropic space, None where there is none, "dim" for the width
    units, cite, summary : for listings; ``cite`` is a key of docs/references.bib
    caveat : what the note of every interval says
    warning : statistic -> what a reader must know about this very value, or None
    unsound : statistic -> why no interval can be given for this very value, or None
    bias : grouped statistic -> what a finite sample does to this very value beyond the interval, or None; where None,
        the bias of the jackknife is reported where it is large
    prepare : grouped statistic -> the same with what only the groups together give
    bias_of : grouped statistic -> expected value less the true one, in place of the jackknife's estimate
    error_of_fixed : grouped statistic -> standard error of what the groups hold fixed, added in squares to that of the
        jackknife; None where there is none
    omits : rows that it leaves out, in words, beyond the zero rows of unit rows
    no_interval : ids of numbers that are counts or places and have no error bar
    declared : rows and invariances of the definition, kept when ``rows`` is overridden
    """

    id: str
    needs: Need[Any]
    function: Callable[[Any], Value]
    rows: Rows
    invariant: frozenset[str]
    bounds: tuple[Bound, Bound]
    ideal: Bound
    units: str
    cite: str
    summary: str
    variant: str | None = None
    fixed_rows: bool = False
    caveat: str | None = None
    warning: Callable[[Any], str | None] | None = None
    unsound: Callable[[Any], str | None] | None = None
    bias: Callable[[GroupedResult[Any]], str | None] | None = None
    prepare: Callable[[GroupedResult[Any]], GroupedResult[Any]] | None = None
    bias_of: Callable[[GroupedResult[Any]], float | None] | None = None
    error_of_fixed: Callable[[GroupedResult[Any]], float | None] | None = None
    omits: str | None = None
    no_interval: frozenset[str] = frozenset()
    declared: tuple[Rows, frozenset[str]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", self.declared or (self.rows, self.invariant))
        for name in ("__doc__", "__module__", "__name__"):
            object.__setattr__(self, name, getattr(self.function, name))
        object.__setattr__(self, "__wrapped__", self.function)

    @property
    def name(self) -> str:
        """Name in the registry: the id, with the variant after a colon."""
        return self.id if self.variant is None else f"{self.id}:{self.variant}"

    @property
    def precision(self) -> str:
        """``exact``, or ``fast`` for float32 blocks."""
        return str(getattr(self.needs, "precision", "exact"))

    def __call__(self, x: Array) -> Value:
        """The value on the matrix ``x`` (n, d), numpy or torch, exact; ``UndefinedError`` where there is none."""
        return self.function(statistic_of(self.needs, x))

    def with_rows(self, rows: Rows) -> Metric:
        """The same metric on ``raw`` or ``unit`` rows; ``InputError`` where its definition fixes them."""
        if rows == self.rows:
            return self
        if self.fixed_rows:
            raise InputError(f"{self.name} is defined on {self.rows} rows only, got --rows {rows}; measure it without")
        first, kept = self.declared or (self.rows, self.invariant)
        if rows != first:
            scales = frozenset({"scale", "row_scale"})
            kept = (kept | scales) - {"translation"} if rows == "unit" else kept - scales
        return replace(self, needs=_with(self.needs, rows=rows), rows=rows, invariant=kept)

    def with_precision(self, precision: Precision) -> Metric:
        """The same metric with float64 blocks, or ``fast``: float32 ones summed in float64, where it multiplies."""
        if not hasattr(self.needs, "precision"):
            return self
        return replace(self, needs=_with(self.needs, precision=precision))

    def with_neighbours(self, search: Search) -> Metric:
        """The same metric with exact neighbours, or those of a FAISS index; itself where it cannot use one."""
        return self

    def as_variant(self, variant: str, summary: str, **changes: Any) -> Metric:
        """A variant of this metric, under the same id."""
        return replace(self, variant=variant, summary=summary, declared=None, **changes)

    def measure(self, grouped: GroupedResult[Any]) -> tuple[Measured, ...]:
        """The numbers of this metric with intervals from the groups left out; one of value None where undefined."""
        grouped = grouped if self.prepare is None else self.prepare(grouped)
        full: Statistic = grouped.full
        try:
            values = self._values(full)
        except UndefinedError as reason:
            return (self._to_measured(self.id, None, (None, None, None), full, [str(reason)]),)
        fewer = f"{len(grouped.sizes)} groups" if 0 < len(grouped.sizes) < GROUPS else None
        notes = [self.warning(full) if self.warning else None, self._omission_note(full), fewer]
        left, problem = self._leave_out(grouped)
        out = []
        for key, value in values.items():
            extra: list[str | None] = []
            interval: tuple[float | None, ...] = (None, None, None)
            if key not in self.no_interval:
                extra = [problem]
                if left and all(key in v for v in left):
                    bars = self._interval(value, [v[key] for v in left], grouped.sizes, key)
                    if self.error_of_fixed is not None:
                        bars = widen(bars, value, self.error_of_fixed(grouped))
                    if self.bias_of is not None:
                        bars = replace(bars, bias=self.bias_of(grouped))
                    interval, extra = (bars.stderr, bars.low, bars.high), [self.caveat]
                    extra.append(self.bias(grouped) if self.bias else bars.bias_note)
            out.append(self._to_measured(key, value, interval, full, [*notes, *extra, units_note(grouped)]))
        units = None if grouped.units is None else grouped.units.units
        return tuple(replace(m, units=units) for m in out)

    def _interval(self, value: float, left: Sequence[float], sizes: Sequence[int], key: str) -> Interval:
        """Interval of one number; kinds of metrics that need another one than the jackknife's override it."""
        return jackknife(value, left, sizes)

    def _omission_note(self, full: Statistic) -> str | None:
        what = self.omits or ("zero rows" if self.rows == "unit" else None)
        return f"{full.zero_rows} {what} left out" if what and full.zero_rows else None

    def _values(self, statistic: Statistic) -> Mapping[str, float]:
        value = self.function(statistic)
        return value if isinstance(value, Mapping) else {self.id: value}

    def _leave_out(self, grouped: GroupedResult[Any]) -> tuple[list[Mapping[str, float]], str | None]:
        if grouped.units is not None and grouped.units.problem:
            return [], grouped.units.problem
        if grouped.left_out and self.unsound and (reason := self.unsound(grouped.full)):
            return [], reason
        try:
            without = in_threads(
                lambda s: self._values(s.perturb(grouped.full)), grouped.left_out, min(cores(), _AT_ONCE)
            )
            return list(without), None
        except UndefinedError as problem:
            return [], f"no interval: without one group, {problem}"

    def _to_measured(
        self,
        key: str,
        value: float | None,
        interval: Sequence[float | None],
        full: Statistic,
        notes: Sequence[str | None],
    ) -> Measured:
        fast = self.precision == "fast"
        remarks = [*notes, "float32 blocks" if fast else None]
        note = "; ".join(n for n in remarks if n) or None
        if value is not None and not all(math.isfinite(v) for v in (value, *interval) if v is not None):
            value, interval, note = None, (None, None, None), "undefined: overflow in float64; scale the rows down"
        stderr, low, high = interval
        number = None if value is None else float(value)
        return Measured(key, number, stderr, low, high, full.n, full.dim, self.rows, not fast, note)


def metric(
    needs: Need[Any],
    *,
    rows: Rows,
    invariant: frozenset[str] | set[str],
    bounds: tuple[Bound, Bound],
    ideal: Bound,
    units: str,
    cite: str,
    **more: Any,
) -> Callable[[Callable[[Any], Value]], Metric]:
    """Make a function of a statistic into a ``Metric`` whose id is its name and whose summary its first line."""

    def decorate(function: Callable[[Any], Value]) -> Metric:
        summary = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        kept = frozenset(invariant)
        return Metric(function.__name__, needs, function, rows, kept, bounds, ideal, units, cite, summary, **more)

    return decorate


def units_note(grouped: GroupedResult[Any]) -> str | None:
    """What joins rows into units of evidence, None where each is one by itself."""
    return None if grouped.units is None else grouped.units.note


def at_least(n: int, statistic: Statistic, what: str = "rows") -> None:
    """Raise ``UndefinedError`` where the statistic has fewer than ``n`` rows."""
    if statistic.n < n:
        left = f" ({statistic.zero_rows} rows left out as zero)" if statistic.zero_rows else ""
        raise UndefinedError(f"undefined: needs at least {n} {what}, got {statistic.n}{left}")


def scatter_trace(g: Gaussian) -> float:
    """Trace of the scatter, or ``UndefinedError`` where the rows do not differ beyond rounding."""
    at_least(2, g)
    trace = float(np.trace(g.scatter))
    if trace <= g.n * (4 * np.finfo(np.float64).eps) ** 2 * float(g.mean @ g.mean):
        raise UndefinedError(f"undefined: all {g.n} rows are equal, so there is no variance")
    return trace


def _with(needs: Need[Any], **changes: Any) -> Need[Any]:
    return replace(needs, **changes)
