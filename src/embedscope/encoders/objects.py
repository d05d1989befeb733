"""Models that exist only in this process: objects with ``encode`` or ``embed_documents``, and functions of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy
from embedscope.core.errors import InputError
from embedscope.encoders._lookup import Scheme

IDS = ("object",)

_HELD: dict[str, Any] = {}


def named_model(model: Any) -> str:
    """A name, ``object:NAME``, by which ``model`` can be opened in this process.

    >>> named_model(named_model)
    'object:named_model'
    """
    base = str(getattr(model, "__name__", None) or type(model).__name__).strip("<>")
    name, number = base, 1
    while _HELD.get(name, model) is not model:
        number += 1
        name = f"{base}-{number}"
    _HELD[name] = model
    return f"object:{name}"


class ObjectModel:
    """Vectors of texts by ``encode(texts)``, ``embed_documents(texts)``, ``embed_query(text)`` or a call."""

    def __init__(self, name: str) -> None:
        if name not in _HELD:
            raise InputError(f"object:{name} names no model of this process; pass the object itself in Python")
        self._model = _HELD[name]
        self.spaces: Mapping[str, str] = {"vectors": f"what {type(self._model).__name__} gives"}
        self.facts: dict[str, Any] = {"name": f"object:{name}", "class": type(self._model).__qualname__}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; raises ``InputError`` where the model gives another number of rows."""
        found = np.asarray(to_numpy(self._encoded(list(texts))))
        if found.ndim != 2 or len(found) != len(texts):
            raise InputError(
                f"the model gave an array of shape {found.shape} for {len(texts):,} texts; wanted one vector per text"
            )
        return found

    def _encoded(self, texts: list[str]) -> Any:
        for method in ("encode", "embed_documents"):
            if callable(getattr(self._model, method, None)):
                return getattr(self._model, method)(texts)
        if callable(getattr(self._model, "embed_query", None)):
            return [self._model.embed_query(text) for text in texts]
        return self._model(texts)


ENTRIES = {
    "object": Scheme(
        name="object",
        title="A model of this process",
        description="an object with encode or embed_documents, or a function from texts to vectors, passed in Python",
        licence="that of the model",
        cite="reimers2019",
        open=ObjectModel,
    )
}
