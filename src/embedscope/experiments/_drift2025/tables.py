"""Tables and figures of the study: what is kept by pair and family, published numbers beside ours, learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from embedscope.core.document import Cell, Column, Figure, Series, Table
from embedscope.experiments._drift2025.run import KEPT, Measured
from embedscope.experiments.experiment import ValueClaim
from embedscope.migration.maps import FAMILIES
from embedscope.migration.retention import OVERLAP
from embedscope.stats.score_records import score_bars

CLAIMS: tuple[ValueClaim, ...] = (
    ValueClaim(
        "abstract",
        "drift-adapter",
        "recall kept by the best adapter, at least",
        0.95,
        limit="recall@10 and MRR on MTEB corpora and a million images, with models that do not install here",
    ),
    ValueClaim(
        "isotrieve, quoted",
        "isotrieve",
        "nDCG@10 kept by ridge",
        0.871,
        limit="all-MiniLM-L6-v2 to bge-large on SciFact, which do not install here",
    ),
    ValueClaim(
        "isotrieve, quoted",
        "isotrieve",
        "nDCG@10 kept by ridge with 500 pairs",
        0.671,
        limit="all-MiniLM-L6-v2 to bge-large on SciFact, which do not install here",
    ),
    ValueClaim(
        "rebasis, quoted",
        "rebasis",
        "kept where vectors of two models are compared as they are",
        0.125,
        limit="its models and data are not named with the number",
    ),
)
"""Published figures; none can be checked exactly on what installs here, so ours stand beside them as ranges."""


def tables(measured: Sequence[Measured]) -> tuple[Table, ...]:
    """What is kept at the most pairs, and the published numbers beside ours."""
    return (_published_table(measured), *_retention_tables(measured))


def figures(measured: Sequence[Measured]) -> tuple[Figure, ...]:
    """A learning curve for each real pair and direction."""
    return tuple(
        _figure(m, i) for i, m in enumerate(measured) if not m.pair.control and len({p.pairs for p in m.points}) > 1
    )


def _published_table(measured: Sequence[Measured]) -> Table:
    real = [m for m in measured if not m.pair.control]

    def values(metric: str, family: str | None, few: bool = False) -> list[float]:
        bests = []
        for each in real:
            steps = sorted({p.pairs for p in each.points})
            k = each.most if not few else max((s for s in steps if s <= 500), default=each.most)
            points = [p for p in each.points if p.pairs == k and family in (None, p.family)]
            scores = [v for p in points if metric in p.scores and (v := p.scores[metric].value) is not None]
            bests += [max(scores)] if scores else []
        return bests

    ours = (values(KEPT, None), values(KEPT, "ridge"), values(KEPT, "ridge", few=True), values(KEPT, "none"))
    rows: list[tuple[Cell, ...]] = []
    for claim, bests in zip(CLAIMS, ours, strict=True):
        span = None if not bests else f"{min(bests):.3f} to {max(bests):.3f}"
        rows.append(
            (
                claim.source,
                claim.role,
                claim.metric,
                claim.expected,
                median(bests) if bests else None,
                span,
                claim.limit,
            )
        )
    heads = (
        Column("place"),
        Column("whose"),
        Column("what"),
        Column("published", 3),
        Column("our median", 3),
        Column("our range"),
        Column("why it is no check of the very number"),
    )
    caption = (
        "Ours: nDCG@10 kept, rows of one document counting as relevant, over all pairs of models and both directions."
    )
    return Table("published", "Published numbers beside ours", heads, tuple(rows), caption)


def _retention_tables(measured: Sequence[Measured]) -> list[Table]:
    lines = []
    for metric, title in ((OVERLAP, "Share of the ten nearest kept"), (KEPT, "Share of nDCG@10 kept")):
        some = [m for m in measured if any(metric in p.scores for p in m.points)]
        if not some:
            continue
        heads = (
            Column("spaces"),
            Column("corpus"),
            Column("direction"),
            Column("pairs"),
            *(Column(f, 3) for f in FAMILIES),
        )
        rows = []
        for each in some:
            cells: list[Cell] = [each.pair.label, each.pair.corpus, each.direction, each.most]
            for family in FAMILIES:
                point = each.at(family)
                cells.append(None if point is None or metric not in point.scores else point.scores[metric].value)
            rows.append(tuple(cells))
        lines.append(
            Table(metric, title, heads, tuple(rows), "With the most pairs; on rows that neither fitted nor chose.")
        )
    return lines


def _figure(each: Measured, number: int) -> Figure:
    series = []
    for family in FAMILIES:
        points = [p for p in each.points if p.family == family]
        if len(points) < 2 or family == "none":
            continue
        bars = [score_bars(p.scores[OVERLAP]) for p in points]
        series.append(
            Series(
                family,
                tuple(float(p.pairs) for p in points),
                tuple(p.scores[OVERLAP].value for p in points),
                tuple(low for _, low, _ in bars),
                tuple(high for _, _, high in bars),
                group=family,
            )
        )
    return Figure(
        f"curve_{number}",
        f"{each.pair.label}, {each.direction} mapped",
        "pairs that fit",
        "ten nearest kept",
        tuple(series),
        f"{each.pair.corpus}; bands are 95 % intervals.",
        (0.0, 1.0),
        "Learning curves",
    )
