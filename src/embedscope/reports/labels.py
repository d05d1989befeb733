"""Where the names of curves stand: beside their last points, moved apart where they would cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NARROW, _WIDE = frozenset("ijlIftr.,:;'|!()[]/- "), frozenset("mwMWGOQ@%\N{RIGHTWARDS ARROW}\N{MINUS SIGN}")

NEAR = 0.15
"""Share of the width within which a curve ends beside the right end of the plot, where names stand in one column."""

BESIDE, UNSEEN = 12.0, 3.0
"""Units between a point and its name, and how far either may be off without a line that joins them: as much again
across, ``UNSEEN`` up or down."""


@dataclass(frozen=True)
class Place:
    """Where a name starts, the middle of its line, and whether a line must join it with its point."""

    x: float
    y: float
    joined: bool


def breadth(text: str, *, strong: bool = False) -> float:
    """Width of ``text`` at 12 units, about, in the wider of the fonts that browsers take for ``system-ui``.

    >>> breadth("ill") < breadth("mom") < breadth("mom", strong=True)
    True
    """
    width = sum(4.4 if c in _NARROW else 10.6 if c in _WIDE else 8.0 if c.isupper() else 7.4 for c in text)
    return width * (1.13 if strong else 1.0)


def place_names(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    line: float,
    across: tuple[float, float],
    up: tuple[float, float],
) -> list[Place]:
    """Places of names of ``widths`` beside ``points`` (x, y), of which no two cover each other.

    Names of curves that end near the right end of the plot stand in one column behind it, in the order of their
    points and as near to them as can be. The others stand beside their points, on the nearest free line.

    Parameters
    ----------
    line : height of a name, in the units of the points
    across, up : ends of the plot; middles of names stay within ``up``

    >>> place_names([(99.0, 50.0), (100.0, 52.0)], [30.0, 30.0], 10.0, (0.0, 100.0), (0.0, 90.0))
    [Place(x=112.0, y=46.0, joined=True), Place(x=112.0, y=56.0, joined=True)]
    """
    left, right = across
    within = [min(max(y, up[0]), up[1]) for _, y in points]
    column = sorted(
        (i for i, (x, _) in enumerate(points) if right - x <= NEAR * (right - left)), key=lambda i: within[i]
    )
    places: dict[int, Place] = {}
    for i, y in zip(column, spread([within[i] for i in column], line, *up), strict=True):
        moved = abs(y - within[i]) > UNSEEN or right - points[i][0] > BESIDE
        places[i] = Place(right + BESIDE, y, moved)
    boxes = [(place.x, place.x + widths[i], place.y) for i, place in places.items()]
    for i in sorted(set(range(len(points))) - set(column), key=lambda i: within[i]):
        x = points[i][0] + BESIDE
        y = _free_line(x, x + widths[i], within[i], boxes, line, up)
        boxes.append((x, x + widths[i], y))
        places[i] = Place(x, y, abs(y - within[i]) > UNSEEN)
    return [places[i] for i in range(len(points))]


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Sorted ``values`` moved so that neighbours are ``gap`` apart and all within ``low`` and ``high``.

    The sum of the squared moves is the least there is: with ``gap`` taken off, what remains is isotonic regression by
    pooling adjacent violators. Where there is no room for the gap, it is as large as there is room for.

    >>> spread([10.0, 11.0, 50.0], 5.0, 0.0, 52.0)
    [8.0, 13.0, 50.0]
    >>> spread([50.0, 51.0], 5.0, 0.0, 52.0)
    [47.0, 52.0]
    """
    if len(values) > 1:
        gap = min(gap, (high - low) / (len(values) - 1))
    pools: list[tuple[float, int]] = []
    for i, value in enumerate(values):
        mean, n = value - i * gap, 1
        while pools and pools[-1][0] > mean:
            other, m = pools.pop()
            mean, n = (mean * n + other * m) / (n + m), n + m
        pools.append((mean, n))
    last = high - (len(values) - 1) * gap
    bare = [min(max(mean, low), last) for mean, n in pools for _ in range(n)]
    return [round(b + i * gap, 1) for i, b in enumerate(bare)]


def _free_line(
    left: float, right: float, y: float, boxes: Sequence[tuple[float, float, float]], line: float,
    up: tuple[float, float],
) -> float:  # fmt: skip
    """The middle nearest to ``y`` of a line from ``left`` to ``right`` that covers none of ``boxes``.

    It lies where it is wanted, or right above or below one of the others; ``y`` itself where all of these are taken.
    """
    taken = [b for a, end, b in boxes if a < right and left < end]
    wanted = sorted([y, *(b + line for b in taken), *(b - line for b in taken)], key=lambda v: abs(v - y))
    free = (v for v in wanted if up[0] <= v <= up[1] and all(abs(v - b) >= line - 1e-9 for b in taken))
    return round(next(free, y), 1)
