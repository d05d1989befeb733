"""Figures 1 to 6 of the paper with our curves, and the published ones where they exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from embedscope.core.document import Figure, Series
from embedscope.core.records import Record
from embedscope.experiments._wolfe2022.lookup import POOLING_NAMES, points, scores_by_space, token_pooling
from embedscope.experiments._wolfe2022.numbers import FIGURE_1, TABLE_NAMES
from embedscope.experiments._wolfe2022.run import ModelRun

TITLES = {
    "stsb": "STS Benchmark (Figure 4)",
    "lee": "Lee documents",
    "rg65": "RG-65 (Figures 3, 6)",
    "valnorm": "ValNorm, Bellezza lexicon (Figure 3)",
    "valnorm_vader": "ValNorm, VADER lexicon",
}
MEASURES = {"valnorm": "Pearson r", "valnorm_vader": "Pearson r"}
PAST_THE_END = 1.04
"""Relative depth at which what comes after the last layer is drawn."""

SENTENCE_TASKS = ("stsb", "sts12", "sts13", "sts14", "sts15", "sts16", "lee")


def figures(runs: Sequence[ModelRun], tasks: Sequence[str]) -> tuple[Figure, ...]:
    """All figures of the study, in the order of the paper's experiments."""
    axis = _Axis(runs)
    return tuple(
        figure
        for figure in (
            _self_similarity(runs, axis),
            _shares(runs, axis, "top5_share", "five"),
            _shares(runs, axis, "top8_share", "eight"),
            *(_task(runs, axis, task) for task in tasks),
            _sentences(runs, axis),
        )
        if figure.series
    )


class _Axis:
    """Where a layer lies on the x axis: its number, or its relative depth where models differ in depth."""

    def __init__(self, runs: Sequence[ModelRun]) -> None:
        self.relative = len({run.n_layers for run in runs}) > 1
        self.label = "relative depth: layer / number of layers" if self.relative else "layer"
        if any("final" in run.spaces for run in runs):
            self.label += " (past the end: after the final norm, or pooled)"

    def place(self, run: ModelRun, space: str) -> float:
        if space in ("final", "pooled"):
            return PAST_THE_END if self.relative else run.n_layers + 1.0
        layer = int(space.removeprefix("layer"))
        return round(layer / run.n_layers, 4) if self.relative else float(layer)


def _kind(run: ModelRun) -> Any:
    return "baseline" if run.baseline else "measured"


def _of_records(run: ModelRun, axis: _Axis, records: Sequence[Record], label: str) -> Iterable[Series]:
    known = [r for r in records if r.space and r.space != "pooled"]
    if known:
        yield Series(
            label,
            tuple(axis.place(run, str(r.space)) for r in known),
            tuple(r.value for r in known),
            tuple(r.ci_low for r in known),
            tuple(r.ci_high for r in known),
            _kind(run),
            run.name,
        )


def _self_similarity(runs: Sequence[ModelRun], axis: _Axis) -> Figure:
    series = [
        s for run in runs for s in _of_records(run, axis, points(run, "self_similarity", token_pooling(run)), run.label)
    ]
    series += [
        _published_series(run) for run in runs if not run.baseline and run.published is not None and not axis.relative
    ]
    return Figure(
        "self_similarity",
        "Self-similarity of words in context (Figure 1)",
        axis.label,
        "mean cosine",
        tuple(series),
        "Mean cosine over all pairs of different tokens, the same tokens in every layer. 0 is isotropic; bands are "
        "95 % jackknife intervals over sentences.",
        section="Geometry",
    )


def _published_series(run: ModelRun) -> Series:
    values = FIGURE_1[run.role]
    return Series(
        f"{run.name}, published", tuple(float(i) for i in range(len(values))), values, kind="published", group=run.name
    )


def _shares(runs: Sequence[ModelRun], axis: _Axis, metric: str, count: str) -> Figure:
    series = [s for run in runs for s in _of_records(run, axis, points(run, metric, token_pooling(run)), run.label)]
    return Figure(
        metric,
        f"Share of the norm in the {count} largest coordinates (Figure 2)",
        axis.label,
        "share of the norm",
        tuple(series),
        "Mean over tokens of the norm of the largest coordinates (by absolute value) divided by the norm of the "
        "vector.",
        (0.0, 1.0),
        "Geometry",
    )


def _task(runs: Sequence[ModelRun], axis: _Axis, task: str) -> Figure:
    series = []
    sentence = task in SENTENCE_TASKS
    for run in runs:
        poolings = [s for s in run.poolings if not run.baseline or s == ("eos" if sentence else "bos_eos")]
        for pooling in poolings:
            records = [s.record() for s in scores_by_space(run, task, pooling)]
            series += list(_of_records(run, axis, records, f"{run.label}, {POOLING_NAMES[pooling]}"))
        series += _pooled_points(run, axis, task)
    return Figure(
        task,
        TITLES.get(task, TABLE_NAMES.get(task, task.upper()) + ("" if sentence else " (Figure 3)")),
        axis.label,
        MEASURES.get(task, "Spearman's rho"),
        tuple(series),
        "Bands are 95 % bootstrap intervals over items, with the same draws in every layer and model.",
        section="Meaning of sentences" if sentence else "Meaning of words",
    )


def _pooled_points(run: ModelRun, axis: _Axis, task: str) -> list[Series]:
    """The model's own sentence embedding as a single point past the last layer."""
    if run.baseline or task not in SENTENCE_TASKS:
        return []
    records = [s.record() for s in scores_by_space(run, task, None)]
    x = axis.place(run, "pooled")
    return [
        Series(f"{run.label}, pooled", (x,), (r.value,), (r.ci_low,), (r.ci_high,), "measured", run.name)
        for r in records
    ]


def _sentences(runs: Sequence[ModelRun], axis: _Axis) -> Figure:
    series = [
        s
        for run in runs
        for s in _of_records(run, axis, points(run, "sentence_self_similarity", "eos"), f"{run.label}, EOS")
    ]
    return Figure(
        "sentence_self_similarity",
        "Self-similarity of sentences, EOS state (Figure 5)",
        axis.label,
        "mean cosine",
        tuple(series),
        "Mean cosine over all pairs of different sentences. A causal model's EOS state at layer 0 is the same for all.",
        section="Geometry",
    )
