"""Forward hooks that take states out of every block at chosen positions, whatever ``output_hidden_states`` means."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from embedscope.core.errors import InputError

if TYPE_CHECKING:
    import torch

_FINAL_NORMS = ("ln_f", "norm", "final_layer_norm", "final_layernorm", "final_norm", "norm_f", "ln_out", "post_norm")


class NoLayersError(InputError):
    """A transformer whose layers cannot be read, though it may give sentence vectors."""


class LayerTaps:
    """Hooks on the embedding output, on each block and on the final norm of a transformer.

    Parameters
    ----------
    model : a text transformer of the ``transformers`` library, without head
    n_layers : number of blocks its configuration states
    """

    def __init__(self, model: Any, n_layers: int) -> None:
        self.model = model
        self.blocks_name, self.blocks = block_list(model, n_layers)
        self.norm_name, self.norm = _final_norm(model, self.blocks_name)
        self.spaces = self._spaces()

    def _spaces(self) -> dict[str, str]:
        width = max(2, len(str(len(self.blocks))))
        note = f"before the final norm ({self.norm_name})" if self.norm is not None else "no final norm in this model"
        spaces = {f"layer{0:0{width}d}": f"embedding output, the input of block 1; {note}"}
        for i in range(1, len(self.blocks) + 1):
            spaces[f"layer{i:0{width}d}"] = f"after block {i} of {len(self.blocks)}; {note}"
        if self.norm is not None:
            spaces["final"] = f"after block {len(self.blocks)} and the final norm ({self.norm_name})"
        return spaces

    def run(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        rows: torch.Tensor,
        cols: torch.Tensor,
        owners: torch.Tensor | None = None,
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """States at (rows, cols) in every space, and the last states of all positions, in one forward pass.

        ``ids`` (n, length); ``rows`` and ``cols`` (m,); with ``owners`` (m,) states of one owner are averaged.

        Returns
        -------
        states : space -> (m or number of owners, d) float32
        last : (n, length, d)
        """
        taken: dict[str, torch.Tensor] = {}
        names = list(self.spaces)

        def take(name: str, states: torch.Tensor) -> None:
            if states.shape[:2] != ids.shape:
                raise NoLayersError(
                    f"{type(self.model).__name__} keeps states of shape {tuple(states.shape)} for texts and tokens of "
                    f"{tuple(ids.shape)}, so its layers cannot be read"
                )
            picked = states[rows, cols].float()
            taken[name] = picked if owners is None else _mean_by_owner(picked, owners)

        with ExitStack() as stack:
            first = self.blocks[0].register_forward_pre_hook(
                lambda _, args, kw: take(names[0], args[0] if args else kw["hidden_states"]), with_kwargs=True
            )
            stack.callback(first.remove)
            for name, block in zip(names[1:], self.blocks, strict=False):
                hook = block.register_forward_hook(lambda _, __, out, name=name: take(name, _states_of(out)))
                stack.callback(hook.remove)
            if self.norm is not None:
                stack.callback(self.norm.register_forward_hook(lambda _, __, out: take("final", out)).remove)
            inputs = {"input_ids": ids} | ({} if mask is None else {"attention_mask": mask})
            last = self.model(**inputs, **self._options()).last_hidden_state
        missing = [n for n in names if n not in taken]
        if missing:
            raise InputError(f"{type(self.model).__name__} did not run {', '.join(missing)}; it is not supported")
        return {name: taken[name] for name in names}, last

    def _options(self) -> Mapping[str, Any]:
        config = self.model.config
        return {"use_cache": False} if getattr(config, "use_cache", None) is not None else {}


def _states_of(output: Any) -> torch.Tensor:
    states: torch.Tensor = output[0] if isinstance(output, tuple | list) else output
    return states


def _mean_by_owner(states: torch.Tensor, owners: torch.Tensor) -> torch.Tensor:
    n = int(owners.max()) + 1
    total = states.new_zeros((n, states.shape[1])).index_add_(0, owners, states)
    return total / owners.bincount(minlength=n).to(states.dtype)[:, None]


def block_list(model: Any, n_layers: int) -> tuple[str, Any]:
    """The list of ``n_layers`` blocks of one kind with most parameters."""
    import torch

    lists = [
        (sum(p.numel() for p in module.parameters()), name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList)
        and len(module) == n_layers
        and len({type(block) for block in module}) == 1
    ]
    if not lists:
        raise NoLayersError(
            f"{type(model).__name__} has no list of {n_layers} blocks, as where blocks share weights, so its layers "
            "cannot be read"
        )
    _, name, module = max(lists, key=lambda item: item[0])
    return name, module


def _final_norm(model: Any, blocks_name: str) -> tuple[str | None, Any]:
    """The norm that stands beside the blocks, or beside the module that holds them."""
    path = blocks_name.split(".")
    for depth in range(len(path) - 1, -1, -1):
        parent = model.get_submodule(".".join(path[:depth]))
        for name in _FINAL_NORMS:
            norm = getattr(parent, name, None)
            if norm is not None:
                return ".".join([*path[:depth], name]), norm
    return None, None
