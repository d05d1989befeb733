"""What the run says, in plain words: contrastive against causal, trained against random, and the paper's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from embedscope.core.document import Finding, Status
from embedscope.experiments._wolfe2022.claims import Checked
from embedscope.experiments._wolfe2022.lookup import Extreme, best, difference, points, scored, token_setting
from embedscope.experiments._wolfe2022.numbers import TABLE_NAMES
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.stats.best_of import best_of
from embedscope.stats.bootstrap import holm

CAVEAT = (
    "The two models differ in more than the training objective: size, direction of attention, data and distillation. "
    "What is found is consistent with the study or not; it does not show that the objective alone causes it."
)
FIRST = (
    "In causal models of this kind the first position has an abnormally long vector; single-token words read plainly "
    "are that position. Policy of this run: {policy}."
)


def findings(
    runs: Sequence[ModelRun], tasks: Sequence[str], checked: Sequence[Checked], policy: str
) -> tuple[Finding, ...]:
    """All findings, the answer to the study's question first."""
    trained = [r for r in runs if not r.baseline]
    pairs = [(c, k) for c, k in product(trained, trained) if c.role == "contrastive" and k.role == "causal"]
    found: list[Finding] = []
    for contrastive, causal in pairs:
        compared = _versus(contrastive, causal, tasks)
        found += [_together(contrastive, causal, compared), *compared]
    if pairs and not checked:
        found.append(Finding("These two models cannot isolate the training objective.", detail=CAVEAT))
    for run in trained:
        found += _alone(run, [r for r in runs if r.baseline and r.name == run.name], tasks)
    found += _paper(checked)
    if any(r.role == "causal" for r in trained):
        found.append(Finding("The first position of a causal model needs care.", detail=FIRST.format(policy=policy)))
    return tuple(found)


def _together(c: ModelRun, k: ModelRun, compared: Sequence[Finding]) -> Finding:
    """The answer to the question in one sentence."""
    agree = sum(f.status == "agrees" for f in compared)
    against = sum(f.status == "deviates" for f in compared)
    status: Status = "agrees" if agree == len(compared) else "deviates" if against > agree else "undecided"
    verdict = {"agrees": "consistent with the study", "deviates": "not what the study found"}.get(status, "mixed")
    text = f"Taken together: {verdict}. {c.name} was trained contrastively, {k.name} on the next token."
    evidence = f"{agree} of {len(compared)} comparisons agree with the study, {against} go the other way."
    guessed = [run.name for run in (c, k) if run.role_assumed]
    detail = f"The training of {' and '.join(guessed)} is assumed from the architecture, not known." if guessed else ""
    return Finding(text, status, evidence, detail=detail)


def _versus(c: ModelRun, k: ModelRun, tasks: Sequence[str]) -> list[Finding]:
    found = [
        _geometry(
            c, k, "self_similarity", f"Words in context point in more different directions in {c.name} than in {k.name}"
        ),
        _geometry(c, k, "top5_share", f"{c.name} spreads a vector's length over more coordinates than {k.name}"),
        _tests(c, k, [t for t in tasks if t in TABLE_NAMES], ("plain", "bos_eos"), "words"),
        _tests(c, k, [t for t in tasks if t not in TABLE_NAMES], ("eos",), "sentences and documents, read at EOS"),
        _sentences(c, k),
    ]
    return [f for f in found if f is not None]


def _geometry(c: ModelRun, k: ModelRun, metric: str, text: str) -> Finding | None:
    """Mean of a metric over the layers; its error is bounded by the mean of the layers' errors."""
    sides = []
    for run in (c, k):
        records = [r for r in points(run, metric, token_setting(run)) if r.space in run.ladder and r.value is not None]
        if not records:
            return None
        values = [float(r.value) for r in records if r.value is not None]
        errors = [r.stderr for r in records if r.stderr is not None]
        sides.append((values, float(np.mean(errors)) if errors else 0.0))
    (a, a_error), (b, b_error) = sides
    delta, error = float(np.mean(a) - np.mean(b)), float(np.hypot(a_error, b_error))
    status: Status = "undecided" if abs(delta) < 1.96 * error else ("agrees" if delta < 0 else "deviates")
    evidence = (
        f"{metric} {min(a):.2f} to {max(a):.2f} over the layers (top {a[-1]:.2f}) against {min(b):.2f} to {max(b):.2f} "
        f"(top {b[-1]:.2f}); mean over layers {np.mean(a):.3f} against {np.mean(b):.3f}, "
        f"difference {delta:+.3f} ± {1.96 * error:.3f}"
    )
    return Finding(_worded(text, status), status, evidence, "Figures 1 and 2", _remark(c, k, metric, status))


def _remark(c: ModelRun, k: ModelRun, metric: str, status: Status) -> str:
    """What else can make the difference."""
    said = ["Consistent with the study."] if status == "agrees" else []
    widths = c.facts["width"], k.facts["width"]
    if metric != "self_similarity" and widths[0] != widths[1]:
        said.append(
            f"The widths differ ({widths[0]} and {widths[1]}): k equal coordinates of d hold sqrt(k / d) of the "
            "length, so a small part of the difference is width."
        )
    return " ".join(said)


def _tests(c: ModelRun, k: ModelRun, tasks: Sequence[str], poolings: Sequence[str], what: str) -> Finding | None:
    """Best layer of either model on each test, differences paired over items, Holm-corrected over the tests."""
    rows = []
    for task in tasks:
        a, b = _best_of(c, task, poolings), _best_of(k, task, poolings)
        delta = difference(a, b) if a and b else None
        if a and b and delta:
            rows.append((task, a, b, delta))
    if not rows:
        return None
    p = holm([delta[3] for *_, delta in rows])
    won = [r for r, q in zip(rows, p, strict=True) if q < 0.05 and r[3][0] > 0]
    lost = [r for r, q in zip(rows, p, strict=True) if q < 0.05 and r[3][0] < 0]
    status: Status = "agrees" if won and not lost else "deviates" if lost and not won else "undecided"
    text = f"On {what}, the best layer of {c.name} is clearly ahead of {k.name} on {len(won)} of {len(rows)} tests"
    text += f", clearly behind on {len(lost)}." if lost else "."
    evidence = "; ".join(
        f"{TABLE_NAMES.get(t, t)} {a.value:.2f} against {b.value:.2f} ({d[0]:+.2f}, {d[1]:+.2f} to {d[2]:+.2f})"
        for t, a, b, d in rows
    )
    detail = "Best over layers and poolings for both; paired differences in a simultaneous band, Holm-corrected at 5 %."
    return Finding(text, status, evidence, "Table 1, Figures 3, 4 and 6", detail)


def _best_of(run: ModelRun, task: str, poolings: Sequence[str]) -> Extreme | None:
    """The best over layers and ``poolings``."""
    members = {
        (pooling, s.space): s.score
        for pooling in poolings
        if pooling in run.poolings
        for s in scored(run, task, pooling)
        if s.space in run.ladder
    }
    places = {" ".join(filter(None, place)): place for place in members}
    found = best_of({name: members[place] for name, place in places.items()})
    if found is None:
        return None
    space = places[found.name][1]
    return Extreme(found.value, found.low, found.high, space, run.ladder.index(space), found)


def _sentences(c: ModelRun, k: ModelRun) -> Finding | None:
    sides = []
    for run in (c, k):
        known = [r for r in points(run, "sentence_self_similarity", "eos") if r.space == run.ladder[-1]]
        if not known or known[0].value is None:
            return None
        sides.append((known[0].value, known[0].stderr or 0.0))
    (a, a_error), (b, b_error) = sides
    error = float(np.hypot(a_error, b_error))
    status: Status = "undecided" if abs(a - b) < 1.96 * error else ("agrees" if a < b else "deviates")
    text = f"Sentences are less alike in the top layer of {c.name} than of {k.name}"
    evidence = f"mean cosine of EOS states {a:.3f} against {b:.3f}, difference {a - b:+.3f} ± {1.96 * error:.3f}"
    return Finding(_worded(text, status), status, evidence, "Figure 5")


def _worded(text: str, status: Status) -> str:
    return text + {
        "agrees": ".",
        "undecided": ": this run cannot tell.",
        "deviates": ": not here, it is the other way round.",
    }.get(status, ".")


def _alone(run: ModelRun, baselines: Sequence[ModelRun], tasks: Sequence[str]) -> list[Finding]:
    """What the paper says of single models: more coordinates add little, BOS helps, training matters."""
    found = []
    five, eight = ({r.space: r.value for r in points(run, m, token_setting(run))} for m in ("top5_share", "top8_share"))
    both = [(five.get(s), eight.get(s)) for s in run.ladder]
    added = [more - less for less, more in both if less is not None and more is not None]
    if added:
        status: Status = "agrees" if max(added) < 0.03 else "deviates"
        points_added = f"{100 * max(added):.1f}"
        text = (
            f"{run.name}: eight coordinates instead of five add at most {points_added} points of length in any layer."
        )
        found.append(
            Finding(text, status, "The study found under 3 points in every layer of both its models.", "Figure 2")
        )
    found += _bos(run, tasks)
    found += [f for base in baselines if (f := _against_random(run, base, tasks)) is not None]
    return found


def _bos(run: ModelRun, tasks: Sequence[str]) -> list[Finding]:
    if run.role != "causal":
        return []
    rows = []
    for task in tasks:
        with_bos, plain = best(run, task, "bos_eos"), best(run, task, "plain")
        if task in TABLE_NAMES and with_bos and plain and (delta := difference(with_bos, plain)):
            rows.append((task, with_bos, plain, delta))
    if not rows:
        return []
    p = holm([d[3] for *_, d in rows])
    better = sum(q < 0.05 and d[0] > 0 for (*_, d), q in zip(rows, p, strict=True))
    worse = sum(q < 0.05 and d[0] < 0 for (*_, d), q in zip(rows, p, strict=True))
    status: Status = "agrees" if better and not worse else "deviates" if worse and not better else "undecided"
    evidence = "; ".join(f"{TABLE_NAMES[t]} {a.value:.2f} with, {b.value:.2f} without" for t, a, b, _ in rows)
    text = (
        f"{run.name}: adding BOS in front of a word helps on {better} of {len(rows)} word tests and hurts on {worse}."
    )
    return [Finding(text, status, evidence, "Table 1, rows GPT-2 and GPT-2 BOS+EOS")]


def _against_random(run: ModelRun, base: ModelRun, tasks: Sequence[str]) -> Finding | None:
    rows = []
    for task in tasks:
        poolings = ("bos_eos",) if task in TABLE_NAMES else ("eos",)
        a, b = _best_of(run, task, poolings), _best_of(base, task, poolings)
        if a and b and (delta := difference(a, b)):
            rows.append((task, a, b, delta))
    if not rows:
        return None
    p = holm([d[3] for *_, d in rows])
    ahead = sum(q < 0.05 and d[0] > 0 for (*_, d), q in zip(rows, p, strict=True))
    text = f"{run.name}: training beats the same architecture with random weights on {ahead} of {len(rows)} tests."
    evidence = "; ".join(f"{TABLE_NAMES.get(t, t)} {a.value:.2f} against {b.value:.2f}" for t, a, b, _ in rows)
    return Finding(text, "info", evidence, "our baseline")


def _paper(checked: Sequence[Checked]) -> list[Finding]:
    found = []
    for source in dict.fromkeys(c.claim.source for c in checked):
        of_source = [c for c in checked if c.claim.source == source]
        agree = sum(c.status == "agrees" for c in of_source)
        status: Status = "agrees" if agree == len(of_source) else "deviates"
        off = sorted((c for c in of_source if c.status == "deviates"), key=lambda c: -abs(c.ours - c.claim.expected))
        worst = "; ".join(
            f"{c.run.name} {c.claim.metric} {c.claim.expected:g} published, {c.ours:.3f} ours" for c in off[:3]
        )
        text = f"{source}: {agree} of {len(of_source)} published numbers come out within their tolerance."
        found.append(Finding(text, status, f"Largest deviations: {worst}" if worst else "", source, of_source[0].why))
    return found
