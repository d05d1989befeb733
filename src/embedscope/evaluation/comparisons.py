"""Best spaces and differences between sources, with intervals that are valid for a maximum and paired draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from embedscope.core.records import Record
from embedscope.core.wording import percent
from embedscope.evaluation.scoring import TaskScore
from embedscope.stats.best_of import Best, best_difference, best_of
from embedscope.stats.bootstrap import holm


def comparisons(scores: Sequence[TaskScore]) -> list[Record]:
    """Records ``ID.best`` of each source and pooling with several spaces, and ``ID.difference`` of each two sources.

    A difference compares the best of all poolings and spaces of either source; p values are corrected by Holm over all
    differences.
    """
    return [*_bests(scores), *_differences(scores)]


def _bests(scores: Sequence[TaskScore]) -> list[Record]:
    groups: dict[tuple[str, str, str | None], list[TaskScore]] = {}
    for s in scores:
        groups.setdefault((s.metric, s.source, s.pooling), []).append(s)
    records = []
    for members in groups.values():
        drawn = {s.space: s.score for s in members if s.score.draws is not None}
        best = best_of(drawn) if len(drawn) > 1 else None
        if best is not None:
            winner = next(s for s in members if s.space == best.name).record()
            stability = "" if best.share is None else f"; the same one is best in {percent(best.share, 0)} of draws"
            how = f"best of {len(drawn)} spaces, interval of the maximum from a simultaneous band"
            note = f"{how}{stability}; {_rivals(best)}"
            records.append(_with(winner, f"{winner.metric}.best", best, note))
    return records


def _rivals(best: Best) -> str:
    """Which spaces are not distinguishable from the best one."""
    return f"not distinguishable from {', '.join(best.tied)}" if best.tied else "above all others (simultaneous 95 %)"


@dataclass(frozen=True)
class _Pair:
    record: Record
    p: float


def _differences(scores: Sequence[TaskScore]) -> list[Record]:
    pairs = []
    sources = list(dict.fromkeys(s.source for s in scores))
    for metric in dict.fromkeys(s.metric for s in scores):
        bests = {source: _best(scores, metric, source) for source in sources}
        for a, b in combinations(sources, 2):
            task = next(s.job.task.id for s in scores if s.metric == metric).partition(":")[0]
            pair = _difference(metric, task, (a, bests[a]), (b, bests[b]), scores[0].transform)
            if pair is not None:
                pairs.append(pair)
    corrected = holm([pair.p for pair in pairs]) if pairs else []
    return [
        replace(pair.record, note=f"{pair.record.note}; p = {pair.p:.3g}, {p:.3g} after Holm over {len(pairs)}")
        for pair, p in zip(pairs, corrected, strict=True)
    ]


def _best(scores: Sequence[TaskScore], metric: str, source: str) -> Best | None:
    return best_of(
        {
            " ".join(filter(None, (s.pooling, s.space))): s.score
            for s in scores
            if (s.metric, s.source) == (metric, source) and s.score.draws is not None
        }
    )


def _difference(
    metric: str, task: str, a: tuple[str, Best | None], b: tuple[str, Best | None], transform: str | None
) -> _Pair | None:
    (name_a, x), (name_b, y) = a, b
    if x is None or y is None:
        return None
    delta = best_difference(x, y)
    if delta.value is None or delta.p is None:
        return None
    note = f"best of each over poolings and spaces, paired: {x.value:.4f} ({x.name}) and {y.value:.4f} ({y.name})"
    name, _, variant = metric.partition(":")
    record = Record(
        source=f"{name_a} - {name_b}",
        task=task,
        metric=f"{name}.difference",
        variant=variant or None,
        transform=transform,
        value=delta.value,
        stderr=delta.stderr,
        ci_low=delta.low,
        ci_high=delta.high,
        note=note,
    )
    return _Pair(record, delta.p)


def _with(record: Record, metric: str, best: Best, note: str) -> Record:
    notes = "; ".join(filter(None, (note, record.note)))
    return replace(record, metric=metric, stderr=best.stderr, ci_low=best.low, ci_high=best.high, note=notes)
