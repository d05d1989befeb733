"""A model's own sentence vector: read from its sentence-transformers files, computed from the last states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.errors import InputError
from embedscope.encoders._saved_settings import SavedSettings, read_json

if TYPE_CHECKING:
    import torch

_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
_KNOWN = ("cls", "mean", "last", "lasttoken")
_PLAIN: dict[str, Any] = {
    "max_seq_length": ...,
    "do_lower_case": False,
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
"""Settings of the transformer module that mean a plain forward pass; ``...`` is any value."""

_POOLING_KEYS = {*_LEGACY, "word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt"}

_TRANSFORMER_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlnet", "xlm-roberta")
)


@dataclass(frozen=True)
class Pooling:
    """How states become one vector; ``mode`` is mean, cls, last, clip (EOS state, projected) or siglip.

    ``siglip`` is the state at the last position of the padded text, projected, as that model was trained.
    """

    mode: str
    normalise: bool
    max_length: int | None = None
    truncate_dim: int | None = None

    def __str__(self) -> str:
        kept = f", first {self.truncate_dim} dimensions" if self.truncate_dim else ""
        return f"{self.mode}{', scaled to unit length' if self.normalise else ''}{kept}"

    def apply(self, last: torch.Tensor, lengths: torch.Tensor, projection: Any = None) -> torch.Tensor:
        """Vectors (n, p) float32 from the last states (n, length, d) of texts of ``lengths`` (n,) tokens."""
        import torch

        rows = torch.arange(len(last), device=last.device)
        if self.mode == "mean":
            valid = torch.arange(last.shape[1], device=last.device)[None, :] < lengths[:, None]
            pooled = torch.einsum("nld,nl->nd", last.float(), valid.float()) / lengths[:, None]
        elif self.mode == "cls":
            pooled = last[:, 0].float()
        else:
            state = last[:, -1] if self.mode == "siglip" else last[rows, lengths - 1]
            pooled = (projection(state) if projection is not None else state).float()
        pooled = torch.nn.functional.normalize(pooled, dim=1) if self.normalise else pooled
        return pooled[:, : self.truncate_dim]


def simple_pooling(saved: SavedSettings) -> Pooling | None:
    """Pooling of a folder made of Transformer, Pooling and Normalize alone, which is computed here.

    None where the library has to be asked: another module or pooling, lower case, a setting that is not known.

    Raises
    ------
    InputError
        if there is no file that says how states become one vector.
    """
    if saved.kinds not in (("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize")):
        return None
    file = saved.root / saved.paths[1] / "config.json"
    config = read_json(file)
    if config is None:
        raise InputError(f"there is no {file}, which says how tokens become one vector; copy the model's folder again")
    transformer = transformer_config(saved.transformer_folder)
    mode = config.get("pooling_mode") or [v for k, v in _LEGACY.items() if config.get(k)] or "mean"
    modes = [mode] if isinstance(mode, str) else list(mode)
    known = all(k in _PLAIN or not v for k, v in transformer.items())
    plain = all(
        v == _PLAIN[k] for k, v in transformer.items() if k in _PLAIN and _PLAIN[k] is not ... and v is not None
    )
    if len(modes) != 1 or modes[0] not in _KNOWN or config.get("include_prompt") is False or not (known and plain):
        return None
    if set(config) - _POOLING_KEYS or transformer.get("do_lower_case"):
        return None
    name = "last" if modes[0] == "lasttoken" else modes[0]
    return Pooling(name, "Normalize" in saved.kinds, transformer.get("max_seq_length"), saved.truncate_dim)


def transformer_config(folder: Path) -> dict[str, Any]:
    """Settings of the transformer module, under the name that the library gave the file for its architecture."""
    for name in _TRANSFORMER_CONFIGS:
        config = read_json(folder / name)
        if config is not None:
            return dict(config)
    return {}
