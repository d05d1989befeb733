"""Sentence-transformers folders without a transformer to look into: static embeddings, routers, bags of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import VectorCache, namespace_of
from embedscope.core.errors import InputError
from embedscope.encoders._kept_rows import Rows, rows_of
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders._sentence_model import SentenceModel, reading_facts, same_for_roles

_BATCH = 512


class SentenceLookup:
    """One vector per text, ``pooled``, as sentence-transformers gives it; a model of kind ``Lookup``.

    Parameters
    ----------
    policies : what decides the vectors beside the modules of ``model``: dtype, device, checksums of a transformer
    why : why the layers of a transformer are not read

    Attributes
    ----------
    spaces : the one space
    facts : what identifies the model, as JSON types
    reading, score : prompts, ``truncate_dim`` and score that are used
    """

    def __init__(
        self,
        uri: str,
        model: SentenceModel,
        overrides: Overrides,
        policies: Mapping[str, str],
        *,
        cache: bool,
        why: str | None = None,
    ) -> None:
        saved = model.saved
        self._model, self._overrides, self._uri = model, overrides, uri
        self._cache = VectorCache() if cache else None
        self.reading = reading_facts(saved, overrides)
        self.score = overrides.score or saved.score
        kinds = ", ".join(saved.kinds)
        lacking = f"no layers: {why}" if why else "no layers"
        self.spaces: Mapping[str, str] = {"pooled": f"sentence vector of {kinds} by sentence-transformers; {lacking}"}
        self._policies = dict(policies)
        self.facts: dict[str, Any] = {"kind": "sentence-transformers", **model.facts, **self._policies} | self.reading

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``; None where the model treats them as any other text."""
        return None if role is None or same_for_roles(self._model.saved, self._overrides, role) else role

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; ``pooling`` is None, "query" or "document".

        What is no finite number is a row of nan; a text of which a model keeps no token is the library's row of zeros.
        """
        if space not in self.spaces or pooling not in OWN:
            raise InputError(
                f"{self._uri} has the space 'pooled' and no pooling but query and document, got {space!r}, {pooling!r}"
            )

        def encode(wanted: Sequence[str]) -> Iterator[tuple[Sequence[str], Rows]]:
            ordered = sorted(wanted, key=len)
            for i in range(0, len(ordered), _BATCH):
                part = ordered[i : i + _BATCH]
                yield part, self._model.encode(part, pooling)  # type: ignore[arg-type]

        prompt = self._model.saved.prompt(pooling, self._overrides)  # type: ignore[arg-type]
        namespace = namespace_of(
            {
                **self._model.facts,
                **self._policies,
                "role": pooling,
                "prompt": prompt,
            }
        )
        rows = rows_of(texts, encode, self._cache, namespace).copy()
        rows[~np.isfinite(rows).all(axis=1)] = np.nan
        return rows
