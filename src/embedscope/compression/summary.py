"""The report of a frontier: records, verdict, table, chart."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embedscope.certification.decision import change
from embedscope.certification.noninferiority import Retention
from embedscope.compression.candidates import NONE
from embedscope.compression.frontier import Frontier, Point, Scores, Step, value_of
from embedscope.compression.material import Material
from embedscope.compression.prediction import NOT_OFFERED
from embedscope.compression.search import K
from embedscope.core.document import (
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
    Series,
    Skipped,
    Table,
)
from embedscope.core.records import Record
from embedscope.core.wording import count, format_signed_interval
from embedscope.readers import is_vectors
from embedscope.stats.bootstrap import Difference
from embedscope.stats.score_records import score_bars

QUESTION = "How few bytes may a row have?"
PREDICTED = f"predicted_overlap@{K}"
MEANT = {
    f"overlap@{K}": "share of the ten nearest rows of the full index that stay among the ten found",
    f"ndcg@{K}": "how high the relevant documents rank, 0 to 1",
    f"recall@{K}": "share of the relevant documents among the ten found",
}


def reason_of(frontier: Frontier, material: Material) -> str:
    """The verdict, one sentence."""
    step, n = frontier.chosen, f"{len(material.certify.queries):,} held-out {material.what}"
    if step is not None:
        assert step.point.fitted is not None
        bytes_ = step.point.fitted.n_bytes
        return (
            f"Use '{step.point.plan.text}': {bytes_:,} bytes per row in place of {frontier.full_bytes:,} "
            f"({frontier.full_bytes / bytes_:.3g} times smaller). On {n}, {frontier.main} "
            f"{_describe_test(step, frontier)}."
        )
    if not frontier.steps:
        failed = list(dict.fromkeys(p.why_not for p in frontier.points if p.why_not is not None))
        if failed and all(p.why_not is not None for p in frontier.points):
            return f"Keep float32: none of {count(len(frontier.points), 'candidate')} could be fitted: {failed[0]}."
        return (
            f"Keep float32: of {count(len(frontier.points), 'candidate')}, none is smaller and loses at most "
            f"{frontier.tolerance:g} of {frontier.main} on the {len(material.select.queries):,} "
            f"{material.what} that select."
        )
    return (
        f"Keep float32: with '{frontier.steps[0].point.plan.text}', on {n}, {frontier.main} "
        f"{_describe_test(frontier.steps[0], frontier)}. {_more_queries(frontier.steps[0].test)}"
    )


def _more_queries(test: Retention) -> str:
    """What would certify a candidate that was not."""
    if test.needed is None:
        return "More queries would not help: allow a larger --tolerance."
    return (
        f"The same changes would take {test.needed:,} units of evidence, there are {test.n_units:,}: add queries, or "
        "allow a larger --tolerance."
    )


def answer_of(frontier: Frontier) -> str:
    """The verdict in a headline: the loss that was certified, and the one that is accepted."""
    if frontier.chosen is None:
        return f"Nothing smaller than float32 is certified to lose at most {frontier.tolerance:g} of {frontier.main}."
    step = frontier.chosen
    assert step.point.fitted is not None
    bytes_ = step.point.fitted.n_bytes
    return (
        f"Use '{step.point.plan.text}': {frontier.full_bytes / bytes_:.3g} times smaller ({bytes_:,} bytes per row), "
        f"{lost_at_most(step.test)} of {frontier.main} is lost (95 % confidence; {frontier.tolerance:g} is accepted)."
    )


def detail_of(frontier: Frontier, material: Material) -> str:
    """What the headline rests on, beside what it says: the change that was measured; without a choice all of it."""
    step = frontier.chosen or next(iter(frontier.steps), None)
    if step is None:
        return reason_of(frontier, material)
    moved = (
        f"{len(material.certify.queries):,} held-out {material.what}, {frontier.main} "
        f"{_describe_measured(step, frontier)}"
    )
    if frontier.chosen is not None:
        return f"On {moved}."
    return f"With '{step.point.plan.text}', on {moved}; {_describe_bound(step)}. {_more_queries(step.test)}"


def _describe_change(step: Step, name: str) -> str:
    return change(step.before[name].value, step.after[name].value, step.losses[name])


def _describe_test(step: Step, frontier: Frontier) -> str:
    """How the main score moves, and the loss that the test excludes: one interval, that of the test that decides."""
    return f"{_describe_measured(step, frontier)}, and {_describe_bound(step)}; {frontier.tolerance:g} is accepted"


def _describe_measured(step: Step, frontier: Frontier) -> str:
    before, after = (scores[frontier.main].value for scores in (step.before, step.after))
    return change(before, after, Difference(step.losses[frontier.main].value, None, None, None))


def _describe_bound(step: Step) -> str:
    return f"with 95 % confidence {lost_at_most(step.test)} is lost"


def lost_at_most(test: Retention) -> str:
    """The bound of the loss, rounded up so that it is never said too small.

    >>> lost_at_most(Retention(-0.004, 0.2, 400, None, 0.01312)), lost_at_most(Retention(0, 0, 9, 9, 0.00008412))
    ('at most 0.0132', 'at most 0.0000842')
    """
    bound = test.at_most
    digits = 2 - math.floor(math.log10(bound)) if bound > 0 else 0
    return f"at most {math.ceil(bound * 10**digits - 1e-9) / 10**digits:.{digits}f}"


def records_of(frontier: Frontier, source: str, dim: int, fitted_on: str) -> list[Record]:
    """Scores, losses, bytes and predictions of all candidates; tests of those that were certified."""
    records = list(_score_records(frontier.original, source, dim, None, None, "select"))
    for point in frontier.points:
        if point.fitted is None:
            continue
        text, n_bytes = point.plan.text, point.fitted.n_bytes
        records.append(Record(source, "bytes_per_row", float(n_bytes), dim=dim, transform=text, fitted_on=fitted_on))
        records += _score_records(point.scores, source, dim, text, fitted_on, "select")
        records += _loss_records(point.losses, source, dim, text, fitted_on, "select")
        if point.predicted is None:
            continue
        note = "from the error of scores near the top; nothing was searched"
        records.append(
            Record(source, PREDICTED, point.predicted, dim=dim, transform=text, subset="select", exact=False, note=note)
        )
    for step in frontier.steps:
        text = step.point.plan.text
        records += _score_records(step.after, source, dim, text, fitted_on, "certify")
        records += _loss_records(step.losses, source, dim, text, fitted_on, "certify")
        note = f"p that the loss of {frontier.main} is more than {frontier.tolerance:g}; exact bound, any distribution"
        p = Record(
            source, f"{frontier.main}.p_loss", step.test.p, n=step.after[frontier.main].n, units=step.test.n_units
        )
        facts = {"at_most": step.test.at_most, "tolerance": frontier.tolerance}
        of = {"dim": dim, "transform": text, "subset": "certify", "note": note, "facts": facts}
        records.append(Record(**(vars(p) | of)))
    if frontier.steps:
        records += _score_records(frontier.steps[0].before, source, dim, None, None, "certify")
    return records


def _score_records(
    scores: Scores, source: str, dim: int, text: str | None, fitted_on: str | None, part: str
) -> Iterator[Record]:
    for name, score in scores.items():
        stderr, low, high = score_bars(score)
        yield Record(
            source, name, score.value, stderr=stderr, ci_low=low, ci_high=high, n=score.n, dim=dim, rows="unit",
            transform=text, fitted_on=fitted_on, subset=part, note=score.note,
        )  # fmt: skip


def _loss_records(
    losses: Mapping[str, Difference], source: str, dim: int, text: str, fitted_on: str, part: str
) -> Iterator[Record]:
    for name, gain in losses.items():
        yield Record(
            source, f"{name}.difference", gain.value, stderr=gain.stderr, ci_low=gain.low, ci_high=gain.high,
            dim=dim, rows="unit", transform=text, fitted_on=fitted_on, subset=part,
            note="from float32, paired",
        )  # fmt: skip


def document_of(
    frontier: Frontier, material: Material, notes: Sequence[str], source: str = "", out: str = ""
) -> Document:
    """Verdict first, then the frontier as chart and table, and the tests.

    ``source`` names the vectors of the index, ``out`` the file that the result is written to (empty: none).
    """
    chosen = frontier.chosen
    units = material.evidence.units.note or f"each of {material.evidence.units.rows:,} rows is a unit of evidence"
    sizes = f"{material.what}: {len(material.select.queries):,} select, {len(material.certify.queries):,} certify"
    answer, measured = answer_of(frontier), detail_of(frontier, material)
    findings = [Finding(f"{answer} {measured}", "info" if chosen is None else "ok", sizes, detail=units)]
    findings += _beside(chosen, frontier) if chosen is not None else []
    findings += _next(frontier)
    first, others = _tables(frontier, material)
    tables = [first, *([_tests(frontier)] if frontier.steps else []), *([others] if others.rows else [])]
    skipped = [Skipped(note, "how this run was judged") for note in (*material.evidence.notes, *material.notes, *notes)]
    skipped += [Skipped(p.plan.text, p.why_not) for p in frontier.points if p.why_not is not None]
    title = "The index can be smaller" if chosen is not None else "The index stays as it is"
    chart = _figure(frontier)
    command = _command(source, out) if chosen is not None else ""
    losses = _losses(frontier, material)
    charts = (*(d.id for d in losses), chart.id)
    headline = Headline(answer, findings[0].status, sizes, measured, command, charts)
    return Document(
        title, QUESTION, tuple(findings), tuple(tables), (chart,), tuple(skipped), headline=headline, dots=losses
    )


def _command(source: str, out: str) -> str:
    """What stores the index in the chosen form: its vectors where they are a file, else code for those to come."""
    if not out:
        return ""
    if is_vectors(source):
        stored = f"{Path(out).stem}.npy"
        return f"embedscope apply {shlex.quote(out)} {shlex.quote(source)} {shlex.quote(stored)} --kind document"
    return f"embedscope export {shlex.quote(out)} --to numpy"


def _beside(step: Step, frontier: Frontier) -> list[Finding]:
    others = [f"{name} {_describe_change(step, name)}" for name in step.losses if name != frontier.main]
    return [Finding(f"Also, {'; '.join(others)}.")] if others else []


def _next(frontier: Frontier) -> list[Finding]:
    """What comes after the chosen one on the frontier, and what it loses."""
    last = frontier.steps[-1] if frontier.steps else None
    if last is None or last.test.holds or len(frontier.steps) < 2:
        return []
    assert last.point.fitted is not None
    needed = last.test.needed
    more = "" if needed is None else f"; {needed:,} units of evidence would decide, there are {last.test.n_units:,}"
    return [
        Finding(
            f"The next smaller, '{last.point.plan.text}' ({last.point.fitted.n_bytes:,} bytes), is not certified: "
            f"{frontier.main} {_describe_test(last, frontier)}{more}."
        )
    ]


def _by_size(points: Sequence[Point]) -> list[Point]:
    return sorted((p for p in points if p.fitted is not None), key=lambda p: -(p.fitted.n_bytes if p.fitted else 0))


def _tables(frontier: Frontier, material: Material) -> tuple[Table, Table]:
    """The frontier with what was chosen, short enough for a screen; and all others."""
    others = [name for name in frontier.original if name != frontier.main]
    heads = (
        Column("candidate"), Column("bytes per row"), Column(frontier.main, 3, best="high"), Column("difference", 3),
        Column("95 % interval"), *(Column(name, 3) for name in others), Column("predicted overlap", 3),
    )  # fmt: skip
    base: list[Cell] = [NONE, frontier.full_bytes, value_of(frontier.original, frontier.main), None, None]
    best = [(*base, *(value_of(frontier.original, name) for name in others), None)]
    beaten: list[tuple[Cell, ...]] = []
    for p in _by_size(frontier.points):
        gain = p.losses[frontier.main]
        chosen = frontier.chosen is not None and p is frontier.chosen.point
        assert p.fitted is not None
        text = p.plan.text + " (chosen)" * chosen
        cells: list[Cell] = [text, p.fitted.n_bytes, value_of(p.scores, frontier.main), gain.value]
        (best if p.best else beaten).append(
            (*cells, format_signed_interval(gain.low, gain.high), *(value_of(p.scores, n) for n in others), p.predicted)
        )
    meant = " ".join(f"{name}: {MEANT[name]}." for name in frontier.original)
    asked = f"{len(material.select.queries):,} {material.what} that select"
    caption = (
        f"On {asked}: of as few bytes none is better. {meant} predicted overlap: from the error of scores near the "
        f"top, before any search; {NOT_OFFERED}."
    )
    less = f"On {asked}: another candidate of as few bytes, or fewer, is as good or better."
    return (
        Table("frontier", "The frontier: the best of each size", heads, tuple(best), caption),
        Table("beaten", "All other candidates", heads, tuple(beaten), less),
    )


def _tests(frontier: Frontier) -> Table:
    heads = (
        "candidate",
        "bytes per row",
        "before",
        "after",
        "difference",
        "at most lost (95 %)",
        "p of a larger loss",
        "certified",
    )
    digits = (None, None, 3, 3, 3, 4, 4, None)
    rows = []
    for step in frontier.steps:
        gain = step.losses[frontier.main]
        assert step.point.fitted is not None
        rows.append(
            (
                step.point.plan.text, step.point.fitted.n_bytes, value_of(step.before, frontier.main),
                value_of(step.after, frontier.main), gain.value, step.test.at_most,
                f"{step.test.p:.2g}", "yes" if step.test.holds else "no",
            )
        )  # fmt: skip
    columns = tuple(Column(title, d) for title, d in zip(heads, digits, strict=True))
    caption = (
        f"Tests of '{frontier.main} loses at most {frontier.tolerance:g}' in a fixed order, from the largest to the "
        "first that fails: the probability that any of them certifies a larger loss is at most 5 %, for any number of "
        "units and any distribution. At most lost: what the same test leaves possible, which is more than an interval "
        "by resampling says, for that knows nothing of rare losses."
    )
    return Table("certified", "Tests on the part that certifies", columns, tuple(rows), caption)


def _figure(frontier: Frontier) -> Figure:
    """One curve a way of storing numbers: the best score at each number of bytes per row, all dimensions or fewer."""
    best: dict[str, dict[float, Point]] = {}
    for p in _by_size(frontier.points):
        code = (p.plan.code.partition(":")[0] or NONE) + (", rescored" if p.plan.rescore else "")
        at = best.setdefault(code, {})
        if _bits(p) not in at or _score(p, frontier.main) > _score(at[_bits(p)], frontier.main):
            at[_bits(p)] = p
    best.setdefault(NONE, {})
    full, top = math.log2(frontier.full_bytes), frontier.original[frontier.main].value
    series = []
    for code, at in best.items():
        one = _series(code, [at[bits] for bits in sorted(at)], frontier.main)
        series.append(_with_end(one, full, top) if code == NONE else one)
    return Figure(
        "frontier",
        f"{frontier.main} against size",
        "bytes per row",
        frontier.main,
        tuple(series),
        caption="The best candidate of each size: all dimensions, the leading ones, or those of a PCA. "
        f"At most {frontier.tolerance:g} may be lost.",
        x_powers=True,
    )


def _with_end(series: Series, x: float, y: float | None) -> Series:
    """``series`` and one more point, without a band there."""
    low, high = series.low or (), series.high or ()
    return Series(series.label, (*series.x, x), (*series.y, y), (*low, None), (*high, None), group=series.group)


def _score(p: Point, name: str) -> float:
    value = p.scores[name].value
    return -math.inf if value is None else value


def _losses(frontier: Frontier, material: Material) -> tuple[Dots, ...]:
    """What the frontier loses on the part that selects, with intervals, beside what is accepted.

    All candidates where none is the best of its size.
    """
    rows = []
    best = [p for p in frontier.points if p.best or (frontier.chosen is not None and p is frontier.chosen.point)]
    for p in _by_size(best or frontier.points):
        gain = p.losses[frontier.main]
        if gain.value is None or p.fitted is None:
            continue
        chosen = frontier.chosen is not None and p is frontier.chosen.point
        label = f"{p.plan.text} ({p.fitted.n_bytes:,} bytes)"
        dot = Dot(0 if chosen else 1, gain.value, gain.low, gain.high)
        rows.append(DotRow(label, (dot,), f"{gain.value:+.3f}", chosen))
    if not rows:
        return ()
    asked = f"{len(material.select.queries):,} {material.what} that select"
    caption = f"{'The best of each size. ' if best else ''}{asked}; paired, 95 % intervals."
    marks = (Mark(-frontier.tolerance, f"accepted: {-frontier.tolerance:g}"), Mark(0.0, "float32"))
    what = f"difference of {frontier.main} from float32"
    names, tones = ("chosen", "not chosen"), ("good", "quiet")
    return (Dots("losses", "What each size loses", what, tuple(rows), names, tones, marks, caption=caption),)


def _bits(p: Point) -> float:
    return math.log2(p.fitted.n_bytes) if p.fitted is not None else 0.0


def _series(name: str, points: Sequence[Point], main: str) -> Series:
    bars = [score_bars(p.scores[main]) for p in points]
    return Series(
        name,
        tuple(_bits(p) for p in points),
        tuple(p.scores[main].value for p in points),
        tuple(low for _, low, _ in bars),
        tuple(high for _, _, high in bars),
        group=name.partition(",")[0],
    )
