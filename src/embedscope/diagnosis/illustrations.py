"""What stands beside the findings of a diagnosis: its headline and its charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embedscope.core.document import Chart, Document, Headline, Range
from embedscope.core.wording import count
from embedscope.diagnosis.rule import LEAST_ROWS, Verdict
from embedscope.geometry.charts import charts_of, with_charts
from embedscope.geometry.sketches import Sketchbook

HEALTHY = Range(-0.2, 0.2, "unrelated rows of most healthy spaces")

_CARRIES = {
    "cosine_floor": ("cosines", "coordinates"),
    "low_contrast": ("cosines", "coordinates"),
    "rogue_coordinate": ("coordinates", "cosines"),
    "rank_collapse": ("spectrum", "cosines"),
    "few_directions": ("spectrum", "cosines"),
    "hubs": ("occurrences", "cosines"),
    "never_found": ("occurrences", "cosines"),
    "copies": ("duplicates", "cosines"),
    "half_precision": ("cosines", "coordinates"),
    "int8": ("coordinates", "cosines"),
}
"""Rule -> the charts that show what it found, the best one first."""


def illustrate(document: Document, verdicts: Sequence[Verdict], base: Document | None, book: Sketchbook) -> Document:
    """The ``document`` of a diagnosis with a headline, the charts of its ``base`` of numbers, and those of ``book``."""
    charts = (*(() if base is None else base.charts), *charts_of(list(book), (HEALTHY,)))
    document = with_charts(document, charts)
    return replace(document, headline=document.headline or _headline(verdicts, document, charts))


def _headline(verdicts: Sequence[Verdict], document: Document, charts: Sequence[Chart]) -> Headline:
    """The worst finding in one sentence, how many others there are, and one command that runs as printed."""
    problems = [v for v in verdicts if v.severity in ("warning", "serious")]
    notes = sum(v.severity == "info" for v in verdicts)
    first = next(iter(problems), next((v for v in verdicts if v.severity == "info"), None))
    shown = _charts_for(first, charts)
    if not problems:
        judged = [v for v in verdicts if v.is_judged]
        n = max((v.numbers.n for v in verdicts), default=0)
        if n < LEAST_ROWS:
            text = (
                f"Too few rows to judge: {count(n, 'row')}, and most checks need {LEAST_ROWS} or more. Nothing was "
                f"found by the {count(len([v for v in judged if v.severity == 'ok']), 'check')} that need fewer."
            )
            return Headline(text, "info", charts=shown)
        fine = sum(v.severity == "ok" for v in judged)
        also = f" {count(notes, 'note')}, none of which hurts retrieval by itself." if notes else ""
        return Headline(f"No problem found: {count(fine, 'check')} passed.{also}", "ok", charts=shown)
    text = problems[0].rule.sentence(problems[0].numbers, problems[0].reading)
    more = [v.rule.sentence(v.numbers, v.reading).rstrip(".") for v in problems[1:]]
    others = f" {len(more)} more {'problem' if len(more) == 1 else 'problems'} below." if more else ""
    finding = next((f for f in document.findings if f.status == problems[0].severity), None)
    evidence = finding.evidence if finding is not None else ""
    return Headline(f"{text}{others}", problems[0].severity, evidence, problems[0].rule.harm, _command(problems), shown)


def _charts_for(verdict: Verdict | None, charts: Sequence[Chart]) -> tuple[str, ...]:
    across = verdict is not None and "|" in verdict.numbers.space
    wanted = ("clouds", "cosines") if across else _CARRIES.get(verdict.rule.id, ()) if verdict is not None else ()
    ids = [c.id for c in charts]
    forms = [*wanted, "cosines", "coordinates", "occurrences", "spectrum"]
    space = verdict.numbers.space if verdict is not None else ""
    own = [c.id for form in forms for c in charts if c.id.startswith(form) and c.title.endswith(f", {space}")]
    first = own or [next((i for i in ids if i.startswith(form)), "") for form in forms]
    return tuple(list(dict.fromkeys(filter(None, first)))[:2])


def _command(problems: Sequence[Verdict]) -> str:
    """The remedy of the worst finding that is a command and runs as it is; otherwise what lists its rows."""
    for v in problems:
        remedy = v.rule.remedy
        if remedy.runs(v.numbers):
            return remedy.command(v.numbers)
    where = problems[0].numbers.where
    return f"embedscope diagnose {where} --rows-out rows.csv" if where.is_named else ""
