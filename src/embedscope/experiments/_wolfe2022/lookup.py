"""Reading a run: curves over layers, best and top layers, with their bootstrap draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.records import Record
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.stats.bootstrap import interval

SETTING_NAMES = {"plain": "plain", "bos_eos": "BOS+EOS", "eos": "EOS", None: "pooled"}


@dataclass(frozen=True)
class Extreme:
    """A value at one layer, or the best over layers with the interval of that maximum."""

    value: float
    low: float | None
    high: float | None
    space: str
    layer: int
    draws: npt.NDArray[np.float64] | None = None


def points(run: ModelRun, metric: str, setting: str | None, variant: str | None = None) -> list[Record]:
    """Records of a metric of tokens or sentences in every space of ``run``, in the order of its spaces."""
    found = {r.space: r for r in run.geometry if r.metric == metric and r.setting == setting and r.variant == variant}
    return [found[s] for s in run.spaces if s in found]


def token_setting(run: ModelRun) -> str | None:
    """The setting under which tokens in context were taken."""
    return next((r.setting for r in run.geometry if r.task == "tokens"), None)


def scored(run: ModelRun, metric: str, setting: str | None) -> list[Any]:
    """Scores of a task measure in every space of ``run`` under one setting, in the order of its spaces."""
    found = {s.space: s for s in run.scored if s.metric == metric and s.setting == setting}
    order = run.spaces if setting is not None else ("pooled",)
    return [found[s] for s in order if s in found]


def top(run: ModelRun, metric: str, setting: str | None) -> Extreme | None:
    """The score in the top layer as the paper counts it."""
    for s in scored(run, metric, setting):
        if s.space == (run.ladder[-1] if setting is not None else "pooled") and s.score.value is not None:
            record = s.record()
            return Extreme(s.score.value, record.ci_low, record.ci_high, s.space, len(run.ladder) - 1, s.score.draws)
    return None


def best(run: ModelRun, metric: str, setting: str | None) -> Extreme | None:
    """The best score over the layers 0..N of the paper, with the bootstrap interval of that maximum."""
    known = [s for s in scored(run, metric, setting) if s.score.value is not None and s.space in run.ladder]
    if not known:
        return None
    winner = max(known, key=lambda s: s.score.value)
    draws = [s.score.draws for s in known if s.score.draws is not None]
    layer = run.ladder.index(winner.space)
    if len(draws) < len(known):
        return Extreme(winner.score.value, None, None, winner.space, layer)
    maxima = np.fmax.reduce(np.stack(draws))
    _, low, high = interval(winner.score.value, maxima)
    return Extreme(winner.score.value, low, high, winner.space, layer, maxima)


def difference(a: Extreme, b: Extreme) -> tuple[float, float, float, float] | None:
    """``a - b`` with its paired bootstrap interval and two-sided p; None where there are no common draws."""
    if a.draws is None or b.draws is None or len(a.draws) != len(b.draws):
        return None
    delta = a.draws - b.draws
    delta = delta[np.isfinite(delta)]
    value = a.value - b.value
    _, low, high = interval(value, delta)
    if low is None or high is None:
        return None
    beyond = min(int((delta <= 0).sum()), int((delta >= 0).sum()))
    return value, low, high, min(1.0, 2 * (beyond + 1) / (len(delta) + 1))


def shared_tasks(runs: Sequence[ModelRun]) -> list[str]:
    """Ids of tasks scored on every run, in their order."""
    common = set.intersection(*({s.job.task.id for s in run.scored} for run in runs)) if runs else set()
    return [t for t in dict.fromkeys(s.job.task.id for s in runs[0].scored) if t in common] if runs else []


def main_settings(run: ModelRun, settings: Sequence[str | None]) -> list[str | None]:
    """``settings`` that ``run`` has."""
    return [s for s in settings if s is None or s in run.settings]
