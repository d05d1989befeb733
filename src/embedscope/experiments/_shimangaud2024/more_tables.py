"""Tables beyond the study: islands, every analogy method, parallelism, typicality, relation by relation."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Cell, Column, Table
from embedscope.core.records import Record
from embedscope.experiments._lookup import pick, span, value
from embedscope.experiments._shimangaud2024.lookup import (
    main_record,
    main_value,
    number,
    sets_of,
    short_control,
)
from embedscope.experiments._shimangaud2024.numbers import SYSTEMS_2012
from embedscope.experiments._shimangaud2024.scores import MAIN
from embedscope.experiments._shimangaud2024.vectors import Model


def islands_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Where b - a + c is: how often nearest to c, and ranks of d under the offset and under the controls."""
    names = ("stays_at_c", "rises_above_c", "rank.offset", "rank.c", "rank.b")
    rows: list[tuple[Cell, ...]] = [
        (task, m.label, *(main_value(records, m, task, n) for n in names))
        for task in sets_of(records, "stays_at_c")
        for m in models
        if main_record(records, m, task, "stays_at_c") is not None
    ]
    columns = (
        Column("questions"),
        Column("model"),
        Column("stays at c", 3, "share of questions where c itself is nearest to b - a + c, raw vectors"),
        Column("rises", 3, "share where d ranks higher under the offset than under similarity to c"),
        Column("median rank, offset", 0),
        Column("median rank, c alone", 0),
        Column("median rank, b alone", 0),
    )
    caption = (
        "Islands: where the norm of b - a is small against c, b - a + c stays near c, and so do its neighbours. Ranks: "
        "unit rows; a, b and c are not candidates."
    )
    return Table("islands", "Islands: neighbours of b - a + c", columns, tuple(rows), caption)


def ways_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Hits, MRR and gain for every method and choice of candidates and rows."""
    rows: list[tuple[Cell, ...]] = []
    metrics = [m for m in dict.fromkeys(r.metric for r in records) if m.endswith(".top1") and m.count(".") == 3]
    for task in sets_of(records, f"{MAIN}.top1"):
        for m in (m for m in models if not m.baseline):
            for metric in metrics:
                record = main_record(records, m, task, metric)
                if record is not None:
                    way = metric.removesuffix(".top1")
                    five, mrr = (main_value(records, m, task, f"{way}{more}") for more in (".top5", ".mrr"))
                    gain = main_record(records, m, task, f"{way}.top1.gain")
                    rows.append((task, m.label, *way.split("."), record.value, five, mrr, number(gain), span(gain)))
    columns = (
        Column("questions"),
        Column("model"),
        Column("method"),
        Column("a, b, c"),
        Column("rows"),
        Column("top-1", 3),
        Column("top-5", 3),
        Column("MRR", 3),
        Column("gain", 3, "top-1 less the best of c alone, b alone and random pairs"),
        Column("95 % interval"),
    )
    caption = (
        "'all': a, b and c are candidates, as in the study; 'exclude': they are not, as is customary. 'centered': the "
        "mean of the unit rows is subtracted; it cancels in b - a but not in b - a + c."
    )
    return Table("ways", "Methods, candidates and rows", columns, tuple(rows), caption)


def parallelism_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Mean cosines of offsets within and between relations."""
    rows: list[tuple[Cell, ...]] = []
    for task in sets_of(records, "parallelism.gap"):
        for m in models:
            gap = main_record(records, m, task, "parallelism.gap")
            if gap is not None:
                parts = [main_value(records, m, task, f"parallelism.{p}") for p in ("within", "between")]
                layers = [
                    r
                    for r in records
                    if (r.source, r.task, r.metric) == (m.source, task, "parallelism.gap") and r.value is not None
                ]
                top = max(layers, key=lambda r: r.value or 0.0) if len(layers) > 1 else None
                rows.append(
                    (task, m.label, *parts, gap.value, span(gap), top.space if top else None, number(top), gap.n)
                )
    columns = (
        Column("questions"),
        Column("model"),
        Column("within", 3, "mean cosine of offsets of the same relation"),
        Column("between", 3, "mean cosine of offsets of different relations"),
        Column("gap", 3),
        Column("95 % interval"),
        Column("widest in"),
        Column("gap there", 3),
        Column("relations"),
    )
    caption = "Unit rows; pairs that share a word are not compared. The last columns: the layer with the widest gap."
    return Table("parallelism", "Parallelism of offsets", columns, tuple(rows), caption)


def typicality_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Correlation with human ratings of how typical a pair is."""
    rows: list[tuple[Cell, ...]] = []
    for m in models:
        record = pick(records, source=m.source, metric="typicality", subset=None)
        if record is not None:
            cosine, choices = (value(records, source=m.source, metric=f"typicality.{n}") for n in ("cosine", "maxdiff"))
            gain = pick(records, source=m.source, metric="typicality.gain")
            rows.append((m.label, record.value, span(record), cosine, number(gain), span(gain), choices, record.n))
    columns = (
        Column("model"),
        Column("Spearman", 3),
        Column("95 % interval"),
        Column("by cosine alone", 3, "control: cosine of the two words of a pair"),
        Column("gain", 3, "Spearman less that of the control"),
        Column("95 % interval of the gain"),
        Column("MaxDiff", 3, "the task's own questions and scorer; random ratings read .312"),
        Column("relations"),
    )
    systems = (
        (f"{name} (2012)", spearman, None, None, None, None, choices, 69)
        for name, (spearman, choices) in SYSTEMS_2012.items()
    )
    rows += systems if rows else ()
    caption = (
        "How typical a pair is of its relation, against human ratings: mean over the testing relations. Below: the "
        "systems of the task (Jurgens et al. 2012)."
    )
    return Table("typicality", "SemEval-2012 Task 2, its own measure", columns, tuple(rows), caption)


def relations_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Every relation by name."""
    rows: list[tuple[Cell, ...]] = []
    for r in records:
        if r.metric != "hit.top1":
            continue
        model = next(m for m in models if m.source == r.source)
        where = {"source": r.source, "task": r.task, "subset": r.subset, "space": r.space}
        gain = pick(records, metric="headline.top1", **where)
        parts = [value(records, metric=f"parallelism.{p}", **where) for p in ("within", "between")]
        typical = value(records, source=r.source, metric="typicality", subset=r.subset)
        rows.append(
            (
                r.task,
                r.subset,
                model.label,
                r.value,
                number(gain),
                span(gain),
                short_control(gain),
                *parts,
                typical,
                r.n,
            )
        )
    columns = (
        Column("questions"),
        Column("relation"),
        Column("model"),
        Column("top-1", 3),
        Column("gain", 3),
        Column("95 % interval"),
        Column("best control"),
        Column("parallel within", 2),
        Column("between", 2),
        Column("typicality", 2, "Spearman with human ratings"),
        Column("n", help="questions"),
    )
    return Table("relations", "Relation by relation", columns, tuple(rows), "Unit rows; a, b and c are not candidates.")


def concepts_table(models: Sequence[Model], records: Sequence[Record]) -> Table:
    """Images of a concept and their spread."""
    labels = {m.source: m.label for m in models}
    rows: list[tuple[Cell, ...]] = [
        (r.task, labels[r.source], r.n, r.note, r.value, r.subset) for r in records if r.metric == "concept.spread"
    ]
    columns = (
        Column("questions"),
        Column("model"),
        Column("images"),
        Column("per concept"),
        Column("cosine with the mean", 3, "mean cosine of an image with the mean of its concept's images"),
        Column("part"),
    )
    return Table(
        "concepts",
        "Concepts as means of images",
        columns,
        tuple(rows),
        "A cosine of 1: all images of a concept have the same vector.",
    )
