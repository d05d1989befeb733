"""Task scores of matched rows: retrieval in both directions, a mixed index, contrastive loss, separability."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from embedscope.core.tables import Score
from embedscope.metrics.pairs import Paired

BATCHES = (32, 64, 128, 256, 512, 1024)
FOLDS = 5
SCALE = 100.0
"""Inverse temperature of CLIP, used where none is given."""

Scores = Mapping[str, Score]


def recall(paired: Paired, scale: float, seed: int) -> Scores:
    """Hit rates recall@1, 5, 10 both ways."""
    from embedscope.tasks.retrieval import recall_both_ways

    return recall_both_ways(paired.x, paired.y, paired.matches, names=paired.names, seed=seed)


def same_modality_share(paired: Paired, scale: float, seed: int) -> Scores:
    """Share of the top 10 of a mixed index that has the query's own modality, for queries of either modality."""
    from embedscope.tasks.mixed import K
    from embedscope.tasks.mixed import same_modality_share as shares

    if len(paired.x) + len(paired.y) <= K:
        return {"same_modality_share": _undefined_score(f"a mixed index of more than {K} rows")}
    scores = shares(paired.x, paired.y, names=paired.names, seed=seed)
    return {f"same_modality_share.{name}": score for name, score in scores.items()}


def contrastive_loss(paired: Paired, scale: float, seed: int) -> Scores:
    """Loss at ``scale`` over all pairs and over batches, and on one half at a scale fitted on the other half."""
    from embedscope.tasks.contrastive import contrastive_loss as loss
    from embedscope.tasks.contrastive import loss_curve, refit_scale

    x, y, groups = paired.aligned
    if len(x) < 2:
        return {"contrastive_loss": _undefined_score("two pairs")}
    size = min(len(x), BATCHES[-1])
    scores = {"contrastive_loss": loss(x, y, scale, batch_size=size, seed=seed)}
    curve = loss_curve(x, y, scale, [b for b in BATCHES if b < size], seed=seed)
    scores |= {f"contrastive_loss.batch{b}": score for b, score in curve.items()}
    fit = groups % 2 == 0
    if min(fit.sum(), (~fit).sum()) >= 2:
        batch = int(min(BATCHES[0], fit.sum(), (~fit).sum()))
        fitted = refit_scale(x[fit], y[fit], batch_size=batch, seed=seed)
        scores[f"contrastive_loss.refitted_batch{batch}"] = loss(x[~fit], y[~fit], fitted, batch_size=batch, seed=seed)
    return scores


def modality_separability(paired: Paired, scale: float, seed: int) -> Scores:
    """Held-out accuracy of two linear classifiers; rows with the same id are in the same fold."""
    from embedscope.tasks.separability import modality_separability as accuracy

    x, y, _ = paired.aligned
    if len(x) < FOLDS:
        return {"modality_separability": _undefined_score(f"{FOLDS} pairs")}
    scores = accuracy(x, y, folds=FOLDS, seed=seed)
    return {f"modality_separability.{name}": score for name, score in scores.items()}


def _undefined_score(what: str) -> Score:
    return Score(None, 0, note=f"undefined: needs {what}")


PAIR_SCORES: Mapping[str, Callable[[Paired, float, int], Scores]] = {
    "recall": recall,
    "same_modality_share": same_modality_share,
    "contrastive_loss": contrastive_loss,
    "modality_separability": modality_separability,
}
"""Name in ``--metrics`` -> function that gives scores by id; ``recall@1`` and other cutoffs select ``recall``."""
