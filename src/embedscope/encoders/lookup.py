"""Models that are not transformers: vectors of texts without layers or poolings, opened by a scheme of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt


class Lookup(Protocol):
    """A model that gives one vector per text; what :func:`embedscope.encoders.open_model` returns for a scheme.

    It may also have ``role_pooling(role)``, the pooling that reads texts as queries or documents; ``score``, how its
    vectors are compared; and ``reading``, what a record says of prompts and scores. See ``encoders.role_pooling``,
    ``score_of`` and ``reading_note``.
    """

    @property
    def spaces(self) -> Mapping[str, str]:
        """Name -> description of each space, in order."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What identifies the model, as JSON types, for the provenance."""

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; a text without a vector is a row of nan.

        ``pooling`` is None, or "query" or "document" for a model with ``role_pooling`` that says so.
        """


@dataclass(frozen=True)
class Scheme:
    """A kind of model, named by the part of a URI before the colon: ``open`` gets the part after it.

    ``install`` is the command that brings what it needs, ``cite`` a key of docs/references.bib, ``options`` the options
    of ``open_model`` that ``open`` takes by name. ``has_vocabulary`` says that its models have a ``vocabulary``, the
    texts that they have vectors of, so that they can be measured without other texts.
    """

    name: str
    title: str
    description: str
    licence: str
    cite: str
    open: Callable[..., Lookup]
    install: str = "nothing to install"
    options: tuple[str, ...] = ()
    has_vocabulary: bool = False

    def path(self) -> Path | None:
        """Folder of this code: a scheme has no files of its own."""
        return Path(__file__).parent
