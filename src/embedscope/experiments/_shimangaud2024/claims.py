"""The published numbers held against ours, where the study's encoders and questions are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedscope.core.document import Cell, Column, Status, Table
from embedscope.core.records import Record
from embedscope.experiments._experiment import ValueClaim
from embedscope.experiments._shimangaud2024.numbers import CLAIMS, FIFTY, NAMES, OWN_QUESTIONS
from embedscope.experiments._shimangaud2024.vectors import Model


@dataclass(frozen=True)
class Checked:
    """A claim with our number beside it; ``ours`` is None where the study has not been run on what it speaks of."""

    claim: ValueClaim
    ours: Record | None
    status: Status


def checked_claims(models: Sequence[Model], records: Sequence[Record]) -> list[Checked]:
    """Every claim, with our record where the encoder and the questions of the claim were run."""
    roles = {m.source: (m.role, m.main) for m in models if not m.baseline and m.role}
    found = []
    for claim in CLAIMS:
        ours = next((r for r in records if _answers(r, claim, roles)), None)
        status: Status = "undecided" if ours is None or ours.value is None else claim.verdict(ours.value)
        found.append(Checked(claim, ours, status))
    return found


def _answers(record: Record, claim: ValueClaim, roles: Mapping[str, tuple[str | None, str]]) -> bool:
    """Whether a record answers a claim; of the user's folder only if it asks fifty questions, as the study does."""
    return (
        roles.get(record.source) == (claim.role, record.space)
        and record.task == claim.dataset
        and record.metric == claim.metric
        and record.subset is None
        and (claim.dataset != OWN_QUESTIONS or record.n == FIFTY)
    )


def claims_table(checked: Sequence[Checked]) -> Table:
    """All claims, one a row; ours is empty where the study's encoder or questions were not run."""
    rows: list[tuple[Cell, ...]] = [
        (
            c.claim.source,
            NAMES[c.claim.role],
            c.claim.dataset,
            c.claim.metric,
            c.claim.expected,
            c.ours.value if c.ours else None,
            c.status if c.ours else "not run",
            c.claim.note,
        )
        for c in checked
    ]
    columns = (
        Column("where"),
        Column("encoder"),
        Column("questions"),
        Column("number"),
        Column("published", 2),
        Column("ours", 2),
        Column("verdict"),
        Column("remark"),
    )
    caption = (
        "Every number of the study. Ours stands beside it where its encoder and its questions were run: name them "
        "with --models and --data. 'pictures' are the questions of a folder of pictures, which must be fifty."
    )
    return Table("claims", "The study's numbers, one by one", columns, tuple(rows), caption)
