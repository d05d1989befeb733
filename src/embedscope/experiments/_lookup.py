"""Finding one record of a study, and its interval as text."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.records import Record


def pick(records: Sequence[Record], **wanted: object) -> Record | None:
    """The first record whose fields are as ``wanted``."""
    return next((r for r in records if all(getattr(r, k) == v for k, v in wanted.items())), None)


def value(records: Sequence[Record], **wanted: object) -> float | None:
    """Its value."""
    record = pick(records, **wanted)
    return record.value if record else None


def span(record: Record | None) -> str | None:
    """The interval of a record in words."""
    if record is None or record.ci_low is None or record.ci_high is None:
        return None
    return f"{record.ci_low:.3f} to {record.ci_high:.3f}"
