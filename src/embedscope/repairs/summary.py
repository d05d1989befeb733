"""What is said of a decision: records, findings, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from embedscope.certification.decision import Certified, Decision, Tried, moved
from embedscope.certification.judges.base import Judge, Objective, Outcome
from embedscope.core.document import Cell, Column, Document, Finding, Skipped, Table
from embedscope.core.records import Record
from embedscope.repairs.calibration import Calibrated
from embedscope.repairs.request import RecordContext
from embedscope.stats.bootstrap import Difference
from embedscope.stats.score_records import score_bars

LOSERS = 10
WHY_NOT = "why not"
MEANT = {
    "recall@1": "share of rows whose best answer is right",
    "mixed_ndcg@10": "how high the right answers stand in one index of all kinds, 0 to 1",
    "same_modality_share": "share of the ten best of that index that is of the asker's own kind",
    "nearest_class": "share of rows that lie nearest to the mean of their class",
    "linear_probe": "share of rows that a linear classifier gets right",
    "spearman": "rank correlation of cosines with the scores given",
}
"""What scores mean, by how their names begin."""
QUESTION = "Does a repair help on data that neither fitted nor chose it?"


def records_of(
    decision: Decision, told: RecordContext, calibrated: Calibrated | None, used: str | None
) -> list[Record]:
    """Every score of every candidate on the selecting part, and of the original and the chosen one on the other."""
    found = list(_scores(decision.original, told, None, "select"))
    for tried in decision.tried:
        if tried.outcome is not None:
            found += _scores(tried.outcome, told, tried.candidate.text, "select")
            found += _gains(tried.gains, tried.outcome, told, tried.candidate.text, "select")
    if decision.certified is not None and decision.chosen is not None:
        text = decision.chosen.text
        found += _scores(decision.certified.before, told, None, "certify")
        found += _scores(decision.certified.after, told, text, "certify")
        found += _gains(decision.certified.gains, decision.certified.after, told, text, "certify")
    if calibrated is not None:
        found += _trust(calibrated, told, used)
    return found


def document_of(
    decision: Decision, judge: Judge, calibrated: Calibrated | None, notes: Sequence[str] = (), forced: bool = False
) -> Document:
    """Verdict first, then what it rests on, all candidates, the one test, and who loses."""
    findings = [Finding(decision.reason, "ok" if decision.repaired else "info", _sizes(judge))]
    if forced:
        findings.append(Finding("The repair was written all the same, because --force asks for it."))
    findings += _beside(decision, judge.aim)
    tables = [_candidates(decision, judge)]
    if decision.certified is not None:
        tables.append(_test(decision.certified, judge))
        findings.append(_who(decision.certified))
        tables += _losers(decision.certified)
    if calibrated is not None:
        findings.append(_calibration(calibrated))
    title = "A repair that helps" if decision.repaired else "The original is kept"
    skipped = [Skipped(note, "said by the judge of this run") for note in (*judge.notes, *notes)]
    skipped += [Skipped(t.candidate.text, t.why_not or "") for t in decision.tried if t.outcome is None]
    return Document(title, QUESTION, tuple(findings), tuple(tables), skipped=tuple(skipped))


def evidence_of(records: Sequence[Record], aim: Objective) -> tuple[Record, ...]:
    """The records of the one test, for the header of the repair."""
    wanted = {name for score in aim.every for name in (score, f"{score}.difference")}
    return tuple(r for r in records if r.subset == "certify" and r.metric in wanted)


def _scores(outcome: Outcome, told: RecordContext, candidate: str | None, part: str) -> Iterator[Record]:
    for name, score in outcome.scores.items():
        bars = score_bars(score)
        yield _record(told, candidate, part, name, score.value, bars, score.n, score.note)


def _gains(
    gains: Mapping[str, Difference], outcome: Outcome, told: RecordContext, candidate: str, part: str
) -> Iterator[Record]:
    for name, gain in gains.items():
        bars = (gain.stderr, gain.low, gain.high)
        n = outcome.scores[name].n
        yield _record(told, candidate, part, f"{name}.difference", gain.value, bars, n, "from the original, paired")


def _trust(found: Calibrated, told: RecordContext, candidate: str | None) -> Iterator[Record]:
    held, n = found.held, found.held.n_matching
    note = (
        f"positive_rate {found.calibration.positive_rate:g}; always saying the positive_rate has a Brier score of {held.base_brier:g}; "
        f"not matching: {found.others}"
    )
    for name, value in (("calibration.brier", held.brier), ("calibration.ece", held.ece)):
        yield _record(told, candidate, "certify", name, value, (None, None, None), n, note)


def _record(
    told: RecordContext,
    candidate: str | None,
    part: str,
    metric: str,
    value: float | None,
    bars: tuple[float | None, float | None, float | None],
    n: int,
    note: str | None,
) -> Record:
    return Record(
        source=told.source,
        metric=metric,
        value=value,
        space=told.space,
        stderr=bars[0],
        ci_low=bars[1],
        ci_high=bars[2],
        n=n,
        dim=told.dim,
        rows="unit",
        transform=candidate,
        fitted_on=None if candidate is None else told.fitted_on,
        subset=part,
        note=note if value is not None or note else "undefined",
    )


def _sizes(judge: Judge) -> str:
    return ", ".join(f"{n:,} {judge.what} {part}" for part, n in judge.sizes.items())


def _beside(decision: Decision, aim: Objective) -> list[Finding]:
    """What happens to the other kind of index, to new classes."""
    found = decision.certified
    if found is None:
        return []
    names = [n for n in (*aim.guards, *aim.shown) if n in found.gains and not n.endswith((".new", ".known"))]
    said = _classes(found, aim)
    told = [f"{name} {moved(found, name)}" for name in names if found.gains[name].value != 0]
    same = [name for name in names if found.gains[name].value == 0]
    told += [f"{', '.join(same)} stay{'s' if len(same) == 1 else ''} as before"] if same else []
    said += [Finding(f"Beside it, {'; '.join(told)}.")] if told else []
    gained = [n for n in aim.guards if n in found.gains and (low := found.gains[n].low) is not None and low > 0]
    if not decision.repaired and "mixed_ndcg@10" in gained:
        said.append(Finding("If both kinds are searched in one index, decide on that index: --objective mixed."))
    return said


def _classes(found: Certified, aim: Objective) -> list[Finding]:
    """What a fit on half of the classes does to these, and to the others."""
    said = [
        f"on {what} {name.rpartition('.')[0]} {moved(found, name)}"
        for end, what in ((".new", "the other half, which it never saw,"), (".known", "held-out items of its own half"))
        for name in (*aim.guards, *aim.shown)
        if name.endswith(end) and name in found.gains
    ]
    return [Finding(f"Fitted on half of the classes alone: {'; '.join(said)}.")] if said else []


def _candidates(decision: Decision, judge: Judge) -> Table:
    main, *others = [n for n in judge.aim.every if n in decision.original.scores]
    barred = any(t.outcome is not None and t.why_not for t in decision.tried)
    columns = [Column("candidate"), Column(main, 3), Column("difference", 3), Column("95 % interval")]
    columns += [Column(WHY_NOT)] if barred else []
    columns += [Column(name, 3) for name in others]
    rows: list[tuple[Cell, ...]] = []
    for t in (None, *decision.tried):
        outcome = decision.original if t is None else t.outcome
        if outcome is not None:
            gain = None if t is None else t.gains.get(main)
            cells: list[Cell] = [_called(t, decision), outcome.scores[main].value]
            cells += [None, None] if gain is None else [gain.value, _range(gain)]
            cells += [None if t is None else t.why_not] if barred else []
            rows.append((*cells, *(outcome.scores[n].value for n in others)))
    caption = f"{judge.sizes['select']:,} {judge.what}; differences from the original are paired."
    return Table("candidates", "Candidates on the part that selects", tuple(columns), tuple(rows), caption)


def _called(tried: Tried | None, decision: Decision) -> str:
    if tried is None:
        return "none (as they are)"
    mark = " (chosen)" if tried.candidate is decision.chosen else " (barred)" if tried.why_not else ""
    return tried.candidate.text + mark


def _range(gain: Difference) -> str | None:
    return None if gain.low is None or gain.high is None else f"[{gain.low:+.3f}, {gain.high:+.3f}]"


def _test(found: Certified, judge: Judge) -> Table:
    role = {judge.aim.main: "decides"} | dict.fromkeys(judge.aim.guards, "must not lose")
    columns = ("score", "before", "after", "difference", "95 % interval", "role")
    rows = tuple(
        (
            name,
            found.before.scores[name].value,
            found.after.scores[name].value,
            found.gains[name].value,
            _range(found.gains[name]),
            role.get(name, "beside"),
        )
        for name in sorted(found.gains, key=lambda n: [*judge.aim.every, n].index(n))
    )
    digits = (None, 3, 3, 3, None, None)
    test = f"One paired test of the chosen candidate, on {judge.sizes['certify']:,} {judge.what} that chose nothing."
    known = [f"{name}: {meant}" for name, meant in MEANT.items() if any(n.startswith(name) for n in found.gains)]
    caption = ". ".join([test.removesuffix("."), *known]) + "."
    heads = tuple(Column(title, d) for title, d in zip(columns, digits, strict=True))
    return Table("certified", "The chosen candidate on the part that certifies", heads, rows, caption)


def _loss(found: Certified) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much each item loses, nan where it is not scored."""
    before, after = found.before.items, found.after.items
    sign = 1.0 if before.lower else -1.0
    return np.asarray(sign * (after.values - before.values))


def _who(found: Certified) -> Finding:
    loss = _loss(found)
    lost, won, same = (int((test).sum()) for test in (loss > 0, loss < 0, loss == 0))
    title = found.before.items.title
    return Finding(f"Of single items, {won:,} gain, {lost:,} lose and {same:,} stay ({title}).")


def _losers(found: Certified) -> list[Table]:
    loss, items = _loss(found), found.before.items
    known = np.where(np.isfinite(loss), loss, 0.0)
    worst = [i for i in np.argsort(-known, kind="stable")[:LOSERS].tolist() if known[i] > 0]
    if not worst:
        return []
    rows = tuple((items.names[i], float(items.values[i]), float(found.after.items.values[i])) for i in worst)
    digits = 0 if items.lower else 3
    columns = (Column("item"), Column(f"{items.title} before", digits), Column("after", digits))
    total = int((known > 0).sum())
    return [Table("losers", "Items that lose most", columns, rows, f"{len(rows)} of {total:,} that lose.")]


def calibration_note(found: Calibrated) -> str:
    """What a calibration speaks of, one sentence."""
    return (
        f"The probability is of {found.what}, for a share of {found.calibration.positive_rate:g}; what does not match were "
        f"{found.others}."
    )


def _calibration(found: Calibrated) -> Finding:
    held = found.held
    return Finding(
        f"Cosines are calibrated to the probability of {found.what}, for a share of {found.calibration.positive_rate:g}: Brier "
        f"score {held.brier:.3f} on held-out pairs, against {held.base_brier:.3f} for always saying the share.",
        evidence=f"calibration error {held.ece:.3f}; {held.n_matching:,} pairs that match, {held.n_other:,} others",
        detail=f"What does not match: {found.others}.",
    )
