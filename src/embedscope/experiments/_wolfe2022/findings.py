"""What the run says: contrastive against causal, trained against random, and the paper's numbers.

Each sentence follows from a tested comparison with three outcomes: supported, contradicted, undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product

import numpy as np

from embedscope.core.document import Finding, Status
from embedscope.core.records import Record
from embedscope.experiments._tested import largest, majority, normal_difference, sentence
from embedscope.experiments._wolfe2022.claims import Checked
from embedscope.experiments._wolfe2022.lookup import Extreme, best, difference, points, scores_by_space, token_pooling
from embedscope.experiments._wolfe2022.numbers import TABLE_NAMES
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.stats.best_of import best_of
from embedscope.stats.bootstrap import holm

CAVEAT = (
    "The two models differ in more than the training objective: size, direction of attention, data and distillation. "
    "The comparison can be consistent with the study; it does not show that the objective is the cause."
)
FIRST = (
    "In many causal models the vector of the first position has an abnormally large norm, and a single-token word read "
    "without BOS is that position. --first-position sets whether such tokens are kept."
)
POLICIES = {"keep": "kept", "drop": "left out", "bos": "read behind a BOS token"}

SAME_OBJECTIVE = (
    "Temperature is the likely reason among several (e5 was trained at .01, MiniLM at .05): their data, pretraining "
    "and distillation differ too. `embedscope reproduce objectives2026` trains one network at three temperatures."
)

LEVEL = 0.05
DIFFERENT = 0.1
"""Difference of two mean cosines that counts as another geometry."""
FEW_POINTS = 0.03
"""Share of the norm below which the paper says that three more coordinates add little."""

Row = tuple[str, Extreme, Extreme, tuple[float, float, float, float]]
"""A test, the two sides, and their difference with its interval and p."""


def findings(
    runs: Sequence[ModelRun], tasks: Sequence[str], checked: Sequence[Checked], policy: str
) -> tuple[Finding, ...]:
    """All findings, the answer to the study's question first."""
    trained = [r for r in runs if not r.baseline]
    pairs = [(c, k) for c, k in product(trained, trained) if c.role == "contrastive" and k.role == "causal"]
    statements: list[Finding] = []
    for contrastive, causal in pairs:
        compared = _versus(contrastive, causal, tasks)
        statements += [*([_together(contrastive, causal, compared)] if compared else []), *compared]
    alike = [r for r in trained if r.role == "contrastive"]
    statements += [f for a, b in combinations(alike, 2) if (f := _same_objective(a, b)) is not None]
    if pairs and not checked:
        statements.append(Finding("These two models cannot isolate the training objective.", detail=CAVEAT))
    for run in trained:
        statements += _alone(run, [r for r in runs if r.baseline and r.name == run.name], tasks)
    statements += _paper(checked)
    if any(r.role == "causal" for r in trained):
        statements.append(Finding(f"Tokens at the first position were {POLICIES[policy]}.", detail=FIRST))
    return tuple(statements)


def _together(c: ModelRun, k: ModelRun, compared: Sequence[Finding]) -> Finding:
    """The answer to the question in one sentence: supported where every comparison supports it."""
    agree = sum(f.status == "agrees" for f in compared)
    against = sum(f.status == "deviates" for f in compared)
    status: Status = "undecided"
    if agree == len(compared):
        status = "agrees"
    elif against and not agree:
        status = "deviates"
    open_ones = len(compared) - agree - against
    if agree and against:
        verdict = "The comparisons contradict one another"
    elif against:
        verdict = "Not consistent with the study"
    elif agree:
        verdict = "Consistent with the study" + ("" if status == "agrees" else ", where that is decided")
    else:
        verdict = "Undecided"
    counts = ((agree, "agree with it"), (against, "contradict it"), (open_ones, "cannot be decided"))
    said = [f"{n} {words}" for n, words in counts if n]
    text = (
        f"{verdict}: of {len(compared)} comparisons of {c.name} (trained contrastively) with {k.name} (on the next "
        f"token), {', '.join(said[:-1])}{' and ' if len(said) > 1 else ''}{said[-1]}."
    )
    evidence = next((f.evidence for f in compared if f.status != "undecided"), "")
    assumed = [run.name for run in (c, k) if run.role_assumed]
    detail = f"The training of {' and '.join(assumed)} is assumed from the architecture, not known." if assumed else ""
    return Finding(text, status, evidence, detail=detail)


def _versus(c: ModelRun, k: ModelRun, tasks: Sequence[str]) -> list[Finding]:
    statements = [
        _geometry(
            c, k, "self_similarity", f"Words in context point in more different directions in {c.name} than in {k.name}"
        ),
        _geometry(c, k, "top5_share", f"{c.name} spreads the norm of a vector over more coordinates than {k.name}"),
        _tests(c, k, [t for t in tasks if t in TABLE_NAMES], ("plain", "bos_eos"), "word tests"),
        _tests(c, k, [t for t in tasks if t not in TABLE_NAMES], ("eos",), "sentence and document tests (EOS state)"),
        _sentences(c, k),
    ]
    return [f for f in statements if f is not None]


def _geometry(c: ModelRun, k: ModelRun, metric: str, text: str) -> Finding | None:
    """Mean of a metric over the layers; its error is bounded by the mean of the layers' errors."""
    sides = []
    for run in (c, k):
        records = [r for r in points(run, metric, token_pooling(run)) if r.space in run.ladder and r.value is not None]
        if not records:
            return None
        values = [float(r.value) for r in records if r.value is not None]
        errors = [r.stderr for r in records if r.stderr is not None]
        sides.append((values, float(np.mean(errors)) if len(errors) == len(records) else None))
    (a, a_error), (b, b_error) = sides
    delta = normal_difference((float(np.mean(a)), a_error), (float(np.mean(b)), b_error))
    status = delta.below()
    evidence = (
        f"{metric} {min(a):.2f} to {max(a):.2f} over the layers (top {a[-1]:.2f}) against {min(b):.2f} to {max(b):.2f} "
        f"(top {b[-1]:.2f}); mean over layers {np.mean(a):.3f} against {np.mean(b):.3f}, "
        f"difference {delta.text(signed=True)}"
    )
    return Finding(_add_status(text, status), status, evidence, "Figures 1 and 2", _remark(c, k, metric, status))


def _remark(c: ModelRun, k: ModelRun, metric: str, status: Status) -> str:
    """What else can cause the difference."""
    remarks = ["Consistent with the study."] if status == "agrees" else []
    dims = c.facts["width"], k.facts["width"]
    if metric != "self_similarity" and dims[0] != dims[1]:
        remarks.append(
            f"The models have {dims[0]} and {dims[1]} dimensions: k equal coordinates of d hold sqrt(k / d) of the "
            "norm, so a small part of the difference is due to the number of dimensions."
        )
    return " ".join(remarks)


def _tests(c: ModelRun, k: ModelRun, tasks: Sequence[str], poolings: Sequence[str], what: str) -> Finding | None:
    """Best layer of either model on each test, differences paired over items, Holm-corrected over the tests."""
    rows = _compare((t, _best_of(c, t, poolings), _best_of(k, t, poolings)) for t in tasks)
    if not rows:
        return None
    won, lost = _significant(rows)
    status = majority(won, lost)
    counts = f"{c.name} is significantly better than {k.name} on {won} of {len(rows)} {what}"
    counts += f" and significantly worse on {lost}" if lost else ""
    tests = f"any of {len(rows)} {what}" if len(rows) > 1 else what
    text = sentence(
        status,
        f"By the best layer, {counts}.",
        f"By the best layer, {c.name} is not better than {k.name} on {what}: significantly worse on {lost} of "
        f"{len(rows)}, better on none.",
        f"By the best layer, {counts}: undecided."
        if won
        else f"By the best layer, {c.name} and {k.name} cannot be told apart on {tests}.",
    )
    evidence = "; ".join(
        f"{TABLE_NAMES.get(t, t)} {a.value:.2f} against {b.value:.2f} ({d[0]:+.2f}, {d[1]:+.2f} to {d[2]:+.2f})"
        for t, a, b, d in rows
    )
    detail = (
        "Best over layers and poolings for both. The interval of a difference of maxima is that of a simultaneous band "
        "over all layers of both models, so the model with more layers has no advantage; Holm-corrected at 5 %."
    )
    return Finding(text, status, evidence, "Table 1, Figures 3, 4 and 6", detail)


def _compare(sides: Iterable[tuple[str, Extreme | None, Extreme | None]]) -> list[Row]:
    """The tests on which both sides have a score, with the paired difference."""
    return [(task, a, b, delta) for task, a, b in sides if a and b and (delta := difference(a, b))]


def _significant(rows: Sequence[Row]) -> tuple[int, int]:
    """On how many tests the first side is significantly better, and worse, after Holm's correction at 5 %."""
    p = holm([delta[3] for *_, delta in rows])
    signs = [np.sign(delta[0]) if q < LEVEL else 0 for (*_, delta), q in zip(rows, p, strict=True)]
    return sum(s > 0 for s in signs), sum(s < 0 for s in signs)


def _best_of(run: ModelRun, task: str, poolings: Sequence[str]) -> Extreme | None:
    """The best over layers and ``poolings``."""
    members = {
        (pooling, s.space): s.score
        for pooling in poolings
        if pooling in run.poolings
        for s in scores_by_space(run, task, pooling)
        if s.space in run.ladder
    }
    places = {" ".join(filter(None, place)): place for place in members}
    highest = best_of({name: members[place] for name, place in places.items()})
    if highest is None:
        return None
    space = places[highest.name][1]
    return Extreme(highest.value, highest.low, highest.high, space, run.ladder.index(space), highest)


def _sentences(c: ModelRun, k: ModelRun) -> Finding | None:
    sides = []
    for run in (c, k):
        top_layer = [r for r in points(run, "sentence_self_similarity", "eos") if r.space == run.ladder[-1]]
        if not top_layer or top_layer[0].value is None:
            return None
        sides.append((top_layer[0].value, top_layer[0].stderr))
    delta = normal_difference(*sides)
    status = delta.below()
    text = f"Sentences are less similar to one another in the top layer of {c.name} than in that of {k.name}"
    evidence = (
        f"mean cosine of EOS states {sides[0][0]:.3f} against {sides[1][0]:.3f}, difference {delta.text(signed=True)}"
    )
    return Finding(_add_status(text, status), status, evidence, "Figure 5")


def _same_objective(a: ModelRun, b: ModelRun) -> Finding | None:
    """Whether two models of one objective differ in how alike their own sentence vectors are."""
    sides = [_pooled_cosine(run) for run in (a, b)]
    if any(r is None or r.value is None for r in sides):
        return None
    measured = [(r.value or 0.0, r.stderr, run.name) for r, run in zip(sides, (a, b), strict=True) if r is not None]
    one, other = sorted(measured, key=lambda side: side[0])
    delta = normal_difference(other[:2], one[:2])
    status = delta.above(DIFFERENT)
    text = sentence(
        status,
        f"{a.name} and {b.name} were both trained contrastively, and differ in geometry: the objective alone does "
        "not give spread-out vectors.",
        f"{a.name} and {b.name} were both trained contrastively, and their sentences are about equally alike.",
        f"Whether {a.name} and {b.name}, both trained contrastively, differ in geometry is undecided.",
    )
    evidence = (
        f"mean cosine of their own sentence vectors {one[0]:.3f} ({one[2]}) and {other[0]:.3f} ({other[2]}), "
        f"difference {delta.text(signed=True)}; more than {DIFFERENT:g} counts as different"
    )
    return Finding(text, status, evidence, "not in the paper, which has one contrastive model", SAME_OBJECTIVE)


def _pooled_cosine(run: ModelRun) -> Record | None:
    """Mean cosine of the model's own sentence vectors."""
    records = (r for r in run.geometry if r.metric == "sentence_self_similarity" and r.space == "pooled")
    return next((r for r in records if r.variant is None), None)


def _add_status(text: str, status: Status) -> str:
    return text + {
        "agrees": ".",
        "undecided": ": this run cannot tell.",
        "deviates": ": contradicted, it is the other way round.",
    }.get(status, ".")


def _alone(run: ModelRun, baselines: Sequence[ModelRun], tasks: Sequence[str]) -> list[Finding]:
    """What the paper says of single models: more coordinates add little, BOS helps, training matters."""
    statements = [_eight(run), _bos(run, tasks), *(_against_random(run, base, tasks) for base in baselines)]
    return [f for f in statements if f is not None]


def _eight(run: ModelRun) -> Finding | None:
    """Norm that three more coordinates add; the errors of both shares are added, which bounds that of their difference.

    The largest over the layers is tested, with an interval that is valid for it.
    """
    five, eight = ({r.space: r for r in points(run, m, token_pooling(run))} for m in ("top5_share", "top8_share"))
    added: list[tuple[float, float | None]] = []
    for space in run.ladder:
        less, more = five.get(space), eight.get(space)
        if less is not None and more is not None and less.value is not None and more.value is not None:
            known = less.stderr is not None and more.stderr is not None
            added.append((more.value - less.value, (less.stderr or 0.0) + (more.stderr or 0.0) if known else None))
    if not added:
        return None
    most = largest(added)
    status = most.below(FEW_POINTS)
    text = sentence(
        status,
        "the eight largest coordinates hold less than 3 points more of the norm than the five largest in every layer",
        "the eight largest coordinates hold more than 3 points more of the norm than the five largest in some layer",
        "whether the eight largest coordinates hold less than 3 points more of the norm than the five largest in every "
        "layer is undecided",
    )
    evidence = f"largest difference over the layers {most.text()}; simultaneous interval over {len(added)} layers"
    return Finding(f"{run.name}: {text}.", status, evidence, "Figure 2 (under 3 points in every layer of both models)")


def _bos(run: ModelRun, tasks: Sequence[str]) -> Finding | None:
    if run.role != "causal":
        return None
    words = [t for t in tasks if t in TABLE_NAMES]
    rows = _compare((t, best(run, t, "bos_eos"), best(run, t, "plain")) for t in words)
    if not rows:
        return None
    won, lost = _significant(rows)
    status = majority(won, lost)
    text = sentence(
        status,
        f"a BOS token in front of a word helps: significantly better on {won} of {len(rows)} word tests, worse on none",
        f"a BOS token in front of a word does not help: significantly worse on {lost} of {len(rows)} word tests, "
        "better "
        "on none",
        f"whether a BOS token in front of a word helps is undecided: significantly better on {won} and worse on {lost} "
        f"of {len(rows)} word tests",
    )
    evidence = "; ".join(
        f"{TABLE_NAMES[t]} {a.value:.2f} with, {b.value:.2f} without ({d[0]:+.2f}, {d[1]:+.2f} to {d[2]:+.2f})"
        for t, a, b, d in rows
    )
    return Finding(f"{run.name}: {text}.", status, evidence, "Table 1, rows GPT-2 and GPT-2 BOS+EOS")


def _against_random(run: ModelRun, base: ModelRun, tasks: Sequence[str]) -> Finding | None:
    read = {t: ("bos_eos",) if t in TABLE_NAMES else ("eos",) for t in tasks}
    rows = _compare((t, _best_of(run, t, read[t]), _best_of(base, t, read[t])) for t in tasks)
    if not rows:
        return None
    won, lost = _significant(rows)
    status = majority(won, lost)
    text = sentence(
        status,
        f"trained weights are significantly better than random weights on {won} of {len(rows)} tests, worse on none",
        f"trained weights are not better than random weights: significantly worse on {lost} of {len(rows)} tests, "
        "better "
        "on none",
        f"whether trained weights are better than random weights is undecided: significantly better on {won} and worse "
        f"on {lost} of {len(rows)} tests",
    )
    evidence = "; ".join(
        f"{TABLE_NAMES.get(t, t)} {a.value:.2f} against {b.value:.2f} ({d[0]:+.2f}, {d[1]:+.2f} to {d[2]:+.2f})"
        for t, a, b, d in rows
    )
    return Finding(f"{run.name}: {text}.", status, evidence, "our baseline")


def _paper(checked: Sequence[Checked]) -> list[Finding]:
    statements = []
    for source in dict.fromkeys(c.claim.source for c in checked):
        of_source = [c for c in checked if c.claim.source == source]
        agree = sum(c.status == "agrees" for c in of_source)
        status: Status = "agrees" if agree == len(of_source) else "deviates"
        off = sorted((c for c in of_source if c.status == "deviates"), key=lambda c: -abs(c.ours - c.claim.expected))
        worst = "; ".join(
            f"{c.run.name} {c.claim.metric} {c.claim.expected:g} published, {c.ours:.3f} ours" for c in off[:3]
        )
        text = f"{source}: {agree} of {len(of_source)} published numbers come out within their tolerance."
        statements.append(
            Finding(text, status, f"Largest deviations: {worst}" if worst else "", source, of_source[0].why)
        )
    return statements
