"""The gain over the best control, and Tables 1 to 6 with the published rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embedscope.core.document import Cell, Column, Table
from embedscope.core.records import Record
from embedscope.experiments._lookup import span
from embedscope.experiments._shimangaud2024.ideal_words import ideal_words_table
from embedscope.experiments._shimangaud2024.lookup import (
    count,
    main_record,
    main_value,
    number,
    sets_of,
    short_control,
)
from embedscope.experiments._shimangaud2024.more_tables import (
    concepts_table,
    islands_table,
    parallelism_table,
    relations_table,
    typicality_table,
    ways_table,
)
from embedscope.experiments._shimangaud2024.numbers import (
    COUNTS,
    NAMES,
    OWN_QUESTIONS,
    SEMEVAL,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    TABLE_6,
    format_question,
)
from embedscope.experiments._shimangaud2024.scores import MAIN, TOPS
from embedscope.experiments._shimangaud2024.vectors import Model

PUBLISHED = "published"
ASKED_AS_PUBLISHED = "Asked as in the study: raw vectors, a, b and c among the candidates."


def tables(models: Sequence[Model], records: Sequence[Record]) -> list[Table]:
    """All tables that have a number of ours."""
    tables_of_study = [
        _headline(models, records),
        *_hits(models, records),
        *_near(models, records),
        _single(models, records),
        islands_table(models, records),
        ways_table(models, records),
        parallelism_table(models, records),
        ideal_words_table(models, records),
        typicality_table(models, records),
        relations_table(models, records),
        concepts_table(models, records),
    ]
    return [t for t in tables_of_study if any(row[0] != PUBLISHED for row in t.rows)]


def _headline(models: Sequence[Model], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for task in sets_of(records, "headline.top1"):
        for m in (m for m in models if main_record(records, m, task, "headline.top1")):
            for k in TOPS:
                gain = main_record(records, m, task, f"headline.top{k}")
                own = [main_value(records, m, task, f"{MAIN}.top{k}{c}") for c in ("", ".c", ".b", ".random")]
                others = [_of_control(models, records, m, task, k, pixels=p) for p in (False, True)]
                rows.append(
                    (
                        task,
                        m.label,
                        k,
                        *own,
                        *others,
                        number(gain),
                        span(gain),
                        short_control(gain),
                        count(gain),
                    )
                )
    columns = (
        Column("questions"),
        Column("model"),
        Column("top"),
        Column("hits", 3, "share of questions with d among the first k"),
        Column("c alone", 3, "d among the nearest to c"),
        Column("b alone", 3, "d among the nearest to b"),
        Column("random pairs", 3, "c and d of another relation, mean of 5 seeded draws"),
        Column("untrained", 3, "the same model with random weights, or noise for word vectors"),
        Column("pixels", 3, "raw pixels, 32 x 32"),
        Column("gain", 3, "hits less the best control's"),
        Column("95 % interval"),
        Column("best control"),
        Column("n", help="questions"),
    )
    caption = (
        "3CosAdd on unit rows; a, b and c are not candidates. Gain: top-k hits less those of the best control. Its "
        "interval takes the highest control of every bootstrap draw, and resamples the word pairs a:b and c:d, since "
        "questions that share a pair are not independent."
    )
    return Table("headline", "Gain over the best control", columns, tuple(rows), caption)


def _of_control(
    models: Sequence[Model], records: Sequence[Record], model: Model, task: str, k: int, *, pixels: bool
) -> float | None:
    for m in models:
        is_pixels = m.source.startswith("pixels:")
        fits = model.modality == "image" and is_pixels if pixels else m.source == f"random:{model.source}"
        if fits and m.source != model.source:
            return main_value(records, m, task, f"{MAIN}.top{k}")
    return None


def _hits(models: Sequence[Model], records: Sequence[Record]) -> list[Table]:
    fifties = [t for t in sets_of(records, "hits.top1") if t.endswith(".fifty") or t == OWN_QUESTIONS]
    random = "The same questions with c and d from another relation, hence not analogies; mean of 5 draws."
    titles = (
        (
            "table1",
            "Fifty questions (Table 1)",
            "",
            TABLE_1,
            fifties,
            "Our questions are not those of the study.",
        ),
        ("table2", "Fifty random pairs (Table 2)", ".random", TABLE_2, fifties, random),
        ("table3", "3,217 questions (Table 3)", "", TABLE_3, [SEMEVAL], f"{COUNTS[0].upper()}{COUNTS[1:]}."),
    )
    return [_hit_table(models, records, *parts) for parts in titles]


def _hit_table(
    models: Sequence[Model],
    records: Sequence[Record],
    name: str,
    title: str,
    more: str,
    published: Mapping[str, tuple[int, int]],
    sets: Sequence[str],
    caption: str,
) -> Table:
    n = 3217 if name == "table3" else 50
    rows: list[tuple[Cell, ...]] = [(PUBLISHED, NAMES[role], *both, n) for role, both in published.items()]
    for task in sets:
        for m in models:
            counts = [main_record(records, m, task, f"hits.top{k}{more}") for k in TOPS]
            if counts[0] is not None:
                rows.append((task, m.label, *map(number, counts), count(counts[0])))
    digits = 1 if more else 0
    columns = (
        Column("questions"),
        Column("model"),
        Column("top-1", digits),
        Column("top-5", digits),
        Column("n", help="questions"),
    )
    return Table(name, title, columns, tuple(rows), f"Number of questions answered. {ASKED_AS_PUBLISHED} {caption}")


def _near(models: Sequence[Model], records: Sequence[Record]) -> list[Table]:
    lines = []
    for name, title, metric, published, digits in (
        ("table5", "Angle between b - a + c and d (Table 5)", "angle", TABLE_5, 1),
        ("table6", "Spearman of the coordinates of b - a + c and d (Table 6)", "coordinate_spearman", TABLE_6, 2),
    ):
        rows: list[tuple[Cell, ...]] = [
            (PUBLISHED, NAMES[role], *values, None, None, 50) for role, values in published.items()
        ]
        for task in sets_of(records, f"{metric}.mean"):
            for m in models:
                mean = main_record(records, m, task, f"{metric}.mean")
                if mean is not None:
                    values = [main_value(records, m, task, f"{metric}.{part}") for part in ("min", "max")]
                    alone = main_value(records, m, task, "angle.from_c") if metric == "angle" else None
                    rows.append((task, m.label, *values, mean.value, span(mean), alone, mean.n))
        columns: tuple[Column, ...] = (
            Column("questions"),
            Column("model"),
            Column("min", digits),
            Column("max", digits),
            Column("mean", digits),
            Column("95 % interval"),
            Column("c alone to d", digits, "mean angle without b - a"),
            Column("n", help="questions"),
        )
        if metric != "angle":
            columns = (*columns[:6], columns[7])
            rows = [(*row[:6], row[7]) for row in rows]
        caption = "Degrees, raw vectors." if metric == "angle" else "Rank correlation over coordinates, raw vectors."
        lines.append(Table(name, title, columns, tuple(rows), caption))
    return lines


def _single(models: Sequence[Model], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (PUBLISHED, NAMES[role], *(by_role.get(role) for by_role in TABLE_4.values()))
        for role in next(iter(TABLE_4.values()))
    ]
    names = [f"angle: {format_question(words)}" for words in TABLE_4]
    for m in models:
        values = [main_value(records, m, "single", name) for name in names]
        if any(v is not None for v in values):
            rows.append(("single", m.label, *values))
    columns = (Column("questions"), Column("model"), *(Column(format_question(words), 1) for words in TABLE_4))
    return Table("table4", "Single angles (Table 4)", columns, tuple(rows), "Degrees, raw vectors.")
