"""The text tower of an open_clip model: projected vectors, and the state of every block where the vector is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._forward import digest_of, layer_names, tap
from embedscope.encoders._image_info import Opening
from embedscope.encoders._open_clip import OpenClip, load_open_clip

_BATCH = 64
Vectors = npt.NDArray[np.float32]


class OpenClipText:
    """Vectors of texts of an open_clip model; texts that are too long are cut by its tokenizer, which keeps EOT."""

    def __init__(self, loaded: OpenClip, how: Opening) -> None:
        library = require("open_clip", "vision", f"the model {loaded.uri}")
        self._loaded = loaded
        self._tokenizer = library.get_tokenizer(loaded.architecture)
        text = getattr(loaded.model, "text", loaded.model)
        pool = getattr(loaded.model, "text_pool_type", None) or getattr(text, "pool_type", None)
        self._at_largest = pool == "argmax"
        transformer = getattr(text, "transformer", None) if self._at_largest else None
        self._blocks = list(getattr(transformer, "resblocks", []))
        self._names = layer_names(len(self._blocks), first=0) if self._blocks else []
        self.spaces: Mapping[str, str] = {
            name: f"after block {i} of {len(self._blocks)} at EOT" if i else "input of block 1 at EOT"
            for i, name in enumerate(self._names)
        } | {"text": "projected, not scaled"}
        self.facts: Mapping[str, Any] = {
            "uri": loaded.uri,
            "architecture": loaded.architecture,
            "weights_sha256": digest_of(loaded.model),
            "policies": loaded.facts(how) | {"read at": "EOT" if self._at_largest else str(pool)},
        }
        self._last: tuple[tuple[str, ...], dict[str, Vectors]] = ((), {})

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> Vectors:
        """(n, d) rows aligned with ``texts``; ``pooling`` is None.

        Raises
        ------
        InputError
            for an unknown space, a pooling, or a text that lost its EOT.
        """
        if pooling is not None or space not in self.spaces:
            raise InputError(f"{self._loaded.uri} has the spaces {', '.join(self.spaces)} and no poolings")
        if self._last[0] != tuple(texts):
            parts = [self._run(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
            joined = {name: np.concatenate([part[name] for part in parts]) for name in self.spaces}
            self._last = (tuple(texts), joined)
        return self._last[1][space]

    def _run(self, texts: Sequence[str]) -> dict[str, Vectors]:
        import torch

        ids = self._tokenizer(list(texts))
        rows, at = torch.arange(len(ids)), ids.argmax(dim=1)
        eot = getattr(self._tokenizer, "eot_token_id", None)
        if self._at_largest and eot is not None and not bool((ids[rows, at] == eot).all()):
            raise InputError(
                f"{self._loaded.uri}: a text has no EOT, where its vector is read; the tokenizer cut it off"
            )

        def pool(states: Any) -> Any:
            return states[rows.to(states.device), at.to(states.device)].float()

        with torch.inference_mode(), tap(self._blocks, self._names, pool) as states:
            text = self._loaded.model.encode_text(ids.to(self._loaded.device))
        return {name: x.float().cpu().numpy() for name, x in (states | {"text": text}).items()}


def open_open_clip_text(uri: str, how: Opening) -> OpenClipText:
    """Open the text tower of ``open_clip:ARCH/PRETRAINED``; raises what :func:`load_open_clip` raises."""
    return OpenClipText(load_open_clip(uri, how), how)
