"""Encoders: texts to vectors in every layer of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedscope.core.registry import Registry
from embedscope.encoders._lookup import Lookup, Scheme
from embedscope.encoders._uris import is_model as _is_text_model
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
    "Lookup",
    "ModelInfo",
    "Picks",
    "Scheme",
    "TextEncoder",
    "is_model",
    "open_encoder",
    "open_model",
]

MODELS: Registry[Alias | Scheme] = Registry("model", "embedscope.encoders")
"""Models that install from PyPI, by alias, and kinds of model by the scheme of their URI."""


def is_model(uri: str) -> bool:
    """Whether ``uri`` names a model (alias, ``hf:``, ``st:``, ``random:``, a scheme, a bare hub name), not a file.

    >>> [is_model(u) for u in ("minilm", "hf:gpt2", "openai/clip-vit-base-patch32", "vectors.npy", "x.npz::a")]
    [True, True, True, False, False]
    """
    return _is_text_model(uri) or _scheme(uri) is not None


def open_model(uri: str, **options: Any) -> TextEncoder | Lookup:
    """Open what ``uri`` names: by its scheme, or as a text encoder with the ``options`` of ``open_encoder``."""
    scheme = _scheme(uri)
    if scheme is not None:
        return scheme.open(uri.partition(":")[2])
    from embedscope.encoders.text import open_encoder

    return open_encoder(uri, **options)


def _scheme(uri: str) -> Scheme | None:
    name, colon, _ = uri.partition(":")
    found = MODELS.get(name) if colon and name in MODELS else None
    return found if isinstance(found, Scheme) else None


def __getattr__(name: str) -> object:
    if name in ("Framed", "Framing"):
        from embedscope.encoders import _framing

        return getattr(_framing, name)
    if name in __all__:
        from embedscope.encoders import text

        return getattr(text, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
