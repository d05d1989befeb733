"""The metrics of a run: by name, on raw or unit rows, in a precision, with exact or indexed neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from embedscope.core.arrays import Precision, Rows
from embedscope.core.choices import Search
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.metrics import DEFAULTS, METRICS, Metric


def select_metrics(
    metrics: Sequence[str | Metric] | None, rows: Rows | None, precision: Precision, neighbours: Search = "exact"
) -> list[Metric]:
    """The metrics named ``metrics``, all defaults where None, with the given rows, precision and neighbours.

    A metric that is not defined on ``rows`` is an error where it was named, and keeps its own rows among the defaults.

    Raises
    ------
    InputError
        for an unknown value, or where no metric uses neighbours from an index.
    MissingExtraError
        for ``faiss`` without the extra.
    """
    values = {"rows": (rows, Rows), "precision": (precision, Precision), "neighbours": (neighbours, Search)}
    for option, (value, known) in values.items():
        if value is not None and value not in get_args(known):
            raise InputError(f"{option} must be one of {', '.join(get_args(known))}, got '{value}'")
    if metrics is not None and not metrics:
        raise InputError("no metrics named; `embedscope list metrics` shows them")
    selected = [m if isinstance(m, Metric) else _metric(m) for m in dict.fromkeys(metrics or DEFAULTS)]
    if rows is not None:
        selected = [m if metrics is None and m.fixed_rows else m.with_rows(rows) for m in selected]
    return [m.with_precision(precision) for m in (selected if neighbours == "exact" else _with_index(selected))]


def _with_index(metrics: Sequence[Metric]) -> list[Metric]:
    require("faiss", "faiss", "neighbours from a FAISS index")
    indexed = [m.with_neighbours("faiss") for m in metrics]
    if all(new is old for new, old in zip(indexed, metrics, strict=True)):
        usable = [name for name in METRICS if getattr(METRICS.get(name), "indexed", False)]
        raise InputError(
            f"none of {', '.join(m.name for m in metrics)} uses neighbours from an index; name one of "
            f"{', '.join(usable)}, or leave out neighbours"
        )
    return indexed


def _metric(name: str) -> Metric:
    """The metric of one space named ``name``; ``InputError`` where it compares two spaces."""
    from embedscope.metrics.pairs import PAIR_METRICS

    if name in PAIR_METRICS:
        raise InputError(f"{name} compares two spaces; measure it with --pair A B (measure_pair in Python)")
    return METRICS.get(name)
