"""Objects that encode texts, wherever a model may be named: of other libraries, and functions."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.encoders._mteb_model import encodes, is_mteb_model
from embedscope.encoders._mteb_model import score_of as mteb_score
from embedscope.encoders._object_calls import Call, Caller, method_of
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders.lookup import Scheme

IDS = ("object",)

_NAMED: dict[str, Any] = {}
"""Objects of this process by the name that their URI gives; weak references where the object takes them."""

_ASKED = ("encode", "embed_documents", "get_text_embedding", "get_text_embedding_batch")

_WANTED = (
    "an object with encode (sentence-transformers), embed_documents and embed_query (LangChain), "
    "get_text_embedding (LlamaIndex), a model of mteb, or a function of a list of texts"
)


def register_model(model: Any, name: str | None = None) -> str:
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

    >>> register_model("minilm")
    'minilm'
    """
    if isinstance(model, str):
        return model
    _methods(model)
    chosen = name or _own_name(model)
    if name is not None and (":" in name or not name.strip()):
        raise InputError(f"'{name}' cannot name an object; use letters, digits and dashes")
    held = _get_object(chosen)
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
        return [register_model(one) if _encodes(one) else one for one in source]
    return register_model(source) if _encodes(source) else source


def _encodes(thing: Any) -> bool:
    """Whether ``thing`` is an object that encodes texts, and neither a name nor an array."""
    if isinstance(thing, str | type) or thing is None or hasattr(thing, "__array__") or hasattr(thing, "shape"):
        return False
    return any(method_of(thing, name) is not None for name in _ASKED) or callable(thing)


@dataclass(frozen=True)
class _Methods:
    """How an object is asked for vectors, by role; ``kind`` says by which protocol."""

    kind: str
    any: Call
    query: Call | None = None
    document: Call | None = None


class ObjectModel:
    """One vector per text from an object of the caller; a model of kind ``Lookup``. Nothing of it is kept on disk.

    Attributes
    ----------
    spaces : the one space
    score, reading : how vectors are compared, and what a record says of prompts
    """

    def __init__(self, name: str, model: Any, overrides: Overrides) -> None:
        self._name, self._overrides = name, overrides
        self._methods, self._caller = _methods(model), Caller(name)
        own = mteb_score(model) if is_mteb_model(model) else getattr(model, "similarity_fn_name", None)
        self.score = overrides.score or (own if isinstance(own, str) else "cosine")
        self.reading: Mapping[str, Any] = _reading(model, overrides, self.score)
        self.spaces: Mapping[str, str] = {"pooled": f"vectors of {name} by {self._methods.kind}"}
        kind = type(model)
        self._facts: Mapping[str, Any] = {
            "kind": "object",
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "protocol": self._methods.kind,
            **self.reading,
        }

    @property
    def facts(self) -> Mapping[str, Any]:
        """Class and protocol of the object, and how many texts it was given at once where it failed on more."""
        parts = {} if self._caller.at_once is None else {"texts at once": self._caller.at_once}
        return {**self._facts, **parts}

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
        encoded = self._caller.rows(call, asked)
        rows = {text: i for i, text in enumerate(distinct)}
        return encoded[[rows[text] for text in texts]]


def _methods(model: Any) -> _Methods:
    """The methods of ``model``, by the protocol that says most; raises ``InputError`` where it has none."""

    def call(name: str, *, single: bool = False) -> Call | None:
        method = method_of(model, name)
        return None if method is None else Call(method, single)

    if isinstance(model, type):
        raise InputError(f"{model.__name__} is a class and no model of texts; pass an object of it")
    encode = call("encode")
    if is_mteb_model(model):
        of = {role: Call(encodes(model, role)) for role in (None, "query", "document")}
        return _Methods("encode of mteb", of[None], of["query"], of["document"])
    if encode is not None:
        return _Methods("encode", encode, call("encode_query"), call("encode_document"))
    documents = call("embed_documents")
    if documents is not None:
        return _Methods("embed_documents", documents, call("embed_query", single=True), documents)
    many = call("get_text_embedding_batch") or call("get_text_embedding", single=True)
    if many is not None:
        return _Methods("get_text_embedding", many, call("get_query_embedding", single=True), many)
    if callable(model):
        return _Methods(
            "function", Call(model), call("embed_query")
        )  # Chroma's embedding functions take lists of queries
    raise InputError(f"{type(model).__name__} is no model of texts; wanted {_WANTED}")


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


def _get_object(name: str) -> Any:
    text = _NAMED.get(name)
    return text() if isinstance(text, weakref.ref) else text


def _open(
    name: str, query_prompt: str | None = None, document_prompt: str | None = None, score: str | None = None
) -> ObjectModel:
    model = _get_object(name)
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
