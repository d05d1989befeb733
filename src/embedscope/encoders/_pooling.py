"""A model's own sentence vector: read from its sentence-transformers files, computed from the last states."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.encoders._sources import module_folder, modules_of

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


@dataclass(frozen=True)
class Pooling:
    """How states become one vector; ``mode`` is mean, cls, last, clip (EOS state, projected) or siglip.

    ``siglip`` is the state at the last position of the padded text, projected, as that model was trained.
    """

    mode: str
    normalise: bool
    max_length: int | None = None

    def __str__(self) -> str:
        return f"{self.mode}{', scaled to unit length' if self.normalise else ''}"

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
        return torch.nn.functional.normalize(pooled, dim=1) if self.normalise else pooled


def read_pooling(folder: Path) -> tuple[Pooling | None, str]:
    """Pooling of a sentence-transformers folder, or None with the reason."""
    if not (folder / "modules.json").is_file():
        return None, "the model defines no sentence vector"
    modules = modules_of(folder / "modules.json")
    kinds = [m["type"].rpartition(".")[2] for m in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0].get("path"):
        return None, f"not offered: modules {', '.join(kinds)}; Transformer, Pooling and Normalize are supported"
    config = _json(module_folder(folder, modules[1]) / "config.json")
    transformer = _json(folder / "sentence_bert_config.json")
    mode = config.get("pooling_mode") or [v for k, v in _LEGACY.items() if config.get(k)] or "mean"
    modes = [mode] if isinstance(mode, str) else list(mode)
    reason = ""
    if len(modes) != 1 or modes[0] not in _KNOWN:
        reason = f"pooling {', '.join(modes)}; mean, cls and last token are supported"
    elif transformer.get("do_lower_case"):
        reason = "sentence_bert_config.json asks for lower case"
    elif _json(folder / "config_sentence_transformers.json").get("default_prompt_name"):
        reason = "the model puts a prompt before every text"
    if reason:
        return None, f"not offered: {reason}"
    name = "last" if modes[0] == "lasttoken" else modes[0]
    return Pooling(name, "Normalize" in kinds, transformer.get("max_seq_length")), str(name)


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
