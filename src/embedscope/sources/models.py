"""Texts that a model encodes: which of its spaces stands for a text, and how queries and documents are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.encoders import Lookup, Role, TextEncoder, reading_note, role_pooling, score_of, space_name
from embedscope.sources.layer_selection import chosen_spaces

Side = tuple[Role | None, Sequence[str]]
"""What some texts are, and the texts."""


@dataclass(frozen=True)
class OwnSpace:
    """The space that stands for a whole text; ``note`` says so where the model does not define one."""

    pooling: str | None
    space: str
    note: str | None = None


def own_space(encoder: TextEncoder) -> OwnSpace:
    """The model's own sentence vector; of a model that defines none, its ``final`` state at the last token of the text.

    The text is framed by BOS and EOS where the tokenizer has both. This is the one rule for such models, and its
    ``note`` belongs into what is printed and into every record.
    """
    if encoder.has_pooled:
        return OwnSpace(None, "pooled")
    pooling = layer_pooling(encoder)
    space = space_name("final", encoder.spaces)
    why = encoder.info.policies["pooled"]
    note = f"{encoder.info.uri} has no sentence vector ({why}); {space} of the last token ({pooling}) stands in for it"
    return OwnSpace(pooling, space, note)


def layer_pooling(encoder: TextEncoder) -> str:
    """How layers are read where nothing is said: in BOS and EOS where the tokenizer has both, else plain."""
    return "bos_eos" if "bos_eos" in encoder.poolings else "plain"


@dataclass(frozen=True, eq=False)
class EncodedSides:
    """Vectors of several sides in one space of a model.

    Attributes
    ----------
    pooling, space : the space; ``pooling`` is None for the model's own sentence vector, whatever the roles
    score : how its vectors are compared
    note : prompts, ``truncate_dim``, score and stand-ins, for the record
    """

    pooling: str | None
    space: str
    score: str
    note: str | None
    parts: tuple[tuple[Any, str | None, Sequence[str]], ...]

    def matrix(self, side: int) -> npt.NDArray[Any]:
        """Vectors (n, d) of the texts of side number ``side``; a text without one is a row of nan."""
        vectors, pooling, texts = self.parts[side]
        found: npt.NDArray[Any] = vectors.matrix(pooling, self.space, texts)
        return found


def encoded_sides(
    source: str,
    sides: Sequence[Side],
    where: tuple[str | None, str | None],
    cache: bool,
    model: dict[str, Any],
    provenance: Provenance,
    progress: Progress,
) -> list[EncodedSides]:
    """The spaces that ``where`` (layers, pooling) names, the model's own sentence vector by default.

    Sentence vectors of queries and documents are read with the prompts and routes that the model has for them.

    Raises
    ------
    InputError
        if the model has no such space.
    """
    from embedscope.encoders import open_model

    layers, pooling = where
    encoder = open_model(source, **{"cache": cache, "note": progress.note, **model})
    if not isinstance(encoder, TextEncoder):
        provenance.models[source] = dict(encoder.facts)
        note = _said(reading_note(encoder), source, progress)
        noted = _Noted(encoder, source, provenance)
        parts = tuple((noted, role_pooling(encoder, role), texts) for role, texts in sides)
        spaces = chosen_spaces(layers, tuple(encoder.spaces))
        return [EncodedSides(None, space, score_of(encoder), note, parts) for space in spaces]
    provenance.models[source] = encoder.info.as_dict()
    own = own_space(encoder)
    if encoder.has_pooled and layers in (None, "pooled") and pooling in (None, "pooled"):
        note = _said(reading_note(encoder), source, progress)
        return [EncodedSides(None, "pooled", encoder.score, note, _own_parts(encoder, sides, cache, progress))]
    if layers is None and pooling is None:
        provenance.models[source]["sentence_vector"] = own.note
        read, spaces, note = str(own.pooling), (own.space,), own.note
        progress.note(str(note))
    else:
        read, note = pooling or "plain", None
        spaces = chosen_spaces(layers or "final", tuple(encoder.spaces))
    if read not in encoder.poolings:
        raise InputError(f"pooling '{read}' does not fit {source}; it has {', '.join(map(str, encoder.poolings))}")
    vectors = _extracted(encoder, [text for _, texts in sides for text in texts], read, cache, progress)
    parts = tuple((vectors, read, texts) for _, texts in sides)
    return [EncodedSides(read, space, "cosine", note, parts) for space in spaces]


@dataclass(frozen=True, eq=False)
class _Noted:
    """A model without layers, whose facts are noted again after every look-up: a server counts what it is asked."""

    model: Lookup
    source: str
    provenance: Provenance

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Vectors (n, d) of ``texts``."""
        try:
            return self.model.matrix(pooling, space, texts)
        finally:
            self.provenance.models[self.source] = dict(self.model.facts)


def _own_parts(
    encoder: TextEncoder, sides: Sequence[Side], cache: bool, progress: Progress
) -> tuple[tuple[Any, str | None, Sequence[str]], ...]:
    """Sentence vectors of every side; sides that are read alike are encoded together."""
    poolings = [role_pooling(encoder, role) for role, _ in sides]
    by_pooling: dict[str | None, list[str]] = {}
    for pooling, (_, texts) in zip(poolings, sides, strict=True):
        by_pooling.setdefault(pooling, []).extend(texts)
    vectors = {p: _extracted(encoder, texts, p, cache, progress) for p, texts in by_pooling.items()}
    return tuple((vectors[p], p, texts) for p, (_, texts) in zip(poolings, sides, strict=True))


def _extracted(encoder: TextEncoder, texts: Sequence[str], pooling: str | None, cache: bool, progress: Progress) -> Any:
    from embedscope.core.cache import VectorCache
    from embedscope.sources.text_vectors import extract

    kept = VectorCache() if cache else None
    return extract(encoder, list(dict.fromkeys(texts)), [pooling], cache=kept, progress=progress)


def _said(note: str | None, source: str, progress: Progress) -> str | None:
    if note is not None:
        progress.note(f"{source}: {note}")
    return note
