"""Findings of a diagnosis as selections of rows: those that it lists, or where it held a sample, a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.ids import row_numbers
from embedscope.core.progress import Progress
from embedscope.diagnosis import Verdict, diagnose
from embedscope.diagnosis.rule import severity_word
from embedscope.diagnosis.space_rows import SpaceRows
from embedscope.explorer.facts import RowFacts

_FIVE = 5
HIDDEN = "__rows_"
"""Beginning of the columns that say which rows a finding lists; the page does not show columns that begin so."""


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


@dataclass(frozen=True, eq=False)
class Findings:
    """What a diagnosis found, for a page of n rows.

    Attributes
    ----------
    selections : worst first, then outliers and copies where they are no findings
    members : rule -> (n,) 1 for the rows that it lists
    population : (n,) ``larger`` or ``smaller`` of two sets that never mix, empty where it is not known; None for one
    """

    selections: tuple[Selection, ...]
    members: Mapping[str, npt.NDArray[np.int8]]
    population: npt.NDArray[Any] | None = None


def findings(x: npt.NDArray[Any], facts: RowFacts, seed: int, progress: Progress) -> Findings:
    """Findings of ``diagnose`` on the rows ``x`` (n, d)."""
    verdicts = diagnose(x, seed=seed, progress=progress).verdicts
    members: dict[str, npt.NDArray[np.int8]] = {}
    selections = [_selection(v, facts, members) for v in verdicts if v.severity != "ok"]
    known = {s.id for s in selections}
    if "outliers" not in known:
        selections.append(
            Selection("outliers", "", "Rows that lie far from their nearest.", "outliers", "outlier = 'yes'")
        )
    if "copies" not in known:
        selections.append(Selection("copies", "", "Rows that equal another.", "duplicates", "duplicate_group > 0"))
    held = next((v.numbers.rows for v in verdicts if v.numbers.rows is not None), None)
    return Findings(tuple(selections), members, None if held is None else _population(held, len(x)))


def _selection(verdict: Verdict, facts: RowFacts, members: dict[str, npt.NDArray[np.int8]]) -> Selection:
    rule, held = verdict.rule.id, verdict.numbers.rows
    text = verdict.rule.sentence(verdict.numbers, verdict.reading)
    which, predicate = "", ""
    listed = None if held is None else held.listed.get(rule)
    if rule in _ALWAYS or (rule in _OF_ALL and (held is None or held.sampled)):
        which, predicate = (_ALWAYS.get(rule) or _OF_ALL[rule])(facts)
    elif listed is not None and len(listed):
        members[rule] = np.zeros(len(facts.norm), dtype=np.int8)
        members[rule][row_numbers(listed.ids).astype(np.intp)] = 1
        which = "its rows" + (" in a sample" if held is not None and held.sampled else "")
        predicate = f"{HIDDEN}{rule} = 1"
    return Selection(rule, verdict.severity, text, which, predicate)


def _population(held: SpaceRows, n: int) -> npt.NDArray[Any] | None:
    if held.split is None:
        return None
    names = np.full(n, "", dtype=object)
    names[row_numbers(held.ids).astype(np.intp)] = np.where(held.split.smaller, "smaller", "larger")
    return names


def _hubs(facts: RowFacts) -> tuple[str, str]:
    least = np.sort(facts.hub_count)[-min(_FIVE, len(facts.hub_count))]
    return f"found by {least:,} rows or more", f"hub_count >= {least}"


def _norms(facts: RowFacts) -> tuple[str, str]:
    high = float(facts.norm.mean() + 2 * facts.norm.std())
    return "norm two deviations above the mean", f"norm > {high:.6g}"


def _cone(facts: RowFacts) -> tuple[str, str]:
    least = float(np.quantile(facts.cosine_to_mean, 0.9))
    return "the tenth nearest to the mean direction", f"cosine_to_mean >= {least:.6g}"


def _crowded_rows(facts: RowFacts) -> tuple[str, str]:
    most = float(np.quantile(1 - facts.distances[:, 0], 0.1))
    return "the tenth whose nearest is least near", f"nearest_cosine <= {most:.6g}"


Rule = Callable[[RowFacts], tuple[str, str]]

_ALWAYS: Mapping[str, Rule] = {"copies": lambda facts: ("equal to another row", "duplicate_group > 0")}
"""Rules whose rows are read off the columns: a group of copies is shown with its first row."""

_OF_ALL: Mapping[str, Rule] = {
    "hubs": _hubs,
    "never_found": lambda facts: ("found by no other row", "hub_count = 0"),
    "zero_rows": lambda facts: ("all zeros", "norm = 0"),
    "norms_vary": _norms,
    "cosine_floor": _cone,
    "low_contrast": _crowded_rows,
    "outliers": lambda facts: ("outliers", "outlier = 'yes'"),
}
"""Rules whose rows are read off the columns where the diagnosis held only a sample of them."""


def _matches(predicate: str, rows: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    column, sign, value = predicate.split(" ", 2)
    held = np.asarray(rows[column])
    wanted: Any = value.strip("'") if value.startswith("'") else float(value)
    compare: Mapping[str, Callable[[Any, Any], Any]] = {
        "=": np.equal, ">": np.greater, ">=": np.greater_equal, "<=": np.less_equal,
    }  # fmt: skip
    return np.asarray(compare[sign](held, wanted), dtype=bool)


def as_markdown(selections: Sequence[Selection]) -> str:
    """The findings as a list in Markdown, for the side of the page."""
    said = [s for s in selections if s.severity]
    if not said:
        return "Nothing was found that `embedscope diagnose` reports."
    return "\n".join(f"- **{severity_word(s.severity)}** {s.text}" for s in said)
