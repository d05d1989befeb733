"""The published numbers compared with ours, when the paper's own models are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedscope.core.document import Status
from embedscope.experiments._wolfe2022.lookup import best, points, scores_by_space, token_pooling, top
from embedscope.experiments._wolfe2022.numbers import CLAIMS, STATIC, WORD_TASKS
from embedscope.experiments._wolfe2022.run import ModelRun
from embedscope.experiments.experiment import Claim

TOKENS = ("self_similarity", "top5_share", "top8_share")


@dataclass(frozen=True)
class Checked:
    """A claim with our number."""

    claim: Claim
    run: ModelRun
    ours: float
    layer: int | None
    status: Status
    why: str = ""


def check_claims(runs: Sequence[ModelRun], full: bool) -> list[Checked]:
    """Every claim on a model that was run, with its verdict."""
    checked = []
    published = [run for run in runs if not run.baseline and run.published is not None]
    for run in published:
        for claim in CLAIMS:
            ours = _value(run, claim) if claim.role == run.role else None
            if ours is not None:
                checked.append(_check(run, claim, *ours, full=full))
    contrastive, causal = (next((r for r in published if r.role == role), None) for role in ("contrastive", "causal"))
    if contrastive is not None and causal is not None:
        leads = stsb_leads(contrastive, causal)
        for claim in (c for c in CLAIMS if c.role == "both" and leads):
            ours = (min(leads.values()), None) if claim.statistic == "min" else (_growth(leads), max(leads))
            checked.append(_check(contrastive, claim, *ours, full=full))
    return checked


def stsb_leads(contrastive: ModelRun, causal: ModelRun) -> dict[int, float]:
    """By layer: STS-B of the contrastive model at EOS less the better reading of the causal one.

    Layers that both models have are compared; empty where they have unequal numbers of layers.
    """
    if len(contrastive.ladder) != len(causal.ladder):
        return {}
    ours = _curve(contrastive, Claim("", "", "stsb", 0.0, "min", "eos"))
    theirs = [_curve(causal, Claim("", "", "stsb", 0.0, "min", pooling)) for pooling in ("eos", "plain")]
    leads = {}
    for layer, (mine, other) in enumerate(zip(contrastive.ladder, causal.ladder, strict=True)):
        others = [curve[other] for curve in theirs if other in curve]
        if mine in ours and others:
            leads[layer] = ours[mine] - max(others)
    return leads


def _growth(leads: dict[int, float]) -> float:
    return leads[max(leads)] - leads[min(leads)]


def _check(run: ModelRun, claim: Claim, ours: float, layer: int | None, *, full: bool) -> Checked:
    status = claim.verdict(ours)
    why = ""
    if status == "deviates":
        why = "" if full else "This run samples; check it with --scale full."
        if claim.metric in TOKENS:
            why = f"{why} The paper's 10,000 tokens are another random draw, which can include padding.".strip()
    return Checked(claim, run, ours, layer, status, why)


def _eos_above(run: ModelRun) -> tuple[float, int | None] | None:
    """On how many word tests the EOS state is above the word vector in the top layer; None where one is missing."""
    both = [[top(run, task, pooling) for pooling in ("eos", "bos_eos")] for task in WORD_TASKS]
    if any(one is None for pair in both for one in pair):
        return None
    return float(sum(e.value > w.value for e, w in both if e is not None and w is not None)), len(run.ladder) - 1


def _over_contexts(run: ModelRun) -> tuple[float, int | None] | None:
    """Smallest lead of the word with BOS over means of its states in 10,000 sentences, over the word tests."""
    pairs = [(best(run, task, "bos_eos"), best(run, task, STATIC)) for task in WORD_TASKS]
    leads = [a.value - b.value for a, b in pairs if a is not None and b is not None]
    return (min(leads), None) if leads else None


def _eight_less_five(run: ModelRun) -> tuple[float, int | None] | None:
    """Largest difference over the layers of the shares of the 8 and of the 5 largest coordinates, as published."""
    curves = [
        _curve(run, Claim("", "", metric, 0.0, "max", variant="published")) for metric in ("top8_share", "top5_share")
    ]
    added = {space: curves[0][space] - curves[1][space] for space in curves[0] if space in curves[1]}
    if not added:
        return None
    space = max(added, key=lambda s: added[s])
    return added[space], run.ladder.index(space)


COMPARED = {
    "top8_less_top5": _eight_less_five,
    "tests_eos_above_word": _eos_above,
    "lead_over_contexts": _over_contexts,
}
"""Claims that compare readings of one model, by metric."""


def _value(run: ModelRun, claim: Claim) -> tuple[float, int | None] | None:
    if claim.metric in COMPARED:
        return COMPARED[claim.metric](run)
    curve = _curve(run, claim)
    if not curve:
        return None
    if claim.statistic == "at":
        layer = claim.layer if claim.layer is not None else -1
        value = curve.get(run.ladder[layer]) if layer < len(run.ladder) else None
        return (value, layer) if value is not None else None
    if claim.statistic == "top":
        value = curve.get(run.ladder[-1])
        return (value, len(run.ladder) - 1) if value is not None else None
    space = (min if claim.statistic == "min" else max)(curve, key=lambda s: curve[s])  # the best is the largest
    return curve[space], run.ladder.index(space)


def _curve(run: ModelRun, claim: Claim) -> dict[str, float]:
    """Values over the layers of the paper, by space; undefined ones are left out."""
    if claim.metric in TOKENS or claim.metric == "sentence_self_similarity":
        pooling = token_pooling(run) if claim.metric in TOKENS else claim.pooling
        records = points(run, claim.metric, pooling, claim.variant)
        values = {str(r.space): r.value for r in records}
    else:
        values = {s.space: s.score.value for s in scores_by_space(run, claim.metric, claim.pooling)}
    return {s: v for s, v in values.items() if v is not None and s in run.ladder}
