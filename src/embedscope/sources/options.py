"""How sources are read and where the work runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.execution import Engine

UNITS = ("token", "word", "sentence")


SAMPLE = 10_000
"""Tokens that are measured where no number is named."""


@dataclass(frozen=True)
class Source:
    """A stream with its name, who works on it, and what its records say (``pooling``, ``task``, ``subset``...)."""

    name: str
    stream: Stream
    engine: Engine
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How models are read.

    Attributes
    ----------
    texts : texts: a data set, ``DATASET::TABLE``, a file with one text a line, or the texts themselves
    unit : ``token`` (of the texts, in context), ``word`` or ``sentence`` (each text is one); by the texts where None
    max_rows : tokens (or words, sentences) chosen by hash with ``seed``; 0 takes all
    layers : ``all`` or a list such as ``0,4,final,pooled``
    pooling : ``plain``, ``bos_eos`` or ``eos``; where None, tokens are read in the tokenizer's own framing, words and
        sentences ``plain`` and as the model pools them
    first_position : of tokens: ``keep``, ``drop`` or ``bos``
    data : folder with data files
    device, dtype, trust_remote_code : of the model
    cache : keep vectors of words and sentences on disk
    """

    texts: str | Path | Sequence[str] | None = None
    unit: str | None = None
    max_rows: int | None = None
    layers: str | None = None
    pooling: str | None = None
    first_position: str = "keep"
    data: str | Path | None = None
    device: str = "auto"
    dtype: str = "float32"
    trust_remote_code: bool = False
    cache: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise InputError(f"unit must be one of {', '.join(UNITS)}, got '{self.unit}'")
        if self.max_rows is not None and self.max_rows < 0:
            raise InputError(f"max_rows must be a number of tokens, or 0 for all, got {self.max_rows}")

    @property
    def named(self) -> list[str]:
        """Options for models alone that were given."""
        return [name for name in ("texts", "unit", "max_rows", "layers", "pooling") if getattr(self, name) is not None]


@dataclass(frozen=True)
class RunOptions:
    """How the work on sources is done.

    Attributes
    ----------
    engine : ``local``, ``local:THREADS``, ``dask``, ``dask:WORKERS`` or ``dask:ADDRESS``
    checkpoint : folder where the states of finished shards are kept, so that a run cut off goes on
    skip_bad_shards : leave out what cannot be read and say so, instead of ending with its error
    groups : what each row of a file of vectors belongs to, as of :func:`embedscope.sources.grouped_stream.group_hashes`
    """

    engine: str = "local"
    checkpoint: str | Path | None = None
    skip_bad_shards: bool = False
    groups: Any = None


@dataclass(frozen=True)
class Encoder:
    """How a model reads texts: one of its spaces, its own sentence vector where no layer is named.

    Attributes
    ----------
    layers, pooling : as of ``evaluate``
    cache : keep vectors on disk
    options : of ``open_model``: device, dtype, trust_remote_code
    data : folder with data files
    """

    layers: str | None = None
    pooling: str | None = None
    cache: bool = True
    options: tuple[tuple[str, Any], ...] = ()
    data: str | Path | None = None
