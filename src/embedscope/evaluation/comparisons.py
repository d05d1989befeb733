"""Best spaces and differences of sources, with the bootstrap of the maximum and paired draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.evaluation.scoring import Scored
from embedscope.stats.bootstrap import Best, best_of, holm, paired_difference

ALPHA = 0.05


def comparisons(found: Sequence[Scored]) -> list[Record]:
    """Records ``ID.best`` for each source and pooling with several spaces, ``ID.difference`` for each two sources.

    The best of a source in a difference is over all its poolings and spaces; p values are corrected by Holm over all
    differences.
    """
    return [*_bests(found), *_differences(found)]


def _bests(found: Sequence[Scored]) -> list[Record]:
    groups: dict[tuple[str, str, str | None], list[Scored]] = {}
    for s in found:
        groups.setdefault((s.metric, s.source, s.pooling), []).append(s)
    records = []
    for members in groups.values():
        drawn = {s.space: s.score for s in members if s.score.draws is not None}
        best = best_of(drawn) if len(drawn) > 1 else None
        if best is not None:
            winner = next(s for s in members if s.space == best.name).record()
            sure = "" if best.share is None else f"; the same one is best in {best.share:.0%} of draws"
            note = f"best of {len(drawn)} spaces, interval of the maximum{sure}; {_rivals(drawn, best.name)}"
            records.append(_with(winner, f"{winner.metric}.best", best, note))
    return records


def _rivals(drawn: Mapping[str, Score], best: str) -> str:
    """Which spaces are not clearly below the best one: paired differences, Holm over the spaces."""
    others = {name: paired_difference(drawn[best], score) for name, score in drawn.items() if name != best}
    known = {name: d.p for name, d in others.items() if d.p is not None}
    corrected = dict(zip(known, holm(list(known.values())), strict=True)) if known else {}
    near = [name for name, p in corrected.items() if p >= ALPHA]
    return f"not clearly above {', '.join(near)} (paired, Holm 5 %)" if near else "clearly above all others (Holm 5 %)"


@dataclass(frozen=True)
class _Pair:
    record: Record
    p: float


def _differences(found: Sequence[Scored]) -> list[Record]:
    pairs = []
    sources = list(dict.fromkeys(s.source for s in found))
    for metric in dict.fromkeys(s.metric for s in found):
        bests = {source: _best(found, metric, source) for source in sources}
        for a, b in combinations(sources, 2):
            task = next(s.job.task.id for s in found if s.metric == metric).partition(":")[0]
            pair = _difference(metric, task, (a, bests[a]), (b, bests[b]), found[0].transform)
            if pair is not None:
                pairs.append(pair)
    corrected = holm([pair.p for pair in pairs]) if pairs else []
    return [
        replace(pair.record, note=f"{pair.record.note}; p = {pair.p:.3g}, {p:.3g} after Holm over {len(pairs)}")
        for pair, p in zip(pairs, corrected, strict=True)
    ]


def _best(found: Sequence[Scored], metric: str, source: str) -> Best | None:
    return best_of(
        {
            " ".join(filter(None, (s.pooling, s.space))): s.score
            for s in found
            if (s.metric, s.source) == (metric, source) and s.score.draws is not None
        }
    )


def _difference(
    metric: str, task: str, a: tuple[str, Best | None], b: tuple[str, Best | None], transform: str | None
) -> _Pair | None:
    (name_a, x), (name_b, y) = a, b
    if x is None or y is None or x.draws is None or y.draws is None:
        return None
    delta = paired_difference(Score(x.value, 0, x.draws), Score(y.value, 0, y.draws))
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
