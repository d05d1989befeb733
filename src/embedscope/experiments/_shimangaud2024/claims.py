"""The published numbers compared with ours, where the study's encoders and questions are available."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Table
from embedscope.core.records import Record
from embedscope.experiments._checked import Checked, check, claims_table
from embedscope.experiments._shimangaud2024.numbers import CLAIMS, FIFTY, NAMES, OWN_QUESTIONS
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.experiments.experiment import ValueClaim


def check_claims(models: Sequence[Model], records: Sequence[Record]) -> list[Checked]:
    """Every claim, with our record where the encoder and the questions of the claim were run.

    A record of the user's folder answers only if it asks fifty questions, as the study does.
    """
    roles = {m.source: (m.role, m.main) for m in models if not m.baseline and m.role}

    def answers(record: Record, claim: ValueClaim) -> bool:
        return (
            roles.get(record.source) == (claim.role, record.space)
            and record.task == claim.dataset
            and record.metric == claim.metric
            and record.subset is None
            and (claim.dataset != OWN_QUESTIONS or record.n == FIFTY)
        )

    return check(CLAIMS, records, answers)


def table_of_claims(checked: Sequence[Checked]) -> Table:
    """All claims, one per row; ours is empty where the study's encoder or questions were not run."""
    return claims_table(
        checked,
        "Claims of the study",
        (
            ("where", lambda c: c.source),
            ("encoder", lambda c: NAMES[c.role]),
            ("questions", lambda c: c.dataset),
            ("number", lambda c: c.metric),
        ),
        2,
        "Every number of the study, and ours where its encoder and questions were run (--models, --data). 'images' are "
        "the questions of a folder of images, which must be fifty.",
    )
