"""Opening models: the one place that opens a model, and the one rule for which of its spaces is read.

Where nothing is named, a text is read as the model itself reads it: its own text vector ``pooled``. A model that
defines none is read at its last state (``final``, after the final norm where it has one) in the pooling ``bos_eos``, or
``plain`` where the tokenizer has no BOS and EOS. The choice is shown and recorded in the provenance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import VectorCache
from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import (
    ImageEncoder,
    Lookup,
    Role,
    TextEncoder,
    open_image_encoder,
    open_model,
    reading_note,
    role_pooling,
    score_of,
    space_name,
)
from embedscope.sources.image_vectors import ImageVectors, image_vectors
from embedscope.sources.layer_selection import FINAL, POOLED, select_spaces
from embedscope.sources.text_vectors import Encoding, TextVectors, extract

if TYPE_CHECKING:
    from embedscope.sources.options import ModelOptions

Default = Literal["one", "layers", "every"]
"""What is read where nothing is named: one space, every layer in one pooling, or every layer in every pooling."""

_IMAGE_SPACES = ("image", "features", "pooled")


class SpaceName(NamedTuple):
    """A pooling and a space of a model; the pooling is None for ``pooled`` and for models without layers."""

    pooling: str | None
    space: str


def open_text_model(
    uri: str, options: ModelOptions, provenance: Provenance, progress: Progress | None = None
) -> TextEncoder | Lookup:
    """Open the model of texts that ``uri`` names and record its facts in the provenance.

    Raises
    ------
    InputError, DataUnavailableError, ChecksumError, MissingExtraError
        see :func:`embedscope.encoders.open_encoder`.
    """
    progress = progress or Silent()
    progress.start(f"loading {uri}", None, "models")
    with provenance.phase(f"load {uri}"):
        model = open_model(uri, **options.serving(progress.note), **options.opening)
    progress.advance(1)
    progress.close()
    provenance.models[uri] = model.info.as_dict() if isinstance(model, TextEncoder) else dict(model.facts)
    return model


def open_image_model(
    uri: str, options: ModelOptions, provenance: Provenance, progress: Progress | None = None, *, layers: bool = False
) -> ImageEncoder:
    """Open the model of images that ``uri`` names; the spaces of its layers too where ``layers``."""
    progress = progress or Silent()
    progress.start(f"loading {uri}", None, "models")
    encoder = open_image_encoder(uri, device=options.device, dtype=options.dtype, seed=options.seed, layers=layers)
    progress.advance(1)
    progress.close()
    provenance.models[uri] = encoder.info.as_dict()
    return encoder


def default_pooling(encoder: TextEncoder) -> str:
    """Pooling of layers where none is named: ``bos_eos``, or ``plain`` where the tokenizer has no BOS and EOS."""
    return "bos_eos" if "bos_eos" in encoder.poolings else "plain"


def text_vector(encoder: TextEncoder) -> SpaceName:
    """The space that stands for a whole text: ``pooled``, or ``final`` in the default pooling where there is none."""
    if encoder.has_pooled:
        return SpaceName(None, POOLED)
    return SpaceName(default_pooling(encoder), space_name(FINAL, tuple(encoder.spaces)))


def image_vector(spaces: Iterable[str]) -> str:
    """The space that stands for a whole image: ``image``, ``features`` or ``pooled``, else the first of ``spaces``.

    >>> image_vector(["layer01", "features"]), image_vector(["pixels"])
    ('features', 'pixels')
    """
    names = list(spaces)
    return next((name for name in _IMAGE_SPACES if name in names), names[0])


def pair_spaces(poolings: Iterable[str], spaces: Sequence[str]) -> list[SpaceName]:
    """Every layer of ``spaces`` in every pooling, and ``pooled`` once.

    >>> [tuple(name) for name in pair_spaces(["plain", "eos"], ["final", "pooled"])]
    [('plain', 'final'), ('eos', 'final'), (None, 'pooled')]
    """
    layers = [space for space in spaces if space != POOLED]
    own = [SpaceName(None, POOLED)] if POOLED in spaces else []
    return [SpaceName(pooling, space) for pooling in poolings for space in layers] + own


def model_spaces(
    model: TextEncoder | Lookup,
    uri: str,
    options: ModelOptions,
    default: Default,
    provenance: Provenance,
    progress: Progress,
) -> list[SpaceName]:
    """The spaces of a model of texts that ``options`` name.

    ``pooled`` has no poolings: it is read where ``pooling`` or ``layers`` names it, and where neither names anything.
    What the default chose is shown, and recorded as ``read_as`` of the model.

    Parameters
    ----------
    default : what is read where nothing is named

    Raises
    ------
    InputError
        for a layer or a pooling that the model does not have, or where nothing is left to read.
    """
    if not isinstance(model, TextEncoder):
        if options.poolings not in (None, (POOLED,)):
            raise InputError(f"{uri} has one vector per text and no poolings; leave out pooling")
        return [SpaceName(None, space) for space in select_spaces(options.layers, tuple(model.spaces))]
    poolings, own = options.poolings, [POOLED] if model.has_pooled else []
    for name in poolings or ():
        if name not in (*model.poolings, *own):
            raise InputError(f"pooling '{name}' does not fit {uri}; it has {', '.join((*model.poolings, *own))}")
    if default == "one" and poolings is None and options.layers is None:
        return [_record_default(uri, text_vector(model), provenance, progress)]
    layers, pooled = _layers_and_pooled(model, options, FINAL if default == "one" else "all")
    if poolings is None and default == "every":
        poolings = tuple(model.poolings)
    elif poolings is None:
        poolings = (default_pooling(model),)
        if layers:
            _record_default(uri, SpaceName(poolings[0], "layers"), provenance, progress)
    selected = pair_spaces([p for p in poolings if p != POOLED], layers + ([POOLED] if pooled else []))
    if poolings == (POOLED,) and options.layers not in (None, "all", POOLED):
        raise InputError(f"layers {options.layers} do not occur in the pooling pooled, which has no layers")
    return selected


def _layers_and_pooled(model: TextEncoder, options: ModelOptions, default: str) -> tuple[list[str], bool]:
    """The selected layers, and whether ``pooled`` is selected: by name, or because nothing else is."""
    own = [POOLED] if model.has_pooled else []
    spaces = select_spaces(options.layers or default, (*model.spaces, *own))
    layers = [space for space in spaces if space != POOLED]
    if POOLED in (part.strip() for part in (options.layers or "").split(",")):
        return layers, True
    if options.poolings is not None:
        return layers, POOLED in options.poolings
    return layers, model.has_pooled and options.layers in (None, "all")


def _record_default(uri: str, name: SpaceName, provenance: Provenance, progress: Progress) -> SpaceName:
    """Show and record what is read because nothing was named."""
    pooling = "" if name.pooling is None else f" in the pooling {name.pooling}"
    provenance.models[uri]["read_as"] = f"{name.space}{pooling}"
    progress.note(f"{uri}: reading {name.space}{pooling}")
    return name


def extract_texts(
    encoder: TextEncoder,
    texts: Iterable[str],
    poolings: Iterable[str | None],
    options: ModelOptions,
    progress: Progress,
    encoding: Encoding | None = None,
) -> TextVectors:
    """Vectors of the distinct ``texts`` in every space of ``poolings``, from the cache where they are there."""
    cache = VectorCache() if options.cache else None
    distinct, named = list(dict.fromkeys(texts)), list(dict.fromkeys(poolings))
    return extract(encoder, distinct, named, cache=cache, progress=progress, encoding=encoding)


def extract_images(
    encoder: ImageEncoder, images: Sequence[Image], options: ModelOptions, progress: Progress
) -> ImageVectors:
    """Vectors of ``images`` in every space of ``encoder``, from the cache where they are there."""
    return image_vectors(encoder, images, VectorCache() if options.cache else None, progress)


def encode_texts(
    uri: str, texts: Iterable[str], options: ModelOptions, provenance: Provenance, progress: Progress
) -> tuple[Any, list[SpaceName]]:
    """Vectors of ``texts`` by the model ``uri``, and the spaces that ``options`` name, one where they name none.

    Returns
    -------
    (vectors, spaces) : ``vectors.matrix(pooling, space, texts)`` gives rows (n, d), nan for a text without a vector
    """
    model = open_text_model(uri, options, provenance, progress)
    spaces = model_spaces(model, uri, options, "one", provenance, progress)
    if not isinstance(model, TextEncoder):
        return model, spaces
    return extract_texts(model, texts, [name.pooling for name in spaces], options, progress), spaces


Side = tuple[Role | None, Sequence[str]]
"""Texts, and what they are to the model: queries, documents, or neither."""


@dataclass(frozen=True, eq=False)
class EncodedSides:
    """Vectors of several sides of texts in one space of a model.

    Attributes
    ----------
    pooling, space : the space; the pooling is None for the model's own text vector, whatever the roles
    score : how the model compares its vectors
    note : prompts, ``truncate_dim`` and score of the model, for the record
    parts : of each side the vectors, the pooling of its role, and its texts
    """

    pooling: str | None
    space: str
    score: str
    note: str | None
    parts: tuple[tuple[Any, str | None, Sequence[str]], ...]

    def matrix(self, side: int) -> npt.NDArray[Any]:
        """Vectors (n, d) of the texts of side number ``side``; a text without a vector is a row of nan."""
        vectors, pooling, texts = self.parts[side]
        x: npt.NDArray[Any] = vectors.matrix(pooling, self.space, texts)
        return x


def encode_sides(
    uri: str, sides: Sequence[Side], options: ModelOptions, provenance: Provenance, progress: Progress
) -> list[EncodedSides]:
    """Vectors of the texts of all ``sides`` by the model ``uri``, in the spaces that ``options`` name, one by default.

    Queries and documents are read with the prompts and modules that the model has for them, in the model's own text
    vector; layers have neither.
    """
    model = open_text_model(uri, options, provenance, progress)
    spaces = model_spaces(model, uri, options, "one", provenance, progress)
    return encode_opened(model, uri, spaces, sides, options, provenance, progress)


def encode_opened(
    model: TextEncoder | Lookup,
    uri: str,
    spaces: Sequence[SpaceName],
    sides: Sequence[Side],
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> list[EncodedSides]:
    """Vectors of the texts of all ``sides`` by a model that is open, in ``spaces`` of it."""
    if not isinstance(model, TextEncoder):
        note = _show(reading_note(model), uri, progress)
        recorded = _RecordedLookup(model, uri, provenance)
        parts = tuple((recorded, role_pooling(model, role), texts) for role, texts in sides)
        return [EncodedSides(None, name.space, score_of(model), note, parts) for name in spaces]
    return [_encode_sides(model, uri, sides, name, options, progress) for name in spaces]


def _encode_sides(
    encoder: TextEncoder, uri: str, sides: Sequence[Side], name: SpaceName, options: ModelOptions, progress: Progress
) -> EncodedSides:
    """Sides in one space of a text encoder; those that are read alike are encoded together."""
    own = name.space == POOLED
    poolings = [role_pooling(encoder, role) if own else name.pooling for role, _ in sides]
    texts_of: dict[str | None, list[str]] = {}
    for pooling, (_, texts) in zip(poolings, sides, strict=True):
        texts_of.setdefault(pooling, []).extend(texts)
    vectors = {p: extract_texts(encoder, texts, [p], options, progress) for p, texts in texts_of.items()}
    parts = tuple((vectors[p], p, texts) for p, (_, texts) in zip(poolings, sides, strict=True))
    if own:
        note = _show(reading_note(encoder), uri, progress)
    elif options.layers is None and options.pooling is None:
        why = encoder.info.policies["pooled"]
        note = f"{uri} has no sentence vector ({why}); {name.space} of the last token ({name.pooling}) is read instead"
        progress.note(note)
    else:
        note = None
    return EncodedSides(name.pooling, name.space, encoder.score if own else options.score or "cosine", note, parts)


@dataclass(frozen=True, eq=False)
class _RecordedLookup:
    """A model without layers, whose facts are recorded again after every look-up: a server counts its requests."""

    model: Lookup
    uri: str
    provenance: Provenance

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Vectors (n, d) of ``texts``."""
        try:
            return self.model.matrix(pooling, space, texts)
        finally:
            self.provenance.models[self.uri] |= dict(self.model.facts)


def _show(note: str | None, uri: str, progress: Progress) -> str | None:
    if note is not None:
        progress.note(f"{uri}: {note}")
    return note


def check_known(x: npt.NDArray[Any], uri: str, texts_name: str) -> npt.NDArray[Any]:
    """``x`` (n, d), checked to have a vector for every text: rows of nan are texts that the model does not know."""
    if unknown := int((~np.isfinite(x).all(axis=1)).sum()):
        raise InputError(
            f"{uri} has no vector for {unknown:,} of {len(x):,} texts of {texts_name}; remove them, and judgements or "
            "labels that name them"
        )
    return x
