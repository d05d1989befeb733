"""Inner products in blocks with a proven bound on their error, and the exact product of chosen pairs.

A block is a float32 (or float64) matrix product of scaled rows. Any order of summation errs by at most
gamma_d |q| |c| [higham2002], so what the bound cannot decide, and only that, is computed again pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, row_norms
from embedscope.core.tables import Index

QUERY_ROWS = 1024
CORPUS_ROWS = 4096
_PAIR_VALUES = 1 << 16
"""Of one side in float64 at a time: what a cache holds."""

_LONGER = 2.0**-12
"""By so much a row may be longer than 1, as rows of unit length are by rounding; the error bound has room for it."""
_TINY = 2.0**-120

Matrix = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """Rows divided by powers of two, which is exact; a block of them never overflows float32.

    Attributes
    ----------
    x : (n, d) rows as they came
    exponents : (n,) or (1,) powers of two that the rows are divided by, so that they are no longer than 1 + 2^-12
    """

    x: Matrix
    exponents: npt.NDArray[np.intc]

    @classmethod
    def each(cls, x: Matrix) -> ScaledRows:
        """Every row by a power of its own: the order of its products stays."""
        return cls(x, _powers(_norms(x)))

    @classmethod
    def together(cls, x: Matrix) -> ScaledRows:
        """All rows by one power."""
        return cls(x, _powers(_norms(x).max(initial=0.0, keepdims=True)))

    def block(self, start: int, stop: int, dtype: npt.DTypeLike) -> Matrix:
        """Scaled rows ``start .. stop`` in ``dtype``."""
        rows = self.x[start:stop]
        powers = self.exponents if len(self.exponents) == 1 else self.exponents[start:stop]
        if rows.dtype == dtype and not powers.any():
            return rows
        if len(self.exponents) == 1 and rows.dtype == np.float32 and abs(int(powers[0])) < 100:
            return np.asarray(rows * np.float32(2.0 ** -int(powers[0])), dtype=dtype)
        return np.asarray(np.ldexp(rows.astype(np.float64), -powers[:, None]), dtype=dtype)


def error_bound(d: int, dtype: npt.DTypeLike) -> float:
    """How far a product of ``d`` terms in ``dtype`` is from the true one, for rows no longer than 1 + 2^-12.

    (d + 6) u covers the products, the sums in any order, rounding of the rows and of the pair-by-pair product; .01 of
    it second-order terms and that length;
    what may underflow is added.
    """
    u = float(np.finfo(dtype).eps) / 2
    return 1.01 * (d + 6) * u + d * _TINY


def pair_scores(a: Matrix, b: Matrix, i: Index, j: Index) -> Floats:
    """Float64 inner products of rows ``i`` (p,) of ``a`` with rows ``j`` (p,) of ``b``, summed in one fixed order.

    Equal rows give equal products, wherever they stand.
    """
    out = np.empty(len(i))
    step = min(max(1, _PAIR_VALUES // a.shape[1]), len(i))
    taken = [np.empty((step, x.shape[1]), dtype=x.dtype) for x in (a, b)]
    double = [t if t.dtype == np.float64 else np.empty(t.shape) for t in taken]
    for start in range(0, len(i), step or 1):
        part = slice(start, start + step)
        for x, rows, values, wide in zip((a, b), (i[part], j[part]), taken, double, strict=True):
            np.take(x, rows, axis=0, out=values[: len(rows)], mode="clip")
            if wide is not values:
                wide[: len(rows)] = values[: len(rows)]
        n = len(i[part])
        out[part] = np.einsum("ij,ij->i", double[0][:n], double[1][:n])
    return out


def without_copies(x: Matrix, kept: int) -> Index | None:
    """Rows of ``x`` (n, d) without what is a copy of ``kept`` earlier rows or more; None where that is all of them."""
    if not len(x):
        return None
    hashes = np.concatenate([_hashes(x[s : s + CORPUS_ROWS]) for s in range(0, len(x), CORPUS_ROWS)])
    order = np.argsort(hashes, kind="stable")
    new = np.concatenate([[True], np.diff(hashes[order]) != 0])
    starts = np.flatnonzero(new)
    places = np.arange(len(x)) - np.repeat(starts, np.diff(np.append(starts, len(x))))
    late = places >= kept
    if not late.any():
        return None
    copies = order[late]
    originals = order[np.repeat(starts, np.diff(np.append(starts, len(x))))[late]]
    drop = np.zeros(len(x), dtype=bool)
    for s in range(0, len(copies), CORPUS_ROWS):
        part = slice(s, s + CORPUS_ROWS)
        drop[copies[part]] = (x[copies[part]] == x[originals[part]]).all(axis=1)
    return np.flatnonzero(~drop)


def first_equal(x: Matrix) -> Index | None:
    """Place (n,) of the first row of ``x`` (n, d) that equals each; None where all rows are distinct."""
    hashes = np.concatenate(
        [_hashes(x[s : s + CORPUS_ROWS]) for s in range(0, len(x), CORPUS_ROWS)] or [np.zeros(0, np.uint64)]
    )
    order = np.argsort(hashes, kind="stable")
    new = np.append(True, np.diff(hashes[order]) != 0)[: len(x)]
    if new.all():
        return None
    first = np.empty(len(x), dtype=np.intp)
    first[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(x)), 0))]
    later = np.flatnonzero(first != np.arange(len(x)))
    same = np.concatenate(
        [
            (x[rows] == x[first[rows]]).all(axis=1)
            for rows in (later[s : s + CORPUS_ROWS] for s in range(0, len(later), CORPUS_ROWS))
        ]
    )
    if not same.all():  # two rows have one hash
        _, firsts, place = np.unique(x + x.dtype.type(0), axis=0, return_index=True, return_inverse=True)
        first = firsts[place.ravel()]
    return None if len(np.unique(first)) == len(x) else np.asarray(first)


def _hashes(rows: Matrix) -> npt.NDArray[np.uint64]:
    """Sum over the 32-bit words of a row of a bijection of each that is another in every place."""
    words = np.ascontiguousarray(rows + rows.dtype.type(0)).view(np.uint32)
    odd = np.random.default_rng(0).integers(0, 2**63, words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    out = np.empty(len(rows), dtype=np.uint64)
    step = max(1, _PAIR_VALUES // max(words.shape[1], 1))
    for start in range(0, len(rows), step):
        h = words[start : start + step] * odd
        h ^= h >> np.uint64(32)
        h.sum(axis=1, out=out[start : start + step])
    return out


def _powers(norms: Floats) -> npt.NDArray[np.intc]:
    return np.frexp(norms * (1 - _LONGER))[1]


def _norms(x: Matrix) -> Floats:
    return np.concatenate([row_norms(x[s : s + CORPUS_ROWS]) for s in range(0, len(x), CORPUS_ROWS)])
