"""Charts of a decision: every candidate with its interval, before and after, who gains and who loses, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from embedscope.certification.decision import Certified, Decision
from embedscope.certification.judges.base import Judge
from embedscope.core.document import Bins, Dot, DotRow, Dots, Figure, Histogram, Mark, Series
from embedscope.core.tables import Score
from embedscope.core.wording import count
from embedscope.stats.score_records import score_bars

_BINS = 25
ARROW = "\N{RIGHTWARDS ARROW}"


def candidates_chart(decision: Decision, judge: Judge) -> Dots | None:
    """Difference of the main score from the original, of every candidate that could be scored."""
    main = judge.objective.main
    rows = []
    for trial in decision.trials:
        gain = trial.gains.get(main)
        if gain is None or gain.value is None:
            continue
        chosen = trial.candidate is decision.chosen
        series = 0 if chosen else 2 if trial.why_not else 1
        rows.append(
            DotRow(trial.candidate.text, (Dot(series, gain.value, gain.low, gain.high),), f"{gain.value:+.3f}", chosen)
        )
    if not rows:
        return None
    return Dots(
        "candidates",
        "Every candidate on the part that selects",
        f"difference of {main} from the original",
        tuple(rows),
        ("chosen" if decision.repaired else "best here, not used", "not chosen", "may not be chosen"),
        (_tone(decision.repaired), "quiet", "bad"),
        (Mark(0.0, "as they are"),),
        caption=f"{judge.sizes['select']:,} {judge.what}; paired differences with 95 % intervals.",
    )


def certified_chart(test: Certified, judge: Judge, names: Sequence[str], *, used: bool) -> Dots | None:
    """Scores before and after, of the chosen candidate on the part that certifies; ``used`` where it passed."""
    rows = []
    for name in names:
        before, after = test.before.scores.get(name), test.after.scores.get(name)
        if before is None or after is None or before.value is None or after.value is None:
            continue
        if not 0 <= min(before.value, after.value) <= max(before.value, after.value) <= 1:
            continue
        note = f"{before.value:.3f} {ARROW} {after.value:.3f}"
        dots = (_dot(0, before), _dot(1, after))
        rows.append(DotRow(name, dots, note, name == judge.objective.main))
    if not rows:
        return None
    size = f"{judge.sizes['certify']:,} {judge.what} in {count(test.n_units, 'unit')} of evidence"
    return Dots(
        "certified",
        "Before and after, on data that chose nothing",
        "score",
        tuple(rows),
        ("before", "after"),
        ("quiet", _tone(used)),
        joined=False,
        caption=f"{size}. Bars: 95 % interval of each score; the test is paired and sharper than these.",
    )


def items_chart(test: Certified) -> Histogram | None:
    """How much each item gains or loses."""
    items = test.before.items
    change = (items.values - test.after.items.values) * (1.0 if items.lower else -1.0)
    change = change[np.isfinite(change)]
    if len(change) < 8 or not (change != 0).any():
        return None
    most = float(np.abs(change).max())
    edges = np.linspace(-most, most, _BINS + 1)
    heights = np.histogram(change, edges)[0]
    gain, loss = int((change > 0).sum()), int((change < 0).sum())
    return Histogram(
        "items",
        f"What changes for each {items.noun}",
        f"gain of {items.title}" if not items.lower else f"{items.title}: places gained",
        f"number of {items.noun[:-1]}ies" if items.noun.endswith("y") else f"number of {items.noun}s",
        tuple(np.round(edges, 6).tolist()),
        (Bins("", tuple(float(h) for h in heights)),),
        marks=(Mark(0.0, f"{loss:,} lose, {gain:,} gain"),),
    )


def reliability_chart(bins: Sequence[tuple[float, float, float]], what: str) -> Figure | None:
    """Share of matches against the probability that was predicted."""
    if len(bins) < 2:
        return None
    p, share, _ = zip(*bins, strict=True)
    return Figure(
        "reliability",
        "Can the calibrated score be trusted?",
        "predicted probability",
        f"share with {what}",
        (
            Series("held-out pairs", tuple(round(v, 4) for v in p), tuple(round(v, 4) for v in share)),
            Series("exactly as predicted", (0.0, 1.0), (0.0, 1.0), kind="reference"),
        ),
        "Pairs that the calibration was not fitted on, in bins of predicted probability.",
        (0.0, 1.0),
    )


def decision_charts(decision: Decision, judge: Judge) -> Mapping[str, tuple[Dots | Histogram, ...]]:
    """Charts of a decision as fields of a document."""
    test = decision.certified
    dots: list[Dots] = []
    histograms: list[Histogram] = []
    if test is not None:
        names = [n for n in judge.objective.every if n in test.gains]
        dots += [c for c in (certified_chart(test, judge, names, used=decision.repaired),) if c is not None]
        histograms += [c for c in (items_chart(test),) if c is not None]
    dots += [c for c in (candidates_chart(decision, judge),) if c is not None]
    return {"dots": tuple(dots), "histograms": tuple(histograms)}


def _tone(used: bool) -> str:
    """Of the best candidate: good where it is used, else only another colour."""
    return "good" if used else ""


def _dot(series: int, score: Score) -> Dot:
    _, low, high = score_bars(score)
    return Dot(series, score.value or 0.0, low, high)
