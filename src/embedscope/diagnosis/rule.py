"""A rule: which number it reads, from which value on it matters and why, and what to say and to try then."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from embedscope.core.short_repr import short_repr
from embedscope.core.wording import count, percent
from embedscope.diagnosis._readings import Numbers, Reading
from embedscope.diagnosis.remedy import Remedy

Severity = Literal["ok", "info", "warning", "serious"]
SEVERITIES: tuple[Severity, ...] = ("ok", "info", "warning", "serious")
"""From nothing to the worst."""

LEVELS: tuple[Severity, ...] = ("info", "warning", "serious")
"""Severities that a threshold may have."""


def severity_word(severity: str) -> str:
    """The word of a severity in sentences and tables.

    >>> severity_word("info"), severity_word("warning")
    ('note', 'warning')
    """
    return "note" if severity == "info" else severity


LEAST_ROWS = 50
"""Rows below which an interval is so wide that nothing found is no sign of health."""


@short_repr
@dataclass(frozen=True)
class Rule:
    """One finding as data.

    Attributes
    ----------
    id : name, also of its section in a file of thresholds
    name : what is fine where nothing is found, in a few words
    metrics : ids of the numbers it reads
    read : numbers of one space -> the reading, None where a number is missing
    worse : the direction in which it gets worse
    levels : threshold of each severity, in the units of the reading
    reason : why the thresholds are where they are, and what they were calibrated on
    says : the sentence, with ``{value}``, ``{percent}``, ``{n}``, ``{dim}`` and what ``details`` names
    harm : what it does to the user
    remedy : what to try
    adjust : numbers, threshold -> the threshold at so many rows, beyond what a space without the defect reads; None
        where it does not apply
    details : words of ``says`` -> metric that gives them, or numbers -> a word
    applies : numbers -> whether the question makes sense
    beside : numbers -> further evidence as a clause, empty where there is none
    least_rows : rows from which it is fine where nothing is found; counts are so at any number
    """

    id: str
    name: str
    metrics: tuple[str, ...]
    read: Callable[[Numbers], Reading | None]
    worse: Literal["above", "below"]
    levels: Mapping[Severity, float]
    reason: str
    says: str
    harm: str
    remedy: Remedy
    adjust: Callable[[Numbers, float], float | None] | None = None
    details: Mapping[str, str | Callable[[Numbers], str]] = field(default_factory=dict)
    applies: Callable[[Numbers], bool] | None = None
    beside: Callable[[Numbers], str] | None = None
    least_rows: int = LEAST_ROWS

    def sentence(self, numbers: Numbers, reading: Reading) -> str:
        """The finding in words."""
        words: dict[str, object] = {}
        for word, source in self.details.items():
            record = numbers.get_defined(source) if isinstance(source, str) else None
            words[word] = source(numbers) if callable(source) else record.value if record else math.nan
        n, dim = numbers.n, numbers.dim
        return self.says.format(
            value=reading.value, percent=percent(reading.value), n=n, rows=count(n, "row"), dim=dim, **words
        )

    def threshold(self, level: Severity, numbers: Numbers, changed: Mapping[Severity, float | None]) -> float | None:
        """Threshold of ``level`` for these numbers; ``changed`` replaces the rule's own, None takes it away."""
        value = changed[level] if level in changed else self.levels.get(level)
        return value if value is None or self.adjust is None else self.adjust(numbers, value)


@short_repr
@dataclass(frozen=True)
class Verdict:
    """What a rule says of one space.

    Attributes
    ----------
    severity : of what the whole interval is beyond, or ``ok``
    undecided : the severity that the value reaches and its interval does not
    thresholds : those in force, with small n accounted for
    """

    rule: Rule
    reading: Reading
    severity: Severity
    undecided: Severity | None
    thresholds: Mapping[Severity, float]
    numbers: Numbers = field(repr=False)

    @property
    def is_judged(self) -> bool:
        """Whether there are rows enough to call it fine; what is found is found at any number."""
        return self.severity != "ok" or self.undecided is not None or self.numbers.n >= self.rule.least_rows


def verdict(rule: Rule, numbers: Numbers, changed: Mapping[Severity, float | None] | None = None) -> Verdict | None:
    """The verdict of ``rule``; None where it has nothing to read. A level counts when the interval lies beyond it."""
    if rule.applies is not None and not rule.applies(numbers):
        return None
    reading = rule.read(numbers)
    if reading is None:
        return None
    limits = {level: rule.threshold(level, numbers, changed or {}) for level in LEVELS}
    thresholds = {level: value for level, value in limits.items() if value is not None}
    severity: Severity = "ok"
    reached: Severity = "ok"
    for level, limit in thresholds.items():
        if reading.beyond(limit, rule.worse, surely=True):
            severity = level
        if reading.beyond(limit, rule.worse, surely=False):
            reached = level
    undecided = reached if SEVERITIES.index(reached) > SEVERITIES.index(severity) else None
    return Verdict(rule, reading, severity, undecided, thresholds, numbers)
