"""The metrics that a run takes: by their names, on the rows, in the precision and with the neighbours asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from embedscope.core.arrays import Precision, Rows
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.metrics import DEFAULTS, METRICS, Metric
from embedscope.stats.neighbour_index import Search


def chosen_metrics(
    metrics: Sequence[str | Metric] | None, rows: Rows | None, precision: Precision, neighbours: Search = "exact"
) -> list[Metric]:
    """The metrics called ``metrics``, on ``rows``, in ``precision``, with ``neighbours`` exact or from an index.

    A metric that is defined on the other rows alone is an error where it was named, and stays as it is defined where
    nothing was named.

    Raises
    ------
    InputError
        for a value that is none of those known, or where ``faiss`` would serve no metric.
    MissingExtraError
        for ``faiss`` without the extra.
    """
    values = {"rows": (rows, Rows), "precision": (precision, Precision), "neighbours": (neighbours, Search)}
    for option, (value, known) in values.items():
        if value is not None and value not in get_args(known):
            raise InputError(f"{option} must be one of {', '.join(get_args(known))}, got '{value}'")
    if metrics is not None and not metrics:
        raise InputError("no metrics named; `embedscope list metrics` shows them")
    chosen = [m if isinstance(m, Metric) else _metric(m) for m in dict.fromkeys(metrics or DEFAULTS)]
    if rows is not None:
        chosen = [m if metrics is None and m.fixed_rows else m.with_rows(rows) for m in chosen]
    return [m.with_precision(precision) for m in (chosen if neighbours == "exact" else _indexed(chosen))]


def _indexed(metrics: Sequence[Metric]) -> list[Metric]:
    require("faiss", "faiss", "neighbours from a FAISS index")
    found = [m.with_neighbours("faiss") for m in metrics]
    if all(new is old for new, old in zip(found, metrics, strict=True)):
        able = [name for name in METRICS if getattr(METRICS.get(name), "indexed", False)]
        raise InputError(
            f"neighbours faiss serves none of {', '.join(m.name for m in metrics)}; name one of {', '.join(able)}, "
            "or leave it out"
        )
    return found


def _metric(name: str) -> Metric:
    """The metric of one space called ``name``; says so where it is one of two."""
    from embedscope.metrics.pairs import PAIR_METRICS

    if name in PAIR_METRICS:
        raise InputError(f"{name} compares two spaces; measure it with --pair A B (measure_pair in Python)")
    return METRICS.get(name)
