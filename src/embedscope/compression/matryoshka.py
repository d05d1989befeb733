"""Folders of Matryoshka models: what they say of the sizes that they were trained for."""

from __future__ import annotations

import json
import re
from pathlib import Path

_CONFIGS = ("config_sentence_transformers.json", "config.json")
_KEYS = ("matryoshka_dims", "matryoshka_dimensions")
_CARD = re.compile(r'"?matryoshka_dim(?:s|ensions)"?\s*:\s*\[([\d\s,]+)\]')


def trained_sizes(source: str) -> tuple[int, ...]:
    """Dimensions to which the model in the folder ``source`` was trained to be cut, falling; empty if none are named.

    Read from ``matryoshka_dims`` or ``matryoshka_dimensions`` of its configuration, or of the model card that
    sentence-transformers writes for a training with ``MatryoshkaLoss`` (kusupati2022).

    >>> trained_sizes("minilm")
    ()
    """
    folder = Path(source.removeprefix("st:").removeprefix("hf:"))
    if not folder.is_dir():
        return ()
    for name in _CONFIGS:
        path = folder / name
        if path.is_file():
            try:
                facts = json.loads(path.read_text(encoding="utf-8"))
            except (ValueError, RecursionError):
                continue
            sizes = next((facts[key] for key in _KEYS if isinstance(facts, dict) and key in facts), None)
            if isinstance(sizes, list) and sizes:
                return _falling(sizes)
    card = folder / "README.md"
    if card.is_file() and (match := _CARD.search(card.read_text(encoding="utf-8", errors="replace"))):
        return _falling(match[1].split(","))
    return ()


def _falling(sizes: list[object] | list[str]) -> tuple[int, ...]:
    return tuple(sorted({int(str(s)) for s in sizes if str(s).strip().isdecimal()}, reverse=True))
