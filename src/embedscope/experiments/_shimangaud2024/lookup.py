"""Finding records: of a model's main space over a whole set of questions."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.records import Record
from embedscope.experiments._shimangaud2024.vectors import Model


def sets_of(records: Sequence[Record], metric: str, source: str | None = None) -> list[str]:
    """Sets of questions that have a record of ``metric``."""
    return list(
        dict.fromkeys(str(r.task) for r in records if r.metric == metric and (source is None or r.source == source))
    )


def main_record(records: Sequence[Record], model: Model, task: str, metric: str) -> Record | None:
    """The record of a metric in a model's main space over a whole set."""
    rows = [r for r in records if (r.source, r.task, r.metric, r.space) == (model.source, task, metric, model.main)]
    return rows[0] if rows else None


def main_value(records: Sequence[Record], model: Model, task: str, metric: str) -> float | None:
    """Its value."""
    record = main_record(records, model, task, metric)
    return record.value if record else None


def number(record: Record | None) -> float | None:
    """The value of a record, None where there is none."""
    return record.value if record is not None else None


def count(record: Record | None) -> int | None:
    """How many questions it is of."""
    return record.n if record is not None else None


def short_control(record: Record | None) -> str | None:
    """The control that a gain is over, as it heads a column of the table of controls."""
    names = {"similarity to c": "c alone", "similarity to b": "b alone", "pairs of other relations": "random pairs"}
    names |= {"the untrained network": "untrained", "raw pixels": "pixels"}
    return names.get(best_control(record) or "")


def best_control(record: Record | None) -> str | None:
    """The control that a gain is over."""
    return None if record is None or not record.facts else record.facts.get("best_control")


def is_of_a_relation(record: Record, records: Sequence[Record]) -> bool:
    """Whether the record is about one relation: only those have a share of hits of their own."""
    return any(
        r.metric == "hit.top1" and r.subset == record.subset and r.source == record.source and r.task == record.task
        for r in records
    )
