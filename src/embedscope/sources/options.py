"""Options of sources: how a model is read, and where the work runs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.unused import refuse_unused
from embedscope.execution import Engine

UNITS = ("token", "word", "sentence")

DEFAULT_TOKENS = 10_000
"""Tokens that are measured where no number is given."""

_SELECTING = ("texts", "images", "unit", "max_rows", "layers", "pooling")


@dataclass(frozen=True)
class Source:
    """A stream of rows with its name, the engine that reads it, and fields of its records (``pooling``, ...)."""

    name: str
    stream: Stream
    engine: Engine
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelOptions:
    """How a model is opened and read; the same options in every verb.

    Parameters
    ----------
    texts : a data set, ``DATASET::TABLE``, a file with one text per line, or a list of texts
    images : folder of images that the model encodes, flat or ``class/*.jpg``, in place of texts
    unit : ``token`` (tokens of the texts in context), ``word`` or ``sentence`` (each text is one row); None decides by
        the texts
    max_rows : size of the hash sample of tokens or texts that is read; 0 reads all
    layers : ``all`` or a list such as ``0,-1,final,last,pooled``
    pooling : one or several of ``plain``, ``bos_eos``, ``eos`` and ``pooled``, as a list or separated by commas
    first_position : of tokens: ``keep`` the first position, ``drop`` it, or put BOS there (``bos``) and drop that
    query_prompt, document_prompt : text in front of queries and documents, in place of the model's own prompts
    score : how vectors are compared (``cosine``, ``dot``, ``euclidean``), in place of the model's own choice
    device : ``auto``, ``cpu``, ``cuda`` or ``mps``
    dtype : of the forward pass: ``float32``, ``bfloat16`` or ``float16``
    trust_remote_code : run code from the model's repository
    cache : keep extracted vectors on disk
    data : folder with data files
    seed : of samples, and of random initialisations
    yes : spend what a paid server asks for its work

    Raises
    ------
    InputError
        if ``unit`` is unknown or ``max_rows`` is negative.
    """

    texts: str | Path | Sequence[str] | None = None
    images: str | Path | None = None
    unit: str | None = None
    max_rows: int | None = None
    layers: str | None = None
    pooling: str | Sequence[str] | None = None
    first_position: str = "keep"
    query_prompt: str | None = None
    document_prompt: str | None = None
    score: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    trust_remote_code: bool = False
    cache: bool = True
    data: str | Path | None = None
    seed: int = 0
    yes: bool = False

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise InputError(f"unit must be one of {', '.join(UNITS)}, got '{self.unit}'")
        if self.max_rows is not None and self.max_rows < 0:
            raise InputError(f"max_rows must be a number of rows, or 0 for all, got {self.max_rows}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ModelOptions:
        """Options from keyword arguments; raises ``InputError`` for an unknown one, with the nearest known name.

        >>> ModelOptions.of({"layers": "final"}).layers
        'final'
        """
        check_options(options, cls)
        return cls(**options)

    @property
    def poolings(self) -> tuple[str, ...] | None:
        """The poolings that were named, each once; None where none was.

        >>> ModelOptions(pooling="plain, pooled").poolings
        ('plain', 'pooled')
        """
        if self.pooling is None:
            return None
        names = self.pooling.split(",") if isinstance(self.pooling, str) else self.pooling
        poolings = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
        if not poolings:
            raise InputError("no pooling named, wanted one or several of plain, bos_eos, eos, pooled")
        return poolings

    @property
    def opening(self) -> dict[str, Any]:
        """Keyword arguments of :func:`embedscope.encoders.open_model`."""
        always = {name: getattr(self, name) for name in ("device", "dtype", "trust_remote_code", "seed")}
        named = {name: getattr(self, name) for name in ("query_prompt", "document_prompt", "score")}
        return always | {name: value for name, value in named.items() if value is not None}

    def serving(self, note: Callable[[str], None]) -> dict[str, Any]:
        """Keyword arguments of :func:`embedscope.encoders.open_model` for models behind an address or in a folder."""
        return {"cache": self.cache, "yes": self.yes, "note": note}

    @property
    def selecting(self) -> tuple[str, ...]:
        """Names of the options that were set and say which texts, layers and poolings are read."""
        return tuple(name for name in _SELECTING if getattr(self, name) is not None)

    def refuse_for_vectors(self, what: str) -> None:
        """Raise ``InputError`` where an option of models is set and ``what`` holds vectors already."""
        names = ("layers", "pooling", "query_prompt", "document_prompt")
        refuse_unused(f"is for models, and {what} holds vectors already", **{n: getattr(self, n) for n in names})

    def refuse_prompts(self) -> None:
        """Raise ``InputError`` where a prompt is set and there are neither queries nor documents."""
        why = "is for a model with --queries, and there are none"
        refuse_unused(why, query_prompt=self.query_prompt, document_prompt=self.document_prompt)

    def only_opening(self, **changes: Any) -> ModelOptions:
        """The options that open the model and no others, so that they can be hashed and sent to a worker."""
        return replace(ModelOptions(**self.opening), **changes)


@dataclass(frozen=True)
class RunOptions:
    """How the work on sources is done.

    Parameters
    ----------
    engine : ``local``, ``local:THREADS``, ``dask``, ``dask:WORKERS`` or ``dask:ADDRESS``
    checkpoint : folder for the states of finished shards, from which an interrupted run resumes
    skip_bad_shards : skip files that cannot be read, with a note, instead of raising their error
    groups : what each row of a file of vectors belongs to, as of :func:`embedscope.sources.grouped_stream.group_hashes`
    """

    engine: str = "local"
    checkpoint: str | Path | None = None
    skip_bad_shards: bool = False
    groups: Any = None


def check_options(options: Mapping[str, Any], *classes: type[Any]) -> None:
    """Raise ``InputError`` for the first of ``options`` that is a field of none of the dataclasses ``classes``.

    >>> check_options({"layer": "final"}, ModelOptions)
    Traceback (most recent call last):
    embedscope.core.errors.InputError: unknown option 'layer', did you mean 'layers'?
    """
    known = [f.name for cls in classes for f in fields(cls)]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f", did you mean '{near[0]}'?" if near else f"; options are {', '.join(known)}"
            raise InputError(f"unknown option '{name}'{hint}")
