"""A migration as records and as a document: the verdict first, then what was measured."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from typing import Any

from embedscope.core.document import (
    Action,
    Cell,
    Column,
    Document,
    Dot,
    DotRow,
    Dots,
    Figure,
    Finding,
    Headline,
    Mark,
    Row,
    Series,
    Status,
    Table,
)
from embedscope.core.records import Record
from embedscope.core.wording import percent
from embedscope.migration.costs import Costs
from embedscope.migration.curve import CurvePoint
from embedscope.migration.decision import Decision, way
from embedscope.migration.maps import NONE
from embedscope.migration.retention import NDCG, OVERLAP, PAIR, RetentionJudge
from embedscope.migration.trials import Certified
from embedscope.readers import is_vectors, store_of
from embedscope.stats.score_records import score_bars, score_record

_STATUS: dict[str, Status] = {"stay": "ok", "bridge": "ok", "re-embed": "serious", "pilot more pairs": "warning"}
LOST = 10
FORCED = "--force wrote the bridge all the same: nothing certifies what it keeps."


def records_of(decision: Decision, judge: RetentionJudge, retain: float, costs: Costs) -> list[Record]:
    """Every number: candidates on the selecting part, tests on the certifying part, the curve, the verdict."""
    source = " -> ".join(judge.rows.names)
    fitted = f"{len(judge.fit):,} rows of both models, one half of all"

    def record(score: Any, metric: str, space: str, subset: str, text: str | None, **facts: Any) -> Record:
        return score_record(
            score, source=source, metric=metric, space=space, subset=subset, transform=text, fitted_on=fitted, **facts
        )

    records = [
        record(score, name, t.direction, "select", t.text)
        for t in decision.trials
        if t.kept is not None
        for name, score in t.kept.scores.items()
    ]
    for test in decision.certified.values():
        where = (test.trial.direction, "certify", test.trial.text)
        records += [record(score, name, *where) for name, score in test.kept.scores.items()]
        if test.pair_recall is not None:
            records.append(record(test.pair_recall, PAIR, *where))
        if test.remote is not None:
            records.append(record(test.remote, f"{OVERLAP}.remote", *where))
        if test.main is not test.kept.main:
            records.append(record(test.main, f"{judge.main}.at_index", *where))
    view = judge.views["certify"]
    records += [record(score, f"{name}.full", "new", "certify", None) for name, score in view.full.items()]
    if decision.stays is not None:
        records += [record(score, name, "old", "certify", None) for name, score in decision.stays[0].scores.items()]
    direction = "queries" if decision.chosen is None else decision.chosen.trial.direction
    records += [record(p.kept, judge.main, direction, f"pairs:{p.pairs}", p.text) for p in decision.curve]
    facts: dict[str, Any] = {"verdict": decision.verdict, "reason": decision.reason, "retain": retain}
    if decision.prediction is not None:
        facts |= {"predicted_pairs": decision.prediction.enough, "predicted_limit": decision.prediction.limit}
    chosen = decision.chosen
    records.append(
        Record(
            source,
            "migrate",
            None if chosen is None else chosen.value,
            space=direction,
            ci_low=None if chosen is None else chosen.low,
            ci_high=None if chosen is None else chosen.high,
            n=None if chosen is None else chosen.main.n,
            exact=chosen is None or chosen.main.exact,
            transform=None if chosen is None else chosen.trial.text,
            fitted_on=fitted,
            subset="certify",
            units=None if chosen is None else chosen.kept.main.facts.get("units"),
            note=decision.verdict,
            facts=facts | {"index_rows": costs.rows, "tokens": costs.tokens, "price_per_million": costs.price},
        )
    )
    return records


def document_of(
    decision: Decision, judge: RetentionJudge, retain: float, costs: Costs, out: str, *, forced: bool = False
) -> Document:
    """The verdict, what it rests on, the candidates, the curve, what each way costs.

    ``out`` is the file that the bridge is written to, empty where it is not; ``forced`` says that it is written though
    nothing certifies it.
    """
    verdict = Finding(
        f"{decision.verdict.capitalize()}: {decision.reason}.",
        _STATUS[decision.verdict],
        evidence=_evidence(decision, judge),
        detail=decision.outlook,
        actions=(_next(decision, out or "bridge.safetensors"),),
    )
    findings = [verdict, *([Finding(FORCED, "warning")] if forced else []), *_findings(decision, judge, costs)]
    figures = tuple(figure for figure in (_curve(decision.curve, judge, retain),) if figure is not None)
    dots = tuple(chart for chart in (_retention_chart(decision, judge, retain),) if chart is not None)
    tables = [_candidates(decision, judge), *_tests(decision, judge), _costs(costs)]
    return Document(
        f"{judge.rows.names[0]} -> {judge.rows.names[1]}: {decision.verdict}",
        "Can the new model be used without embedding everything again?",
        tuple(findings),
        tuple(tables),
        figures,
        sources=("vejendla2025",),
        headline=_headline(verdict, decision, judge, out, (*(c.id for c in dots), *(c.id for c in figures)), forced),
        dots=dots,
    )


def _headline(
    verdict: Finding, decision: Decision, judge: RetentionJudge, out: str, charts: tuple[str, ...], forced: bool
) -> Headline:
    """The verdict with its interval, and the command that carries it out; in words where there is none.

    Whoever forces a bridge knows what else there is to do, and is told what the file is worth alone.
    """
    command = _command(decision, judge, out)
    then = FORCED if forced else "" if command else f"{verdict.remedy[0].upper()}{verdict.remedy[1:]}."
    text = f"{verdict.text} {then}".rstrip()
    return Headline(text, verdict.status, verdict.evidence, command=command, charts=charts)


def _command(decision: Decision, judge: RetentionJudge, out: str) -> str:
    """How a bridge that was written is used; empty where none was, or the old vectors are no file."""
    if decision.verdict != "bridge" or decision.chosen is None or not out:
        return ""
    if decision.chosen.trial.direction == "queries":
        return f"embedscope export {shlex.quote(out)} --to numpy --kind new"
    old = judge.rows.names[0]
    if not is_vectors(old):
        return ""
    where = "migrated.npy --kind old"
    if (store := store_of(old)) is not None and store.is_local:
        same = judge.rows.old.shape[1] == judge.rows.new.shape[1]
        where = "--in-place" if same else f"{shlex.quote(f'{store}_new')} --kind old"
    return f"embedscope apply {shlex.quote(out)} {shlex.quote(old)} {where}"


def _evidence(decision: Decision, judge: RetentionJudge) -> str:
    test = decision.chosen
    if test is None:
        return ""
    units = test.kept.main.facts.get("units", test.kept.main.n)
    pool = len(judge.views["certify"].d_new)
    return (
        f"{test.kept.main.n:,} {judge.what} ({units:,} units of evidence) among {pool:,} rows that fitted nothing; "
        "95 % interval"
    )


def _next(decision: Decision, out: str) -> Action:
    test = decision.chosen
    if decision.verdict == "bridge" and test is not None:
        if test.trial.direction == "queries":
            return Action("keep the index; map each new query: ", f"embedscope export {out} --to numpy --kind new")
        return Action("rewrite the stored vectors: ", f"embedscope apply {out} OLD.npy MIGRATED.npy --kind old")
    if decision.verdict == "stay" and test is not None and test.trial.text == NONE:
        return Action("keep the index, and search it with the new model's queries as they are")
    if decision.verdict == "stay":
        return Action("keep the old model and its index")
    if decision.verdict == "re-embed":
        return Action("embed all rows with the new model; do not mix its vectors with old ones in one index")
    return Action(f"{decision.advice}, and run migrate again")


def _unmatched(decision: Decision, test: Certified) -> list[Finding]:
    """That rows of OLD and NEW may not match, where few find their own pair and embedding again is advised."""
    pair = None if test.pair_recall is None else test.pair_recall.value
    if decision.verdict != "re-embed" or pair is None or pair >= _FEW_PAIRS:
        return []
    return [
        Finding(
            f"Only {percent(pair)} of the mapped rows find their own pair first: OLD and NEW may not hold the same "
            "rows in the same order.",
            "warning",
            detail="Of two models of the same texts nearly all do, also where a map loses a third of the neighbours.",
            harm="The verdict would be about the wrong pairs, and embedding everything again would be for nothing.",
            actions=(Action("compare both files with embedscope compare, or match their rows by ids"),),
        )
    ]


_FEW_PAIRS = 0.75
"""Share of mapped rows that find their own pair first, under which it is said that rows may not match."""


def _findings(decision: Decision, judge: RetentionJudge, costs: Costs) -> list[Finding]:
    by = judge.judged_by
    sentences = [
        Finding(
            "The judge is what the full re-embedding finds: "
            + (f"nDCG@10 by {by}." if by else "its ten nearest rows."),
            detail=""
            if by
            else "No judgements were given, so a lost neighbour counts as lost even where it was irrelevant: give "
            "--qrels with queries, or --groups of rows that belong together, to count what matters.",
        )
    ]
    test = decision.chosen
    if test is not None:
        overlap = test.kept.scores[OVERLAP]
        sentences += _at_size(test, judge, costs.rows)
        if test.pair_recall is not None and test.pair_recall.value is not None and overlap.value is not None:
            sentences.append(
                Finding(
                    f"A mapped row finds its own pair first in {test.pair_recall.value:.3f} of cases, and "
                    f"{overlap.value:.3f} of the ten nearest are kept: pair recall alone would say too much."
                    if test.pair_recall.value > overlap.value + 0.05
                    else f"A mapped row finds its own pair first in {test.pair_recall.value:.3f} of cases; "
                    f"{overlap.value:.3f} of the ten nearest are kept."
                )
            )
        sentences += _unmatched(decision, test)
        if test.remote is not None and test.remote.value is not None and overlap.value is not None:
            _, low, high = score_bars(test.remote)
            worse = high is not None and high < overlap.value
            sentences.append(
                Finding(
                    f"On the half of them unlike any fitted row, {test.remote.value:.3f} of the ten nearest are kept"
                    + (": fewer than among all, so choose pairs that cover the index." if worse else "."),
                    "warning" if worse else "info",
                    "" if low is None or high is None else f"95 % interval {low:.3f} to {high:.3f}",
                )
            )
        sentences += _losers(test, judge)
        others = [c for d, c in decision.certified.items() if c is not test and d != NONE]
        sentences += [
            Finding(
                f"The other direction, {way(c.trial.direction)}: '{c.trial.text}' keeps {c.text}; it was not "
                "chosen, so this is no test."
            )
            for c in others
        ]
    if (sentence := costs.sentence()) is not None:
        sentences.append(Finding(sentence))
    sentences += [Finding(f"{note[0].upper()}{note[1:]}.") for note in judge.notes]
    return sentences


def _at_size(test: Certified, judge: RetentionJudge, rows: int) -> list[Finding]:
    """How what was measured is carried on to the size of the index."""
    facts = test.main.facts
    if "measured" not in facts or facts["measured"] is None:
        return []
    searched = f"Among the {facts['searched']:,} rows searched, {facts['measured']:.3f} of"
    if judge.judged_by:
        return [
            Finding(
                f"{searched} nDCG@10 is kept. In an index of {rows:,} rows more others come in front of what is "
                "relevant: the share with all others, a half and a quarter of them is carried on to that size."
            )
        ]
    return [
        Finding(
            f"{searched} the ten nearest are kept. Ten in an index of {rows:,} rows lie as close as the "
            f"{facts['k']:.1f} nearest of these, so that many are compared for the verdict, with half of what so few "
            "are harder added."
        )
    ]


def _candidates(decision: Decision, judge: RetentionJudge) -> Table:
    judged = bool(judge.judged_by)
    columns = [Column("direction"), Column("candidate"), Column("kept", 3, best="high"), Column("95 % interval")]
    columns += [Column("top 10 in common", 3)] if judged else []
    rows: list[tuple[Cell, ...]] = []
    for t in decision.trials:
        if t.kept is None:
            rows.append((t.direction, t.text, None, t.why_not, *([None] if judged else [])))
            continue
        _, low, high = score_bars(t.kept.main)
        bars = None if low is None or high is None else f"{low:.3f} to {high:.3f}"
        mark = " (chosen)" if decision.is_chosen(t) else ""
        more = [t.kept.scores[OVERLAP].value] if judged else []
        rows.append((t.direction if t.text != NONE else "either", t.text + mark, t.kept.main.value, bars, *more))
    asked = len(judge.views["select"].q_new)
    caption = f"{asked:,} {judge.what} that select; the rows that certify asked nothing yet."
    return Table("candidates", "Candidates on the part that selects", tuple(columns), tuple(rows), caption)


def _tests(decision: Decision, judge: RetentionJudge) -> list[Table]:
    rows: list[tuple[Cell, ...]] = []
    names = [OVERLAP] + ([f"{NDCG}.kept", "recall@10.kept", NDCG] if judge.judged_by else [])
    for name, test in decision.certified.items():
        mark = " (tested)" if test is decision.chosen else ""
        for score in names:
            value = test.kept.scores[score]
            _, low, high = score_bars(value)
            bars = None if low is None or high is None else f"{low:.3f} to {high:.3f}"
            rows.append(
                ("either" if name == NONE else test.trial.direction, test.trial.text + mark, score, value.value, bars)
            )
    if decision.stays is not None:
        for score in names:
            value = decision.stays[0].scores[score]
            _, low, high = score_bars(value)
            bars = None if low is None or high is None else f"{low:.3f} to {high:.3f}"
            rows.append(("", "the old model alone", score, value.value, bars))
    for full, value in judge.views["certify"].full.items():
        _, low, high = score_bars(value)
        if full == NDCG:
            bars = None if low is None or high is None else f"{low:.3f} to {high:.3f}"
            rows.append(("", "the full re-embedding", full, value.value, bars))
    if not rows:
        return []
    heads = (Column("direction"), Column("candidate"), Column("score"), Column("value", 3), Column("95 % interval"))
    caption = (
        "On rows that neither fitted nor chose anything. '.kept' is a share of what the full re-embedding reaches."
    )
    return [Table("certified", "What is kept on the part that certifies", heads, tuple(rows), caption)]


def _losers(test: Certified, judge: RetentionJudge) -> list[Finding]:
    """The queries that lose most."""
    items, names = test.kept.scores[OVERLAP].items, judge.views["certify"].names
    if items is None or not (items < 1).any():
        return []
    worst = [i for i in items.argsort(kind="stable")[:LOST].tolist() if items[i] < 1]
    rows = tuple(Row(names[i], why=f"{round(10 * float(items[i]))} of its ten nearest kept") for i in worst)
    total = int((items < 1).sum())
    return [
        Finding(
            f"{total:,} of {len(items):,} lose at least one of their ten nearest; those that lose most are named.",
            rows=rows,
        )
    ]


def _costs(costs: Costs) -> Table:
    heads = (Column("way"), Column("rows to embed"), Column("tokens"), Column("price", 2), Column("written"))
    caption = "Rows that fit a bridge are embedded already."
    if costs.tokens is None:
        caption += " Tokens are counted where NEW is a model, or given by --tokens-per-row."
    return Table("costs", "What each way costs", heads, tuple(costs.options()), caption)


def _retention_chart(decision: Decision, judge: RetentionJudge, retain: float) -> Dots | None:
    """What every candidate keeps on the part that selects, with its interval."""
    rows = []
    for t in decision.trials:
        if t.kept is None or t.kept.main.value is None:
            continue
        _, low, high = score_bars(t.kept.main)
        chosen = decision.is_chosen(t)
        label = "as they are" if t.text == NONE else f"{t.text}, {t.direction}"
        dot = Dot(0 if chosen else 1, t.kept.main.value, low, high)
        rows.append(DotRow(label, (dot,), f"{t.kept.main.value:.3f}", chosen))
    if not rows:
        return None
    return Dots(
        "kept",
        "What every candidate keeps, on the part that selects",
        "nDCG@10 kept" if judge.judged_by else "share of the ten nearest kept",
        tuple(rows),
        ("chosen" if decision.verdict in ("stay", "bridge") else "best here, not enough", "not chosen"),
        ("good" if decision.verdict in ("stay", "bridge") else "", "quiet"),
        (Mark(retain, f"wanted: {retain:g}"),),
        caption=f"{len(judge.views['select'].q_new):,} {judge.what} that select; 95 % intervals. 'queries' maps new "
        "queries into the old index, 'documents' stored vectors into the new space.",
    )


def _curve(points: Sequence[CurvePoint], judge: RetentionJudge, retain: float) -> Figure | None:
    families = list(dict.fromkeys(p.family for p in points))
    if not points or len({p.pairs for p in points}) < 2:
        return None
    series = []
    for family in families:
        mine = [p for p in points if p.family == family]
        bars = [score_bars(p.kept) for p in mine]
        series.append(
            Series(
                family,
                tuple(float(p.pairs) for p in mine),
                tuple(p.kept.value for p in mine),
                tuple(low for _, low, _ in bars),
                tuple(high for _, _, high in bars),
                group=family,
            )
        )
    ks = sorted({float(p.pairs) for p in points})
    series.append(Series(f"wanted: {retain:g}", (ks[0], ks[-1]), (retain, retain), kind="reference"))
    known = [v for s in series for v in (*s.y, *(s.low or ()), *(s.high or ())) if v is not None]
    what = "nDCG@10 kept" if judge.judged_by else "share of the ten nearest kept"
    return Figure(
        "learning_curve",
        "Learning curve of the bridge",
        "pairs that fit",
        what,
        tuple(series),
        "Each family at its best setting, on the part that certifies.",
        (math.floor(10 * min(known)) / 10, max(1.0, *known)),
    )
