"""What else could be done: the front between pure and mixed retrieval, the best barred candidate, the command."""

from __future__ import annotations

import math
import shlex

from embedscope.certification.decision import Decision, Trial, change
from embedscope.certification.judges.base import Judge
from embedscope.core.document import Action, Column, Finding, Points, Scatter, Table
from embedscope.core.printable import csv_text

PURE, MIXED = "recall@1", "mixed_ndcg@10"
WEIGHT = "0.8"
_ROWS = ("item", "before", "after", "change")


def again(command: str, objective: str) -> str:
    """The ``command`` that was typed, with another objective; the option of the Python function without one.

    >>> again("embedscope repair --pair a.npy 'b c.npy' --objective mixed", "0.8")
    "embedscope repair --pair a.npy 'b c.npy' --objective 0.8"
    """
    if not command:
        return f'objective="{objective}"'
    words, out = shlex.split(command), []
    skip = False
    for word in words:
        if not skip and word != "--objective" and not word.startswith("--objective="):
            out.append(word)
        skip = word == "--objective"
    return shlex.join([*out, "--objective", objective])


def barred_findings(decision: Decision, judge: Judge, command: str) -> list[Finding]:
    """The candidate that scores highest of those that a guard bars, where it beats what may be chosen."""
    main = judge.objective.main
    scored = [t for t in decision.trials if t.outcome is not None and not t.candidate.transductive]
    free = [_value(t, main) for t in scored if t.why_not is None] + [decision.original.scores[main].value or 0.0]
    lost = [t for t in scored if t.why_not is not None and _value(t, main) > max(free)]
    if not lost:
        return []
    best = max(lost, key=lambda t: _value(t, main))
    assert best.outcome is not None
    worse = [g for g in judge.objective.guards if g in best.gains and (best.gains[g].high or 0) < 0]
    losses = "; ".join(f"{g} {_change(decision, best, g)}" for g in worse)
    weighing = again(command, WEIGHT) if {main, *worse} >= {PURE, MIXED} else ""
    return [
        Finding(
            f"Not chosen because it loses elsewhere: '{best.candidate.text}' reaches the highest {main} on the part "
            f"that selects ({_change(decision, best, main)}), but {losses}.",
            actions=(Action("to weigh one against the other: ", weighing),) if weighing else (),
        )
    ]


def _change(decision: Decision, trial: Trial, name: str) -> str:
    assert trial.outcome is not None
    return change(decision.original.scores[name].value, trial.outcome.scores[name].value, trial.gains[name])


def _value(trial: Trial, name: str) -> float:
    value = None if trial.outcome is None else trial.outcome.scores[name].value
    return -1.0 if value is None else value


def front(decision: Decision) -> tuple[Table, Scatter] | None:
    """Candidates of which none is better in both pure and mixed retrieval, from the purest; None without both."""
    named = [("none", decision.original)] + [
        (t.candidate.text, t.outcome) for t in decision.trials if t.outcome is not None and not t.candidate.transductive
    ]
    points = [
        (text, pure, mixed)
        for text, outcome in named
        if PURE in outcome.scores and MIXED in outcome.scores
        if (pure := outcome.scores[PURE].value) is not None and (mixed := outcome.scores[MIXED].value) is not None
    ]
    if len(points) < 2:
        return None
    best = [p for p in points if not any(_beats(o, p) for o in points)]
    best = list({(p[1], p[2]): p for p in reversed(best)}.values())
    best.sort(key=lambda p: (-p[1], -p[2]))
    columns = (Column("candidate"), Column(PURE, 3), Column(MIXED, 3))
    caption = (
        "No other candidate is better in both, on the part that selects. --objective W, from 0 (pure) to 1 (mixed), "
        "chooses the highest (1 - W) recall@1 + W mixed_ndcg@10."
    )
    table = Table("front", "Between pure retrieval and one mixed index", columns, tuple(best), caption)
    others = [p for p in points if p not in best]
    groups = [("on the front", best), ("others", others)]
    clouds = tuple(
        Points(label, tuple(p[1] for p in ps), tuple(p[2] for p in ps), tuple(p[0] for p in ps))
        for label, ps in groups
        if ps
    )
    return table, Scatter("front", "Pure against mixed retrieval", PURE, MIXED, clouds, origin=False, equal=False)


def _beats(a: tuple[str, float, float], b: tuple[str, float, float]) -> bool:
    return a[1] >= b[1] and a[2] >= b[2] and (a[1] > b[1] or a[2] > b[2])


def rows_text(decision: Decision) -> str | None:
    """Every certifying item as comma-separated text: before, after, whether it improves; None without a test."""
    test = decision.certified
    if test is None:
        return None
    before, after = test.before.items, test.after.items
    sign = -1.0 if before.lower else 1.0
    rows = []
    for name, old, new in zip(before.names, before.values.tolist(), after.values.tolist(), strict=True):
        gain = sign * (new - old)
        said = "improves" if gain > 0 else "gets worse" if gain < 0 else "unchanged" if gain == 0 else "not scored"
        values = (None if math.isnan(v) else v for v in (old, new))
        rows.append(dict(zip(_ROWS, (name, *values, said), strict=True)))
    return csv_text(_ROWS, rows)
