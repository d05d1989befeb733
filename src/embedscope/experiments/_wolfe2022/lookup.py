"""Reading a run: curves over layers, best and top layers, with their bootstrap draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.records import Record
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.stats.best_of import Best, best_difference, best_of

POOLING_NAMES = {"plain": "plain", "bos_eos": "BOS+EOS", "eos": "EOS", None: "pooled"}


@dataclass(frozen=True)
class Extreme:
    """A value at one layer, or the best over layers with the interval of that maximum."""

    value: float
    low: float | None
    high: float | None
    space: str
    layer: int
    best: Best | None = None


def points(run: ModelRun, metric: str, pooling: str | None, variant: str | None = None) -> list[Record]:
    """Records of a metric of tokens or sentences in every space of ``run``, in the order of its spaces."""
    by_space = {
        r.space: r for r in run.geometry if r.metric == metric and r.pooling == pooling and r.variant == variant
    }
    return [by_space[s] for s in run.spaces if s in by_space]


def token_pooling(run: ModelRun) -> str | None:
    """The pooling under which tokens in context were taken."""
    return next((r.pooling for r in run.geometry if r.task == "tokens"), None)


def scores_by_space(run: ModelRun, metric: str, pooling: str | None) -> list[Any]:
    """Scores of a task measure in every space of ``run`` under one pooling, in the order of its spaces."""
    by_space = {s.space: s for s in run.scored if s.metric == metric and s.pooling == pooling}
    order = run.spaces if pooling is not None else ("pooled",)
    return [by_space[s] for s in order if s in by_space]


def top(run: ModelRun, metric: str, pooling: str | None) -> Extreme | None:
    """The score in the top layer as the paper counts it."""
    for s in scores_by_space(run, metric, pooling):
        if s.space == (run.ladder[-1] if pooling is not None else "pooled") and s.score.value is not None:
            record = s.record()
            return Extreme(
                s.score.value, record.ci_low, record.ci_high, s.space, len(run.ladder) - 1, best_of({s.space: s.score})
            )
    return None


def best(run: ModelRun, metric: str, pooling: str | None) -> Extreme | None:
    """The best score over the layers 0..N of the paper, with the interval of that maximum."""
    highest = best_of({s.space: s.score for s in scores_by_space(run, metric, pooling) if s.space in run.ladder})
    if highest is None:
        return None
    return Extreme(highest.value, highest.low, highest.high, highest.name, run.ladder.index(highest.name), highest)


def difference(a: Extreme, b: Extreme) -> tuple[float, float, float, float] | None:
    """``a - b`` with its paired interval, valid for maxima, and two-sided p; None where there are no draws."""
    if a.best is None or b.best is None:
        return None
    delta = best_difference(a.best, b.best)
    if delta.value is None or delta.low is None or delta.high is None or delta.p is None:
        return None
    return delta.value, delta.low, delta.high, delta.p


def shared_tasks(runs: Sequence[ModelRun]) -> list[str]:
    """Ids of tasks scored on every run, in their order."""
    common = set.intersection(*({s.job.task.id for s in run.scored} for run in runs)) if runs else set()
    return [t for t in dict.fromkeys(s.job.task.id for s in runs[0].scored) if t in common] if runs else []
