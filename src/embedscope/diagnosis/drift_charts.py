"""What stands beside a check: each number's change in units of its error, and whether it is for the better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from embedscope.core.document import Document, Dot, DotRow, Dots, Headline, Mark
from embedscope.core.wording import count
from embedscope.diagnosis.change import UNCOMPARED, Change
from embedscope.diagnosis.direction import gravity, towards
from embedscope.diagnosis.where import Where

DRAWN = 24
"""Numbers that are drawn, those that changed most."""

_SERIES = ("within error", "better", "worse", "changed, neither better nor worse")


def add_charts(document: Document, changes: Sequence[Change], name: str, where: Where) -> Document:
    """``document`` with its headline and the chart of all changes."""
    chart = drift_chart(changes)
    headline = _headline(document, changes, name, where, () if chart is None else (chart.id,))
    return replace(document, headline=headline, dots=(*document.dots, *([] if chart is None else [chart])))


def drift_chart(changes: Sequence[Change]) -> Dots | None:
    """Every change that has an error bar, in units of it; None where there is none."""
    known = [(c, z) for c in changes if c.outcome in ("same", "drift") and (z := _in_errors(c)) is not None]
    if not known:
        return None
    known.sort(key=lambda item: (not item[0].failed, -abs(item[1])))
    rows = []
    spaces = len({c.record.space for c, _ in known}) > 1
    for change, z in known[:DRAWN]:
        assert change.old is not None and change.new is not None
        label = " ".join(filter(None, (change.record.space if spaces else None, change.record.metric)))
        series = _SERIES.index("within error")
        if change.failed:
            word = towards(change)
            series = _SERIES.index(word) if word in ("better", "worse") else 3
        note = f"{change.old.value:.4g} \N{RIGHTWARDS ARROW} {change.new.value:.4g}"
        rows.append(
            DotRow(label, (Dot(series, round(z, 3), round(z - 1.96, 3), round(z + 1.96, 3)),), note, change.failed)
        )
    left = f" The {DRAWN} largest of {len(known)}." if len(known) > DRAWN else ""
    out = sum(c.outcome in UNCOMPARED for c in changes)
    left += f" {count(out, 'number')} could not be compared: see below." if out else ""
    bare = sum(c.outcome in ("same", "drift") for c in changes) - len(known)
    left += (
        f" {count(bare, 'number')} without an error bar {'is' if bare == 1 else 'are'} in the table." if bare else ""
    )
    caption = f"Bars: 95 % interval of each number alone; the verdict corrects for how many there are (Holm).{left}"
    return Dots(
        "drift",
        "Change of every number since the baseline",
        "change in units of its standard error",
        tuple(rows),
        _SERIES,
        ("quiet", "good", "bad", ""),
        (Mark(0.0, "baseline"),),
        caption=caption,
    )


def _in_errors(c: Change) -> float | None:
    if c.old is None or c.new is None or None in (c.old.value, c.new.value, c.old.stderr, c.new.stderr):
        return None
    spread = math.hypot(c.old.stderr or 0.0, c.new.stderr or 0.0)
    return ((c.new.value or 0.0) - (c.old.value or 0.0)) / spread if spread > 0 else None


def _headline(
    document: Document, changes: Sequence[Change], name: str, where: Where, charts: tuple[str, ...]
) -> Headline:
    failed = [c for c in changes if c.failed]
    compared = sum(c.outcome in ("same", "drift") for c in changes)
    skipped = sum(c.outcome in UNCOMPARED for c in changes)
    left = f"{count(skipped, 'number')} not compared" if skipped else ""
    if not failed:
        text = (
            f"No drift: {count(compared, 'number')} {'agrees' if compared == 1 else 'agree'} with {name} within error."
        )
        return Headline(text, "ok", left, charts=charts)
    worse = sum(towards(c) == "worse" for c in failed)
    better = sum(towards(c) == "better" for c in failed)
    said = ", ".join(f"{n} {word}" for n, word in ((worse, "for the worse"), (better, "for the better")) if n)
    verb = "drifted" if all(c.outcome == "drift" for c in failed) else "drifted or went missing"
    text = f"{len(failed)} of {count(max(compared, len(failed)), 'number')} {verb}"
    text += f"{f' ({said})' if said else ''}: {document.findings[0].text}"
    evidence = "; ".join(filter(None, (document.findings[0].evidence, left)))
    command = f"embedscope diagnose {where}" if where.is_named else ""
    return Headline(text, gravity(failed), evidence, command=command, charts=charts)
