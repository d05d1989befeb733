"""What the numbers say: each sentence follows from a tested comparison, with its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Finding
from embedscope.core.records import Record
from embedscope.core.wording import percent
from embedscope.experiments._checked import Checked, claims_finding
from embedscope.experiments._lookup import pick
from embedscope.experiments._shimangaud2024.lookup import best_control, main_record, sets_of
from embedscope.experiments._shimangaud2024.numbers import SEMEVAL
from embedscope.experiments._shimangaud2024.scores import MAIN, NAMES
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.experiments._tested import independent_difference, of_record, sentence, together

WITHOUT = (
    "A top-5 hit rate without its control says only that d is near c. What the relation adds is the difference from "
    "the "
    "best control, and that is the number to quote."
)
UNTRAINED = (
    "A network with random weights, or raw pixels, can only use what the inputs share: words of the names, strokes of "
    "the drawings. Only what exceeds it was learned."
)
CROSSED = (
    "The published questions pair a : b from the first category with c : d from all 79 categories, so most of them are "
    "not analogies; the questions within a category are the ones to look at."
)
HALF = 0.5
"""Share of the questions above which a statement holds for most of them."""

WHOSE = "the study's own encoders"
HOW = (
    "Run --models gensim:GoogleNews-vectors-negative300.bin,hf:openai/clip-vit-base-patch32#text,"
    "hf:openai/clip-vit-base-patch32#image,timm:resnet50 --data DIR. Its photos are not public."
)


def findings(models: Sequence[Model], records: Sequence[Record], checked: Sequence[Checked]) -> tuple[Finding, ...]:
    """Findings of each model, then the claims that were checked.

    Each sentence has three outcomes: it is supported or contradicted where the 95 % interval of its comparison lies on
    one side of the bound, and undecided otherwise.
    """
    statements: list[Finding | None] = []
    for m in (m for m in models if not m.baseline):
        for task in sets_of(records, "headline.top1", m.source):
            if not task.endswith(".fifty") and task != SEMEVAL:
                statements.append(_gain(m, task, records))
        with_layers = sets_of(records, "parallelism.gap", m.source)
        statements += [_hit_rate(m, task, records) for task in with_layers[:1]]
        statements += [_islands(m, task, records) for task in with_layers[:1]]
        statements += [_parallel(m, task, records) for task in with_layers]
        statements += [_cross_finding(m, records), _typical(m, records)]
    statements.append(claims_finding(checked, WHOSE, HOW))
    return tuple(f for f in statements if f is not None)


def _gain(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    record = main_record(records, m, task, "headline.top1")
    hits = of_record(main_record(records, m, task, f"{MAIN}.top1"))
    gain = of_record(record)
    if record is None or gain.value is None or hits.value is None:
        return None
    control, status = best_control(record), gain.above()
    size = f"{abs(100 * gain.value):.1f} points"
    text = sentence(
        status,
        f"b - a + c answers {size} more of the questions than the best control, {control}",
        f"b - a + c answers {size} fewer of the questions than the best control, {control}",
        f"b - a + c and the best control, {control}, cannot be told apart",
    )
    return Finding(
        f"{m.label}, {task}: {text}.",
        status,
        f"top-1 hits {hits.text()}, less those of the best control {gain.text(signed=True)}; {record.n:,} questions",
        "not in the study",
        UNTRAINED if control in (NAMES["untrained"], NAMES["pixels"]) else "",
    )


def _hit_rate(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    record = main_record(records, m, task, "headline.top5")
    five, gain = of_record(main_record(records, m, task, f"{MAIN}.top5")), of_record(record)
    if five.value is None or gain.value is None:
        return None
    status, control = gain.above(), best_control(record)
    without = percent(five.value - gain.value, 1)
    text = sentence(
        status,
        f"the relation adds to the top-5 hit rate: {percent(five.value, 1)} against {without} for {control}",
        f"the relation takes from the top-5 hit rate: {percent(five.value, 1)} against {without} for {control}",
        f"whether the relation adds to the top-5 hit rate of {percent(five.value, 1)} is undecided; {control} has "
        f"{without}",
    )
    return Finding(
        f"{m.label}, {task}: {text}.",
        status,
        f"top-5 hits {five.text()}, less those of the best control {gain.text(signed=True)}",
        "Tables 1 and 2 (CLIP image: 25 of 50 in the top 5, 23 of 50 for random pairs)",
        WITHOUT,
    )


def _islands(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    stays, net, rises = (
        of_record(main_record(records, m, task, name)) for name in ("stays_at_c", "rises_less_falls", "rises_above_c")
    )
    if stays.value is None or net.value is None or rises.value is None:
        return None
    status = stays.above(HALF)
    text = sentence(
        status,
        "in most questions the nearest neighbour of b - a + c is c itself",
        "in fewer than half of the questions the nearest neighbour of b - a + c is c itself",
        "whether the nearest neighbour of b - a + c is c itself in most questions is undecided",
    )
    ranks = sentence(
        net.above(),
        "the offset raises the rank of d above that by c alone more often than it lowers it",
        "the offset lowers the rank of d below that by c alone more often than it raises it",
        "whether the offset raises or lowers the rank of d against c alone is undecided",
    )
    return Finding(
        f"{m.label}, {task}: {text}; {ranks}.",
        status,
        f"nearest to c: {stays.text()} of the questions, {HALF} is half; with a, b and c excluded, d ranks higher than "
        f"by c alone in {rises.text()} of the questions; share raised less share lowered {net.text(signed=True)}",
        "islands",
    )


def _parallel(m: Model, task: str, records: Sequence[Record]) -> Finding | None:
    within, between, record = (
        main_record(records, m, task, f"parallelism.{part}") for part in ("within", "between", "gap")
    )
    gap = of_record(record)
    if within is None or between is None or within.value is None or between.value is None or record is None:
        return None
    status = gap.above()
    text = sentence(
        status,
        "offsets of one relation are more parallel than offsets of different relations",
        "offsets of one relation are less parallel than offsets of different relations",
        "whether offsets of one relation are more parallel than offsets of different relations is undecided",
    )
    untrained = pick(
        records, source=f"random:{m.source}", task=task, metric="parallelism.gap", space=m.main, subset=None
    )
    learned = independent_difference(record, untrained)
    learned_text = ""
    if untrained is not None and untrained.value is not None:
        learned_text = sentence(
            learned.above(),
            "; the difference is larger than in the untrained network",
            "; the difference is smaller than in the untrained network",
            "; a difference from the untrained network is undecided",
        )
        learned_text += f" ({learned.text(2, signed=True)})"
    few = f" ({record.note})" if gap.low is None and record.note else ""
    return Finding(
        f"{m.label}, {task}: {text}{learned_text}.",
        status,
        f"mean cosine {within.value:.2f} within relations, {between.value:.2f} between relations, difference "
        f"{gap.text(2, signed=True)}{few}; unit rows of the space {m.main}",
        "parallelism",
        "A mean cosine of 1 within a relation: every pair of the relation differs in the same direction.",
    )


def _cross_finding(m: Model, records: Sequence[Record]) -> Finding | None:
    published, own = (main_record(records, m, t, f"{MAIN}.top5") for t in (SEMEVAL, "semeval2012.per_category"))
    delta = independent_difference(own, published)
    if delta.value is None:
        return None
    status = delta.above()
    text = sentence(
        status,
        "questions within a category are answered more often than the published ones, most of which cross categories",
        "questions within a category are answered less often than the published ones, most of which cross categories",
        "whether questions within a category are answered more often than the published ones is undecided",
    )
    return Finding(
        f"{m.label}: {text}.",
        status,
        f"d in the top 5 for {of_record(own).text()} of 3,139 questions within a category and "
        f"{of_record(published).text()} of the 3,217 published ones; difference {delta.text(signed=True)}",
        "Table 3 (Word2Vec: 244 of 3,217 in the top 5)",
        CROSSED,
    )


def _typical(m: Model, records: Sequence[Record]) -> Finding | None:
    main, gain, alone = (
        pick(records, source=m.source, metric=f"typicality{part}", subset=None) for part in ("", ".gain", ".cosine")
    )
    ours, delta = of_record(main), of_record(gain)
    if main is None or ours.value is None:
        return None
    status = together([ours.above(), delta.above()])
    text = sentence(
        status,
        "offsets order the pairs of a relation by how typical they are, better than the cosine of the two words does",
        "offsets do not order the pairs of a relation by how typical they are, or not better than the cosine of the "
        "two words does",
        "whether offsets order the pairs of a relation by how typical they are, beyond the cosine of the two words, is "
        "undecided",
    )
    return Finding(
        f"{m.label}: {text}.",
        status,
        f"rank correlation with human ratings {ours.text()} over {main.n} relations, by the cosine of the two words "
        f"{of_record(alone).text()}, difference {delta.text(signed=True)}",
        "SemEval-2012 Task 2",
    )
