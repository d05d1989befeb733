"""Rows that match by position, and ids that say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.sources.row_order import check_row_order

N = 60
VERBS: dict[str, Callable[[str, str], Any]] = {
    "compare": embedscope.compare,
    "repair": lambda a, b: embedscope.repair(pair=(a, b)),
    "calibrate": lambda a, b: embedscope.calibrate(pair=(a, b)),
    "measure": lambda a, b: embedscope.measure(pair=(a, b)),
}


def _side(folder: Path, name: str, ids: list[str] | None, rows: np.ndarray) -> str:
    np.save(folder / f"{name}.npy", rows)
    if ids is not None:
        (folder / f"{name}.ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    return str(folder / f"{name}.npy")


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_ids_in_another_order_are_refused_where_rows_match_by_position(verb: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(N, 6))
    ids = [f"d{i}" for i in range(N)]
    a, b = _side(tmp_path, "a", ids, x), _side(tmp_path, "b", ids[::-1], x[::-1])
    with pytest.raises(InputError, match=r"same ids in different orders \(row 0 is 'd0' and 'd59'\)"):
        VERBS[verb](a, b)


def test_equal_order_other_ids_and_no_ids_match_by_position(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(N, 6))
    ids = [f"d{i}" for i in range(N)]
    a = _side(tmp_path, "a", ids, x)
    for name, own in {"same": ids, "others": [f"caption{i}" for i in range(N)], "none": None}.items():
        assert embedscope.compare(a, _side(tmp_path, name, own, x)).relation.name == "same"
    more = [*ids, "d60"][::-1]
    check_row_order(a, _side(tmp_path, "more", more, np.ones((N + 1, 6))))  # other rows, which other checks refuse
