"""The result of a calibration: records, findings, tables and charts."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.calibration.curve import Chosen
from embedscope.calibration.hand_labels import Looked, Merges, sizes_of_merges
from embedscope.calibration.reading import Given
from embedscope.calibration.scores import ScoreCalibration
from embedscope.calibration.unrelated import Sampled, histogram, tail_intervals
from embedscope.core.arrays import Floats
from embedscope.core.document import (
    Action,
    Cell,
    Column,
    Document,
    Figure,
    Finding,
    Headline,
    Mark,
    Series,
    Skipped,
    Status,
    Table,
)
from embedscope.core.records import Record
from embedscope.core.wording import count, join_names, percent
from embedscope.transforms.calibration import Threshold

SHARES = (0.1, 0.05, 0.01, 0.001)
"""Shares of unrelated pairs above a cosine that are tabulated."""

BARS = 60
SECTION = "What cosines mean"
PROMISED = {"precision": "precision", "recall": "recall", "max_false_merge": "share of false merges"}


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that was found."""

    given: Given
    calibration: ScoreCalibration
    sampled: Sampled
    chosen: Chosen | str | None
    looked: Looked | None
    conformal: float | None
    dedup: bool
    confidence: float
    seed: int


def records_of(numbers: Findings) -> list[Record]:
    """Records: the unrelated pairs, the tail, the probability, the thresholds."""
    given, u = numbers.given, numbers.calibration.unrelated
    place: dict[str, Any] = {
        "source": given.source,
        "space": given.space,
        "dim": given.sides.x.shape[1],
        "rows": "unit",
        "task": "calibration",
    }
    n = len(given.sides.x)
    records = [
        Record(metric="unrelated_cosine", value=u.moments.mean, n=n, note=f"over {u.moments.n:,.0f} pairs", **place),
        Record(metric="unrelated_sd", value=u.moments.sd, n=n, **place),
        Record(metric="query_mean_sd", value=u.query_spread, n=n, **place),
    ]
    cuts = _cuts(numbers)
    share, low, high = tail_intervals(numbers.sampled, given.sides, cuts)
    for wanted, cut, s, a, b in zip(SHARES, cuts, share, low, high, strict=True):
        records.append(
            Record(
                metric=f"unrelated_above.{wanted:g}",
                value=float(s),
                ci_low=float(a),
                ci_high=float(b),
                n=u.tail.n,
                exact=u.tail.exact,
                facts={"cosine": float(cut), "z": float(u.z(cut))} if u.moments.sd else {"cosine": float(cut)},
                note=f"share of unrelated pairs at or above cosine {cut:.4f}",
                **place,
            )
        )
    return [*records, *_label_records(numbers, place)]


def _cuts(numbers: Findings) -> Floats:
    tail = numbers.calibration.unrelated.tail
    return np.interp([1 - s for s in SHARES], tail.levels, tail.cosines)


def _label_records(numbers: Findings, place: dict[str, Any]) -> Iterator[Record]:
    given, chosen = numbers.given, numbers.chosen
    if given.judged is not None:
        match = given.judged.match
        yield Record(metric="match_share", value=float(match.mean()), n=len(match), note=given.population, **place)
    if isinstance(chosen, Chosen):
        error = chosen.error
        yield Record(
            metric="calibration_error",
            value=error.value,
            ci_low=error.low,
            ci_high=error.high,
            n=error.n,
            units=error.units,
            note=f"{chosen.name}; root mean square over bins, without sampling noise, on pairs that fitted nothing",
            facts={"brier": error.brier, "base_brier": error.base_brier, "curve": chosen.name},
            **place,
        )
        note = f"{chosen.name}; true probabilities would give {error.noise:.4f} on average, by sampling alone"
        yield Record(metric="ece", value=error.ece, n=error.n, units=error.units, note=note, **place)
    for t in numbers.calibration.thresholds:
        yield Record(
            metric=f"threshold.{t.promise}",
            value=t.cosine,
            n=t.n,
            note=t.why or f"{PROMISED[t.promise]} {_bound(t)} with {percent(t.confidence, 0)} confidence; {t.method}",
            facts={
                "target": t.target,
                "observed": t.observed,
                "recall": t.recall,
                "needed": t.needed,
                "confidence": t.confidence,
            },
            **place,
        )
    if numbers.conformal is not None:
        yield Record(
            metric="threshold.recall.expected",
            value=numbers.conformal,
            note="conformal risk control: the recall is kept on average over repetitions",
            **place,
        )


def _bound(t: Threshold) -> str:
    return f"at most {t.target:g}" if t.promise == "max_false_merge" else f"at least {t.target:g}"


def document_of(numbers: Findings, records: Sequence[Record], out: str = "", command: str = "") -> Document:
    """The answer first: where to cut, what a cosine means, then the charts.

    ``out`` is the file that the calibration is written to (empty: none), ``command`` the one that was given.
    """
    cuts = list(_thresholds(numbers))
    findings = [*cuts, *_probability(numbers), *_unrelated_findings(numbers, records)]
    skipped = tuple(Skipped("labels" if "judged" in note else "rows", note) for note in numbers.given.notes)
    figures = [_distributions(numbers)]
    if isinstance(numbers.chosen, Chosen):
        figures.append(_reliability(numbers.chosen))
    title = "What the cosines mean"
    if any(t.cosine is not None for t in numbers.calibration.thresholds):
        title = "Where to cut"
    return Document(
        title,
        "What does a cosine mean, and from which one on is a pair a match?",
        tuple(findings),
        tuple(_tables(numbers, records)),
        tuple(figures),
        skipped,
        headline=_headline(numbers, cuts, findings, out, command, tuple(f.id for f in figures)),
    )


def _headline(
    numbers: Findings,
    cuts: Sequence[Finding],
    findings: Sequence[Finding],
    out: str,
    command: str,
    charts: tuple[str, ...],
) -> Headline:
    """What is refused, then where to cut; without promises what is known of a match, else the unrelated pairs."""
    refused = [t for t in numbers.calibration.thresholds if t.cosine is None]
    undecided = [f for f in cuts if f.status == "undecided"]
    certified = [f for f in cuts if f.status == "ok"]
    stated = [*undecided, *certified] or list(findings[:1])
    sentences = [_refusal(numbers, t) for t in refused] + [f.text for f in stated if f not in undecided]
    evidence = "; ".join(dict.fromkeys(f.evidence for f in stated if f.evidence))
    if numbers.looked is not None and numbers.looked.threshold.cosine is None and command:
        then = command  # reads the pairs back that were judged meanwhile
    else:
        then = f"embedscope export {shlex.quote(out)} --to numpy" if out else ""
    return Headline(" ".join(sentences), stated[0].status, evidence, command=then, charts=charts)


def _refusal(numbers: Findings, t: Threshold) -> str:
    """That a promise has no threshold, and how many labels it takes; the whole reason is in the finding."""
    if numbers.looked is not None and t is numbers.looked.threshold:
        return f"No threshold yet: {t.why}."
    given = numbers.given
    with_match = 0 if given.matches is None else len(np.unique(given.matches[1]))
    labelled = 0 if given.judged is None else len(np.unique(given.judged.unit))
    units, there = ("units with a match", with_match) if t.promise == "recall" else ("labelled units", labelled)
    missing = t.why if t.needed is None else f"it takes about {t.needed:,} {units}, and there are {there:,}"
    return f"A {PROMISED[t.promise]} of {_bound(t)} cannot be promised: {missing}."


def _thresholds(numbers: Findings) -> Iterator[Finding]:
    for t in numbers.calibration.thresholds:
        name = PROMISED[t.promise]
        if t.cosine is None:
            if numbers.looked is not None and t is numbers.looked.threshold:
                yield Finding(
                    f"No threshold yet: {t.why}.",
                    "undecided",
                    f"{t.n:,} pairs judged by hand",
                    actions=_next(numbers.looked),
                )
            else:
                yield Finding(f"A {name} of {_bound(t)} cannot be promised: {t.why}.", "undecided", t.method)
            continue
        where = "" if t.promise == "recall" else f" among {numbers.given.population or 'the nearest pairs'}"
        observed = (
            f"{PROMISED[t.promise]} of {t.observed:.3f} in {t.n:,} units that certify" if t.observed is not None else ""
        )
        kept = (
            f"; it keeps {percent(t.recall, 1)} of the matches"
            if t.recall is not None and t.promise != "recall"
            else ""
        )
        yield Finding(
            f"For a {name} of {_bound(t)}{where}, cut at cosine {t.cosine:.4f} ({percent(t.confidence, 0)} confidence)"
            f"{kept}.",
            "ok",
            observed,
            detail=f"{t.method}; each promise holds by itself.",
        )
        if numbers.dedup and numbers.given.candidates is not None and t.promise != "recall":
            yield _merges(numbers, t.cosine)


def _next(looked: Looked) -> tuple[Action, ...]:
    return (Action(f"{looked.new} new pairs were written"),) if looked.new else ()


def _merges(numbers: Findings, cut: float) -> Finding:
    assert numbers.given.candidates is not None
    merges = Merges.of(*numbers.given.candidates)
    sizes = sizes_of_merges(merges, cut, len(numbers.given.sides.x))
    removed = int((sizes - 1).sum())
    biggest = f", the largest of {int(sizes[0]):,} rows" if len(sizes) else ""
    return Finding(
        f"Merging all pairs at or above it makes {count(len(sizes), 'set')} of duplicates{biggest}, and removes "
        f"{removed:,} of {len(numbers.given.sides.x):,} rows.",
        detail="The promise is on pairs: in a chain of merges the ends may differ more than any pair of neighbours.",
    )


def _probability(numbers: Findings) -> Iterator[Finding]:
    chosen = numbers.chosen
    if isinstance(chosen, str):
        yield Finding(f"{chosen[0].upper()}{chosen[1:]}.", "undecided")
    if not isinstance(chosen, Chosen):
        return
    error = chosen.error
    status: Status = "ok" if error.high <= 0.05 else "warning" if error.low > 0.05 else "info"
    yield Finding(
        f"The probability of a match ({chosen.name}) is off by {error.value:.3f} [{error.low:.3f}, "
        f"{error.high:.3f}] on "
        f"held-out pairs; its Brier score is {error.brier:.3f}, against {error.base_brier:.3f} for always "
        f"predicting the "
        "base rate.",
        status,
        f"{error.n:,} pairs in {error.units:,} units; expected calibration error {error.ece:.3f}, of which "
        f"sampling alone "
        f"gives {error.noise:.3f}",
        detail=f"It speaks of {numbers.given.population}, of which {percent(chosen.curve.positive_rate, 1)} match.",
    )


def _unrelated_findings(numbers: Findings, records: Sequence[Record]) -> Iterator[Finding]:
    u = numbers.calibration.unrelated
    cuts = _cuts(numbers)
    share = {r.metric: r for r in records}["unrelated_above.0.01"]
    of_100, low, high = (math.nan if x is None else 100 * x for x in (share.value, share.ci_low, share.ci_high))
    yield Finding(
        f"Unrelated pairs have a mean cosine of {u.moments.mean:.3f} (standard deviation {u.moments.sd:.3f}); 1 % of "
        f"them reach {cuts[2]:.3f}, and 0.1 % reach {cuts[3]:.3f}.",
        "info",
        f"mean over all {u.moments.n:,.0f} pairs; of {u.tail.n:,} sampled pairs {of_100:.2f} % "
        f"[{low:.2f} %, {high:.2f} %] reach {cuts[2]:.3f}",
    )
    part = (u.query_spread / u.moments.sd) ** 2 if u.moments.sd else 0.0
    if part > 0.25:
        yield Finding(
            f"Queries differ: the mean cosine of a query with unrelated rows varies by {u.query_spread:.3f} (standard "
            f"deviation), {percent(part, 0)} of the variance of all cosines. A percentile among the query's own "
            "unrelated pairs says more than one threshold for all.",
            actions=(Action(command="calibration.percentile(cosines, queries=vectors)"),),
        )


def _tables(numbers: Findings, records: Sequence[Record]) -> Iterator[Table]:
    by_name = {r.metric: r for r in records}
    scores = numbers.calibration
    rows: list[tuple[Cell, ...]] = []
    for wanted in SHARES:
        record = by_name[f"unrelated_above.{wanted:g}"]
        cosine = (record.facts or {})["cosine"]
        p = None if scores.curve is None else float(scores.probability(cosine))
        ends = None if record.ci_low is None else f"{record.ci_low:.4f} to {record.ci_high:.4f}"
        rows.append((100 * (1 - wanted), cosine, (record.facts or {}).get("z"), record.value, ends, p))
    columns = [
        Column("percentile", 1, help="share of unrelated pairs below, in per cent"),
        Column("cosine", 4),
        Column("z", 2, help="cosine less the mean of unrelated pairs, in units of their standard deviation"),
        Column("share above", 4),
        Column("95 % interval"),
        Column("probability of a match", 3),
    ]
    if scores.curve is None:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    yield Table("percentiles", "Cosines of unrelated pairs", tuple(columns), tuple(rows))
    if scores.thresholds:
        cells = tuple(
            (PROMISED[t.promise], t.target, t.cosine, t.observed, t.recall, t.n, t.why or t.method)
            for t in scores.thresholds
        )
        heads = ("promise", "rate", "cosine", "observed", "recall", "n", "how, or why not")
        digits = (None, None, 4, 4, 3, None, None)
        yield Table(
            "thresholds",
            f"Certified thresholds ({percent(numbers.confidence, 0)} confidence each)",
            tuple(Column(h, d) for h, d in zip(heads, digits, strict=True)),
            cells,
        )
    if isinstance(numbers.chosen, Chosen):
        yield Table(
            "reliability",
            "Held-out reliability of the probability",
            (Column("mean probability", 3), Column("share of matches", 3), Column("95 % interval"), Column("pairs")),
            tuple((p, share, f"{a:.3f} to {b:.3f}", n) for p, share, a, b, n in numbers.chosen.error.bins),
        )


def _distributions(numbers: Findings) -> Figure:
    """Unrelated against matching (and searched) cosines, as densities."""
    given = numbers.given
    kinds = {"unrelated pairs": numbers.sampled.cosines}
    if given.matches is not None:
        kinds["matching pairs"] = given.matches[0]
    if given.candidates is not None:
        kinds["nearest pairs"] = given.candidates[2]
    elif given.judged is not None and not given.judged.match.all():
        kinds["judged, no match"] = given.judged.cosines[~given.judged.match]
    kinds = {name: v for name, v in kinds.items() if len(v)}
    low = min(float(np.quantile(v, 0.001)) for v in kinds.values())
    high = max(float(np.quantile(v, 0.999)) for v in kinds.values())
    edges = np.linspace(low, max(high, low + 1e-6), BARS + 1)
    middles = tuple(((edges[1:] + edges[:-1]) / 2).tolist())
    series = [Series(name, middles, tuple(histogram(v, edges).tolist()), group=name) for name, v in kinds.items()]
    marks = tuple(
        Mark(t.cosine, f"cut: {PROMISED[t.promise]} {_bound(t)}")
        for t in numbers.calibration.thresholds
        if t.cosine is not None and low <= t.cosine <= high
    )
    if len(kinds) == 1:  # no labels: where the tail begins
        marks = (Mark(_cuts(numbers)[2], "1 % reach this"),)
    if numbers.looked is not None and numbers.looked.cut is not None and numbers.looked.threshold.cosine is None:
        marks = (*marks, Mark(numbers.looked.cut, "to be judged from here"))
    title = f"Cosines of {join_names(list(kinds))}"
    return Figure("cosines", title, "cosine", "density of pairs", tuple(series), section=SECTION, marks=marks)


def _reliability(chosen: Chosen) -> Figure:
    bins = chosen.error.bins
    x = tuple(b[0] for b in bins)
    return Figure(
        "reliability",
        "Reliability of the probability",
        "predicted probability",
        "share that matches",
        (
            Series(
                "held-out pairs",
                x,
                tuple(b[1] for b in bins),
                tuple(b[2] for b in bins),
                tuple(b[3] for b in bins),
                group=chosen.name,
            ),
            Series("as predicted", (0.0, 1.0), (0.0, 1.0), kind="reference"),
        ),
        "Each point is a bin of equal numbers of pairs; the band is a 95 % interval by units.",
        (0.0, 1.0),
        SECTION,
    )
