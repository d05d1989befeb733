"""A residual MLP on top of a ridge regression: what a linear map of two spaces leaves, learnt with one hidden layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.extras import require
from embedscope.migration.linear import RIDGES, ridge_side
from embedscope.stats.cross import CrossMoments
from embedscope.transforms.align import Side
from embedscope.transforms.align.heads import one_thread
from embedscope.transforms.repair import Hidden, KindMap

EPOCHS = 30
PATIENCE = 4
BATCH = 256
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-2
ASIDE = 0.1
"""Share of the pairs that choose the ridge and the epoch; they train nothing."""

_FEWEST = 20


def residual_mlp(x: Floats, y: Floats, hidden: int, seed: int) -> KindMap:
    """x -> N(x A + b + max(0, x W + c) V), A and b by ridge regression, W, c, V by AdamW on the mean of 1 - cosine.

    V starts at zero, so the map starts as the regression; a tenth of the pairs choose the ridge and the epoch, so it
    ends as the regression where the hidden layer does not help. On one thread, decided by ``seed``.

    Parameters
    ----------
    x, y : (K, d) and (K, k), rows of unit length
    hidden : units of the hidden layer

    Raises
    ------
    MissingExtraError
        if torch is not installed.
    """
    torch = require("torch", "hf", "a residual MLP")
    order = np.random.default_rng([seed, len(x)]).permutation(len(x))
    aside = max(1, round(ASIDE * len(x))) if len(x) >= _FEWEST else 0
    checks, trains = order[:aside], order[aside:]
    sides = [ridge_side(CrossMoments().update(x[trains], y[trains]).result(), value) for value in RIDGES]
    side = max(sides, key=lambda each: _cosine(each.apply(x[checks]), y[checks])) if aside else sides[len(RIDGES) // 2]
    base = KindMap(side, normalise_before=True, normalise_after=True)
    if not aside:
        return base
    with one_thread(torch):
        layer = _train(torch, side, (x[trains], y[trains]), (x[checks], y[checks]), hidden, seed)
    return base if layer is None else KindMap(side, True, True, hidden=layer)


def _train(
    torch: Any, side: Side, fit: tuple[Floats, Floats], check: tuple[Floats, Floats], hidden: int, seed: int
) -> Hidden | None:
    """The hidden layer of the best epoch, None where the regression alone is best."""
    dice = torch.Generator().manual_seed(seed)
    x, y, base = (torch.tensor(rows, dtype=torch.float32) for rows in (*fit, side.apply(fit[0])))
    x2, y2, base2 = (torch.tensor(rows, dtype=torch.float32) for rows in (*check, side.apply(check[0])))
    first = torch.randn(x.shape[1], hidden, generator=dice) * (2.0**0.5)  # rows have unit length
    weights = [first, torch.zeros(hidden), torch.zeros(hidden, y.shape[1])]
    for weight in weights:
        weight.requires_grad_(True)
    adam = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def loss(rows: Any, start: Any, wanted: Any) -> Any:
        out = start + torch.relu(rows @ weights[0] + weights[1]) @ weights[2]
        return 1 - torch.nn.functional.cosine_similarity(out, wanted, dim=1).mean()

    with torch.no_grad():
        best, kept_weights, since = float(loss(x2, base2, y2)), None, 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x), generator=dice).split(BATCH):
            adam.zero_grad()
            loss(x[batch], base[batch], y[batch]).backward()
            adam.step()
        with torch.no_grad():
            now = float(loss(x2, base2, y2))
        since += 1
        if now < best:
            best, kept_weights, since = now, [w.detach().clone() for w in weights], 0
        if since >= PATIENCE:
            break
    return None if kept_weights is None else Hidden(*(w.double().numpy() for w in kept_weights))


def _cosine(a: Floats, b: Floats) -> float:
    """Mean cosine of rows that belong together."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float((np.einsum("ij,ij->i", a, b) / np.where(norms > 0, norms, 1.0)).mean())
