"""The fold: the same tree for any number of workers, few states kept."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedscope.core.accumulate import Need, fold


@given(st.lists(st.integers(), min_size=1, max_size=200))
def test_keeps_order_and_everything(values: list[int]) -> None:
    assert fold(([v] for v in values), lambda a, b: a + b) == values


@settings(deadline=None)
@given(st.integers(1, 5000))
def test_keeps_few_states(n: int) -> None:
    live = peak = 0

    def states():
        nonlocal live, peak
        for _ in range(n):
            live += 1
            peak = max(peak, live)
            yield 1

    def merge(a: int, b: int) -> int:
        nonlocal live
        live -= 1
        return a + b

    assert fold(states(), merge) == n
    assert peak <= np.log(n) / np.log(16) + 2.001


def test_same_bits_however_states_were_made() -> None:
    parts = np.random.default_rng(0).normal(size=101)
    whole = fold(iter(parts), lambda a, b: a + b)
    again = fold(list(itertools.chain(parts[:37], parts[37:])), lambda a, b: a + b)
    assert whole.tobytes() == again.tobytes()


def test_nothing_to_fold() -> None:
    with pytest.raises(ValueError, match="at least one state"):
        fold([], lambda a, b: a)


def test_a_need_must_start() -> None:
    with pytest.raises(TypeError, match="must define start"):
        Need().start({})
