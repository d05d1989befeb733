"""Published numbers compared with our records: as a table, and as one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from embedscope.core.document import Cell, Column, Finding, Status, Table
from embedscope.core.records import Record
from embedscope.experiments.experiment import ValueClaim


@dataclass(frozen=True)
class Checked:
    """A claim and our record; ``ours`` is None where its model or data were not run."""

    claim: ValueClaim
    ours: Record | None
    status: Status

    @property
    def value(self) -> float | None:
        """Our value."""
        return self.ours.value if self.ours else None

    @property
    def verdict(self) -> str:
        """The status, or that it was not run."""
        return self.status if self.ours else "not run"

    @property
    def summary(self) -> str:
        """The claim and our number in a few words."""
        ours = "undefined" if self.value is None else f"{self.value:.3f}"
        return f"{self.claim.source} {self.claim.metric} {self.claim.expected:g}: {ours}"


def check(
    claims: Iterable[ValueClaim], records: Sequence[Record], answers: Callable[[Record, ValueClaim], bool]
) -> list[Checked]:
    """Every claim with the first record that ``answers`` it."""
    checked = []
    for claim in claims:
        ours = next((r for r in records if answers(r, claim)), None)
        status: Status = "undecided" if ours is None or ours.value is None else claim.verdict(ours.value)
        checked.append(Checked(claim, ours, status))
    return checked


def remark(claim: ValueClaim) -> str:
    """Remarks on a published number, and why it cannot be checked exactly."""
    return "; ".join(filter(None, (claim.note, claim.limit)))


def claims_table(
    checked: Sequence[Checked],
    title: str,
    places: Sequence[tuple[str, Callable[[ValueClaim], Cell]]],
    digits: int,
    caption: str,
) -> Table:
    """All claims, one per row, with columns ``places``; ours is empty where the claim was not run."""
    rows = [
        (*(of(c.claim) for _, of in places), c.claim.expected, c.value, c.verdict, remark(c.claim)) for c in checked
    ]
    last = (Column("published", digits), Column("ours", digits), Column("verdict"), Column("remark"))
    return Table("claims", title, (*(Column(name) for name, _ in places), *last), tuple(rows), caption)


def claims_finding(checked: Sequence[Checked], whose: str, how: str) -> Finding:
    """How many of the published numbers that could be checked agree; ``how`` to run the others."""
    run = [c for c in checked if c.value is not None]
    if not run:
        return Finding(
            f"None of {whose} were run here, so none of the published numbers is checked.",
            "undecided",
            f"{len(checked)} numbers are in the table of claims",
            "",
            how,
        )
    agree = [c for c in run if c.status == "agrees"]
    return Finding(
        f"{len(agree)} of the {len(run)} published numbers that could be checked agree.",
        "agrees" if len(agree) == len(run) else "deviates",
        "; ".join(c.summary for c in run[:8]),
        "",
        "The table of claims lists all of them, with remarks.",
    )
