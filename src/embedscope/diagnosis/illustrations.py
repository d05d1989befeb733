"""What stands beside the findings of a diagnosis: its headline, its charts, and the rows that findings are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.document import Chart, Document, Finding, Headline, Range, Row
from embedscope.core.ids import hash_texts
from embedscope.core.printable import csv_text
from embedscope.core.provenance import Provenance
from embedscope.diagnosis._rule import JUDGED, Verdict
from embedscope.geometry.charts import charts_of, with_charts
from embedscope.geometry.sketches import Occurrences, Sketchbook, row_number
from embedscope.sources.texts import texts_named
from embedscope.stats.neighbourhood import K

if TYPE_CHECKING:
    from embedscope.diagnosis.diagnose import Diagnosis

FIRST = 10
"""Rows of a finding that its report names; the rest is in the file of --rows-out."""

HEALTHY = Range(-0.2, 0.2, "unrelated rows of most healthy spaces")

Named = Callable[[np.uint64, int], tuple[str, str]]
"""Hash of a row, number of rows -> what it is called and its text."""

_CARRIES = {
    "cosine_floor": ("cosines", "coordinates"),
    "low_contrast": ("cosines", "coordinates"),
    "rogue_coordinate": ("coordinates", "cosines"),
    "rank_collapse": ("spectrum", "cosines"),
    "hubs": ("occurrences", "cosines"),
    "never_found": ("occurrences", "cosines"),
    "copies": ("cosines", "occurrences"),
    "half_precision": ("cosines", "coordinates"),
    "int8": ("coordinates", "cosines"),
}
"""Rule -> the charts that show what it found, the best one first."""


def illustrated(diagnosis: Diagnosis, book: Sketchbook, texts: Sequence[str] | None = None) -> Diagnosis:
    """``diagnosis`` with a headline, charts from ``book``, and the rows of its findings.

    ``texts`` are those that a model read, where that is known.
    """
    pages = list(book)
    document = diagnosis.result.document
    assert document is not None
    charts = charts_of(pages, (HEALTHY,))
    named = _names(texts)
    lists = {
        (source, space, rule): rows
        for source, space, page in pages
        if "occurrences" in page
        for rule, rows in _rows(page["occurrences"], named).items()
    }
    document = with_charts(document, charts)
    document = replace(
        document,
        findings=tuple(_with_rows(f, diagnosis.verdicts, lists) for f in document.findings),
        headline=document.headline or _headline(diagnosis, document, charts),
    )
    return replace(diagnosis, result=replace(diagnosis.result, document=document), rows=_by_rule(diagnosis, lists))


def _headline(diagnosis: Diagnosis, document: Document, charts: Sequence[Chart]) -> Headline:
    """The worst finding in one sentence, how many others there are, and one command that runs as printed."""
    found = [v for v in diagnosis.verdicts if v.severity in ("warning", "serious")]
    notes = sum(v.severity == "info" for v in diagnosis.verdicts)
    fine = sum(v.severity == "ok" for v in diagnosis.verdicts)
    first = next(iter(found), next((v for v in diagnosis.verdicts if v.severity == "info"), None))
    shown = _charts_for(first, charts)
    if not found:
        also = f" {_counted(notes, 'note')}, none of which hurts retrieval by itself." if notes else ""
        return Headline(f"No problem found: {_counted(fine, 'check')} passed.{also}", "ok", charts=shown)
    text = found[0].rule.sentence(found[0].numbers, found[0].reading)
    more = [v.rule.sentence(v.numbers, v.reading).rstrip(".") for v in found[1:]]
    others = f" {len(more)} more {'problem' if len(more) == 1 else 'problems'} below." if more else ""
    finding = next((f for f in document.findings if f.status == found[0].severity), None)
    evidence = finding.evidence if finding is not None else ""
    return Headline(
        f"{text}{others}", found[0].severity, evidence, found[0].rule.harm, _command(found, diagnosis), shown
    )


def _charts_for(verdict: Verdict | None, charts: Sequence[Chart]) -> tuple[str, ...]:
    wanted = _CARRIES.get(verdict.rule.id, ()) if verdict is not None else ()
    ids = [c.id for c in charts]
    forms = [*wanted, "cosines", "coordinates", "occurrences", "spectrum"]
    space = verdict.numbers.space if verdict is not None else ""
    own = [c.id for form in forms for c in charts if c.id.startswith(form) and c.title.endswith(f", {space}")]
    first = own or [next((i for i in ids if i.startswith(form)), "") for form in forms]
    return tuple(list(dict.fromkeys(filter(None, first)))[:2])


def _command(found: Sequence[Verdict], diagnosis: Diagnosis) -> str:
    """The remedy of the worst finding that is a command and runs as it is; otherwise what lists its rows."""
    for v in found:
        remedy = v.rule.remedy(v.numbers)
        if remedy.startswith("embedscope ") and JUDGED not in remedy:
            return remedy.partition("; ")[0]
    where = found[0].numbers.where
    return "" if where in ("SOURCE", "--pair A B") else f"embedscope diagnose {where} --rows-out rows.csv"


def _names(texts: Sequence[str] | None) -> Named:
    known: Mapping[int, int] = {}
    if texts is not None:
        known = {int(h): i for i, h in enumerate(hash_texts(texts))}

    def named(hashed: np.uint64, n: int) -> tuple[str, str]:
        if texts is not None and int(hashed) in known:
            place = known[int(hashed)]
            return str(place), texts[place]
        number = row_number(hashed, n)
        return (f"{int(hashed):016x}" if number is None else str(number)), ""

    return named


def _rows(o: Occurrences, named: Named) -> dict[str, list[Row]]:
    """The rows of every rule that is about single rows, all of them, the most telling first."""
    n = max(len(o.held), 1)

    def row(hashed: np.uint64, why: str) -> Row:
        name, text = named(hashed, _most(o))
        return Row(name, text, why)

    made: dict[str, list[Row]] = {}
    hubs = [i for i in o.hubs.tolist() if o.counts[i] >= 3 * K]
    made["hubs"] = [row(o.ids[i], f"found {o.counts[i]:,} times, {K} on average") for i in hubs or o.hubs[:5].tolist()]
    made["never_found"] = [row(o.ids[i], "found by no other row") for i in np.flatnonzero(o.counts == 0).tolist()]
    copies, firsts = o.copies
    pairs = [
        (row(o.ids[a], ""), named(o.ids[b], _most(o))[0]) for a, b in zip(copies.tolist(), firsts.tolist(), strict=True)
    ]
    made["copies"] = [_later(r, first) for r, first in pairs]
    made["zero_rows"] = [row(h, "all zeros") for h in o.zeros]
    order = np.argsort(-o.norms, kind="stable")
    typical = float(np.median(o.norms)) or 1.0
    made["norms_vary"] = [
        row(o.held[i], f"{o.norms[i] / typical:.2f} times the median norm") for i in order[:n].tolist()
    ]
    for rule in ("never_found", "copies", "zero_rows"):
        made[rule].sort(key=lambda r: (not r.id.isdigit(), int(r.id) if r.id.isdigit() else 0, r.id))
    return made


def _later(row: Row, other: str) -> Row:
    """The later of two equal rows, which equals the earlier one."""
    if row.id.isdigit() and other.isdigit() and int(other) > int(row.id):
        return replace(row, id=other, why=f"equals row {row.id}")
    return replace(row, why=f"equals row {other}")


def _most(o: Occurrences) -> int:
    """A bound on row numbers: hashes of texts are far above it."""
    return max(1 << 40, len(o.held))


def _with_rows(
    finding: Finding, verdicts: Sequence[Verdict], lists: Mapping[tuple[str, str, str], list[Row]]
) -> Finding:
    """``finding`` with the first of its rows; it is known by the sentence of its rule."""
    if finding.rows or finding.status == "ok":
        return finding
    for v in verdicts:
        if finding.text.endswith(v.rule.sentence(v.numbers, v.reading)):
            rows = lists.get((v.numbers.source, v.numbers.space, v.rule.id), [])
            counted = len(rows) if v.rule.id != "norms_vary" else None
            return replace(finding, rows=tuple(rows[:FIRST]), n_rows=counted) if rows else finding
    return finding


def _by_rule(diagnosis: Diagnosis, lists: Mapping[tuple[str, str, str], list[Row]]) -> dict[str, tuple[Row, ...]]:
    """All rows of every finding, by ``rule`` or ``space: rule`` where there are several spaces."""
    several = len({(source, space) for source, space, _ in lists}) > 1
    wanted = {(v.numbers.source, v.numbers.space, v.rule.id) for v in diagnosis.verdicts if v.severity != "ok"}
    return {
        f"{space}: {rule}" if several else rule: tuple(rows)
        for (source, space, rule), rows in lists.items()
        if (source, space, rule) in wanted and rows
    }


def rows_csv(diagnosis: Diagnosis) -> str:
    """All rows of all findings as comma-separated text: rule, row, text, why."""
    fields = ("finding", "row", "text", "why")
    rows: list[dict[str, Any]] = [
        {"finding": rule, "row": r.id, "text": r.text, "why": r.why}
        for rule, found in diagnosis.rows.items()
        for r in found
    ]
    return csv_text(fields, iter(rows))


def texts_behind(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The texts that a model read, None for vectors and for tokens."""
    texts = options.get("texts")
    if texts is None or options.get("unit") == "token":
        return None
    return tuple(texts_named(texts, options.get("data"), Provenance())[0].texts)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
