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
_ORDINARY = 100
"""Powers of two up to which a factor is a normal number in float32."""

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
        if not powers.any():
            return np.asarray(rows, dtype=dtype)
        if np.abs(powers).max() < _ORDINARY:  # a product with a power of two takes half of the time of ldexp
            wide = np.promote_types(rows.dtype, dtype)
            return np.asarray(np.multiply(rows, np.ldexp(wide.type(1), -powers)[:, None]), dtype=dtype)
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


def _powers(norms: Floats) -> npt.NDArray[np.intc]:
    return np.frexp(norms * (1 - _LONGER))[1]


def _norms(x: Matrix) -> Floats:
    return np.concatenate([row_norms(x[s : s + CORPUS_ROWS]) for s in range(0, len(x), CORPUS_ROWS)])
