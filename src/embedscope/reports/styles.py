"""Which colour and marker a curve has: a colour a group (a model), a marker a curve within its group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from embedscope.core.document import Figure, Series

PALETTE = ("#0b62a8", "#bb4708", "#00745a", "#8f3a86", "#846300", "#3f6c87", "#a32f4c", "#4d5965")
"""Colours on white, distinguishable for colour-blind readers, contrast at least 4.5; each has a dark counterpart."""

MARKERS = ("circle", "square", "triangle", "diamond", "down", "cross")

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Style:
    """Index of the colour and name of the marker."""

    colour: int
    marker: str


def group_of(series: Series) -> str:
    """What shares a colour: the group, or the label of a curve without one."""
    return series.group or series.label


def key_of(series: Series) -> Key:
    """What makes a curve the same curve in several figures."""
    return (group_of(series), series.label, series.kind)


def styles_of(figures: Iterable[Figure]) -> dict[Key, Style]:
    """Style of every curve in ``figures``, in order of appearance; a reference takes no colour from others."""
    groups: dict[str, int] = {}
    counts: dict[tuple[str, str], int] = {}
    styles: dict[Key, Style] = {}
    for figure in figures:
        for series in figure.series:
            key = key_of(series)
            if key in styles:
                continue
            if series.kind == "reference":
                styles[key] = Style(len(PALETTE) - 1, MARKERS[0])
                continue
            colour = groups.setdefault(key[0], len(groups)) % len(PALETTE)
            place = counts.get((key[0], key[2]), 0)
            counts[key[0], key[2]] = place + 1
            styles[key] = Style(colour, MARKERS[place % len(MARKERS)])
    return styles
