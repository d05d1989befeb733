"""Table 1 with our values and the published ones, the geometry by layer, and the claims."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Cell, Column, Table
from embedscope.experiments._wolfe2022.claims import Checked
from embedscope.experiments._wolfe2022.lookup import (
    POOLING_NAMES,
    Extreme,
    best,
    difference,
    points,
    token_pooling,
    top,
)
from embedscope.experiments._wolfe2022.numbers import TABLE_1, TABLE_NAMES, WORD_TASKS
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.experiments.experiment import Claim

COUNTERPART = "the model of the paper with the same training objective"


def tables(runs: Sequence[ModelRun], tasks: Sequence[str], checked: Sequence[Checked]) -> tuple[Table, ...]:
    """All tables of the study."""
    trained = [run for run in runs if not run.baseline]
    word_tasks = [t for t in tasks if t in TABLE_NAMES]
    drafts = [_table_1(runs, word_tasks), _geometry(trained)]
    other = [t for t in tasks if t not in TABLE_NAMES]
    if other:
        drafts.append(_sentence_tasks(runs, other))
    if checked:
        drafts.append(_claims(checked))
    return tuple(t for t in drafts if t.rows)


def _table_1(runs: Sequence[ModelRun], tasks: Sequence[str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for task in tasks:
        for run in runs:
            for pooling in run.poolings:
                high, last = best(run, task, pooling), top(run, task, pooling)
                if high is not None:
                    value, span, layer, last_value = _cells(high, last)
                    head = (TABLE_NAMES[task], run.label, POOLING_NAMES[pooling])
                    above = difference(high, last) if last else None
                    margin = f"{above[1]:.2f} to {above[2]:.2f}" if above else None
                    published = _published_cells(run, task, pooling)
                    rows.append((*head, value, layer, last_value, *published, span, _tied_layers(high, run), margin))
    columns = (
        Column("test"),
        Column("model"),
        Column("pooling", help="how a word's vector is read"),
        Column("best", 2),
        Column("layer", help="layer of the best value"),
        Column("top", 2, "value in the last layer"),
        Column("published best", 2),
        Column("published layer"),
        Column("published top", 2),
        Column("published for"),
        Column("95 % interval of best", help="of the maximum over layers, from a simultaneous band over all layers"),
        Column("layers not told apart", help="layers whose simultaneous interval reaches that of the best layer"),
        Column("best minus top, 95 %", help="from a simultaneous band over the paired differences of all layers"),
    )
    return Table(
        "table1",
        "Word-level evaluation (Table 1)",
        columns,
        tuple(rows),
        "Best value over the layers, its layer, and the value of the top layer; Spearman, for ValNorm Pearson. "
        f"Published values are for the same pooling and of {COUNTERPART} (GPT-2 or CLIP), not of the model of the row "
        "unless it is that one.",
    )


def _tied_layers(high: Extreme, run: ModelRun) -> str | None:
    """Numbers of the layers that cannot be told apart from the best one, which is among them; None without a band.

    The layer after the final norm counts as the last one, as in the paper.
    """
    if high.best is None or high.low is None:
        return None
    layers = sorted(run.ladder.index(name) for name in (high.space, *high.best.tied))
    return ranges(layers)


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with runs of three or more shortened.

    >>> ranges([0, 1, 2, 4, 7, 8])
    '0-2, 4, 7, 8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in runs)


def _cells(high: Extreme, last: Extreme | None) -> tuple[Cell, ...]:
    span = f"{high.low:.2f} to {high.high:.2f}" if high.low is not None and high.high is not None else None
    return high.value, span, high.layer, last.value if last else None


def _published_cells(run: ModelRun, task: str, pooling: str) -> tuple[Cell, ...]:
    for (role, of_pooling, name), cells in TABLE_1.items():
        if role == run.role and of_pooling == pooling and task in WORD_TASKS and not run.baseline:
            value, layer, last = cells[WORD_TASKS.index(task)]
            return value, layer, last, name
    return None, None, None, None


def _sentence_tasks(runs: Sequence[ModelRun], tasks: Sequence[str]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for task in tasks:
        for run in runs:
            for pooling in (*run.poolings, None):
                high = best(run, task, pooling) if pooling is not None else top(run, task, None)
                last = top(run, task, pooling)
                if high is not None:
                    layer: tuple[Cell, ...] = _cells(high, last)
                    if pooling is None:
                        layer = (*layer[:2], None, layer[3])
                    rows.append((task, run.label, POOLING_NAMES[pooling], *layer))
    columns = (
        Column("test"),
        Column("model"),
        Column("pooling"),
        Column("best", 3),
        Column("95 % interval"),
        Column("layer"),
        Column("top", 3),
    )
    return Table(
        "sentences",
        "Sentences and documents (Figure 4)",
        columns,
        tuple(rows),
        "Spearman's rho of cosine and human score.",
    )


def _geometry(runs: Sequence[ModelRun]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        pooling = token_pooling(run)
        curves = [
            points(run, m, pooling, v)
            for m, v in (
                ("self_similarity", None),
                ("top5_share", None),
                ("top8_share", None),
                ("top5_share", "published"),
            )
        ]
        for i, record in enumerate(curves[0]):
            rows.append((run.label, record.space, record.value, record.stderr, *(c[i].value for c in curves[1:])))
    columns = (
        Column("model"),
        Column("space"),
        Column("self-similarity", 3),
        Column("s.e.", 3, "jackknife standard error over sentences"),
        Column("top-5 share", 3),
        Column("top-8 share", 3),
        Column("top-5 share as published", 3, "signed coordinates, ratio of means: what the authors' script computes"),
    )
    return Table("geometry", "Geometry of tokens in context, layer by layer (Figures 1 and 2)", columns, tuple(rows))


def _claims(checked: Sequence[Checked]) -> Table:
    rows = tuple(
        (
            c.claim.source,
            c.run.name,
            _what(c.claim),
            c.claim.expected if c.claim.bound is None else f"{c.claim.bound} {c.claim.expected:g}",
            c.claim.best_layer,
            c.ours,
            c.layer,
            c.status,
            " ".join(filter(None, (c.why, c.claim.note))),
        )
        for c in checked
    )
    columns = (
        Column("place"),
        Column("model"),
        Column("measure"),
        Column("published", 4),
        Column("layer"),
        Column("ours", 4),
        Column("our layer"),
        Column("verdict"),
        Column("remark"),
    )
    return Table("claims", "Claims of the paper", columns, rows)


def _what(claim: Claim) -> str:
    place = (
        f"layer {claim.layer}"
        if claim.statistic == "at"
        else {"best": "best layer", "top": "top layer"}.get(claim.statistic, claim.statistic)
    )
    pooling = f", {POOLING_NAMES[claim.pooling]}" if claim.pooling else ""
    return f"{claim.metric}{pooling}: {place}"
