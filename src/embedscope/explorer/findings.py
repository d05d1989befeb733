"""Findings of a diagnosis as selections of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.progress import Progress
from embedscope.diagnosis import diagnose
from embedscope.diagnosis._rule import Verdict
from embedscope.explorer.facts import RowFacts

_FIVE = 5


@dataclass(frozen=True)
class Selection:
    """A finding and the rows it is about.

    Attributes
    ----------
    id : of the rule
    severity : ``info``, ``warning``, ``serious``; empty for a selection that is no finding
    text : the finding in a sentence
    which : the rows in words; empty where the finding is about all of them alike
    predicate : SQL condition on the columns of the page
    """

    id: str
    severity: str
    text: str
    which: str = ""
    predicate: str = ""

    def count(self, rows: Mapping[str, npt.NDArray[Any]]) -> int:
        """How many rows the predicate selects of the columns ``rows``."""
        return int(_matches(self.predicate, rows).sum()) if self.predicate else 0


def selections(x: npt.NDArray[Any], facts: RowFacts, seed: int, progress: Progress) -> list[Selection]:
    """Findings of ``diagnose`` on the rows ``x`` (n, d), worst first, then outliers and copies within rounding."""
    verdicts = [v for v in diagnose(x, seed=seed, progress=progress).verdicts if v.severity != "ok"]
    found = [_selection(verdict, x, facts) for verdict in verdicts]
    found.append(Selection("outliers", "", "Rows that lie far from their ten nearest.", "outliers", "outlier = 'yes'"))
    if not any(s.id == "copies" for s in found):
        found.append(Selection("copies", "", "Rows that equal another.", "duplicates", "duplicate_group > 0"))
    return found


def _selection(verdict: Verdict, x: npt.NDArray[Any], facts: RowFacts) -> Selection:
    text = verdict.rule.sentence(verdict.numbers, verdict.reading)
    which, predicate = _ROWS[verdict.rule.id](x, facts) if verdict.rule.id in _ROWS else ("", "")
    return Selection(verdict.rule.id, verdict.severity, text, which, predicate)


def _hubs(x: npt.NDArray[Any], facts: RowFacts) -> tuple[str, str]:
    least = np.sort(facts.hub_count)[-min(_FIVE, len(facts.hub_count))]
    return f"found by {least:,} rows or more", f"hub_count >= {least}"


def _norms(x: npt.NDArray[Any], facts: RowFacts) -> tuple[str, str]:
    high = float(facts.norm.mean() + 2 * facts.norm.std())
    return "norm two deviations above the mean", f"norm > {high:.6g}"


def _cone(x: npt.NDArray[Any], facts: RowFacts) -> tuple[str, str]:
    least = float(np.quantile(facts.cosine_to_mean, 0.9))
    return "the tenth nearest to the mean direction", f"cosine_to_mean >= {least:.6g}"


def _crowded(x: npt.NDArray[Any], facts: RowFacts) -> tuple[str, str]:
    most = float(np.quantile(1 - facts.distances[:, 0], 0.1))
    return "the tenth whose nearest stands out least", f"nearest_cosine <= {most:.6g}"


_ROWS: Mapping[str, Callable[[npt.NDArray[Any], RowFacts], tuple[str, str]]] = {
    "hubs": _hubs,
    "never_found": lambda x, facts: ("found by no other row", "hub_count = 0"),
    "copies": lambda x, facts: ("equal to another row", "duplicate_group > 0"),
    "zero_rows": lambda x, facts: ("all zeros", "norm = 0"),
    "norms_vary": _norms,
    "cosine_floor": _cone,
    "low_contrast": _crowded,
}
"""Rules whose findings are about some rows more than others; the others are about the space as a whole."""


def _matches(predicate: str, rows: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    column, sign, value = predicate.split(" ", 2)
    held = np.asarray(rows[column])
    wanted: Any = value.strip("'") if value.startswith("'") else float(value)
    compare: Mapping[str, Callable[[Any, Any], Any]] = {
        "=": np.equal, ">": np.greater, ">=": np.greater_equal, "<=": np.less_equal,
    }  # fmt: skip
    return np.asarray(compare[sign](held, wanted), dtype=bool)


def as_markdown(found: Sequence[Selection]) -> str:
    """The findings as a list in Markdown, for the side of the page."""
    said = [s for s in found if s.severity]
    if not said:
        return "Nothing was found that `embedscope diagnose` reports."
    return "\n".join(f"- **{s.severity}** {s.text}" for s in said)
