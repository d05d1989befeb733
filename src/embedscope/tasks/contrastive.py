"""Contrastive loss of paired vectors: at a model's temperature, at a refitted one, and over batch sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.tables import Index, Score
from embedscope.tasks.means import mean_score, paired_directions

_CELLS = 2**21  # logits in memory at once: 16 MB
_ONE_EXP = 300.0  # cosines times this, less it, stay far from where exp is 0: one exp serves rows and columns
SCALES = (1e-3, 1e3)
"""Range of the refitted scale (inverse temperature)."""


def contrastive_loss(
    a: Any,
    b: Any,
    scale: float,
    bias: float | None = None,
    *,
    batch_size: int | None = None,
    seed: int = 0,
    repeats: int = 1,
) -> Score:
    """Mean contrastive loss of pairs of rows in nats, 0 upwards; chance is log(batch size).

    Symmetric InfoNCE of cosines c_ij times ``scale`` (inverse temperature; CLIP's 100): mean over pairs i of
    (log sum_j exp(s c_ij) + log sum_j exp(s c_ji)) / 2 - s c_ii; Radford et al. 2021 [radford2021]. With ``bias`` t it
    is SigLIP's loss instead, sum_j log(1 + exp(-z_ij (s c_ij + t))) with z 1 on the diagonal and -1 off it [zhai2023].

    Parameters
    ----------
    a, b : (n, d), row i of one belongs to row i of the other; taken at unit length
    batch_size : pairs that compete with each other; None takes all n at once
    seed : of the shuffling into batches and of the bootstrap draws
    repeats : shuffles to average over; a rest smaller than a batch is left out of each

    Returns
    -------
    Score with the loss of each pair as item; the draws resample pairs with the competitors of each held fixed

    Raises
    ------
    InputError
        if the shapes differ, or scale or batch size is not positive.

    >>> x = np.ones((4, 2))
    >>> round(contrastive_loss(x, x, 100.0).value, 6), round(float(np.log(4)), 6)
    (1.386294, 1.386294)
    """
    u, v = paired_directions(a, b)
    size = _check_size(len(u), batch_size, scale, repeats)
    if size > len(u):
        return Score(None, 0, note=f"undefined: a batch of {size} pairs is larger than the {len(u)} pairs given")
    items = _items(u, v, scale, bias, _batches(len(u), size, seed, repeats))
    return mean_score(items, seed, _notes(u, v, items, size, scale, bias))


def loss_curve(
    a: Any,
    b: Any,
    scale: float,
    batch_sizes: Sequence[int],
    seed: int = 0,
    bias: float | None = None,
    repeats: int = 8,
) -> dict[int, Score]:
    """``contrastive_loss`` at each of ``batch_sizes``, each the mean over ``repeats`` shuffles; None above n."""
    return {
        size: contrastive_loss(a, b, scale, bias, batch_size=size, seed=seed, repeats=1 if size == len(a) else repeats)
        for size in batch_sizes
    }


def refit_scale(a: Any, b: Any, *, batch_size: int | None = None, seed: int = 0) -> float:
    """The scale (inverse temperature) at which the InfoNCE of ``a`` and ``b`` (n, d) is smallest.

    The loss is convex in the scale; its logarithm is searched between 0.001 and 1,000 to 1e-6. Fit it on the fitting
    part and report the loss of the held-out part at this scale beside that at the model's own.

    Raises
    ------
    InputError
        if the shapes differ or fewer than two pairs are given.
    """
    from scipy.optimize import minimize_scalar

    u, v = paired_directions(a, b)
    if len(u) < 2:
        raise InputError(f"a scale needs at least two pairs, got {len(u)}; add pairs")
    size = min(_check_size(len(u), batch_size, 1.0, 1), len(u))
    batches = _batches(len(u), size, seed, 1)

    def loss(log_scale: float) -> float:
        return float(np.nanmean(_items(u, v, float(np.exp(log_scale)), None, batches)))

    bounds = tuple(np.log(SCALES))
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x))


def _check_size(n: int, batch_size: int | None, scale: float, repeats: int) -> int:
    size = n if batch_size is None else batch_size
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale must be a positive number, got {scale}; it is the inverse temperature, 100 for CLIP")
    if size < 1 or repeats < 1:
        raise InputError(f"batch size and repeats must be at least 1, got {size} and {repeats}")
    return size


def _batches(n: int, size: int, seed: int, repeats: int) -> list[Index]:
    """Row numbers of batches: all rows in their order where one batch holds them all, else seeded shuffles."""
    if size >= n:
        return [np.arange(n)]
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(n) for _ in range(repeats)]
    return [order[lo : lo + size] for order in orders for lo in range(0, n - size + 1, size)]


def _items(u: Floats, v: Floats, scale: float, bias: float | None, batches: Sequence[Index]) -> Floats:
    """Mean loss (n,) of each pair over the batches that hold it, nan where none does."""
    total, times = np.zeros(len(u)), np.zeros(len(u))
    for rows in batches:
        x, y = u[rows], v[rows]
        total[rows] += _softmax_losses(x, y, scale) if bias is None else _sigmoid_losses(x, y, scale, bias)
        times[rows] += 1
    return np.asarray(np.divide(total, times, out=np.full(len(u), np.nan), where=times > 0))


def _blocks(n: int) -> list[slice]:
    step = max(1, _CELLS // n)
    return [slice(lo, min(lo + step, n)) for lo in range(0, n, step)]


def _softmax_losses(x: Floats, y: Floats, scale: float) -> Floats:
    matching = scale * np.einsum("ij,ij->i", x, y)
    across = np.empty(len(x))
    down = np.full(len(x), -np.inf)
    for block in _blocks(len(x)):
        logits = scale * (x[block] @ y.T)
        if scale <= _ONE_EXP:
            terms = np.exp(logits - scale)
            across[block], sums = (np.log(terms.sum(axis=axis)) + scale for axis in (1, 0))
        else:
            across[block], sums = _log_sums(logits, 1), _log_sums(logits, 0)
        down = np.logaddexp(down, sums)
    return np.asarray((across + down) / 2 - matching)


def _log_sums(logits: Floats, axis: int) -> Floats:
    top = logits.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(logits - top).sum(axis=axis)) + top.squeeze(axis))


def _sigmoid_losses(x: Floats, y: Floats, scale: float, bias: float) -> Floats:
    out = np.empty(len(x))
    for block in _blocks(len(x)):
        logits = scale * (x[block] @ y.T) + bias
        own = np.arange(block.stop - block.start), np.arange(block.start, block.stop)
        logits[own] *= -1.0
        out[block] = np.logaddexp(0.0, logits).sum(axis=1)
    return out


def _notes(u: Floats, v: Floats, items: Floats, size: int, scale: float, bias: float | None) -> list[str]:
    kind = "InfoNCE" if bias is None else f"sigmoid loss, bias {bias:g}"
    notes = [f"{kind} at scale {scale:g}, batches of {size}, chance {np.log(size):.3f}"]
    if bias is not None:
        notes = [f"{kind} at scale {scale:g}, batches of {size}"]
    if rest := int((~np.isfinite(items)).sum()):
        notes.append(f"{rest} pairs left over from whole batches")
    if zero := int((~u.any(axis=1)).sum() + (~v.any(axis=1)).sum()):
        notes.append(f"{zero} zero vectors, whose cosines are taken as 0")
    return notes
