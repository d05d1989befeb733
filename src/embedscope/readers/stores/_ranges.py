"""Record batches in a store's own order: ranges of rows, and batches made of Python values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

CHUNK = 32_768


def chunks_of(n: int) -> tuple[int, ...]:
    """Rows of each chunk of a store of ``n`` rows that can be read from any row on.

    >>> chunks_of(40_000)
    (32768, 7232)
    """
    return tuple(min(CHUNK, n - start) for start in range(0, n, CHUNK))


def ranges(sizes: Sequence[int], chunks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First row of each of ``chunks`` and the row after it.

    >>> list(ranges((4, 4, 2), [1, 2]))
    [(4, 8), (8, 10)]
    """
    for i in chunks:
        start = sum(sizes[:i])
        yield start, start + sizes[i]
