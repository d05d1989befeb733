"""The published numbers compared with ours, where the article's models and data are available."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Table
from embedscope.core.records import Record
from embedscope.experiments._checked import Checked, check, claims_table
from embedscope.experiments._tyshchuk2023.numbers import CLAIMS
from embedscope.experiments._tyshchuk2023.vectors import Vectors
from embedscope.experiments.experiment import ValueClaim


def check_claims(models: Sequence[Vectors], records: Sequence[Record]) -> list[Checked]:
    """Every claim, with our record where the model and the data of the claim were run."""
    roles = {m.source: m.role for m in models}

    def answers(record: Record, claim: ValueClaim) -> bool:
        return (
            roles.get(record.source) == claim.role
            and record.task == claim.dataset
            and record.metric == claim.metric
            and record.variant == claim.variant
            and record.transform == claim.transform
            and (claim.space is None or record.space == claim.space)
            and (claim.fitted_on is None or record.fitted_on == claim.fitted_on)
            and record.subset in ((None, "test") if claim.subset is None else (claim.subset,))
        )

    return check(CLAIMS, records, answers)


def table_of_claims(checked: Sequence[Checked]) -> Table:
    """All claims, one per row; ours is empty where the article's model or data were not run."""
    return claims_table(
        checked,
        "Claims of the article",
        (
            ("where", lambda c: c.source),
            ("model", lambda c: c.role),
            ("data", lambda c: c.dataset),
            ("number", lambda c: c.metric + (f" ({c.variant})" if c.variant else "")),
            ("space", lambda c: c.space),
            ("part", lambda c: c.subset),
            ("transform", lambda c: c.transform),
            ("fitted on", lambda c: c.fitted_on),
        ),
        4,
        "Every number of the article's tables, and ours where its model and data were run (--models, --data).",
    )
