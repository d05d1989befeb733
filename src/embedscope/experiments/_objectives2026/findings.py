"""What the experiment says: each sentence follows from differences paired by seed, with three outcomes."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Finding, Headline, Status
from embedscope.experiments._objectives2026.arms import ARMS
from embedscope.experiments._objectives2026.numbers import (
    SENTENCE_SIMILARITY,
    TEST_NAMES,
    TOKENS,
    TOP5,
    Numbers,
    Place,
    Tested,
    paired_test,
)
from embedscope.experiments._tested import majority, sentence
from embedscope.stats.bootstrap import holm

LEVEL = 0.05
READ = ("plain", "bos_eos", "eos")

LIMITS = (
    "Small networks, short training and captions alone: nothing here says what the objectives do at the size of GPT-2 "
    "or CLIP. The seeds are the unit of error; three of them decide large differences only (Student's t with 2 degrees "
    "of freedom). Sentences are tested one by one at 5 %, several tests inside a sentence by Holm's correction."
)
COLDER = (("contrast_01", "contrast_05"), ("contrast_05", "contrast_20"))


def findings(numbers: Numbers) -> tuple[Finding, ...]:
    """All findings: text contrast against next token, temperature, both together, images, training at all."""
    versus = [
        *_versus(numbers, "contrast_05", "next_token"),
        *_temperature(numbers),
        *_versus(numbers, "next_and_contrast", "next_token"),
        *_versus(numbers, "names_image_text", "names_next_token"),
        *_training(numbers),
        *_objective_findings(numbers),
    ]
    return (*(f for f in versus if f is not None), Finding("What this experiment cannot say.", detail=LIMITS))


def headline(numbers: Numbers) -> Headline | None:
    """What contrast, images and temperature do to the mean cosine of words; None where no two arms were run."""
    sides = (
        ("contrast_05", "next_token", "after contrast of texts against {other:.2f} after next-token prediction"),
        ("names_image_text", "names_next_token", "after contrast with images against {other:.2f} on the same names"),
        ("contrast_01", "contrast_05", "at temperature .01 against {other:.2f} at .05"),
    )
    parts, differences = [], []
    for a, b, words in sides:
        if numbers.arm(a) is None or numbers.arm(b) is None:
            continue
        own, other = numbers.over_layers(a, TOKENS), numbers.over_layers(b, TOKENS)
        delta = paired_test(own, other)
        if delta.estimate.value is None or not own or not other:
            continue
        mean, against = (sum(v.values()) / len(v) for v in (own, other))
        status = delta.estimate.below()
        verdict = {"agrees": "lower", "deviates": "higher"}.get(status, "undecided")
        parts.append(f"{mean:.2f} {words.format(other=against)} ({verdict})")
        differences.append(delta.estimate.text(signed=True))
    if not parts:
        return None
    text = f"Words in context have a mean cosine of {parts[0]}" + (f"; {'; '.join(parts[1:])}" if parts[1:] else "")
    evidence = f"mean over layers; differences {'; '.join(differences)}; {len(numbers.seeds)} seeds"
    return Headline(f"{text}.", "info", evidence, charts=("self_similarity", "top5_share"))


def _versus(numbers: Numbers, a: str, b: str) -> list[Finding | None]:
    if numbers.arm(a) is None or numbers.arm(b) is None:
        return []
    x, y = ARMS[a].title, ARMS[b].title
    return [
        _lower(numbers, a, b, TOKENS, f"Words in context point in more different directions after {x} than after {y}"),
        _lower(numbers, a, b, TOP5, f"The five largest coordinates hold less of the norm after {x} than after {y}"),
        _lower_top(
            numbers, a, b, f"In the top layer, sentences are less similar to one another after {x} than after {y}"
        ),
        _tests(numbers, a, b),
        _sentences(numbers, a, b),
    ]


def _lower(numbers: Numbers, a: str, b: str, place: Place, text: str) -> Finding | None:
    """The mean over the layers of one arm below that of another."""
    delta = paired_test(numbers.over_layers(a, place), numbers.over_layers(b, place))
    if delta.estimate.value is None:
        return None
    top = paired_test(numbers.top(a, place), numbers.top(b, place))
    status = delta.estimate.below()
    evidence = (
        f"mean over layers {_means(numbers.over_layers(a, place), numbers.over_layers(b, place))}, difference "
        f"{delta.estimate.text(signed=True)}; top layer {_means(numbers.top(a, place), numbers.top(b, place))}, "
        f"{top.estimate.text(signed=True)}; {delta.seeds} seeds"
    )
    return Finding(_add_status(text, status), status, evidence)


def _lower_top(numbers: Numbers, a: str, b: str, text: str) -> Finding | None:
    own, other = numbers.top(a, SENTENCE_SIMILARITY), numbers.top(b, SENTENCE_SIMILARITY)
    delta = paired_test(own, other)
    if delta.estimate.value is None:
        return None
    status = delta.estimate.below()
    evidence = f"mean cosine of EOS states {_means(own, other)}, difference {delta.estimate.text(signed=True)}"
    return Finding(_add_status(text, status), status, evidence)


def _add_status(text: str, status: Status) -> str:
    return text + sentence(status, ".", ": contradicted, it is the other way round.", ": undecided.")


def _means(a: dict[int, float], b: dict[int, float]) -> str:
    return f"{_mean(a)} against {_mean(b)}"


def _mean(values: dict[int, float]) -> str:
    return f"{sum(values.values()) / len(values):.3f}" if values else "undefined"


def best_reading(numbers: Numbers, arm: str, test: str) -> dict[int, float]:
    """By seed, the best over layers and readings of a word: alone, before EOS, and the EOS state."""
    readings: dict[int, float] = {}
    for pooling in READ:
        for seed, value in numbers.best(arm, Place(test, pooling, test)).items():
            readings[seed] = max(value, readings.get(seed, value))
    return readings


def _tests(numbers: Numbers, a: str, b: str) -> Finding | None:
    """Word tests: the best over layers and readings of both, Holm-corrected over the tests."""
    words = [t for t in numbers.tests if t != "stsb"]
    rows = [(t, best_reading(numbers, a, t), best_reading(numbers, b, t)) for t in words]
    tests = [(t, x, y, paired_test(x, y)) for t, x, y in rows if x and y]
    return _count_finding(tests, ARMS[a].title, ARMS[b].title, "word tests") if tests else None


def _count_finding(
    tests: Sequence[tuple[str, dict[int, float], dict[int, float], Tested]], a: str, b: str, what: str
) -> Finding:
    corrected = holm([t.p if t.p is not None else 1.0 for *_, t in tests])
    signs = [
        0 if p >= LEVEL or t.estimate.value is None else 1 if t.estimate.value > 0 else -1
        for (*_, t), p in zip(tests, corrected, strict=True)
    ]
    won, lost = signs.count(1), signs.count(-1)
    status = majority(won, lost)
    text = sentence(
        status,
        f"After {a}, the {what} are met better than after {b}: significantly on {won} of {len(tests)}, worse on none.",
        f"After {a}, the {what} are not met better than after {b}: significantly worse on {lost} of "
        f"{len(tests)}, better on none.",
        f"Whether {a} or {b} meets the {what} better is undecided: significantly better on {won}, worse on {lost} of "
        f"{len(tests)}.",
    )
    evidence = "; ".join(
        f"{TEST_NAMES[t]} {_means(x, y)} ({delta.estimate.text(signed=True)})" for t, x, y, delta in tests
    )
    return Finding(text, status, evidence, "", "Best over layers and readings of either; Holm-corrected at 5 %.")


def _sentences(numbers: Numbers, a: str, b: str) -> Finding | None:
    """STS-B: the best over layers and readings."""
    if "stsb" not in numbers.tests:
        return None
    own, other = best_reading(numbers, a, "stsb"), best_reading(numbers, b, "stsb")
    delta = paired_test(own, other)
    if delta.estimate.value is None:
        return None
    status = delta.estimate.above()
    text = f"Sentence similarity (STS-B) is met better after {ARMS[a].title} than after {ARMS[b].title}"
    evidence = f"Spearman {_means(own, other)}, difference {delta.estimate.text(signed=True)}"
    return Finding(_add_status(text, status), status, evidence)


def _temperature(numbers: Numbers) -> list[Finding | None]:
    """Whether a colder contrast leaves sentences and words more alike."""
    sentences: list[Finding | None] = []
    for cold, warm in COLDER:
        if numbers.arm(cold) is None or numbers.arm(warm) is None:
            continue
        t, u = f"{ARMS[cold].temperature:.2f}", f"{ARMS[warm].temperature:.2f}"
        for place, values, what in (
            (SENTENCE_SIMILARITY, numbers.top, "sentences in the top layer"),
            (TOKENS, numbers.over_layers, "words in context"),
        ):
            delta = paired_test(values(cold, place), values(warm, place))
            if delta.estimate.value is None:
                continue
            status = delta.estimate.above()
            text = f"Contrast at temperature {t} leaves {what} more alike than at {u}"
            evidence = (
                f"mean cosine {_means(values(cold, place), values(warm, place))}, difference "
                f"{delta.estimate.text(signed=True)}"
            )
            sentences.append(
                Finding(_add_status(text, status), status, evidence, "e5 (.01) has .74 where MiniLM (.05) has .08")
            )
    return sentences


def _training(numbers: Numbers) -> list[Finding | None]:
    """Whether training changed the directions at all, and whether it helps the word tests."""
    if numbers.arm("untrained") is None:
        return []
    return [_tests(numbers, arm.id, "untrained") for arm in numbers.arms if arm.id in ("next_token", "contrast_05")]


def _objective_findings(numbers: Numbers) -> list[Finding | None]:
    """What was learned: an objective that was not learned says nothing about its geometry."""
    parts = []
    for arm in numbers.arms:
        loss, recall = numbers.held_out_scores(arm.id, "next_token_loss"), numbers.held_out_scores(arm.id, "recall@1")
        said = f"{arm.title}: next-token loss {_mean(loss)}"
        parts.append(said + (f", recall@1 of the partner {_mean(recall)}" if recall else ""))
    return [Finding("What the networks learned of held-out texts.", "info", "; ".join(parts))]
