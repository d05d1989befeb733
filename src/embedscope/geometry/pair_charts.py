"""What two sides of a pair look like: their clouds and the gap, cosines of pairs that match and that do not, recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats, Hashes
from embedscope.core.document import Bins, Document, Dot, DotRow, Dots, Headline, Histogram, Mark, Points, Scatter
from embedscope.core.records import Record
from embedscope.core.tables import Index
from embedscope.core.wording import percent
from embedscope.geometry.charts import by_form, charts_of
from embedscope.geometry.sketches import DRAWN, Sketchbook, edges_over, shares_in
from embedscope.geometry.summary import format_record
from embedscope.metrics.pairs import Paired

POINTS = 400
"""Rows of a side that are drawn as points."""

SECTION = "Both sides"
_SHIFTS = 10


def pair_document(document: Document, paired: Paired, records: Sequence[Record], book: Sketchbook) -> Document:
    """``document`` with the headline of a pair and its charts."""
    comparable = paired.x.shape[1] == paired.y.shape[1]
    clouds, cosines = (_clouds(paired), _cosines(paired)) if comparable else (None, None)
    recalls = recall_chart(records)
    own = by_form(charts_of(list(book)))
    charts = [c for c in (clouds, cosines, recalls) if c is not None]
    return replace(
        document,
        title=f"{paired.names[0].capitalize()} and {paired.names[1]} in one space" if comparable else document.title,
        headline=pair_headline(records, paired.names, tuple(c.id for c in charts)),
        histograms=(*([cosines] if cosines else []), *own["histograms"]),
        dots=tuple([recalls] if recalls else []),
        figures=own["figures"],
        scatters=tuple([clouds] if clouds else []),
    )


def pair_headline(records: Sequence[Record], names: tuple[str, str], charts: Sequence[str]) -> Headline | None:
    """Where the two sides lie and how often the right answer comes first."""
    by_metric = {r.metric: r for r in records if r.value is not None and r.space == "|".join(names)}
    gap, paired, unpaired = (by_metric.get(n) for n in ("modality_gap", "paired_cosine", "unpaired_cosine"))
    recalls = [by_metric.get(f"recall@1.{a}_to_{b}") for a, b in (names, names[::-1])]
    a, b = names
    parts, evidence = [], []
    if gap is not None and paired is not None and unpaired is not None:
        parts.append(
            f"Matching pairs have a mean cosine of {paired.value:.2f}, others {unpaired.value:.2f}; the means of the "
            f"two sides lie {gap.value:.2f} apart"
        )
        evidence += [gap, paired]
    if recalls[0] is not None and recalls[1] is not None:
        parts.append(
            f"The right {b} comes first for {percent(recalls[0].value or 0, 0)} of {a} queries, the right {a} for "
            f"{percent(recalls[1].value or 0, 0)} of {b} queries"
        )
        evidence.append(recalls[0])
    if not parts and "linear_cka" in by_metric:
        parts.append(f"The two spaces are alike to {by_metric['linear_cka'].value:.2f} by linear CKA, where 1 is equal")
        evidence.append(by_metric["linear_cka"])
    if not parts:
        return None
    n = max((r.n or 0 for r in by_metric.values()), default=0)
    says = "; ".join([*(format_record(r) for r in evidence), f"n {n:,}"]) + "; in brackets 95 % intervals"
    return Headline(f"{'. '.join(parts)}.", "info", says, charts=tuple(charts[:2]))


def recall_chart(records: Sequence[Record]) -> Dots | None:
    """recall@k in both directions."""
    recalls = [r for r in records if r.metric.startswith("recall@") and r.value is not None]
    directions = list(dict.fromkeys(r.metric.partition(".")[2] for r in recalls))
    cutoffs = list(dict.fromkeys(r.metric.partition(".")[0] for r in recalls))
    if not recalls:
        return None
    by = {r.metric: r for r in recalls}
    rows = tuple(
        DotRow(
            cutoff,
            tuple(
                Dot(i, r.value or 0.0, r.ci_low, r.ci_high)
                for i, d in enumerate(directions)
                if (r := by.get(f"{cutoff}.{d}")) is not None
            ),
        )
        for cutoff in cutoffs
    )
    title = "How often the right answer is among the first"
    names = tuple(d.replace("_", " ") for d in directions)
    return Dots("recall", title, "recall", rows, names, caption="Bars: 95 % intervals.", section=SECTION)


def _sample(n: int, ids: Hashes, most: int) -> Index:
    """Places of at most ``most`` of ``n`` rows, by the smallest hash of what they belong to."""
    return np.sort(np.argsort(ids, kind="stable")[: min(n, most)])


def _clouds(paired: Paired) -> Scatter | None:
    unit = paired.unit
    sides = [(unit.x, unit.x_ids), (unit.y, unit.y_ids)]
    if min(len(x) for x, _ in sides) < 3:
        return None
    drawn = [x[_sample(len(x), ids, POINTS)] for x, ids in sides]
    both = np.concatenate(drawn)
    middle = both.mean(axis=0)
    _, spread, directions = np.linalg.svd(both - middle, full_matrices=False)
    if len(directions) < 2 or spread[0] <= 0:
        return None
    share = float((spread[:2] ** 2).sum() / (spread**2).sum())
    axes = directions[:2] * np.sign(directions[:2, np.abs(directions[:2]).argmax(axis=1)].diagonal())[:, None]
    planes = [np.round((x - middle) @ axes.T, 4) for x in drawn]
    means = [np.round((x.mean(axis=0) - middle) @ axes.T, 4) for x, _ in sides]
    points = tuple(
        Points(name, tuple(p[:, 0].tolist()), tuple(p[:, 1].tolist()))
        for name, p in zip(paired.names, planes, strict=True)
    )
    a, b = means
    count = " and ".join(f"{len(p):,} of {len(x):,}" for p, (x, _) in zip(planes, sides, strict=True))
    return Scatter(
        "clouds",
        "The two clouds and the gap between their means",
        "first principal direction",
        "second principal direction",
        points,
        ((float(a[0]), float(a[1]), float(b[0]), float(b[1])),),
        f"{count} rows at unit length, in the two directions of most variance ({percent(share, 0)} of it). The arrow "
        f"leads from the mean {paired.names[0]} to the mean {paired.names[1]}.",
        SECTION,
        origin=False,
    )


def _cosines(paired: Paired) -> Histogram | None:
    unit = paired.unit
    left, right = unit.matches
    if len(left) < 3:
        return None
    chosen = _sample(len(left), unit.x_ids[left], DRAWN)
    left, right = left[chosen], right[chosen]
    matching = np.einsum("ij,ij->i", unit.x[left], unit.y[right])
    shifts = range(1, min(_SHIFTS, len(left) - 1) + 1)
    apart = [(left, np.roll(right, s)) for s in shifts]
    others = np.concatenate(
        [
            np.einsum("ij,ij->i", unit.x[a[u]], unit.y[b[u]])
            for a, b in apart
            if (u := unit.x_ids[a] != unit.y_ids[b]).any()
        ]
        or [np.empty(0)]
    )
    if not len(others):
        return None
    edges = edges_over(matching, others)
    ends: list[tuple[str, Floats]] = [("pairs that do not match", others), ("pairs that match", matching)]
    return Histogram(
        "cosines",
        f"Cosines across: {paired.names[0]} with {paired.names[1]}",
        "cosine",
        "share of pairs",
        tuple(edges.tolist()),
        tuple(Bins(label, tuple(np.round(shares_in(v, edges), 5).tolist())) for label, v in ends),
        marks=tuple(Mark(round(float(v.mean()), 4), f"mean {v.mean():.2f}") for _, v in ends),
        caption=f"{len(matching):,} pairs that match and {len(others):,} that do not, drawn by hash.",
        section=SECTION,
    )
