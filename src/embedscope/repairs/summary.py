"""The report of a decision: records, findings, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from embedscope.certification.charts import decision_charts, reliability_chart
from embedscope.certification.decision import Certified, Decision, Trial, describe_change, remote_sentence
from embedscope.certification.judges.base import Judge, Objective, Outcome
from embedscope.core.document import Cell, Column, Document, Finding, Headline, Skipped, Status, Table
from embedscope.core.records import Record
from embedscope.core.wording import count, format_signed_interval, percent
from embedscope.repairs.match_probability import Calibrated
from embedscope.repairs.request import RecordContext
from embedscope.repairs.suggestions import barred_findings, front
from embedscope.stats.bootstrap import Difference
from embedscope.stats.score_records import score_bars

LOSERS = 10
SCARCE = 0.01
NO_OWN = (
    "The mixed index gives hardly any results of the query's own modality now. Only pairs are judged here, so such "
    "results never count; where they are wanted, choose a smaller distance from the table"
)
WHY_NOT = "why not"
MEANT = {
    "recall@1": "share of rows whose best answer is right",
    "mixed_ndcg@10": "how high the right answers rank in one index of both modalities, 0 to 1",
    "weighted": "(1 - W) recall@1 + W mixed_ndcg@10, W as --objective gives it",
    "same_modality_share": "share of the ten best of that index that are of the query's own modality",
    "nearest_class": "share of rows that lie nearest to the mean of their class",
    "linear_probe": "share of rows that a linear classifier gets right",
    "spearman": "rank correlation of cosines with the given scores",
}
"""What scores mean, by how their names begin."""
QUESTION = "Does a repair help on held-out data?"
_BY_CLASS = (".unseen", ".seen")

FAR, APART = "remote_difference", "region_difference"


def records_of(
    decision: Decision, context: RecordContext, calibrated: Calibrated | None, used: str | None
) -> list[Record]:
    """Every score of every candidate on the selecting part, and of the original and the chosen one on the other."""
    records = list(_scores(decision.original, context, None, "select"))
    for trial in decision.trials:
        if trial.outcome is not None:
            records += _scores(trial.outcome, context, trial.candidate.text, "select")
            records += _gains(trial.gains, trial.outcome, context, trial.candidate.text, "select")
    test = decision.certified
    if test is not None and decision.chosen is not None:
        text = decision.chosen.text
        records += _scores(test.before, context, None, "certify")
        records += _scores(test.after, context, text, "certify")
        records += _gains(test.gains, test.after, context, text, "certify")
        records += _remote(test, context, text)
    if calibrated is not None:
        records += _trust(calibrated, context, used)
    return records


def document_of(
    decision: Decision,
    judge: Judge,
    calibrated: Calibrated | None,
    notes: Sequence[str] = (),
    forced: bool = False,
    command: str = "",
) -> Document:
    """Verdict first, then its evidence, all candidates, the one test, and the items that get worse."""
    findings = [Finding(decision.reason, "ok" if decision.repaired else "info", _sizes(judge), detail=_units(judge))]
    if forced:
        findings.append(Finding("The repair was written all the same, because --force asks for it."))
    tables = [_candidates(decision, judge)]
    test = decision.certified
    if test is not None:
        findings += _others(test, judge.objective, decision.repaired)
        if decision.repaired:
            findings.append(Finding(remote_sentence(test, judge.objective.main), "ok", "90 % interval"))
        tables.append(_test(test, judge))
        findings.append(_items(test))
        tables += _losers(test)
    findings += barred_findings(decision, judge, command)
    trade = front(decision)
    tables[1:1] = [] if trade is None else [trade[0]]
    if calibrated is not None:
        findings.append(_calibration(calibrated))
    title = "A repair that helps" if decision.repaired else "The original is kept"
    said = (*judge.evidence.notes, *judge.notes, *notes)
    skipped = [Skipped(note, "how this run was judged") for note in said]
    skipped += [Skipped(t.candidate.text, t.why_not or "") for t in decision.trials if t.outcome is None]
    charts = decision_charts(decision, judge)
    trust = None if calibrated is None else reliability_chart(calibrated.held.bins, calibrated.what)
    return Document(
        title,
        QUESTION,
        tuple(findings),
        tuple(tables),
        figures=() if trust is None else (trust,),
        skipped=tuple(skipped),
        scatters=() if trade is None else (trade[1],),
        headline=_headline(decision, judge, forced, tuple(c.id for c in charts["dots"])),
        **charts,  # type: ignore[arg-type]
    )


def _headline(decision: Decision, judge: Judge, forced: bool, charts: tuple[str, ...]) -> Headline:
    """The decision, how sure it is, and what to do with it."""
    also = " The repair was written all the same, because --force asks for it." if forced else ""
    status: Status = "ok" if decision.repaired else "warning" if forced else "info"
    return Headline(decision.reason + also, status, _sizes(judge), charts=charts[:2])


def evidence_of(records: Sequence[Record], objective: Objective) -> tuple[Record, ...]:
    """The records of the one test, for the header of the repair."""
    wanted = {f"{score}{more}" for score in objective.every for more in ("", ".difference", f".{FAR}", f".{APART}")}
    return tuple(r for r in records if r.subset == "certify" and r.metric in wanted)


def _scores(outcome: Outcome, context: RecordContext, candidate: str | None, part: str) -> Iterator[Record]:
    for name, score in outcome.scores.items():
        yield _record(context, candidate, part, name, score.value, score_bars(score), score.n, score.note)


def _gains(
    gains: Mapping[str, Difference], outcome: Outcome, context: RecordContext, candidate: str, part: str
) -> Iterator[Record]:
    for name, gain in gains.items():
        bars = (gain.stderr, gain.low, gain.high)
        n = outcome.scores[name].n
        yield _record(context, candidate, part, f"{name}.difference", gain.value, bars, n, "from the original, paired")


def _remote(test: Certified, context: RecordContext, candidate: str) -> Iterator[Record]:
    """The gain on units unlike any fitted, and under fits that saw nothing of a row's region."""
    main = next(iter(test.gains))
    far = f"on the {count(test.remote.n_units, 'unit')} farthest from any fitted row"
    for name, remote, where in (
        (FAR, test.remote, far),
        (APART, test.region, "each row under a fit without the fitted rows of its region"),
    ):
        if remote is not None:
            bars, note = (remote.gain.stderr, remote.gain.low, remote.gain.high), f"{where}; paired, 90 % interval"
            yield _record(
                context, candidate, "certify", f"{main}.{name}", remote.gain.value, bars, remote.n_items, note
            )


def _trust(calibrated: Calibrated, context: RecordContext, candidate: str | None) -> Iterator[Record]:
    held, n = calibrated.held, calibrated.held.n_matching
    note = (
        f"positive rate {calibrated.calibration.positive_rate:g}; always predicting the base rate has a Brier score of "
        f"{held.base_brier:g}; not matching: {calibrated.others}"
    )
    for name, value in (("calibration.brier", held.brier), ("calibration.ece", held.ece)):
        yield _record(context, candidate, "certify", name, value, (None, None, None), n, note)


def _record(
    context: RecordContext,
    candidate: str | None,
    part: str,
    metric: str,
    value: float | None,
    bars: tuple[float | None, float | None, float | None],
    n: int,
    note: str | None,
) -> Record:
    return Record(
        source=context.source,
        metric=metric,
        value=value,
        space=context.space,
        stderr=bars[0],
        ci_low=bars[1],
        ci_high=bars[2],
        n=n,
        dim=context.dim,
        rows="unit",
        transform=candidate,
        fitted_on=None if candidate is None else context.fitted_on,
        subset=part,
        note=note if value is not None or note else "undefined",
    )


def _sizes(judge: Judge) -> str:
    return ", ".join(f"{n:,} {judge.what} {part}" for part, n in judge.sizes.items())


def _units(judge: Judge) -> str:
    """Units of evidence, and how many certifying rows have a near-duplicate among fitted rows."""
    evidence = judge.evidence
    units = evidence.units.note or f"each of {evidence.units.rows:,} rows is a unit of evidence"
    near = 0 if evidence.searched else judge.copies_of_fitted()
    verb = "has" if near == 1 else "have"
    return f"{units}; {count(near, 'certifying row')} {verb} a near-duplicate among the fitted rows."


def _others(test: Certified, objective: Objective, repaired: bool) -> list[Finding]:
    """What happens to the other scores, and to unseen classes."""
    names = [n for n in (*objective.guards, *objective.shown) if n in test.gains and not n.endswith(_BY_CLASS)]
    findings = _classes(test, objective)
    changes = [f"{name} {describe_change(test, name)}" for name in names if test.gains[name].value != 0]
    same = [name for name in names if test.gains[name].value == 0]
    changes += [f"{' and '.join(same)} {'is' if len(same) == 1 else 'are'} unchanged"] if same else []
    findings += [Finding(f"Also, {'; '.join(changes)}.")] if changes else []
    share = test.after.scores.get("same_modality_share")
    if repaired and share is not None and share.value is not None and share.value < SCARCE:
        findings.append(Finding(f"{NO_OWN} ({percent(share.value, 1)} of the ten best).", "warning"))
    gained = [n for n in objective.guards if n in test.gains and (low := test.gains[n].low) is not None and low > 0]
    if not repaired and "mixed_ndcg@10" in gained:
        findings.append(Finding("If one index holds both modalities, decide on that index: --objective mixed."))
    return findings


def _classes(test: Certified, objective: Objective) -> list[Finding]:
    """What a fit on half of the classes does to these, and to the others."""
    where = {".unseen": "the other half, which it never saw,", ".seen": "held-out items of its own half"}
    changes = [
        f"on {what} {name.removesuffix(end)} {describe_change(test, name)}"
        for end, what in where.items()
        for name in (*objective.guards, *objective.shown)
        if name.endswith(end) and name in test.gains
    ]
    return [Finding(f"Fitted on half of the classes alone: {'; '.join(changes)}.")] if changes else []


def _candidates(decision: Decision, judge: Judge) -> Table:
    main, *others = [n for n in judge.objective.every if n in decision.original.scores]
    barred = any(t.outcome is not None and t.why_not for t in decision.trials)
    columns = [Column("candidate"), Column(main, 3), Column("difference", 3), Column("95 % interval")]
    columns += [Column(WHY_NOT)] if barred else []
    columns += [Column(name, 3) for name in others]
    rows: list[tuple[Cell, ...]] = []
    for t in (None, *decision.trials):
        outcome = decision.original if t is None else t.outcome
        if outcome is not None:
            gain = None if t is None else t.gains.get(main)
            cells: list[Cell] = [_trial_name(t, decision), outcome.scores[main].value]
            cells += [None, None] if gain is None else [gain.value, format_signed_interval(gain.low, gain.high)]
            cells += [None if t is None else t.why_not] if barred else []
            rows.append((*cells, *(outcome.scores[n].value for n in others)))
    caption = f"{judge.sizes['select']:,} {judge.what}; differences from the original are paired."
    return Table("candidates", "Candidates on the part that selects", tuple(columns), tuple(rows), caption)


def _trial_name(trial: Trial | None, decision: Decision) -> str:
    if trial is None:
        return "none (vectors as they are)"
    mark = " (chosen)" if trial.candidate is decision.chosen else " (barred)" if trial.why_not else ""
    return trial.candidate.text + mark


def _test(test: Certified, judge: Judge) -> Table:
    role = {judge.objective.main: "decides"} | dict.fromkeys(judge.objective.guards, "must not lose")
    columns = ("score", "before", "after", "difference", "95 % interval", "role")
    rows = tuple(
        (
            name,
            test.before.scores[name].value,
            test.after.scores[name].value,
            test.gains[name].value,
            format_signed_interval(test.gains[name].low, test.gains[name].high),
            role.get(name, "reported"),
        )
        for name in sorted(test.gains, key=lambda n: [*judge.objective.every, n].index(n))
    )
    digits = (None, 3, 3, 3, None, None)
    sample = f"{judge.sizes['certify']:,} {judge.what} in {count(test.n_units, 'unit')} of evidence"
    caption = f"One paired test of the chosen candidate, on {sample} that chose nothing."
    meant = [f"{name}: {meaning}." for name, meaning in MEANT.items() if any(n.startswith(name) for n in test.gains)]
    heads = tuple(Column(title, d) for title, d in zip(columns, digits, strict=True))
    title = "The chosen candidate on the part that certifies"
    return Table("certified", title, heads, rows, " ".join([caption, *meant]))


def _loss(test: Certified) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much each item loses, nan where it is not scored."""
    before, after = test.before.items, test.after.items
    sign = 1.0 if before.lower else -1.0
    return np.asarray(sign * (after.values - before.values))


def _items(test: Certified) -> Finding:
    loss = _loss(test)
    worse, better, same = (int(which.sum()) for which in (loss > 0, loss < 0, loss == 0))
    items = test.before.items
    return Finding(
        f"Per {items.noun}: {better:,} {'improves' if better == 1 else 'improve'}, {worse:,} "
        f"{'gets' if worse == 1 else 'get'} worse, {same:,} {'is' if same == 1 else 'are'} unchanged ({items.title})."
    )


def _losers(test: Certified) -> list[Table]:
    loss, items = _loss(test), test.before.items
    lost = np.where(np.isfinite(loss), loss, 0.0)
    worst = [i for i in np.argsort(-lost, kind="stable")[:LOSERS].tolist() if lost[i] > 0]
    if not worst:
        return []
    rows = tuple((items.names[i], float(items.values[i]), float(test.after.items.values[i])) for i in worst)
    digits = 0 if items.lower else 3
    columns = (Column("item"), Column(f"{items.title} before", digits), Column("after", digits))
    total = int((lost > 0).sum())
    return [Table("losers", "Items that get worse most", columns, rows, f"{len(rows)} of {total:,} that get worse.")]


def calibration_note(calibrated: Calibrated) -> str:
    """What a calibration is about, one sentence."""
    return (
        f"The probability is that of {calibrated.what} for a base rate of {calibrated.calibration.positive_rate:g}; "
        f"the pairs that do not match were {calibrated.others}."
    )


def _calibration(calibrated: Calibrated) -> Finding:
    held = calibrated.held
    return Finding(
        f"Cosines are calibrated to the probability of {calibrated.what}, for a base rate of "
        f"{calibrated.calibration.positive_rate:g}: Brier score {held.brier:.3f} on held-out pairs, against "
        f"{held.base_brier:.3f} for always predicting the base rate.",
        evidence=f"calibration error {held.ece:.3f}; {held.n_matching:,} pairs that match, {held.n_other:,} others",
        detail=f"Pairs that do not match: {calibrated.others}.",
    )
