"""Vectors of a model without layers, kept in the cache as they come, so that what was interrupted goes on."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import LostChunkError, VectorCache, text_key
from embedscope.core.errors import CacheUnusableError
from embedscope.core.steady_cache import SteadyCache

Rows = npt.NDArray[np.float32]

_SPACE = "vectors"
_CHUNK_BYTES = 8 * 2**20
_CHUNK_SECONDS = 10.0

Encode = Callable[[Sequence[str]], Iterator[tuple[Sequence[str], Rows]]]
"""Takes distinct texts and yields some of them with their vectors (n, d), until all are done."""


def rows_of(texts: Sequence[str], encode: Encode, cache: VectorCache | None, namespace: str) -> Rows:
    """Vectors (n, d) aligned with ``texts``; each distinct text that the cache lacks is encoded once.

    Whatever ends the work, the vectors that came before it are kept.
    """
    distinct = list(dict.fromkeys(texts))
    if cache is None:
        row_of = {text: row for part, x in encode(distinct) for text, row in zip(part, x, strict=True)}
        return np.stack([row_of[t] for t in texts]) if texts else np.empty((0, 0), np.float32)
    owner, steady = uuid.uuid4().hex, SteadyCache(cache, _say)
    try:
        for _ in range(3):
            try:
                return _read(texts, distinct, encode, steady, namespace, owner)
            except LostChunkError:
                continue
        return _read(texts, distinct, encode, steady, namespace, owner)
    finally:
        steady.release(owner)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def missing_rows(texts: Sequence[str], cache: VectorCache | None, namespace: str) -> list[str]:
    """Distinct ``texts`` that the cache lacks."""
    distinct = list(dict.fromkeys(texts))
    if cache is None:
        return distinct
    try:
        known = cache.find(namespace, [text_key(t) for t in distinct])
    except CacheUnusableError:
        return distinct
    return [t for t in distinct if text_key(t) not in known]


def _read(
    texts: Sequence[str], distinct: Sequence[str], encode: Encode, cache: SteadyCache, namespace: str, owner: str
) -> Rows:
    keys = {t: text_key(t) for t in distinct}
    places = cache.find(namespace, list(keys.values()), owner)
    lacking = [t for t in distinct if keys[t] not in places]
    if lacking:
        _fill(lacking, encode, cache, namespace, owner)
        places = cache.find(namespace, list(keys.values()), owner)
    if not distinct:
        return np.empty((0, 0), np.float32)
    by_chunk: dict[str, list[tuple[int, int]]] = {}
    for i, text in enumerate(texts):
        chunk, position = places[keys[text]]
        by_chunk.setdefault(chunk, []).append((i, position))
    out: Rows | None = None
    for chunk, rows in by_chunk.items():
        x = cache.read(chunk, _SPACE)
        if out is None:
            out = np.empty((len(texts), x.shape[1]), dtype=np.float32)
        to, of = np.array(rows).T
        out[to] = x[of]
    assert out is not None
    return out


def _fill(texts: Sequence[str], encode: Encode, cache: SteadyCache, namespace: str, owner: str) -> None:
    held: list[tuple[Sequence[str], Rows]] = []
    since = time.monotonic()

    def write() -> None:
        if held:
            keys = [text_key(t) for part, _ in held for t in part]
            cache.put(namespace, keys, {_SPACE: np.concatenate([x for _, x in held])}, owner)
            held.clear()

    try:
        for part, x in encode(texts):
            held.append((part, np.asarray(x, dtype=np.float32)))
            if sum(v.nbytes for _, v in held) > _CHUNK_BYTES or time.monotonic() - since > _CHUNK_SECONDS:
                write()
                since = time.monotonic()
    finally:
        write()
