"""Curves over layers, one an arm, with the interval over seeds."""

from __future__ import annotations

import math

from embedscope.core.document import Figure, Series
from embedscope.experiments._objectives2026.arms import Arm
from embedscope.experiments._objectives2026.numbers import (
    SENTENCE_SIMILARITY,
    TEST_NAMES,
    TOKENS,
    TOP5,
    Numbers,
    Place,
    over_seeds,
)

CAPTION = "Mean over seeds; bands are 95 % intervals over seeds (Student's t), wide where there are three."


def figures(numbers: Numbers) -> tuple[Figure, ...]:
    """Geometry, then the tests."""
    wanted = (
        (TOKENS, "self_similarity", "Self-similarity of words in context", "mean cosine", "Geometry"),
        (TOP5, "top5_share", "Share of the norm in the five largest coordinates", "share of the norm", "Geometry"),
        (SENTENCE_SIMILARITY, "sentence_self_similarity", "Self-similarity of sentences", "mean cosine", "Geometry"),
        *(
            (
                Place(t, "eos" if t == "stsb" else "bos_eos", t),
                t,
                TEST_NAMES[t],
                "Pearson r" if t.startswith("valnorm") else "Spearman's rho",
                "Meaning",
            )
            for t in numbers.tests
        ),
    )
    drawn = (_figure(numbers, *parts) for parts in wanted)
    return tuple(figure for figure in drawn if figure.series)


def _figure(numbers: Numbers, place: Place, name: str, title: str, y: str, section: str) -> Figure:
    series = tuple(s for arm in numbers.arms if (s := _series(numbers, arm, place)) is not None)
    share = section == "Geometry"  # cosines and shares: intervals over seeds may reach beyond 1, the numbers cannot
    lowest = min((v for s in series for v in s.y if v is not None), default=0.0)
    kept = (min(0.0, math.floor(10 * lowest) / 10), 1.0) if share else None
    return Figure(name, title, "layer (the last is after the final norm)", y, series, CAPTION, kept, section)


def _series(numbers: Numbers, arm: Arm, place: Place) -> Series | None:
    points = [
        (float(i), over_seeds(list(v.values())).estimate)
        for i, s in enumerate(numbers.spaces)
        if (v := numbers.at(arm.id, place, s))
    ]
    if not points:
        return None
    return Series(
        arm.title,
        tuple(x for x, _ in points),
        tuple(e.value for _, e in points),
        tuple(e.low for _, e in points),
        tuple(e.high for _, e in points),
        "baseline" if arm.role == "untrained" else "measured",
        arm.title,
    )
