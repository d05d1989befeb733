"""Vectors of texts in every layer: each distinct text is encoded once, in batches by length, and cached."""

from __future__ import annotations

import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import LostChunkError, Place, VectorCache, namespace_of, text_key
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.steady_cache import LOST_CHUNKS, SteadyCache
from embedscope.encoders import Framed, Framing, TextEncoder, space_name

Floats32 = npt.NDArray[np.float32]
Pooling = str | None

BATCH_TOKENS = 2048
"""Default bound on the tokens of one forward pass, padding included."""

Encoded = Mapping[Pooling, Mapping[str, Floats32]]
"""Vectors of the texts of one forward pass, by pooling and space."""


class Encoding(Protocol):
    """What runs the forward passes of an extraction: a worker elsewhere, in place of this process."""

    def __call__(
        self, framed: Framed, batches: Iterable[Sequence[int]], poolings: Sequence[Pooling]
    ) -> Iterator[Encoded]:
        """Vectors of each of ``batches`` (indices of texts in ``framed``), in order; one forward pass per batch."""


_CHUNK_BYTES = 32 * 2**20
_CHUNK_SECONDS = 10.0
_FORMAT = 1


class TextVectors:
    """Vectors of distinct texts by pooling and space, read from the cache one space at a time.

    Attributes
    ----------
    texts : the distinct texts, in order of first appearance
    truncated : pooling -> texts that were cut at the model's length
    """

    def __init__(
        self,
        encoder: TextEncoder,
        texts: Sequence[str],
        poolings: Sequence[Pooling],
        cache: SteadyCache,
        encoding: Encoding | None = None,
    ) -> None:
        self.texts = tuple(dict.fromkeys(texts))
        self.poolings = tuple(dict.fromkeys(poolings))
        self.truncated: Mapping[Pooling, tuple[str, ...]] = {}
        self.encoder = encoder
        self.cache = cache
        self._encoding = encoding
        self.owner = uuid.uuid4().hex
        self.places: dict[Pooling, dict[bytes, Place]] = {s: {} for s in self.poolings}
        self._namespaces = {s: namespace(encoder, s) for s in self.poolings}
        self._keys = {t: text_key(t) for t in self.texts}
        weakref.finalize(self, cache.release, self.owner)

    def encode(
        self, framed: Framed, batches: Sequence[Sequence[int]], poolings: Sequence[Pooling]
    ) -> Iterator[Encoded]:
        """Forward passes over ``batches`` of ``framed``, by this process or by the ``encoding`` that was given."""
        if self._encoding is not None:
            return self._encoding(framed, batches, poolings)
        return (self.encoder.encode_framed(framed, batch, poolings) for batch in batches)

    def spaces(self, pooling: Pooling) -> tuple[str, ...]:
        """Spaces of a pooling, in order."""
        return tuple(self.encoder.widths(pooling))

    def missing(self, pooling: Pooling) -> list[str]:
        """Texts that have no cached vectors in a pooling; looks them up."""
        places = self.cache.find(self._namespaces[pooling], [self._keys[t] for t in self.texts], self.owner)
        self.places[pooling] = places
        return [t for t in self.texts if self._keys[t] not in places]

    def store(self, pooling: Pooling, texts: Sequence[str], spaces: Mapping[str, Floats32]) -> None:
        """Write vectors (n, d) of ``texts`` in every space of a pooling."""
        keys = [self._keys[t] for t in texts]
        chunk = self.cache.put(self._namespaces[pooling], keys, spaces, self.owner)
        self.places[pooling].update((key, (chunk, i)) for i, key in enumerate(keys))

    def matrix(self, pooling: Pooling, space: str, texts: Sequence[str]) -> Floats32:
        """Vectors (n, d) float32 of ``texts`` in one space, aligned with them; ``pooled`` has pooling None.

        Raises
        ------
        InputError
            for a pooling, a space or a text that was not extracted.
        """
        if pooling not in self.places:
            raise InputError(f"pooling {pooling!r} was not extracted; extracted: {', '.join(map(repr, self.poolings))}")
        space = space_name(space, self.spaces(pooling))
        if space not in self.spaces(pooling):
            raise InputError(f"no space '{space}' in pooling {pooling!r}; it has {', '.join(self.spaces(pooling))}")
        unknown = [t for t in texts if t not in self._keys]
        if unknown:
            raise InputError(f"{len(unknown)} texts were not extracted, first {unknown[0]!r}; pass them to extract()")
        for _ in range(LOST_CHUNKS):
            try:
                return self._read(pooling, space, texts)
            except LostChunkError:
                fill(self, Silent(), BATCH_TOKENS)
        return self._read(pooling, space, texts)

    def _read(self, pooling: Pooling, space: str, texts: Sequence[str]) -> Floats32:
        places = self.places[pooling]
        out = np.empty((len(texts), self.encoder.widths(pooling)[space]), dtype=np.float32)
        rows: dict[str, tuple[list[int], list[int]]] = {}
        for i, text in enumerate(texts):
            chunk, position = places[self._keys[text]]
            targets, positions = rows.setdefault(chunk, ([], []))
            targets.append(i)
            positions.append(position)
        for chunk, (targets, positions) in rows.items():
            out[targets] = self.cache.read(chunk, space)[positions]
        return out


def extract(
    encoder: TextEncoder,
    texts: Sequence[str],
    poolings: Sequence[Pooling],
    *,
    cache: VectorCache | None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
    encoding: Encoding | None = None,
) -> TextVectors:
    """Vectors of ``texts`` in every space of ``poolings`` (None: the model's pooled vector).

    Cached vectors are not computed again, and new ones are written to the cache as they are computed, so that an
    interrupted run resumes where it stopped. Without a cache the vectors are in a temporary folder that is deleted with
    the result.

    Raises
    ------
    InputError
        for a text without tokens or a pooling that the model does not have.
    """
    if not poolings or not texts:
        raise InputError(f"extract needs texts and poolings, got {len(texts)} texts and {len(poolings)} poolings")
    progress = progress or Silent()
    vectors = TextVectors(encoder, texts, poolings, SteadyCache(cache, progress.note), encoding)
    fill(vectors, progress, batch_tokens)
    return vectors


def namespace(encoder: TextEncoder, pooling: Pooling) -> str:
    """Name of everything but the text that decides the vectors of a pooling."""
    from importlib.metadata import version

    framing = encoder.framing(pooling)
    facts: dict[str, Any] = {
        "format": _FORMAT,
        "weights": encoder.info.weights_sha256,
        "tokenizer": encoder.info.tokenizer_sha256,
        "config": encoder.info.config_sha256,
        "architecture": encoder.info.architecture,
        "pooling": pooling,
        "framing": [framing.prefix, framing.suffix, framing.max_length],
        "policies": {k: v for k, v in encoder.info.policies.items() if k in ("dtype", "device", "subword", "pooled")},
        "transformers": version("transformers"),
    }
    if framing.prompt or framing.library:
        facts["own"] = {"prompt": framing.prompt, "by": framing.library, **encoder.library_facts}
    return namespace_of(facts)


def fill(vectors: TextVectors, progress: Progress, batch_tokens: int) -> None:
    """Compute and write the vectors that the cache lacks."""
    encoder = vectors.encoder
    lacking = {pooling: set(vectors.missing(pooling)) for pooling in vectors.poolings}
    total = len(set().union(*lacking.values()))
    groups = encoder.group(vectors.poolings)
    cut: dict[Pooling, tuple[str, ...]] = {}
    if total:
        work = sum(len(set().union(*(lacking[s] for s in group))) for group in groups.values())
        progress.start(f"extract {encoder.info.uri}", work, "texts")
    for framing, group in groups.items():
        wanted = [t for t in vectors.texts if any(t in lacking[s] for s in group)]
        framed = encoder.frame(wanted, framing)
        _encode_all(vectors, wanted, framed, group, progress, batch_tokens)
        cut |= dict.fromkeys(group, _find_truncated(encoder, vectors.texts, wanted, framed))
    vectors.truncated = cut
    longest = max(cut.values(), key=len)
    if longest:
        progress.note(f"{encoder.info.uri}: {len(longest)} texts were cut at {encoder.info.max_length} tokens")


def _encode_all(
    vectors: TextVectors,
    texts: Sequence[str],
    framed: Framed,
    group: Sequence[Pooling],
    progress: Progress,
    batch_tokens: int,
) -> None:
    pending: list[int] = []
    parts: list[Encoded] = []
    since, size = time.monotonic(), 0
    batches = list(batches_by_length([len(i) for i in framed.ids], batch_tokens, padded=vectors.encoder.causal))
    for k, (batch, part) in enumerate(zip(batches, vectors.encode(framed, batches, group), strict=True)):
        parts.append(part)
        pending += batch
        size += sum(x.nbytes for spaces in part.values() for x in spaces.values())
        progress.advance(len(batch))
        if size > _CHUNK_BYTES or time.monotonic() - since > _CHUNK_SECONDS or k == len(batches) - 1:
            for pooling in group:
                spaces = {s: np.concatenate([p[pooling][s] for p in parts]) for s in vectors.spaces(pooling)}
                vectors.store(pooling, [texts[i] for i in pending], spaces)
            pending, parts, since, size = [], [], time.monotonic(), 0


def batches_by_length(lengths: Sequence[int], batch_tokens: int, *, padded: bool = False) -> Iterator[list[int]]:
    """Indices in batches of at most ``batch_tokens`` tokens (padding included), sorted by length.

    A batch takes longer texts only while it is less than a quarter full (half, where padding costs no mask:
    ``padded``), so that most batches hold one length and need no mask.

    >>> list(batches_by_length([3, 1, 3, 1], 6))
    [[1, 3], [0, 2]]
    """
    enough = batch_tokens // (2 if padded else 4)
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = (len(batch) + 1) * lengths[i] > batch_tokens
        longer = bool(batch) and lengths[i] > lengths[batch[-1]] and len(batch) * lengths[i] > enough
        if batch and (full or longer):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _find_truncated(
    encoder: TextEncoder, texts: Sequence[str], framed_texts: Sequence[str], framed: Framed
) -> tuple[str, ...]:
    """The ``texts`` that were cut: known for those just framed, and looked up for others that are long enough."""
    known = dict(zip(framed_texts, framed.truncated, strict=True))
    framing: Framing = framed.framing
    unsure = [t for t in texts if t not in known and len(t.encode()) > framing.room // 2]
    known |= dict(zip(unsure, encoder.frame(unsure, framing).truncated, strict=True))
    return tuple(t for t in texts if known.get(t, False))
