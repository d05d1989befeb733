"""What image models share: the device, the batches, random weights, states of blocks pooled to one vector per image."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from embedscope.core.images import Image
from embedscope.encoders._image_info import Vectors

Pool = Callable[[Any], Any]


def in_batches(
    images: Sequence[Image], batch_size: int, forward: Callable[[Sequence[Image]], dict[str, Any]]
) -> dict[str, Vectors]:
    """Vectors (n, d) float32 of ``images`` from a ``forward`` of at most ``batch_size`` images."""
    torch = importlib.import_module("torch")
    parts: dict[str, list[Vectors]] = {}
    with torch.inference_mode():
        for i in range(0, len(images), batch_size):
            for space, x in forward(images[i : i + batch_size]).items():
                parts.setdefault(space, []).append(x.float().cpu().numpy())
    return {space: np.concatenate(x) for space, x in parts.items()}


@contextmanager
def tap(blocks: Sequence[Any], names: Sequence[str], pool: Pool) -> Iterator[dict[str, Any]]:
    """Within the block, a dictionary that a forward pass fills: name -> pooled output of each of ``blocks``.

    One name more than blocks: the first is then the input of the first block.
    """
    taken: dict[str, Any] = {}
    with ExitStack() as stack:
        after = names[len(names) - len(blocks) :]
        if len(names) > len(blocks):

            def before(_: Any, args: Any, kw: Any) -> None:
                taken[names[0]] = pool(args[0] if args else kw["hidden_states"])

            stack.callback(blocks[0].register_forward_pre_hook(before, with_kwargs=True).remove)
        for name, block in zip(after, blocks, strict=True):

            def take(_: Any, __: Any, out: Any, name: str = name) -> None:
                taken[name] = pool(out[0] if isinstance(out, tuple | list) else out)

            stack.callback(block.register_forward_hook(take).remove)
        yield taken


def mean_over_positions(states: Any) -> Any:
    """Mean over the positions: (n, c, h, w) or (n, positions, d) to (n, c or d)."""
    return states.float().mean(dim=(2, 3) if states.ndim == 4 else 1)


def first_position(states: Any) -> Any:
    """State of the first position, the class token: (n, positions, d) to (n, d)."""
    return states[:, 0].float()


def layer_names(n: int, *, first: int) -> list[str]:
    """``layerNN`` from ``first`` to ``n``.

    >>> layer_names(2, first=0)
    ['layer00', 'layer01', 'layer02']
    """
    width = max(2, len(str(n)))
    return [f"layer{i:0{width}d}" for i in range(first, n + 1)]


def freeze(model: Any, device: str, dtype: str) -> Any:
    """The model on its device, in evaluation mode, without gradients."""
    torch = importlib.import_module("torch")
    return model.to(device=device, dtype=getattr(torch, dtype)).eval().requires_grad_(False)


def fresh(make: Callable[[], Any], seed: int, *, zero_bias: bool) -> Any:
    """What ``make`` builds with torch's generator at ``seed``; every parameter called bias is zero if asked."""
    torch = importlib.import_module("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make()
    if zero_bias:
        set_biases_to_zero(model)
    return model


def set_biases_to_zero(model: Any) -> None:
    """Set every parameter whose name ends in ``bias`` to zero; the scalar ``logit_bias`` of a loss is left."""
    torch = importlib.import_module("torch")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            last = name.rpartition(".")[2]
            if last.endswith("bias") and last != "logit_bias":
                parameter.zero_()


def digest_of(model: Any) -> str:
    """sha256 over names, shapes and bytes of all parameters and buffers, in order of name."""
    torch = importlib.import_module("torch")
    digest = hashlib.sha256()
    for name, x in sorted(model.state_dict().items()):
        digest.update(f"{name} {x.dtype} {tuple(x.shape)}\n".encode())
        digest.update(x.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
