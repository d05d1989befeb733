"""Tables: what was learned, the geometry and the tests of every arm, means over seeds with their spread."""

from __future__ import annotations

import numpy as np

from embedscope.core.document import Cell, Column, Table
from embedscope.experiments._objectives2026.findings import best_reading
from embedscope.experiments._objectives2026.numbers import (
    SENTENCE_SIMILARITY,
    TEST_NAMES,
    TOKENS,
    TOP5,
    TOP8,
    Numbers,
    Place,
)

SPREAD = "Means over seeds; in brackets the standard deviation between seeds."


def tables(numbers: Numbers) -> tuple[Table, ...]:
    """All tables."""
    return (_arms(numbers), _geometry(numbers), _words(numbers))


def mean_and_spread(values: dict[int, float]) -> Cell:
    """``0.312 (0.010)``; the mean alone where there is one seed.

    >>> mean_and_spread({0: 0.30, 1: 0.32})
    '0.310 (0.014)'
    """
    if not values:
        return None
    own = list(values.values())
    return f"{np.mean(own):.3f}" + (f" ({np.std(own, ddof=1):.3f})" if len(own) > 1 else "")


def _arms(numbers: Numbers) -> Table:
    """One row an arm: what it learned, and the main numbers of its geometry and tests."""
    rows: list[tuple[Cell, ...]] = [
        (
            arm.title,
            mean_and_spread(numbers.held_out_scores(arm.id, "next_token_loss")),
            mean_and_spread(numbers.held_out_scores(arm.id, "recall@1")),
            mean_and_spread(numbers.over_layers(arm.id, TOKENS)),
            mean_and_spread(numbers.top(arm.id, TOKENS)),
            mean_and_spread(numbers.top(arm.id, SENTENCE_SIMILARITY)),
            *(mean_and_spread(best_reading(numbers, arm.id, t)) for t in numbers.tests),
        )
        for arm in numbers.arms
    ]
    columns = (
        Column("trained by"),
        Column("next-token loss", help="nats, held-out texts"),
        Column("recall@1", help="another caption of the image, or the drawing, among the held-out ones"),
        Column("tokens, all layers", help="self-similarity of tokens in context, mean over layers"),
        Column("tokens, top"),
        Column("sentences, top", help="self-similarity of EOS states of STS-B sentences"),
        *(Column(TEST_NAMES[t]) for t in numbers.tests),
    )
    caption = f"{SPREAD} Tests: the best over layers and readings (word alone, before EOS, EOS state)."
    return Table("arms", "One network, several objectives", columns, tuple(rows), caption)


def _geometry(numbers: Numbers) -> Table:
    places = (TOKENS, TOP5, TOP8, SENTENCE_SIMILARITY)
    rows: list[tuple[Cell, ...]] = [
        (arm.title, space, *(mean_and_spread(numbers.at(arm.id, place, space)) for place in places))
        for arm in numbers.arms
        for space in numbers.spaces
    ]
    names = ("self-similarity of tokens", "top-5 share", "top-8 share", "self-similarity of sentences")
    columns = (Column("trained by"), Column("space"), *(Column(name) for name in names))
    return Table("geometry", "Geometry in every layer (Figures 1, 2 and 5 of wolfe2022)", columns, tuple(rows), SPREAD)


def _words(numbers: Numbers) -> Table:
    """Best and top layer of every reading, as Table 1 of wolfe2022."""
    rows: list[tuple[Cell, ...]] = []
    for test in numbers.tests:
        for arm in numbers.arms:
            for pooling in ("plain", "bos_eos", "eos"):
                place = Place(test, pooling, test)
                best = numbers.best(arm.id, place)
                if best:
                    top = mean_and_spread(numbers.top(arm.id, place))
                    rows.append((TEST_NAMES[test], arm.title, pooling, mean_and_spread(best), top))
    columns = (Column("test"), Column("trained by"), Column("pooling"), Column("best layer"), Column("top layer"))
    return Table("table1", "Words and sentences, every reading (Table 1 of wolfe2022)", columns, tuple(rows), SPREAD)
