"""Rows compared whatever their order: sums of digests over them, and which rows differ, came or went."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class RowSum:
    """A sum over rows that does not depend on their order: of a digest of each id, and of each id with its vector.

    >>> a, b = RowSum(), RowSum()
    >>> a.add(["x", "y"], np.eye(2))
    >>> b.add(["y"], np.eye(2)[1:]); b.add(["x"], np.eye(2)[:1])
    >>> a.text == b.text, a.n
    (True, 2)
    """

    def __init__(self, text: str = "") -> None:
        parts = text.split() or ["0", "0", "0"]
        self.n, self._ids, self._rows = (int(part, 16) for part in parts)

    def add(self, ids: Sequence[str], rows: npt.NDArray[Any]) -> None:
        """Add ``rows`` (n, d) with their ids."""
        data = np.ascontiguousarray(rows)
        for name, row in zip(ids, data, strict=True):
            digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16)
            self._ids += int.from_bytes(digest.digest(), "little")
            digest.update(b"\0" + row.tobytes())
            self._rows += int.from_bytes(digest.digest(), "little")
        self.n += len(ids)
        self._ids %= 1 << 128
        self._rows %= 1 << 128

    @property
    def text(self) -> str:
        """As one line, from which it can be made again."""
        return f"{self.n:x} {self._ids:x} {self._rows:x}"

    def same(self, other: RowSum, *, bits: bool) -> bool:
        """Whether both have the same ids and, with ``bits``, the same vectors bit by bit."""
        return (self.n, self._ids) == (other.n, other._ids) and (not bits or self._rows == other._rows)


def _digest(name: str) -> Any:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8)


class IdDigests:
    """Eight bytes for every id, which tell whether one stands twice."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.uint64]] = []

    def add(self, ids: Sequence[str]) -> None:
        """Add ids."""
        self._parts.append(_numbers(_digest(name).digest() for name in ids))

    def find_repeated(self, again: Iterable[Sequence[str]]) -> str | None:
        """An id that stands twice, else None; ``again`` gives all ids once more, where digests are equal."""
        everything = np.sort(np.concatenate([np.empty(0, np.uint64), *self._parts]))
        doubtful = set(everything[1:][everything[1:] == everything[:-1]].tolist())
        if not doubtful:
            return None
        seen: set[str] = set()
        for ids in again:
            for name, number in zip(ids, _numbers(_digest(name).digest() for name in ids).tolist(), strict=True):
                if number in doubtful:
                    if name in seen:
                        return name
                    seen.add(name)
        return None


@dataclass
class Differences:
    """Rows that do not hold what they should, that came, and that went; of the first two the first id."""

    changed: int = 0
    added: int = 0
    gone: int = 0
    first_changed: str = ""
    first_added: str = ""


def differences(
    kept: Iterable[tuple[Sequence[str], Any]], stored: Iterable[tuple[Sequence[str], Any]], *, bits: bool
) -> Differences:
    """How the rows ``stored`` differ from those ``kept`` (blocks of ids and vectors), in 16 bytes a row.

    >>> old, new = [(["a", "b"], np.eye(2))], [(["b", "c"], np.ones((2, 2)))]
    >>> changes = differences(old, new, bits=True)
    >>> changes.changed, changes.added, changes.gone, changes.first_added
    (1, 1, 1, 'c')
    """
    pairs = list(_pairs(kept))
    names = np.concatenate([np.empty(0, np.uint64), *(pair[0] for pair in pairs)])
    rows = np.concatenate([np.empty(0, np.uint64), *(pair[1] for pair in pairs)])
    order = np.argsort(names)
    names, rows = names[order], rows[order]
    changes, seen = Differences(), 0
    for ids, x in stored:
        ((keys, values),) = _pairs([(ids, x)])
        at = np.minimum(np.searchsorted(names, keys), max(len(names) - 1, 0))
        known = names[at] == keys if len(names) else np.zeros(len(keys), bool)
        other = known & (rows[at] != values) if bits else np.zeros(len(keys), bool)
        changes.first_changed = changes.first_changed or (ids[int(other.argmax())] if other.any() else "")
        changes.first_added = changes.first_added or (ids[int((~known).argmax())] if not known.all() else "")
        changes.changed, changes.added, seen = (
            changes.changed + int(other.sum()),
            changes.added + int((~known).sum()),
            seen + int(known.sum()),
        )
    changes.gone = len(names) - seen
    return changes


def _pairs(
    blocks: Iterable[tuple[Sequence[str], Any]],
) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]:
    for ids, x in blocks:
        digests, both = [], []
        for name, row in zip(ids, np.ascontiguousarray(x), strict=True):
            digest = _digest(name)
            digests.append(digest.digest())
            digest.update(b"\0" + row.tobytes())
            both.append(digest.digest())
        yield _numbers(digests), _numbers(both)


def _numbers(digests: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(digests), np.uint64)
