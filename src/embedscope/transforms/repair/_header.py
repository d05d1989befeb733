"""What a repair says of itself: how it was fitted, what it was judged on, how scores are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_type_hints

from embedscope.core.records import Record
from embedscope.core.schema import read_as
from embedscope.core.short_repr import short_repr
from embedscope.transforms.calibration import Calibration, Threshold, calibration_from


@dataclass(frozen=True)
class ScorerChoice:
    """A scorer for query time, by the text that ``transforms.scorers.parse_scorer`` reads.

    Attributes
    ----------
    text : name and numbers, ``csls:10``
    transductive : whether its bank holds the queries that are to be answered
    """

    text: str
    transductive: bool = False


def _installed_version() -> str:
    try:
        return version("embedscope")
    except PackageNotFoundError:
        return "unknown"


@short_repr
@dataclass(frozen=True)
class Header:
    """Everything in a repair that is not a map.

    Attributes
    ----------
    candidate : the chain or alignment as text, ``center,procrustes``; ``none`` for the identity
    n : rows, or pairs of rows, that it was fitted on; None where nothing was fitted
    fitted_on : which rows these were, in words
    decision : what was decided and why, one sentence
    evidence : numbers on held-out data
    notes : what a reader must know, as sentences
    calibration : cosine to probability of a match, None where there were no pairs
    thresholds : cosines from which on pairs are taken as matches, with what is promised of each
    scorer : how to score at query time, None for plain cosines
    version : embedscope that wrote it
    """

    candidate: str = "none"
    n: int | None = None
    fitted_on: str | None = None
    decision: str | None = None
    evidence: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None
    thresholds: tuple[Threshold, ...] = ()
    scorer: ScorerChoice | None = None
    version: str = field(default_factory=_installed_version)

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return plain | {
            "evidence": [record.as_dict() for record in self.evidence],
            "notes": list(self.notes),
            "calibration": None if self.calibration is None else self.calibration.as_dict(),
            "thresholds": [asdict(t) for t in self.thresholds],
            "scorer": None if self.scorer is None else dict(vars(self.scorer)),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any], path: str | Path = "the header") -> Header:
        """The header that ``as_dict`` gave, from the file ``path``; fields that a later version added are passed over.

        Raises
        ------
        InputError
            if a field is of another type.
        """
        plain = {f.name: facts[f.name] for f in fields(cls) if f.name in facts and f.name != "calibration"}
        hints = get_type_hints(cls)
        known = {name: read_as(hints[name], value, path, name) for name, value in plain.items()}
        calibration = facts.get("calibration")
        known["calibration"] = None if calibration is None else calibration_from(calibration)
        return cls(**known)
