"""What a result says besides its records: findings, tables and figures as plain data.

Experiments fill these, the report draws them; neither knows the other, and all of it travels in the result's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Status = Literal["agrees", "deviates", "undecided", "info", "ok", "warning", "serious"]
Cell = str | float | int | None


@dataclass(frozen=True)
class Row:
    """A row that a finding is about: its number or id, its text where that is known, and why it is named."""

    id: str
    text: str = ""
    why: str = ""


@dataclass(frozen=True)
class Finding:
    """One sentence in plain words with its evidence.

    ``status``: "agrees" or "deviates" for a claim that was checked, "undecided" where the interval does not decide,
    "info" for a remark; "ok", "warning" or "serious" for the health of a space. ``detail`` explains a deviation or a
    caveat, ``harm`` says what it does to the user and ``remedy`` what to try. ``rows`` are the first rows that it is
    about, ``n_rows`` how many there are (None: not counted). ``minor`` findings stand below the others.
    """

    text: str
    status: Status = "info"
    evidence: str = ""
    source: str = ""
    detail: str = ""
    harm: str = ""
    remedy: str = ""
    rows: tuple[Row, ...] = ()
    n_rows: int | None = None
    minor: bool = False


@dataclass(frozen=True)
class Column:
    """Heading of a table column; ``digits`` formats numbers (None: as they are), ``help`` is its tooltip.

    ``best``: whether the highest or the lowest number is the best one, None where neither is.
    """

    title: str
    digits: int | None = None
    help: str = ""
    best: Literal["high", "low"] | None = None


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

    ``kind``: "measured" (solid), "baseline" (dashed, a randomly initialised model) or "published" (dotted, markers).
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
class Points:
    """Points of one kind in a plane; ``names`` say what each is, ``pictures`` (PNG as base64) replace the marks."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    names: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scatter:
    """Points in a plane; ``arrows`` are (x, y, x of the tip, y of the tip), ``origin`` draws (0, 0).

    ``equal``: one unit is as long across as up, as it must be where distances and angles are read.
    """

    id: str
    title: str
    x_label: str
    y_label: str
    points: tuple[Points, ...]
    arrows: tuple[tuple[float, float, float, float], ...] = ()
    caption: str = ""
    section: str = ""
    origin: bool = True
    equal: bool = True


@dataclass(frozen=True)
class Skipped:
    """Something that was left out, sampled or approximated, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Document:
    """Title, findings, tables, figures and scatters of a result, in reading order."""

    title: str
    question: str = ""
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    sources: tuple[str, ...] = field(default=())
    scatters: tuple[Scatter, ...] = ()


def cell(value: object, digits: int | None) -> str:
    """A table cell as text: numbers to ``digits`` places, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.{digits}f}" if digits is not None else f"{value:.6g}"
