"""Objects that encode texts, wherever a model may be named: of other libraries, and functions."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.boundary import reason
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.encoders._lookup import Scheme
from embedscope.encoders._mteb_model import encodes, is_mteb_model
from embedscope.encoders._mteb_model import score_of as mteb_score
from embedscope.encoders._roles import OWN, Overrides, Role

IDS = ("object",)

_NAMED: dict[str, Any] = {}
"""Objects of this process by the name that their URI gives; weak references where the object takes them."""

_ASKED = ("encode", "embed_documents", "get_text_embedding", "get_text_embedding_batch")

_WANTED = (
    "an object with encode (sentence-transformers), embed_documents and embed_query (LangChain), "
    "get_text_embedding (LlamaIndex), a model of mteb, or a function of a list of texts"
)


def named_model(model: Any, name: str | None = None) -> str:
    """A name for ``model`` that stands wherever a model is named, in this process and as long as the object lives.

    A string is returned as it is.

    Parameters
    ----------
    model : an object with ``encode``, with ``embed_documents`` and ``embed_query``, or with ``get_text_embedding`` and
        ``get_query_embedding``; a model of mteb; or a function that takes a list of texts and gives an array (n, d)
    name : what to call it; by its class and what it says of its own name where None

    Raises
    ------
    InputError
        if the object has none of these, or another object has the name.

    >>> named_model("minilm")
    'minilm'
    """
    if isinstance(model, str):
        return model
    _methods(model)
    chosen = name or _own_name(model)
    if name is not None and (":" in name or not name.strip()):
        raise InputError(f"'{name}' cannot name an object; use letters, digits and dashes")
    held = _held(chosen)
    if held is not None and held is not model:
        if name is not None:
            raise InputError(f"'{name}' names another object already; choose another name")
        chosen = f"{chosen}-{id(model):x}"
    try:
        _NAMED[chosen] = weakref.ref(model)
    except TypeError:
        _NAMED[chosen] = model
    return f"object:{chosen}"


def source_name(source: Any) -> Any:
    """``source`` with names in place of objects that encode texts, alone or in a list; anything else as it is.

    >>> source_name(["minilm", "gensim:file"]), source_name(None)
    (['minilm', 'gensim:file'], None)
    """
    if isinstance(source, list | tuple) and any(_encodes(one) for one in source):
        return [named_model(one) if _encodes(one) else one for one in source]
    return named_model(source) if _encodes(source) else source


def _encodes(thing: Any) -> bool:
    """Whether ``thing`` is an object that encodes texts, and neither a name nor an array."""
    if isinstance(thing, str | type) or thing is None or hasattr(thing, "__array__") or hasattr(thing, "shape"):
        return False
    return any(callable(getattr(thing, name, None)) for name in _ASKED) or callable(thing)


@dataclass(frozen=True)
class _Methods:
    """How an object is asked for vectors, by role; ``kind`` says by which protocol."""

    kind: str
    any: Callable[[list[str]], Any]
    query: Callable[[list[str]], Any] | None = None
    document: Callable[[list[str]], Any] | None = None


class ObjectModel:
    """One vector per text from an object of the caller; a model of kind ``Lookup``. Nothing of it is kept on disk.

    Attributes
    ----------
    spaces : the one space
    facts : class and protocol of the object
    score, reading : how vectors are compared, and what a record says of prompts
    """

    def __init__(self, name: str, model: Any, overrides: Overrides) -> None:
        self._name, self._overrides = name, overrides
        self._methods = _methods(model)
        own = mteb_score(model) if is_mteb_model(model) else getattr(model, "similarity_fn_name", None)
        self.score = overrides.score or (own if isinstance(own, str) else "cosine")
        self.reading: Mapping[str, Any] = _reading(model, overrides, self.score)
        self.spaces: Mapping[str, str] = {"pooled": f"vectors of {name} by {self._methods.kind}"}
        kind = type(model)
        self.facts: dict[str, Any] = {
            "kind": "object",
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "protocol": self._methods.kind,
            **self.reading,
        }

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``; None where the object has no method or prompt of its own for it."""
        if role is None:
            return None
        return role if getattr(self._methods, role) is not None or role in self._overrides.prompts else None

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``, each distinct text asked for once.

        Raises
        ------
        InputError
            if the object fails, or gives anything but one row of numbers a text.
        """
        if space not in self.spaces or pooling not in OWN:
            raise InputError(f"{self._name} has the space 'pooled', got {space!r} and {pooling!r}")
        distinct = list(dict.fromkeys(texts))
        asked, call = distinct, self._methods.any
        if pooling is not None:
            call = getattr(self._methods, pooling) or call
            prompt = self._overrides.prompts.get(pooling, "")
            asked = [prompt + text for text in distinct]
        encoded = as_rows(self._call(call, asked), len(distinct), self._name)
        rows = {text: i for i, text in enumerate(distinct)}
        return encoded[[rows[text] for text in texts]]

    def _call(self, call: Callable[[list[str]], Any], texts: list[str]) -> Any:
        try:
            rows = call(texts)
            return list(rows) if isinstance(rows, Iterator) else rows
        except EmbedscopeError:
            raise
        except Exception as error:  # whatever the caller's object raises
            raise InputError(
                f"{self._name} failed on {len(texts):,} texts with {type(error).__name__} ({reason(error)}); try it on "
                "one of them"
            ) from error


def as_rows(rows: Any, n: int, name: str) -> npt.NDArray[np.float32]:
    """What a model gave for ``n`` texts, as (n, d) float32; raises ``InputError`` where it is not one row per text."""
    if hasattr(rows, "detach"):
        rows = rows.detach().float().cpu().numpy()
    elif isinstance(rows, list | tuple) and rows and hasattr(rows[0], "detach"):
        rows = [row.detach().float().cpu().numpy() for row in rows]
    try:
        x = np.asarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} gave {type(rows).__name__} and no array of numbers; wanted one row per text"
        ) from error
    if x.ndim != 2 or len(x) != n or x.shape[1] == 0:
        raise InputError(f"{name} gave an array of shape {x.shape} for {n} texts; wanted ({n}, d), one row per text")
    return x


def _methods(model: Any) -> _Methods:
    """The methods of ``model``, by the protocol that says most; raises ``InputError`` where it has none."""

    def method(name: str) -> Callable[..., Any] | None:
        method = getattr(model, name, None)
        return method if callable(method) else None

    if isinstance(model, type):
        raise InputError(f"{model.__name__} is a class and no model of texts; pass an object of it")
    encode = method("encode")
    if is_mteb_model(model):
        return _Methods("encode of mteb", encodes(model, None), encodes(model, "query"), encodes(model, "document"))
    if encode is not None:
        query, document = method("encode_query"), method("encode_document")
        return _Methods("encode", encode, query, document)
    documents, query = method("embed_documents"), method("embed_query")
    if documents is not None:
        return _Methods("embed_documents", documents, None if query is None else _each(query), documents)
    batch, one = method("get_text_embedding_batch"), method("get_text_embedding")
    if batch is not None or one is not None:
        many = batch or _each(one)  # type: ignore[arg-type]
        query = method("get_query_embedding")
        return _Methods("get_text_embedding", many, None if query is None else _each(query), many)
    if callable(model):
        return _Methods("function", model, query)  # Chroma's embedding functions take lists of queries
    raise InputError(f"{type(model).__name__} is no model of texts; wanted {_WANTED}")


def _each(one: Callable[[str], Any]) -> Callable[[list[str]], Any]:
    return lambda texts: [one(text) for text in texts]


def _reading(model: Any, overrides: Overrides, score: str) -> dict[str, Any]:
    facts: dict[str, Any] = {f"{role} prompt": prompt for role, prompt in overrides.prompts.items()}
    saved = getattr(model, "prompts", None)
    if isinstance(saved, Mapping):
        own = {f"{role} prompt": saved.get(role) for role in ("query", "document")}
        facts = {k: v for k, v in own.items() if isinstance(v, str) and v} | facts
    dim = getattr(model, "truncate_dim", None)
    if isinstance(dim, int):
        facts["truncate_dim"] = dim
    return facts | ({"score": score} if score != "cosine" or overrides.score else {})


def _own_name(model: Any) -> str:
    said = next(
        (v for v in (getattr(model, n, None) for n in ("model_name", "model", "name")) if isinstance(v, str)), ""
    )
    name = getattr(model, "__name__", type(model).__name__)
    tail = f"-{hashlib.sha256(said.encode()).hexdigest()[:6]}" if said else ""
    return f"{name}{tail}".replace("<lambda>", "function")


def _held(name: str) -> Any:
    text = _NAMED.get(name)
    return text() if isinstance(text, weakref.ref) else text


def _open(
    name: str, query_prompt: str | None = None, document_prompt: str | None = None, score: str | None = None
) -> ObjectModel:
    model = _held(name)
    if model is None:
        raise InputError(f"there is no object named '{name}' in this process any more; pass the object itself")
    return ObjectModel(f"object:{name}", model, Overrides(query_prompt, document_prompt, score))


ENTRIES = {
    "object": Scheme(
        name="object",
        title="Objects",
        description="in Python: an object with encode, embed_documents or get_text_embedding, or a function of texts",
        licence="that of the model",
        cite="reimers2019",
        open=_open,
        options=("query_prompt", "document_prompt", "score"),
    )
}
