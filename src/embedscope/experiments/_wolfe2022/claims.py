"""The published numbers held against ours, when the paper's own models are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedscope.core.document import Status
from embedscope.experiments._experiment import Claim
from embedscope.experiments._wolfe2022.lookup import best, points, scored, token_setting
from embedscope.experiments._wolfe2022.numbers import CLAIMS, published_role
from embedscope.experiments._wolfe2022.run import ModelRun

TOKENS = ("self_similarity", "top5_share", "top8_share")


@dataclass(frozen=True)
class Checked:
    """A claim with our number beside it."""

    claim: Claim
    run: ModelRun
    ours: float
    layer: int | None
    status: Status
    why: str = ""


def checked_claims(runs: Sequence[ModelRun], full: bool) -> list[Checked]:
    """Every claim that speaks of a model that was run, with its verdict."""
    found = []
    for run in runs:
        if not run.baseline and published_role(run.source):
            for claim in CLAIMS:
                ours = _value(run, claim) if claim.role == run.role else None
                if ours is not None:
                    found.append(_checked(run, claim, *ours, full=full))
    return found


def _checked(run: ModelRun, claim: Claim, ours: float, layer: int | None, *, full: bool) -> Checked:
    status = claim.verdict(ours)
    why = ""
    if status == "deviates":
        why = "" if full else "a quick run samples; take --scale full before reading anything into this."
        if claim.metric in TOKENS:
            why = f"{why} The paper's 10,000 tokens are another random draw, which can include padding.".strip()
    return Checked(claim, run, ours, layer, status, why)


def _value(run: ModelRun, claim: Claim) -> tuple[float, int | None] | None:
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
    if claim.statistic == "best":
        found = best(run, claim.metric, claim.pooling)
        return (found.value, found.layer) if found else None
    space = (max if claim.statistic == "max" else min)(curve, key=lambda s: curve[s])
    return curve[space], run.ladder.index(space)


def _curve(run: ModelRun, claim: Claim) -> dict[str, float]:
    """Values over the layers of the paper, by space; undefined ones are left out."""
    if claim.metric in TOKENS or claim.metric == "sentence_self_similarity":
        pooling = token_setting(run) if claim.metric in TOKENS else claim.pooling
        records = points(run, claim.metric, pooling, claim.variant)
        values = {str(r.space): r.value for r in records}
    else:
        values = {s.space: s.score.value for s in scored(run, claim.metric, claim.pooling)}
    return {s: v for s, v in values.items() if v is not None and s in run.ladder}
