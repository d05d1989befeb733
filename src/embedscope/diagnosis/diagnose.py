"""From numbers to findings: every rule on every space, worst first, as a document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from embedscope.core.atomic import write_text
from embedscope.core.document import Column, Document, Finding, Row, Table
from embedscope.core.printable import csv_text
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.diagnosis._collect import Collected, collect
from embedscope.diagnosis._readings import Numbers
from embedscope.diagnosis.illustrations import illustrate
from embedscope.diagnosis.pair_rules import PAIR_RULES, QUERY_RULES
from embedscope.diagnosis.rule import LEVELS, SEVERITIES, Rule, Severity, Verdict, severity_word, verdict
from embedscope.diagnosis.space_rows import Listed
from embedscope.diagnosis.space_rules import RULES
from embedscope.diagnosis.thresholds import Thresholds
from embedscope.diagnosis.where import UNNAMED, Where
from embedscope.geometry.sketches import Sketchbook

QUESTION = "What is wrong with this space, whom does it hurt, and what is the smallest repair to try?"


@short_repr
@dataclass(frozen=True)
class Diagnosis:
    """A result whose document holds the findings, and the verdicts they come from.

    Attributes
    ----------
    verdicts : of every rule on every space, worst first
    collected : the numbers and rows that they come from
    """

    result: Result
    verdicts: tuple[Verdict, ...]
    collected: Collected | None = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()

    @property
    def worst(self) -> Severity:
        """The worst severity of all; ``ok`` where nothing was found."""
        return max((v.severity for v in self.verdicts), key=SEVERITIES.index, default="ok")

    def problems(self, severity: Severity = "warning") -> tuple[Verdict, ...]:
        """Verdicts of ``severity`` or worse."""
        return tuple(v for v in self.verdicts if SEVERITIES.index(v.severity) >= SEVERITIES.index(severity))

    def rows(self) -> list[dict[str, Any]]:
        """Every row that a finding is about: ``finding, severity, space, row, text, value, why``.

        ``row`` is the number of the row from 0 on (of a token, sentence and position), in the file, or among the texts
        of a model. Rows of a finding come worst first; where not all rows were held, those of the sample.
        """
        return [row for v in self.verdicts if v.severity != "ok" for row in self._rows_of(v, None)]

    def write_rows(self, path: str | Path) -> int:
        """Write ``rows()`` to ``path`` as CSV, and give their number."""
        rows = self.rows()
        write_text(path, csv_text(ROW_COLUMNS, rows))
        return len(rows)

    def first_rows(self, v: Verdict) -> tuple[tuple[Row, ...], int | None]:
        """The first ten rows of the finding of ``v`` and how many there are; None where it is not about rows."""
        listed = self._find_rows(v)
        if listed is None or self.collected is None:
            return (), None
        names = self.collected.names_of(v.numbers.source, listed[0])
        rows = (Row(r["row"], r["text"], r["why"], names.thumbnail(r["row"])) for r in self._rows_of(v, SHOWN))
        return tuple(rows), len(listed[1])

    def _find_rows(self, v: Verdict) -> tuple[str, Listed] | None:
        """Name of the source or side, and the rows, of the finding of ``v``."""
        if self.collected is None:
            return None
        if v.numbers.rows is not None:
            listed = v.numbers.rows.listed.get(v.rule.id)
            return None if listed is None else (v.numbers.space, listed)
        return self.collected.listed.get(v.rule.id)

    def _rows_of(self, v: Verdict, most: int | None) -> list[dict[str, Any]]:
        row_list = self._find_rows(v)
        if row_list is None or self.collected is None:
            return []
        space, listed = row_list
        first = Listed(listed.ids[:most], listed.values[:most], listed.why)
        named = self.collected.names_of(v.numbers.source, space).name_rows(first.ids)
        return [
            {
                "finding": v.rule.id,
                "severity": v.severity,
                "space": space,
                "row": row,
                "text": text,
                "value": float(first.values[i]),
                "why": first.reason(i),
            }
            for i, (row, text) in enumerate(named)
        ]


SHOWN = 10
"""Rows that a finding names."""

ROW_COLUMNS = ("finding", "severity", "space", "row", "text", "value", "why")


def diagnose(source: Any = None, *, thresholds: Thresholds | None = None, **options: Any) -> Diagnosis:
    """What is wrong with a space, a pair, or either with queries; each finding with its number and what to try.

    Parameters
    ----------
    source, options : of :func:`embedscope.diagnosis._collect.numbers` (``pair``, ``pair_ids``, ``queries``, ...)
    thresholds : by rule and severity, as :func:`embedscope.diagnosis.thresholds.thresholds_of` reads them

    Raises
    ------
    InputError, UnknownNameError

    >>> import numpy as np
    >>> cone = np.random.default_rng(0).normal(size=(600, 8)) + 5
    >>> [v.rule.id for v in diagnose(cone).problems()]
    ['low_contrast', 'half_precision']
    """
    book = Sketchbook(rows=False)
    where = Where.of(source, options.get("pair"), options.get("pair_ids"), options, options.get("names"))
    diagnosis = judge(collect(source, sketches=book, **options), thresholds or {}, where=where)
    base = None if diagnosis.collected is None else diagnosis.collected.result.document
    assert diagnosis.result.document is not None
    document = illustrate(diagnosis.result.document, diagnosis.verdicts, base, book)
    return replace(diagnosis, result=replace(diagnosis.result, document=document))


def judge(collected: Collected, thresholds: Thresholds, where: Where = UNNAMED) -> Diagnosis:
    """The verdicts on the numbers of a diagnosis, and their document."""
    verdicts: list[Verdict] = []
    measured = collected.result
    spaces = [
        replace(space, rows=collected.rows.get((space.source, space.pooling, space.space)))
        for space in spaces_of(measured.records, where)
    ]
    for space in spaces:
        for rule in _rules(space):
            judgement = verdict(rule, space, thresholds.get(rule.id))
            if judgement is not None:
                verdicts.append(judgement)
    verdicts.sort(key=lambda v: -SEVERITIES.index(v.severity))
    diagnosis = Diagnosis(measured, tuple(verdicts), collected)
    return replace(diagnosis, result=replace(measured, document=_document(diagnosis, spaces, where)))


def spaces_of(records: Iterable[Record], where: Where) -> list[Numbers]:
    """The numbers of each space (``image``, ``image|text``, ``query|document``), in their order."""
    kept: dict[tuple[str, str | None, str], dict[str, Record]] = {}
    for r in records:
        kept.setdefault((r.source, r.pooling, r.space or ""), {})[r.metric] = r
    sizes = {
        space: max((r.n or 0) for r in by_metric.values())
        for (_, _, space), by_metric in kept.items()
        if "|" not in space
    }
    documents = max(sizes.values(), default=0)
    out = []
    for (source, pooling, space), by_metric in kept.items():
        sides = space.split("|") if "|" in space else []
        own = {name: sizes.get(name, 0) for name in sides}
        if sides and sides[0] == "query":
            asked = max((r.n or 0) for r in by_metric.values())
            rest = {"document": documents, "pool": sum(sizes.values())}
            own = {"query": asked, sides[1]: sizes.get(sides[1]) or rest.get(sides[1], documents)}
        out.append(Numbers(by_metric, source, space, where, own, pooling=pooling))
    return out


def _rules(space: Numbers) -> tuple[Rule, ...]:
    if "|" not in space.space:
        return RULES
    return QUERY_RULES if space.space.startswith("query|") else PAIR_RULES


def _document(diagnosis: Diagnosis, spaces: list[Numbers], where: Where) -> Document:
    several = len({(s.source, s.space) for s in spaces}) > 1
    findings = [_finding(v, several, *diagnosis.first_rows(v)) for v in diagnosis.verdicts if v.severity != "ok"]
    findings += [_open(v, several) for v in diagnosis.verdicts if v.severity == "ok" and v.undecided]
    fine = [v for v in diagnosis.verdicts if v.severity == "ok" and not v.undecided]
    findings += list(_unjudged_findings([v for v in fine if not v.is_judged], several))
    findings += list(_healthy([v for v in fine if v.is_judged], several))
    verdict_table = Table(
        "verdicts",
        "Every rule, its number and its thresholds",
        (
            Column("verdict"),
            Column("space"),
            Column("rule"),
            Column("value", 4),
            Column("± s.e.", 4, "standard error; none where the number is a count"),
            *(Column(severity_word(level), 4, "threshold in force at this n") for level in LEVELS),
        ),
        tuple(
            (
                severity_word(v.severity) if v.is_judged else "too few rows",
                v.numbers.space,
                v.rule.id,
                v.reading.value,
                v.reading.stderr,
                *(v.thresholds.get(s) for s in LEVELS),
            )
            for v in diagnosis.verdicts
        ),
        "A severity counts when the whole 95 % interval lies beyond its threshold.",
    )
    return Document(f"Diagnosis of {where.title}", QUESTION, tuple(findings), (verdict_table,))


def _finding(v: Verdict, several: bool, rows: tuple[Row, ...], n_rows: int | None) -> Finding:
    return Finding(
        _prefix(v, several) + v.rule.sentence(v.numbers, v.reading),
        v.severity,
        evidence=f"{_number(v)}; {severity_word(v.severity)} {v.rule.worse} {v.thresholds[v.severity]:.3g}{_beside(v)}",
        detail=f"Threshold: {v.rule.reason}.{_sampling_note(v) if rows else ''}",
        harm=v.rule.harm,
        actions=v.rule.remedy.actions(v.numbers),
        rows=rows,
        n_rows=n_rows,
    )


def _sampling_note(v: Verdict) -> str:
    """That the rows named are those of a sample, where not all were held."""
    held = v.numbers.rows
    return f" Rows are named among {len(held.ids):,} sampled ones." if held is not None and held.sampled else ""


def _open(v: Verdict, several: bool) -> Finding:
    assert v.undecided is not None
    text = f"{_prefix(v, several)}{v.rule.sentence(v.numbers, v.reading)} The interval includes the threshold."
    threshold = f"{severity_word(v.undecided)} {v.rule.worse} {v.thresholds[v.undecided]:.3g}"
    return Finding(
        text,
        "info",
        evidence=f"{_number(v)}; {threshold}{_beside(v)}",
        detail="More rows would decide it.",
    )


def _unjudged_findings(verdicts: list[Verdict], several: bool) -> Iterable[Finding]:
    """One line per space: what so few rows say nothing about."""
    for few in _by_space(verdicts):
        names = "; ".join(f"{v.rule.name} (from {v.rule.least_rows:,} rows on)" for v in few)
        n = few[0].numbers.n
        rows = "1 row is" if n == 1 else f"{n:,} rows are"
        yield Finding(f"{_prefix(few[0], several)}Not judged, since {rows} too few: {names}.", "info")


def _healthy(verdicts: list[Verdict], several: bool) -> Iterable[Finding]:
    """One line per space: what was checked and is fine."""
    for fine in _by_space(verdicts):
        names = "; ".join(f"{v.rule.name} ({v.reading.value:.3g})" for v in fine)
        yield Finding(f"{_prefix(fine[0], several)}Fine: {names}.", "ok")


def _by_space(verdicts: list[Verdict]) -> Iterable[list[Verdict]]:
    """The verdicts on each space, in their order."""
    spaces: dict[tuple[str, str], list[Verdict]] = {}
    for v in verdicts:
        spaces.setdefault((v.numbers.source, v.numbers.space), []).append(v)
    return spaces.values()


def _prefix(v: Verdict, several: bool) -> str:
    place = v.numbers.space if v.numbers.space in v.numbers.source or "|" in v.numbers.space else ""
    if not several:
        return ""
    return f"{place or f'{v.numbers.source} {v.numbers.space}'.strip()}: "


def _number(v: Verdict) -> str:
    """``self_similarity 0.640 ± 0.004 (95 % 0.631 to 0.649), n 1,500``."""
    r = v.reading
    names = " / ".join(v.rule.metrics) or "rows / dimensions"
    error = "" if r.stderr is None else f" ± {r.stderr:.2g} (95 % {r.low:.4g} to {r.high:.4g})"
    kind = ", a count" if r.exact else "" if r.stderr is not None else ", no error bar: too few groups of rows"
    return f"{names} {r.value:.4g}{error}{kind}, n {v.numbers.n:,}"


def _beside(v: Verdict) -> str:
    """Further evidence of the rule, after what it is judged by."""
    said = "" if v.rule.beside is None else v.rule.beside(v.numbers)
    return f"; {said}" if said else ""
