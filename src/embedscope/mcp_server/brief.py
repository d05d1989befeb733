"""A result in few words: findings first, then numbers, cut where they are many and said so."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Finding
from embedscope.core.records import Record
from embedscope.core.result import Result

LIMIT = 4000
"""Characters of an answer."""

_FINDINGS = 10
_NUMBERS = 30


def brief(result: Result, saved: str | None = None, *, numbers: bool = True) -> str:
    """Findings and numbers of ``result`` in at most 4,000 characters; ``saved`` names the file that holds all of it.

    >>> print(brief(Result((Record("x.npy", "isoscore", 0.25, ci_low=0.2, ci_high=0.3, n=100),))))
    isoscore 0.25 [0.2, 0.3] (x.npy, n 100)
    """
    lines: list[str] = []
    document = result.document
    if document is not None:
        lines.append(document.title)
        lines += [_finding(f) for f in document.findings[:_FINDINGS]]
        if len(document.findings) > _FINDINGS:
            lines.append(f"({len(document.findings) - _FINDINGS} more findings)")
        lines += [f"not compared or left out: {s.what} ({s.why})" for s in document.skipped[:3]]
    if numbers:
        lines += _numbers([r for r in result.records if not r.compares] or list(result.records))
    return cut("\n".join(lines), saved)


def cut(text: str, saved: str | None = None) -> str:
    """``text`` within the limit, whole lines, with what was left out and where all of it is."""
    end = [f"all of it: {saved}"] if saved else []
    lines = text.split("\n")
    room = LIMIT - sum(len(line) + 1 for line in end) - 60
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > room:
            break
        kept.append(line)
    left = len(lines) - len(kept)
    more = [f"({left} more lines{'' if saved else '; pass save to keep all'})"] if left else []
    return "\n".join([*kept, *more, *end])


def _finding(f: Finding) -> str:
    parts = [f"{f.status}: {f.text}", f.harm, f"Try: {f.remedy}" if f.remedy else ""]
    return "- " + " ".join(part for part in parts if part)


def _numbers(records: Sequence[Record]) -> list[str]:
    lines = [_number(r) for r in records[:_NUMBERS]]
    if len(records) > _NUMBERS:
        lines.append(f"({len(records) - _NUMBERS} more numbers)")
    return lines


def _number(r: Record) -> str:
    value = "undefined" if r.value is None else f"{r.value:.4g}"
    known = r.ci_low is not None and r.ci_high is not None
    interval = f" [{r.ci_low:.4g}, {r.ci_high:.4g}]" if known else ""
    place = ", ".join(p for p in (r.source, r.pooling, r.space, r.variant, r.subset) if p)
    note = f"; {r.note}" if r.note and r.value is None else ""
    return f"{r.metric} {value}{interval} ({place}, n {r.n or 0:,}{note})"
