"""What a result says beside its records: findings, tables and figures as plain data.

Experiments fill these, the report draws them; neither knows the other, and all of it travels in the result's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["agrees", "deviates", "undecided", "info"]
Cell = str | float | int | None


@dataclass(frozen=True)
class Finding:
    """One sentence in plain words with its evidence.

    ``status``: "agrees" or "deviates" for a claim that was checked, "undecided" where the interval does not decide,
    "info" for a remark. ``detail`` explains a deviation or a caveat.
    """

    text: str
    status: Status = "info"
    evidence: str = ""
    source: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Column:
    """Heading of a table column; ``digits`` formats numbers (None: as they are), ``help`` is its tooltip."""

    title: str
    digits: int | None = None
    help: str = ""


@dataclass(frozen=True)
class Table:
    """A table of text and numbers; rows have one cell a column."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """A curve: ``y`` (None: undefined) over ``x``, with an optional band ``low``..``high``.

    ``kind``: "measured" (solid), "baseline" (dashed, the random initialisation) or "published" (dotted, markers).
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    kind: Literal["measured", "baseline", "published"] = "measured"
    group: str = ""


@dataclass(frozen=True)
class Figure:
    """A line chart; series of the same ``group`` (a model) share one colour."""

    id: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    caption: str = ""
    y_range: tuple[float, float] | None = None
    section: str = ""


@dataclass(frozen=True)
class Skipped:
    """Something that was left out, sampled or approximated, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Document:
    """Title, findings, tables and figures of a result, in reading order."""

    title: str
    question: str = ""
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    sources: tuple[str, ...] = field(default=())
