"""A check as the summary of a step of GitHub Actions: what got better, what got worse, what was not compared."""

from __future__ import annotations

from embedscope.diagnosis.change import Change
from embedscope.diagnosis.direction import gravity, towards
from embedscope.diagnosis.drift import Drift


def step_summary(drift: Drift) -> str:
    """Markdown for ``$GITHUB_STEP_SUMMARY``: the verdict first, a table of what drifted, and one line for the rest."""
    drifted = drift.drifted
    same = sum(c.outcome == "same" for c in drift.changes)
    source = next((c.record.source for c in drift.changes), "")
    if drifted:
        counts: dict[str, int] = {}
        for change in drifted:
            word = towards(change)
            counts[word] = counts.get(word, 0) + 1
        said = ", ".join(f"{count} {word}" for word, count in counts.items())
        icon = ":warning:" if gravity(drifted) == "warning" else ":x:"
        lines = [f"### {icon} Drift in {source}: {said}", "", "| number | baseline | now | |", "|---|---:|---:|---|"]
        lines += [_line(change) for change in drifted]
    else:
        lines = [f"### :white_check_mark: No drift in {source}"]
    lines += ["", f"{same} {'number agrees' if same == 1 else 'numbers agree'} with the baseline within error."]
    left = list(dict.fromkeys(c.record.metric for c in drift.changes if not c.failed and c.outcome != "same"))
    if left:
        lines.append(f"Not compared: {', '.join(left)}.")
    return "\n".join(lines) + "\n"


def _line(change: Change) -> str:
    record = change.record
    name = f"{record.metric} of {record.space}" if record.space else record.metric
    old, new = (None if r is None else r.value for r in (change.old, change.new))
    cells = (name, "" if old is None else f"{old:.4g}", "" if new is None else f"{new:.4g}", towards(change))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
