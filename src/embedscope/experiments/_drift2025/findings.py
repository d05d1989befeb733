"""The sentences of the study: each follows from tested comparisons, pair by pair, and says where it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedscope.core.document import Dot, DotRow, Dots, Finding, Headline, Mark, Status
from embedscope.core.tables import Score
from embedscope.core.wording import count, percent
from embedscope.experiments._drift2025.run import KEPT, Measured
from embedscope.experiments._tested import Estimate, difference, of_score, sentence, together
from embedscope.migration.curve import CurvePoint
from embedscope.migration.retention import OVERLAP

CLAIMED = 0.95
"""Drift-Adapter's claim: 95 to 99 % of the recall of a full re-embedding."""

CLOSE = 0.02
FEW = 500


@dataclass(frozen=True)
class Outcomes:
    """How a statement fares over pairs of spaces and directions."""

    supported: tuple[str, ...]
    contradicted: tuple[str, ...]
    undecided: tuple[str, ...]

    @property
    def status(self) -> Status:
        """Supported where it holds everywhere, contradicted where it fails somewhere."""
        if self.contradicted:
            return "deviates"
        return "agrees" if self.supported and not self.undecided else "undecided"

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.supported) + len(self.contradicted) + len(self.undecided)

    @property
    def counted(self) -> str:
        """The three numbers in words."""
        return (
            f"supported in {len(self.supported)}, contradicted in {len(self.contradicted)} and undecided in "
            f"{len(self.undecided)} of {self.n}"
        )


def outcomes(measured: Sequence[Measured], of: Callable[[Measured], Estimate | None], bound: float) -> Outcomes:
    """The statement that ``of`` is above ``bound``, for each pair and direction for which it is defined."""
    by_status: dict[Status, list[str]] = {"agrees": [], "deviates": [], "undecided": []}
    for each in measured:
        estimate = of(each)
        if estimate is not None and estimate.value is not None:
            by_status[estimate.above(bound)].append(f"{each.pair.label}, {each.direction} {estimate.text()}")
    return Outcomes(*(tuple(by_status[s]) for s in ("agrees", "deviates", "undecided")))


def best(each: Measured, metric: str) -> Estimate | None:
    """The highest of all families at the most pairs, with an interval valid for the maximum."""
    from embedscope.stats.best_of import best_of

    scores = {p.family: p.scores[metric] for p in each.points if p.pairs == each.most and metric in p.scores}
    top = best_of(scores)
    return None if top is None else Estimate(top.value, top.low, top.high)


def findings(measured: Sequence[Measured]) -> list[Finding]:
    """What holds of the published claims, then the controls."""
    real = [m for m in measured if not m.pair.control]
    sentences = [
        _claim(real, KEPT, "of the full re-embedding's nDCG@10, rows of one document counting as relevant"),
        _claim(real, OVERLAP, "of the full re-embedding's ten nearest rows"),
        _statement(
            "A residual MLP keeps more of the ten nearest than ridge regression on the same pairs",
            outcomes(real, lambda m: _gain(m.at("mlp"), m.at("ridge")), 0.0),
        ),
        _statement(
            "Ridge regression keeps more of the ten nearest than a rotation (Procrustes) on the same pairs",
            outcomes(real, lambda m: _gain(m.at("ridge"), m.at("procrustes")), 0.0),
        ),
        _few_pairs(real),
        _swap(real),
        *_controls(measured),
    ]
    return [finding for finding in sentences if finding is not None]


def headline(measured: Sequence[Measured], charts: Sequence[Dots]) -> Headline | None:
    """In how many cases the best map keeps what is claimed, and how much of the ten nearest; None without models."""
    real = [m for m in measured if not m.pair.control]
    near = [e.value for m in real if (e := best(m, OVERLAP)) is not None and e.value is not None]
    if not near:
        return None
    least = percent(CLAIMED, 0)
    ids = tuple(chart.id for chart in charts)
    rows = outcomes(real, lambda m: best(m, OVERLAP), CLAIMED)
    range_kept = f"f the ten nearest rows it keeps {100 * min(near):.0f} to {percent(max(near), 0)}."
    judged = outcomes(real, lambda m: best(m, KEPT), CLAIMED)
    if judged.n:
        text = (
            f"The best map keeps at least {least} of a full re-embedding's nDCG@10 in {len(judged.supported)} of "
            f"{count(judged.n, 'case')}, and less in {len(judged.contradicted)}. O{range_kept}"
        )
    else:
        text = (
            f"The best map keeps at least {least} of the ten nearest rows of a full re-embedding in "
            f"{len(rows.supported)} of {count(rows.n, 'case')}, and less in {len(rows.contradicted)}. O{range_kept}"
        )
    by_status = judged if judged.n else rows
    open_ = f"{len(by_status.undecided)} undecided; " if by_status.undecided else ""
    evidence = f"{open_}a case is a pair of spaces with queries or documents mapped; each is tested at 5 %"
    return Headline(text, by_status.status, evidence, charts=ids)


def kept_charts(measured: Sequence[Measured]) -> tuple[Dots, ...]:
    """What the best map keeps of nDCG@10 and of the ten nearest, by pair of spaces and by what is mapped."""
    real = [m for m in measured if not m.pair.control]
    charts = []
    for metric, title, label in (
        (KEPT, "nDCG@10 kept by the best map", "share of the full re-embedding's nDCG@10"),
        (OVERLAP, "Ten nearest kept by the best map", "share of the full re-embedding's ten nearest"),
    ):
        rows: dict[str, list[Dot]] = {}
        for each in real:
            estimate = best(each, metric)
            if estimate is not None and estimate.value is not None:
                dot = Dot(_MAPPED.index(each.direction), estimate.value, estimate.low, estimate.high)
                rows.setdefault(each.pair.label, []).append(dot)
        if rows:
            drawn = tuple(DotRow(name, tuple(dots)) for name, dots in rows.items())
            charts.append(
                Dots(
                    f"best_{metric.partition('@')[0]}",
                    title,
                    label,
                    drawn,
                    tuple(f"{side} mapped" for side in _MAPPED),
                    marks=(Mark(CLAIMED, f"claimed: {CLAIMED:g}"),),
                    caption="Of all families of maps, with the most pairs; bars: 95 % intervals of the maximum.",
                )
            )
    return tuple(charts)


_MAPPED = ("queries", "documents")


def _claim(real: Sequence[Measured], metric: str, what: str) -> Finding | None:
    by_status = outcomes(real, lambda m: best(m, metric), CLAIMED)
    return _statement(f"The best adapter keeps at least {percent(CLAIMED, 0)} {what}", by_status, "vejendla2025")


def _statement(text: str, by_status: Outcomes, source: str = "") -> Finding | None:
    named = [*by_status.contradicted, *by_status.undecided, *by_status.supported]
    if not named:
        return None
    shown = by_status.contradicted or by_status.undecided or by_status.supported
    return Finding(
        f"{text}: {by_status.counted} pairs of spaces and directions.",
        by_status.status,
        "; ".join(shown[:4]),
        source,
        " ".join(
            (
                *(
                    [f"Supported: {'; '.join(by_status.supported)}."]
                    if by_status.supported and by_status.contradicted
                    else []
                ),
                "Each pair and direction is tested by itself at 5 %.",
            )
        ),
    )


def _few_pairs(real: Sequence[Measured]) -> Finding | None:
    """Whether the smaller of two numbers of pairs is as good as the most."""

    def loss(each: Measured) -> Estimate | None:
        steps = sorted({p.pairs for p in each.points})
        few = max((k for k in steps if k <= FEW and k < each.most), default=None)
        if few is None or each.most < 2 * few:
            return None
        a, b = each.at("ridge", few), each.at("ridge")
        return None if a is None or b is None else difference(a.scores[OVERLAP], b.scores[OVERLAP])

    by_status = outcomes(real, loss, -CLOSE)
    return _statement(
        f"{FEW} pairs or fewer are as good as twice as many and more for ridge regression (at most {CLOSE:g} of the "
        "ten nearest lost)",
        by_status,
    )


def _swap(real: Sequence[Measured]) -> Finding | None:
    """Naive swap: the vectors of two models as they are."""
    points = [(m, p) for m in real if (p := m.at("none")) is not None and m.direction == "queries"]
    if not points:
        return None
    near = [of_score(p.scores[OVERLAP]) for _, p in points]
    status = together([e.below(0.5) for e in near])
    kept = sum(e.below(0.5) == "deviates" for e in near)
    listed = "; ".join(f"{m.pair.label} {e.text()}" for (m, _), e in zip(points, near, strict=True))
    text = sentence(
        status,
        "Comparing vectors of two models as they are loses most of the ten nearest.",
        f"Comparing vectors of two models as they are keeps most of the ten nearest in {kept} of {len(near)} pairs.",
        "Whether comparing vectors of two models as they are loses most of the ten nearest is undecided.",
    )
    return Finding(text, status, listed)


def _controls(measured: Sequence[Measured]) -> list[Finding]:
    """The same model keeps everything, a turned copy too, and unrelated rows keep what chance gives."""
    sentences = []
    for each in measured:
        if not each.pair.control or each.direction != "queries":
            continue
        family = {"same": "none", "turned": "procrustes"}.get(each.pair.control, "ridge")
        point = each.at(family)
        if point is None:
            continue
        score: Score = point.scores[OVERLAP]
        estimate = of_score(score)
        value = estimate.value or 0.0
        if each.pair.control == "unrelated":
            holds = value < 2 * each.chance
            text = f"Control: among unrelated rows {family} keeps {value:.3f} of ten, chance {each.chance:.3f}."
        else:
            holds = value > (0.98 if each.pair.control == "same" else 0.999)
            text = f"Control: {each.pair.label}: {family} with {point.pairs:,} pairs keeps {value:.3f} of ten."
        sentences.append(Finding(text, "ok" if holds else "warning", estimate.text()))
    return sentences


def _gain(a: CurvePoint | None, b: CurvePoint | None) -> Estimate | None:
    return None if a is None or b is None else difference(a.scores[OVERLAP], b.scores[OVERLAP])
