"""What a result says besides its records: findings, tables and figures as plain data.

Experiments fill these, the report draws them; neither knows the other, and all of it travels in the result's JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from embedscope.core.short_repr import short_repr

Status = Literal["agrees", "deviates", "undecided", "info", "ok", "warning", "serious"]
Cell = str | float | int | None


@short_repr
@dataclass(frozen=True)
class Row:
    """A row that a finding is about: its number or id, its text where that is known, and why it is named.

    ``image`` is a thumbnail of the row where it is an image that is known, a PNG file as base64.
    """

    id: str
    text: str = ""
    why: str = ""
    image: str = ""


@short_repr
@dataclass(frozen=True)
class Action:
    """One thing to try: advice in words, a ``command`` that runs as printed, or the command between words.

    >>> str(Action("compute cosines in float32, or ", "embedscope repair x.npy -o r.safetensors"))
    'compute cosines in float32, or embedscope repair x.npy -o r.safetensors'
    """

    text: str = ""
    command: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.text}{self.command}{self.after}"


@short_repr
@dataclass(frozen=True)
class Finding:
    """One sentence in plain words with its evidence.

    ``status``: "agrees" or "deviates" for a claim that was checked, "undecided" where the interval does not decide,
    "info" for a remark; "ok", "warning" or "serious" for the health of a space. ``detail`` explains a deviation or a
    caveat, ``harm`` says what it does to the user, ``actions`` are what to try, one after the other or side by side,
    and ``remedy`` says the same in one sentence without its full stop: it is made of ``actions`` where there are any.
    ``rows`` are the first rows that it is about, ``n_rows`` how many there are (None: not counted). ``minor`` findings
    stand below the others.

    >>> Finding("x", actions=(Action("cut long texts"), Action(command="embedscope example"))).remedy
    'cut long texts; embedscope example'
    """

    text: str
    status: Status = "info"
    evidence: str = ""
    source: str = ""
    detail: str = ""
    harm: str = ""
    remedy: str = ""
    actions: tuple[Action, ...] = ()
    rows: tuple[Row, ...] = ()
    n_rows: int | None = None
    minor: bool = False

    def __post_init__(self) -> None:
        if self.actions:
            object.__setattr__(self, "remedy", "; ".join(map(str, self.actions)))


@short_repr
@dataclass(frozen=True)
class Headline:
    """The answer in one sentence with its numbers, and what stands beside it on the first screen.

    ``evidence`` says how sure it is, ``cause`` what likely brought it about, ``command`` is one command that runs as
    printed, and ``charts`` are the ids of the one or two charts (of any form) that carry it.
    """

    text: str
    status: Status = "info"
    evidence: str = ""
    cause: str = ""
    command: str = ""
    charts: tuple[str, ...] = ()


@short_repr
@dataclass(frozen=True)
class Column:
    """Heading of a table column; ``digits`` formats numbers (None: as they are), ``help`` is its tooltip.

    ``best``: whether the highest or the lowest number is the best one, None where neither is.
    """

    title: str
    digits: int | None = None
    help: str = ""
    best: Literal["high", "low"] | None = None


@short_repr
@dataclass(frozen=True)
class Table:
    """A table of text and numbers; rows have one cell a column."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@short_repr
@dataclass(frozen=True)
class Series:
    """A curve: ``y`` (None: undefined) over ``x``, with an optional band ``low``..``high``.

    ``kind``: "measured" (solid), "baseline" (dashed, a randomly initialised model), "published" (dotted, markers) or
    "reference" (thin, without markers: what it would be in a case that is known).
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    kind: Literal["measured", "baseline", "published", "reference"] = "measured"
    group: str = ""


@short_repr
@dataclass(frozen=True)
class Mark:
    """A value on an axis that is drawn as a line with its label."""

    at: float
    label: str = ""


@short_repr
@dataclass(frozen=True)
class Range:
    """A range of an axis that is shaded: the values of healthy spaces."""

    low: float
    high: float
    label: str = ""


@short_repr
@dataclass(frozen=True)
class Bins:
    """Heights of the bars of a histogram, one for each bin."""

    label: str
    heights: tuple[float, ...]


@short_repr
@dataclass(frozen=True)
class Histogram:
    """Bars over bins: ``edges`` (b + 1,) ascending, ``series`` of b heights each.

    ``names`` label bins that are categories (``0``, ``1 to 2``); ``marks`` and ``ranges`` lie on the x axis.
    """

    id: str
    title: str
    x_label: str
    y_label: str
    edges: tuple[float, ...]
    series: tuple[Bins, ...]
    names: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    ranges: tuple[Range, ...] = ()
    caption: str = ""
    section: str = ""


@short_repr
@dataclass(frozen=True)
class Dot:
    """A value of one series in a row of a dot plot, with its interval where it has one."""

    series: int
    value: float
    low: float | None = None
    high: float | None = None


@short_repr
@dataclass(frozen=True)
class DotRow:
    """A row of a dot plot: a category, its dots, and what is written behind them; ``strong`` rows stand out."""

    label: str
    dots: tuple[Dot, ...]
    note: str = ""
    strong: bool = False


@short_repr
@dataclass(frozen=True)
class Dots:
    """A dot plot: categories (tasks, candidates, metrics) as rows with their values and intervals on one x axis.

    ``series`` names the dots of a row; ``tones`` colours them by what they mean ("good", "bad", "quiet", or "" for the
    colour of their place). ``marks`` and ``ranges`` lie on the x axis; ``joined`` draws a line between dots of a row.
    """

    id: str
    title: str
    x_label: str
    rows: tuple[DotRow, ...]
    series: tuple[str, ...] = ("",)
    tones: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    ranges: tuple[Range, ...] = ()
    joined: bool = False
    caption: str = ""
    section: str = ""


@short_repr
@dataclass(frozen=True)
class Figure:
    """A line chart; series of the same ``group`` (a model) share one colour.

    ``marks`` are lines at values of x. A range of y that is given keeps the axis to it. ``x_powers``: x holds
    logarithms to base 2, which are shown as the powers of two that they stand for.
    """

    id: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    caption: str = ""
    y_range: tuple[float, float] | None = None
    section: str = ""
    marks: tuple[Mark, ...] = ()
    x_powers: bool = False

    def x_text(self, x: float) -> str:
        """A value of x as readers see it.

        >>> Figure("f", "F", "bytes", "recall", (), x_powers=True).x_text(10.0)
        '1,024'
        """
        return f"{2.0**x:,.6g}" if self.powers else f"{x:g}"

    @property
    def powers(self) -> bool:
        """Whether values of x are shown as powers of two: where they are asked for and small enough."""
        return self.x_powers and all(abs(x) <= 64 for s in self.series for x in s.x)


@short_repr
@dataclass(frozen=True)
class Points:
    """Points of one kind in a plane; ``names`` say what each is, ``images`` (PNG as base64) replace the marks."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    names: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@short_repr
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


@short_repr
@dataclass(frozen=True)
class Skipped:
    """Something that was left out, sampled or approximated, and why."""

    what: str
    why: str


@short_repr
@dataclass(frozen=True)
class Document:
    """Headline, findings, tables and charts of a result, in reading order."""

    title: str
    question: str = ""
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    sources: tuple[str, ...] = field(default=())
    scatters: tuple[Scatter, ...] = ()
    headline: Headline | None = None
    histograms: tuple[Histogram, ...] = ()
    dots: tuple[Dots, ...] = ()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart: those of the headline first, in its order, then by their form."""
        every: list[Chart] = [*self.histograms, *self.dots, *self.figures, *self.scatters]
        wanted = self.headline.charts if self.headline is not None else ()
        return tuple(sorted(every, key=lambda c: wanted.index(c.id) if c.id in wanted else len(wanted)))


Chart = Histogram | Dots | Figure | Scatter


def cell(value: object, digits: int | None) -> str:
    """A table cell as text: numbers to ``digits`` places, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.{digits}f}" if digits is not None else f"{value:.6g}"
