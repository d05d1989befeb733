"""The published numbers held against ours, when the paper's own models and data are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedscope.core.document import Cell, Column, Status, Table
from embedscope.core.records import Record
from embedscope.experiments._experiment import ValueClaim
from embedscope.experiments._tyshchuk2023.numbers import CLAIMS
from embedscope.experiments._tyshchuk2023.vectors import Vectors


@dataclass(frozen=True)
class Checked:
    """A claim with our number beside it; ``ours`` is None where the study has not been run on what it speaks of."""

    claim: ValueClaim
    ours: Record | None
    status: Status


def checked_claims(models: Sequence[Vectors], records: Sequence[Record]) -> list[Checked]:
    """Every claim, with our record where the model and the data of the claim were run."""
    roles = {m.source: m.role for m in models if not m.baseline}
    found = []
    for claim in CLAIMS:
        ours = next((r for r in records if _answers(r, claim, roles)), None)
        status: Status = "undecided" if ours is None or ours.value is None else claim.verdict(ours.value)
        found.append(Checked(claim, ours, status))
    return found


def _answers(record: Record, claim: ValueClaim, roles: dict[str, str | None]) -> bool:
    return (
        roles.get(record.source) == claim.role
        and record.task == claim.dataset
        and record.metric == claim.metric
        and record.variant == claim.variant
        and record.transform == claim.transform
        and (claim.space is None or record.space == claim.space)
        and (claim.fitted_on is None or record.fitted_on == claim.fitted_on)
        and record.subset in (None, "test")
    )


def claims_table(checked: Sequence[Checked]) -> Table:
    """All claims, one a row; ours is empty where the paper's model or data were not run."""
    rows: list[tuple[Cell, ...]] = [
        (
            c.claim.source,
            c.claim.role,
            c.claim.dataset,
            c.claim.metric + (f" ({c.claim.variant})" if c.claim.variant else ""),
            c.claim.space,
            c.claim.transform,
            c.claim.fitted_on,
            c.claim.expected,
            c.ours.value if c.ours else None,
            c.status if c.ours else "not run",
            c.claim.note,
        )
        for c in checked
    ]
    columns = (
        Column("where"),
        Column("model"),
        Column("data"),
        Column("number"),
        Column("space"),
        Column("transform"),
        Column("fitted on"),
        Column("published", 4),
        Column("ours", 4),
        Column("verdict"),
        Column("remark"),
    )
    caption = (
        "Every number of the article's tables. Ours stands beside it where its model and its data were run: name them "
        "with --models and --data."
    )
    return Table("claims", "The article's numbers, one by one", columns, tuple(rows), caption)
