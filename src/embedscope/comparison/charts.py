"""Headline and charts of a comparison: cosines of matching rows, what the spaces share, stability of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedscope.comparison.relation import PARITY, Relation
from embedscope.core.document import Bins, Dot, DotRow, Dots, Finding, Headline, Histogram, Mark
from embedscope.core.records import Record
from embedscope.core.wording import percent
from embedscope.stats.row_sets import K

_BINS = 40
_BY_NEIGHBOURS = ("model", "unrelated", "rotated", "truncated")
"""Relations in which cosines of matching rows say nothing, since the coordinates are not the same."""

_Z = 1.96
_COMMANDS = {
    "rotated": "embedscope migrate {files} -o bridge.safetensors",
    "model": "embedscope migrate {files} -o bridge.safetensors",
}
"""Relation -> what to run on the two files."""


def command_for(relation: str, files: str) -> str:
    """What to run on ``files``, as ``--old A --new B``; empty where nothing is to be run, or they are no files.

    >>> command_for("rotated", "--old a.npy --new b.npy")
    'embedscope migrate --old a.npy --new b.npy -o bridge.safetensors'
    """
    return _COMMANDS.get(relation, "").format(files=files) if files else ""


@dataclass(frozen=True)
class RelationCharts:
    """Charts of a relation, as fields of a document."""

    histograms: tuple[Histogram, ...]
    dots: tuple[Dots, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """In the order of what they say."""
        return (*(c.id for c in self.dots), *(c.id for c in self.histograms))


def overlap_interval(r: Relation) -> tuple[float, float]:
    """95 % interval of the share of the ten nearest in common."""
    half = _Z * r.overlap_stderr
    return max(r.overlap - half, 0.0), min(r.overlap + half, 1.0)


def relation_charts(r: Relation) -> RelationCharts:
    """What two spaces share, and the cosines of their matching rows where the dimensions agree."""
    low, high = overlap_interval(r)
    rows = [DotRow("10 nearest in common", (Dot(0, r.overlap, low, high),), f"{r.overlap:.3f}", True)]
    others = [("rank agreement of all cosines", r.rank_agreement), ("held-out cosine, best rotation", r.aligned)]
    others += [] if r.centred is None else [("cosine around the means", r.centred)]
    rows += [DotRow(label, (Dot(0, value),), f"{value:.3f}") for label, value in others]
    dots = Dots(
        "shared",
        "What the two spaces share",
        "0: nothing, 1: all",
        tuple(rows),
        marks=(Mark(r.overlap_chance, "chance for neighbours"), Mark(1.0, "the same")),
        caption="Bar: 95 % interval of the neighbours in common.",
    )
    drawn = [c for c in (_cosines(r), _neighbours(r)) if c is not None]
    return RelationCharts(tuple(drawn[::-1] if r.name in _BY_NEIGHBOURS else drawn), (dots,))


def _neighbours(r: Relation) -> Histogram:
    """In how many rows how many of the ten nearest are in common."""
    counts = np.bincount(np.rint(K * r.shared).astype(int), minlength=K + 1)
    searched = "" if len(r.shared) == r.n else f", found among {len(r.shared):,} of them, drawn by hash"
    return Histogram(
        "neighbours_in_common",
        "How many of the 10 nearest are in common",
        "neighbours in common",
        "share of rows",
        tuple(float(i) for i in range(K + 2)),
        (Bins("", tuple(float(c) for c in counts / counts.sum())),),
        tuple(str(i) for i in range(K + 1)),
        marks=(Mark(K * r.overlap + 0.5, f"mean {K * r.overlap:.1f}"), Mark(K * r.overlap_chance + 0.5, "chance")),
        caption=f"{r.n:,} matching rows{searched}.",
    )


def _cosines(r: Relation) -> Histogram | None:
    if r.cosines is None:
        return None
    known = r.cosines[np.isfinite(r.cosines)]
    low = min(float(known.min()), PARITY - 0.01)
    edges = np.linspace(low, 1.0, _BINS + 1)
    heights = np.histogram(np.clip(known, low, 1.0), edges)[0]
    return Histogram(
        "matching_cosines",
        "Cosines of matching rows, as they are",
        "cosine of a row with its match",
        "number of rows",
        tuple(edges.tolist()),
        (Bins("", tuple(float(h) for h in heights)),),
        marks=(Mark(PARITY, f"parity: {PARITY:g}"),),
    )


def relation_headline(
    r: Relation, said: Sequence[Finding], advice: str, files: str, charts: RelationCharts
) -> Headline:
    """The relation with its numbers; where rows miss parity that too, for it is what decides.

    ``advice`` is what to do, ``files`` are the two files as ``--old A --new B``, empty where they are no files.
    """
    verdict, *others = said
    low, high = overlap_interval(r)
    numbers = f"{percent(r.overlap, 1)} ({percent(low, 1)} to {percent(high, 1)}) of the 10 nearest are in common"
    if r.cosines is not None:
        numbers = f"Matching rows have a median cosine of {np.nanmedian(r.cosines):.4f}; {numbers}"
    warned = next((f for f in others if f.status == "warning"), None)
    text = " ".join(f.text for f in (warned, verdict) if f is not None)
    command = command_for(r.name, files)
    few = "" if len(r.shared) == r.n else f", {len(r.shared):,} of them searched"
    evidence = (
        f"{r.n:,} matching rows{few}; neighbours in common by chance {percent(r.overlap_chance, 1)}; 95 % interval"
    )
    status = verdict.status if warned is None else warned.status
    return Headline(f"{text} {numbers}.", status, evidence, advice, command, charts.ids)


def stability_chart(records: Sequence[Record]) -> Dots | None:
    """Share of texts that each model and layer finds again with a word in ten left out."""
    known = [r for r in records if r.metric == "word_stability" and r.value is not None]
    if not known:
        return None
    rows = tuple(
        DotRow(f"{r.source} {r.space or ''}".strip(), (Dot(0, r.value or 0.0, r.ci_low, r.ci_high),), f"{r.value:.3f}")
        for r in known
    )
    return Dots(
        "word_stability",
        "Texts found again with a word in ten left out",
        "share of texts (word_stability)",
        rows,
        caption="95 % intervals. No proof: a randomly initialised model can lead.",
    )


def models_headline(records: Sequence[Record], said: Sequence[Finding], dots: Sequence[Dots]) -> Headline:
    """Which model or layer keeps most texts, with its interval, and that this is no proof."""
    known = [r for r in records if r.metric == "word_stability" and r.value is not None]
    charts = tuple(c.id for c in dots)
    if not known:
        return Headline(said[0].text, said[0].status, said[0].evidence, charts=charts)
    top = max(known, key=lambda r: r.value or 0.0)
    bars = "" if top.ci_low is None else f" ({top.ci_low:.3f} to {top.ci_high:.3f})"
    apart = all(
        top.ci_low is not None and r.ci_high is not None and top.ci_low > r.ci_high for r in known if r is not top
    )
    also = "" if apart or len(known) == 1 else "; intervals overlap, so none leads for sure"
    text = f"{top.source} ({top.space}) finds {top.value:.3f}{bars} of the texts again with a word in ten left out"
    return Headline(
        f"{text}{also}.", "info" if apart else "undecided", f"{top.n:,} texts", said[-1].text, charts=charts
    )
