"""Encoders: texts to vectors in every layer of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedscope.core.registry import Registry
from embedscope.encoders._uris import is_model
from embedscope.encoders.aliases import ALIASES, Alias

if TYPE_CHECKING:
    from embedscope.encoders._framing import Framed, Framing
    from embedscope.encoders._info import ModelInfo, Picks
    from embedscope.encoders.text import TextEncoder, open_encoder

__all__ = [
    "ALIASES",
    "MODELS",
    "Alias",
    "Framed",
    "Framing",
    "ModelInfo",
    "Picks",
    "TextEncoder",
    "is_model",
    "open_encoder",
]

MODELS: Registry[Alias] = Registry("model", "embedscope.encoders")
"""Models that install from PyPI, by alias."""


def __getattr__(name: str) -> object:
    if name in ("Framed", "Framing"):
        from embedscope.encoders import _framing

        return getattr(_framing, name)
    if name in __all__:
        from embedscope.encoders import text

        return getattr(text, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
