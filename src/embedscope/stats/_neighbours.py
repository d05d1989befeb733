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
from embedscope.core.ids import mix
from embedscope.core.tables import Index

QUERY_ROWS = 1024
CORPUS_ROWS = 4096
_PAIR_VALUES = 1 << 20
_TINY = 2.0**-120

Matrix = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """Rows divided by powers of two, which is exact; a block of them never overflows float32.

    Attributes
    ----------
    x : (n, d) rows as they came
    exponents : (n,) or (1,) powers of two that the rows are divided by, so that they are no longer than 1
    """

    x: Matrix
    exponents: npt.NDArray[np.intc]

    @classmethod
    def each(cls, x: Matrix) -> ScaledRows:
        """Every row by a power of its own: the order of its products stays."""
        return cls(x, np.frexp(_norms(x))[1])

    @classmethod
    def together(cls, x: Matrix) -> ScaledRows:
        """All rows by one power."""
        return cls(x, np.frexp(_norms(x).max(initial=0.0, keepdims=True))[1])

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
    """How far a product of ``d`` terms in ``dtype`` is from the true one, for rows no longer than 1.

    (d + 6) u covers the products, the sums in any order, rounding of the rows and of the pair-by-pair product;
    what may underflow is added.
    """
    u = float(np.finfo(dtype).eps) / 2
    return 1.01 * (d + 6) * u + d * _TINY


def pair_scores(a: Matrix, b: Matrix, i: Index, j: Index) -> Floats:
    """Float64 inner products of rows ``i`` (p,) of ``a`` with rows ``j`` (p,) of ``b``, summed in one fixed order.

    Equal rows give equal products, wherever they stand.
    """
    out = np.empty(len(i))
    step = max(1, _PAIR_VALUES // a.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        left, right = a[i[part]].astype(np.float64, copy=False), b[j[part]].astype(np.float64, copy=False)
        out[part] = np.einsum("ij,ij->i", left, right)
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


def _hashes(rows: Matrix) -> npt.NDArray[np.uint64]:
    words = np.ascontiguousarray(rows + rows.dtype.type(0)).view(np.uint32 if rows.itemsize == 4 else np.uint64)
    odd = np.random.default_rng(0).integers(0, 2**63, words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return np.asarray(np.einsum("ij,j->i", mix(words.astype(np.uint64)), odd), dtype=np.uint64)


def _norms(x: Matrix) -> Floats:
    return np.concatenate([row_norms(x[s : s + CORPUS_ROWS]) for s in range(0, len(x), CORPUS_ROWS)])
