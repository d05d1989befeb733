"""What the numbers say, in plain words, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Finding, Status
from embedscope.core.records import Record
from embedscope.experiments._checked import Checked, claims_finding
from embedscope.experiments._lookup import pick, span, value
from embedscope.experiments._shimangaud2024.lookup import best_control, main_record, main_value, sets_of
from embedscope.experiments._shimangaud2024.numbers import SEMEVAL
from embedscope.experiments._shimangaud2024.scores import MAIN, NAMES
from embedscope.experiments._shimangaud2024.vectors import Model

WITHOUT = (
    "A top-5 hit rate without its control says only that d is near c. What the relation adds is the difference to the "
    "best control, and that is the number to quote."
)
UNTRAINED = (
    "A network with random weights, or the bare pixels, find what they find by what the inputs share: words of the "
    "names, strokes of the drawings. Only what is above that was learned."
)
CROSSED = (
    "The study's way of asking takes a : b from the first category and c : d from all 79, so most of its questions "
    "are no analogies; within a category is the set to look at."
)

WHOSE = "the study's own encoders"
HOW = (
    "Run --models gensim:GoogleNews-vectors-negative300.bin,hf:openai/clip-vit-base-patch32#text,"
    "hf:openai/clip-vit-base-patch32#image,timm:resnet50 --data DIR. Its photos are not public."
)


def findings(models: Sequence[Model], records: Sequence[Record], checked: Sequence[Checked]) -> tuple[Finding, ...]:
    """Findings of each model, then the claims that were checked."""
    found: list[Finding | None] = []
    for m in (m for m in models if not m.baseline):
        for task in sets_of(records, "headline.top1", m.source):
            if not task.endswith(".fifty") and task != SEMEVAL:
                found.append(_gain(m, task, records))
        found += [_hit_rate(m, task, records) for task in sets_of(records, "parallelism.gap", m.source)[:1]]
        found += [_stays(m, task, records) for task in sets_of(records, "parallelism.gap", m.source)[:1]]
        found += [_parallel(m, task, records) for task in sets_of(records, "parallelism.gap", m.source)]
        found += [_crossed(m, records), _typical(m, records)]
    found.append(claims_finding(checked, WHOSE, HOW))
    return tuple(f for f in found if f is not None)


def _gain(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    gain = main_record(records, m, task, "headline.top1")
    hits = main_value(records, m, task, f"{MAIN}.top1")
    if gain is None or gain.value is None or hits is None:
        return None
    control = best_control(gain)
    low, high = gain.ci_low, gain.ci_high
    if low is not None and low > 0:
        said = f"{100 * gain.value:.1f} points more are found by b - a + c than by {control}"
    elif high is not None and high < 0:
        said = f"{-100 * gain.value:.1f} points fewer are found by b - a + c than by {control}"
    else:
        said = f"no more are found by b - a + c than by {control}"
    status: Status = "info" if low is not None and (low > 0 or (high or 0.0) < 0) else "undecided"
    return Finding(
        f"{m.label}, {task}: {said}.",
        status,
        f"top-1 {hits:.1%}, gain over the best control {gain.value:+.3f} ({span(gain)}), {gain.n:,} questions",
        "what the study does not give",
        UNTRAINED if control in (NAMES["untrained"], NAMES["pixels"]) else "",
    )


def _hit_rate(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    five = main_value(records, m, task, f"{MAIN}.top5")
    gain = main_record(records, m, task, "headline.top5")
    if five is None or gain is None or gain.value is None:
        return None
    return Finding(
        f"{m.label}, {task}: {five:.1%} of the answers are in the top 5; {five - gain.value:.1%} are there without the "
        "relation.",
        "info",
        f"best control: {best_control(gain)}; gain {gain.value:+.3f} ({span(gain)})",
        "Tables 1 and 2 (CLIP image: 25 of 50 in the top 5, 23 of 50 for random pairs)",
        WITHOUT,
    )


def _stays(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    stays, rises = (main_value(records, m, task, name) for name in ("stays_at_c", "rises_above_c"))
    if stays is None or rises is None:
        return None
    return Finding(
        f"{m.label}, {task}: b - a + c has c itself as its nearest neighbour in {stays:.0%} of the questions.",
        "info",
        f"with a, b and c left out, the offset lifts d above where c alone has it in {rises:.0%} of the questions",
        "islands",
    )


def _parallel(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    within, between = (main_value(records, m, task, f"parallelism.{part}") for part in ("within", "between"))
    untrained = value(
        records, source=f"random:{m.source}", task=task, metric="parallelism.within", space=m.main, subset=None
    )
    if within is None or between is None:
        return None
    beside = f"; untrained, within: {untrained:.2f}" if untrained is not None else ""
    return Finding(
        f"{m.label}, {task}: offsets of one relation have a mean cosine of {within:.2f}, of different ones "
        f"{between:.2f}.",
        "info",
        f"unit rows, the space {m.main}{beside}",
        "parallelism",
        "1 would be: every pair of the relation differs in the same direction.",
    )


def _crossed(m: Model, records: Sequence[Record]) -> Finding | None:
    task = "semeval2012.per_category"
    published, own = (main_value(records, m, t, f"{MAIN}.top5") for t in (SEMEVAL, task))
    if published is None or own is None:
        return None
    return Finding(
        f"{m.label}: of the 3,217 published questions {published:.1%} have d in the top 5, of those within a category "
        f"{own:.1%}.",
        "info",
        "3,217 against 3,139 questions of the same 3,218 rated pairs",
        "Table 3 (Word2Vec: 244 of 3,217 in the top 5)",
        CROSSED,
    )


def _typical(m: Model, records: Sequence[Record]) -> Finding | None:
    found = pick(records, source=m.source, metric="typicality", subset=None)
    if found is None or found.value is None:
        return None
    alone = value(records, source=m.source, metric="typicality.cosine")
    return Finding(
        f"{m.label}: offsets tell typical pairs of a relation from untypical ones with a rank correlation of "
        f"{found.value:.2f}.",
        "info",
        f"{span(found)}, {found.n} relations; the cosine of a pair's own two words: {alone or 0.0:.2f}",
        "SemEval-2012 Task 2",
    )
