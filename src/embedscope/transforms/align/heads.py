"""Linear heads for both sides, trained with the contrastive loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.stats.cross import CrossGaussian
from embedscope.transforms.affine import check_count, whole
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.sides import Side

IDS = ("heads",)

_FIRST_SCALE = 1 / 0.07


class ContrastiveHeads(Aligner):
    """Linear heads A, B trained so that the unit rows of (x - mean_x) A and (y - mean_y) B of a pair match.

    The loss is the symmetric InfoNCE of radford2021: the mean of both cross-entropies of ``scale`` times the cosines of
    a batch. A high scale keeps the gap between the sides, a low one closes it. Batches, first weights and therefore the
    result follow from ``seed``, on one thread; another build of the library may change the last digits.

    Parameters
    ----------
    scale : 1 / temperature, fixed; or "learned", from 1 / 0.07 on
    k : width that comes out, the smaller of the two widths where None
    steps : of Adam
    batch_size : pairs in a batch, all where there are fewer
    learning_rate : falls to 0 along a cosine
    weight_decay : of the heads
    center : subtract each side's mean first
    seed : of the first weights and the batches
    renormalise : divide the rows that come out by their norms

    Attributes
    ----------
    left_, right_ : maps of the sides
    scale_ : the scale at the end
    loss_ : mean loss of the last tenth of the steps, on batches of the pairs it was fitted on
    """

    name = "heads"
    usage = "heads, heads:SCALE, heads:learned or heads:SCALE:K"
    needs_rows = True
    scale_: float
    loss_: float

    def __init__(
        self,
        scale: float | str = "learned",
        k: int | None = None,
        *,
        steps: int = 400,
        batch_size: int = 512,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        center: bool = True,
        seed: int = 0,
        renormalise: bool = False,
    ) -> None:
        self.scale = scale
        self.k = k
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.center = center
        self.seed = seed
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``heads``, with a scale (or ``learned``) and a number of dimensions after it."""
        if len(words) > 2:
            raise InputError(f"'heads:{':'.join(words)}' is not understood; write {cls.usage}")
        scale: float | str = "learned"
        if words and words[0] != "learned":
            try:
                scale = float(words[0])
            except ValueError:
                raise InputError(f"'heads:{words[0]}' needs a scale above 0 or learned, as in heads:100") from None
        return cls(scale, whole(words[1], "heads:100:128") if len(words) == 2 else None)

    @property
    def text(self) -> str:
        """``heads``, with its scale and its dimensions."""
        scale = self.scale if isinstance(self.scale, str) else f"{self.scale:g}"
        return f"heads:{scale}" + ("" if self.k is None else f":{self.k}")

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        raise InputError(f"{self.text} is trained on rows, moments do not suffice; call fit(X, Y)")

    def _solve_rows(self, x: Any, y: Any) -> tuple[Side, Side]:
        fixed = self.scale != "learned"
        if fixed and (isinstance(self.scale, str) or not 0 < self.scale < np.inf):
            raise InputError(f"heads needs a scale above 0 or 'learned', got {self.scale!r}")
        for what in ("steps", "batch_size"):
            check_count(getattr(self, what), f"heads ({what})")
        k = min(x.shape[1], y.shape[1]) if self.k is None else check_count(self.k, "heads")
        sides = [_prepare(rows, self.center) for rows in (x, y)]
        first = float(self.scale) if fixed else _FIRST_SCALE
        a, b, self.scale_, losses = self._train([side[0] for side in sides], k, first, learn=not fixed)
        self.loss_ = float(np.mean(losses[-max(1, self.steps // 10) :]))
        left, right = (
            Side(rows.shape[1], mean, matrix / size) for (rows, mean, size), matrix in zip(sides, (a, b), strict=True)
        )
        return left, right

    def _train(
        self, sides: list[Any], k: int, scale: float, *, learn: bool
    ) -> tuple[Floats, Floats, float, list[float]]:
        torch = require("torch", "hf", "training contrastive heads")
        with one_thread(torch):
            return self._descend(torch, sides, k, scale, learn)

    def _descend(
        self, torch: Any, sides: list[Any], k: int, scale: float, learn: bool
    ) -> tuple[Floats, Floats, float, list[float]]:
        dice = torch.Generator().manual_seed(self.seed)
        rows = [torch.from_numpy(side) for side in sides]
        heads = [torch.randn(side.shape[1], k, generator=dice) / side.shape[1] ** 0.5 for side in rows]
        log_scale = torch.tensor(float(np.log(scale)))
        for value in [*heads, *([log_scale] if learn else [])]:
            value.requires_grad_(True)
        groups = [{"params": heads, "weight_decay": self.weight_decay}]
        groups += [{"params": [log_scale], "weight_decay": 0.0}] if learn else []
        adam = torch.optim.AdamW(groups, lr=self.learning_rate)
        pace = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        n, losses = len(rows[0]), []
        order = torch.empty(0, dtype=torch.long)
        for _ in range(self.steps):
            size = min(self.batch_size, n)
            if len(order) < size:
                order = torch.randperm(n, generator=dice)
            batch, order = order[:size], order[size:]
            loss = _loss(torch, [side[batch] @ head for side, head in zip(rows, heads, strict=True)], log_scale)
            adam.zero_grad()
            loss.backward()
            adam.step()
            pace.step()
            losses.append(float(loss.detach()))
        a, b = (head.detach().double().numpy() for head in heads)
        return a, b, float(log_scale.detach().exp()) if learn else scale, losses


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """Torch on one thread: the products are small, and threads that wait for each other cost more than they give."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _loss(torch: Any, out: list[Any], log_scale: Any) -> Any:
    """Symmetric InfoNCE of a batch of pairs."""
    u, v = (torch.nn.functional.normalize(side, dim=1) for side in out)
    logits = log_scale.exp() * (u @ v.T)
    target = torch.arange(len(logits))
    entropy = torch.nn.functional.cross_entropy
    return (entropy(logits, target) + entropy(logits.T, target)) / 2


def _prepare(rows: Any, center: bool) -> tuple[Any, Floats | None, float]:
    """Rows in float32 about their mean, scaled so that a coordinate has the mean square 1; the mean and the scale."""
    mean = rows.mean(axis=0, dtype=np.float64) if center else None
    moved = rows if mean is None else rows - mean
    size = float(np.sqrt(np.mean(np.square(moved, dtype=np.float64)))) or 1.0
    return np.ascontiguousarray(moved / size, dtype=np.float32), mean, size


ENTRIES = {"heads": ContrastiveHeads}
