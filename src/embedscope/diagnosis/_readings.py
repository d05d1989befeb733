"""The numbers of one space by metric, and what rules read from them: a value with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from embedscope.core.records import Record
from embedscope.core.short_repr import short_repr
from embedscope.diagnosis.space_rows import SpaceRows
from embedscope.diagnosis.where import Where
from embedscope.stats.uncertainty import degrees_of, student_interval

GROUPS_LEFT = 15
"""Degrees of freedom of a jackknife over 16 groups."""


@dataclass(frozen=True)
class Reading:
    """A value with its 95 % interval; ``exact`` where it is a count of what is there, which needs none."""

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    exact: bool = False

    @classmethod
    def from_count(cls, value: float) -> Reading:
        """A count, or a function of counts."""
        return cls(value, None, value, value, exact=True)

    @classmethod
    def with_error(cls, value: float, stderr: float | None, *of: Reading) -> Reading:
        """A value with the t interval of its standard error; the fewest degrees of freedom of those it is ``of``."""
        if stderr is None:
            return cls(value, None, None, None)
        interval = student_interval(value, stderr, min((r.degrees for r in of), default=GROUPS_LEFT))
        return cls(value, stderr, interval.low, interval.high)

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the standard error, at most 15."""
        if self.stderr is None or self.low is None or self.high is None:
            return GROUPS_LEFT
        return degrees_of(self.stderr, self.low, self.high, GROUPS_LEFT)

    def beyond(self, limit: float, worse: Literal["above", "below"], *, surely: bool) -> bool:
        """Whether the value, or ``surely`` its whole interval, is worse than ``limit``."""
        if not surely:
            return self.value > limit if worse == "above" else self.value < limit
        end = self.low if worse == "above" else self.high
        return end is not None and (end > limit if worse == "above" else end < limit)


@short_repr
@dataclass(frozen=True)
class Numbers:
    """Records of one space (or two, ``image|text``) by metric.

    Attributes
    ----------
    sizes : rows of each side, for two spaces
    where : the names of what was diagnosed
    rows : the rows behind the findings of one space
    """

    records: Mapping[str, Record]
    source: str
    space: str
    where: Where
    sizes: Mapping[str, int] = field(default_factory=dict)
    rows: SpaceRows | None = None
    pooling: str | None = None

    def get_defined(self, metric: str) -> Record | None:
        """The record of ``metric`` where it has a value."""
        record = self.records.get(metric)
        return record if record is not None and record.value is not None else None

    @property
    def n(self) -> int:
        """Rows."""
        return max((r.n or 0 for r in self.records.values()), default=0)

    @property
    def dim(self) -> int:
        """Width."""
        return next((r.dim for r in self.records.values() if r.dim), 1)


Read = Callable[[Numbers], Reading | None]


def number(metric: str, *, counted: bool = False) -> Read:
    """The value of ``metric`` with its interval."""

    def read(numbers: Numbers) -> Reading | None:
        record = numbers.get_defined(metric)
        if record is None or record.value is None:
            return None
        if counted:
            return Reading.from_count(record.value)
        return Reading(record.value, record.stderr, record.ci_low, record.ci_high)

    return read


def ratio(top: Read, bottom: Read) -> Read:
    """One reading over another, errors by the delta method as if they were independent, which is wide here."""

    def read(numbers: Numbers) -> Reading | None:
        a, b = top(numbers), bottom(numbers)
        if a is None or b is None or b.value == 0:
            return None
        if a.exact and b.exact:
            return Reading.from_count(a.value / b.value)
        errors = [0.0 if r.exact else r.stderr for r in (a, b)]
        if errors[0] is None or errors[1] is None:
            return Reading.with_error(a.value / b.value, None)
        spread = math.hypot(errors[0] / b.value, a.value * errors[1] / b.value**2)
        return Reading.with_error(a.value / b.value, spread, a, b)

    return read


def difference(a: Read, b: Read) -> Read:
    """One reading less another, errors as if they were independent."""

    def read(numbers: Numbers) -> Reading | None:
        x, y = a(numbers), b(numbers)
        if x is None or y is None:
            return None
        if x.stderr is None or y.stderr is None:
            return Reading.with_error(x.value - y.value, None)
        return Reading.with_error(x.value - y.value, math.hypot(x.stderr, y.stderr), x, y)

    return read


def rows(numbers: Numbers) -> Reading | None:
    """Number of rows."""
    return Reading.from_count(float(numbers.n)) if numbers.n else None


def dimensions(numbers: Numbers) -> Reading | None:
    """Dimensions."""
    return Reading.from_count(float(numbers.dim))
