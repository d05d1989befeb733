"""Charts of a space from its sketches: cosines, spectrum, coordinates, how often rows are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Bins, Chart, Document, Dots, Figure, Histogram, Mark, Range, Scatter, Series
from embedscope.core.tables import Index
from embedscope.core.wording import percent
from embedscope.geometry.sketches import CoordinateParts, Cosines, Duplicates, Occurrences, Spectrum
from embedscope.stats.row_sets import K

SECTION = "The space"
_MOST_POINTS = 128
_MOST_BINS = 768
_TENS = ((6, 10), (11, 20), (21, 50), (51, 100))
_FOUND = ((0, 0), (1, 2), (3, 5), *_TENS)
_ALIKE = ((1, 1), (2, 2), (3, 5), *_TENS)


def charts_of(pages: Sequence[tuple[str, str, Mapping[str, Any]]], ranges: Sequence[Range] = ()) -> tuple[Chart, ...]:
    """The charts of every space; ``ranges`` are shaded in the histograms of cosines."""
    several = len(pages) > 1
    charts: list[Chart] = []
    for (source, space, page), name in zip(pages, _page_names(pages), strict=True):
        of = f", {name}" if several else ""
        key = f"-{len(charts)}" if several else ""
        section = f"{SECTION}: {name}" if several else SECTION
        if "cosines" in page:
            exact = float(page["coordinates"].parts.sum()) if "coordinates" in page else None
            charts.append(cosine_chart(page["cosines"], of, key, section, ranges, exact))
        if "coordinates" in page:
            charts.append(coordinate_chart(page["coordinates"], of, key, section))
        if "occurrences" in page:
            charts.append(occurrence_chart(page["occurrences"], of, key, section))
        if "duplicates" in page:
            charts.append(duplicates_chart(page["duplicates"], of, key, section))
        if "spectrum" in page:
            charts.append(spectrum_chart(page["spectrum"], name if several else space or source, of, key, section))
    return tuple(charts)


def _page_names(pages: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
    """What tells each space from the others: its own name, else that of its source, else both.

    >>> _page_names([("a/x.npy", "vectors", {}), ("a/y.npy", "vectors", {})])
    ['x.npy', 'y.npy']
    """
    short = [(source.rpartition("/")[2], space) for source, space, _ in pages]
    choices = (
        [space or source for source, space in short],
        [source for source, _ in short],
        [" ".join(filter(None, pair)) for pair in short],
        [" ".join(filter(None, (source, space))) for source, space, _ in pages],
    )
    return next((names for names in choices if len(set(names)) == len(names)), choices[-1])


class Forms(TypedDict):
    """Charts as the fields of a document."""

    histograms: tuple[Histogram, ...]
    figures: tuple[Figure, ...]
    scatters: tuple[Scatter, ...]
    dots: tuple[Dots, ...]


def by_form(charts: Sequence[Chart]) -> Forms:
    """Charts as the fields of a document."""
    return {
        "histograms": tuple(c for c in charts if isinstance(c, Histogram)),
        "figures": tuple(c for c in charts if isinstance(c, Figure)),
        "scatters": tuple(c for c in charts if isinstance(c, Scatter)),
        "dots": tuple(c for c in charts if isinstance(c, Dots)),
    }


def cosine_chart(
    c: Cosines, of: str, key: str, section: str, ranges: Sequence[Range], exact: float | None
) -> Histogram:
    """Cosines of unrelated rows and of nearest neighbours; ``exact`` is the mean over all pairs where that is known."""
    mean = c.means["unrelated"] if exact is None else exact
    sampled = "" if c.among <= c.n else f" of {c.among:,}"
    caption = f"{c.n:,} rows{sampled}; unrelated rows are pairs drawn by hash."
    return Histogram(
        f"cosines{key}",
        f"Cosines of unrelated rows and of nearest neighbours{of}",
        "cosine",
        "share of pairs",
        tuple(c.edges.tolist()),
        (Bins("unrelated rows", _round(c.unrelated)), Bins("a row and its nearest neighbour", _round(c.nearest))),
        marks=(Mark(round(mean, 4), f"mean {mean:.2f}"),),
        ranges=tuple(ranges),
        caption=caption,
        section=section,
    )


def coordinate_chart(c: CoordinateParts, of: str, key: str, section: str) -> Histogram:
    """What each coordinate adds to the mean cosine."""
    parts, d = c.parts, len(c.parts)
    width = -(-d // _MOST_BINS)
    padded = np.concatenate([parts, np.zeros(-d % width)]).reshape(-1, width)
    heights = padded[np.arange(len(padded)), np.abs(padded).argmax(axis=1)]
    top, total = int(parts.argmax()), float(parts.sum())
    share = f": {percent(parts[top] / total, 0)}" if total > 0.05 else ""
    caption = f"The {d} parts sum to the mean cosine of unrelated rows, {total:.3f}."
    caption += f" Each bar is the largest of {width} coordinates." if width > 1 else ""
    return Histogram(
        f"coordinates{key}",
        f"What each coordinate adds to the mean cosine{of}",
        "coordinate",
        "part of the mean cosine",
        tuple(float(min(i * width, d)) for i in range(len(padded) + 1)),
        (Bins("", _round(np.clip(heights, 0, None))),),
        marks=(Mark(top + 0.5, f"coordinate {top}{share}"),),
        caption=caption,
        section=section,
    )


def occurrence_chart(o: Occurrences, of: str, key: str, section: str) -> Histogram:
    """How often rows are found."""
    caption = (
        f"{len(o.counts):,} rows; on average each is found {K} times. The row that is found most often is found "
        f"{int(o.counts.max()):,} times."
    )
    title, axis = f"How often rows are found{of}", f"times a row is among the {K} nearest of another"
    return _by_count(f"occurrences{key}", title, axis, _shares_by_count(o.counts, _FOUND), caption, section)


def duplicates_chart(d: Duplicates, of: str, key: str, section: str) -> Histogram:
    """How many rows have the same vector: the first bar are rows without a duplicate."""
    n, distinct = len(d.sizes), round(float((1 / d.sizes).sum()))
    caption = (
        f"{n:,} rows with {distinct:,} distinct vectors; 1 is a row without a duplicate. The vector that is repeated "
        f"most often belongs to {int(d.sizes.max()):,} rows."
    )
    title, axis = f"How many rows have the same vector{of}", "rows with the same vector"
    return _by_count(f"duplicates{key}", title, axis, _shares_by_count(d.sizes, _ALIKE), caption, section)


def _by_count(
    name: str, title: str, axis: str, bars: tuple[tuple[str, ...], Floats], caption: str, section: str
) -> Histogram:
    """Shares of rows by a count, a bar a range of counts with its name."""
    names, shares = bars
    edges = tuple(float(i) for i in range(len(names) + 1))
    heights = (Bins("", _round(shares)),)
    return Histogram(name, title, axis, "share of rows", edges, heights, names=names, caption=caption, section=section)


def spectrum_chart(s: Spectrum, name: str, of: str, key: str, section: str) -> Figure:
    """How much of the variance so many directions hold."""
    sums = np.concatenate([[0.0], np.cumsum(s.shares)])
    d = len(s.shares)
    at = np.unique(np.round(np.concatenate([np.arange(0, min(d, 33)), np.linspace(0, d, _MOST_POINTS)])).astype(int))
    effective = 1 / float((s.shares**2).sum())
    return Figure(
        f"spectrum{key}",
        f"How many directions hold the variance{of}",
        "number of directions, strongest first",
        "share of the variance",
        (
            Series(name, tuple(at.astype(float).tolist()), _round(np.minimum(sums[at], 1.0))),
            Series("spread evenly", (0.0, float(d)), (0.0, 1.0), kind="reference", group="spread evenly"),
        ),
        f"{d} dimensions; as many directions as {effective:.1f} that hold equally much.",
        (0.0, 1.0),
        section,
        (Mark(round(effective, 2), f"{effective:.0f} of {d}"),),
    )


def _shares_by_count(counts: Index, bins: Sequence[tuple[int, int]]) -> tuple[tuple[str, ...], Floats]:
    """Names of ``bins`` that ``counts`` (n,) reach, first and last count included, and the share of rows in each.

    >>> _shares_by_count(np.array([1, 1, 2, 4]), ((1, 1), (2, 3)))
    (('1', '2\N{EN DASH}3', 'over 3'), array([0.5 , 0.25, 0.25]))
    """
    top, last = int(counts.max()), bins[-1][1]
    reached = [(a, b) for a, b in bins if a <= top] + ([(last + 1, top)] if top > last else [])
    names = [str(a) if a == b else f"{a}\N{EN DASH}{b}" for a, b in reached]
    if top > last:
        names[-1] = f"over {last}"
    return tuple(names), np.asarray([float(((counts >= a) & (counts <= b)).mean()) for a, b in reached])


def _round(values: Any) -> tuple[float, ...]:
    return tuple(round(float(v), 5) for v in values)


def with_charts(document: Document, charts: Sequence[Chart]) -> Document:
    """``document`` with more charts behind its own."""
    forms = by_form(charts)
    return replace(
        document,
        histograms=(*document.histograms, *forms["histograms"]),
        figures=(*document.figures, *forms["figures"]),
        scatters=(*document.scatters, *forms["scatters"]),
        dots=(*document.dots, *forms["dots"]),
    )
