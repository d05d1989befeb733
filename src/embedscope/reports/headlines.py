"""The answer of a document: its own headline, or the most important finding; findings in order of importance."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Chart, Document, Finding, Headline

LEADING = 2
"""Charts on the first screen."""

_FIRST = {"serious": 0, "warning": 1}


def headline_of(document: Document) -> Headline | None:
    """The headline of ``document``; where it has none, its first finding by importance, None without findings.

    >>> headline_of(Document("t", findings=(Finding("a", "info"), Finding("b", "serious")))).text
    'b'
    """
    if document.headline is not None:
        return document.headline
    for finding in by_importance(document.findings):
        return Headline(finding.text, finding.status, finding.evidence)
    return None


def by_importance(findings: Sequence[Finding]) -> list[Finding]:
    """Serious ones, then warnings, then the others as they came; minor ones last."""
    return sorted(findings, key=lambda f: (f.minor, _FIRST.get(f.status, 2)))


def leading_charts(document: Document) -> tuple[Chart, ...]:
    """The one or two charts that carry the headline: those it names, else the first of the document."""
    charts = document.charts
    if document.headline is not None and document.headline.charts:
        charts = tuple(c for c in charts if c.id in document.headline.charts) or charts
    return charts[:LEADING]
