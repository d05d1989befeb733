"""Mean and scatter of the rows, merged by Chan's formula, never as sums of squares.

On data offset by 1e6 sums of squares lose twelve digits, centred sums none (``chan1983``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.accumulate import Accumulator, Need
from embedscope.core.arrays import Floats, Precision, Rows
from embedscope.core.block import Centred, RowBlock
from embedscope.stats.spectra import diagonal_in, single_thread_eigh, single_thread_eigvalsh, without_rounding
from embedscope.stats.statistic import Blockwise, Statistic, check_width, no_rows

if TYPE_CHECKING:
    from embedscope.stats.grouped import GroupedResult

_BAND = 64


@dataclass(frozen=True, eq=False)
class Gaussian(Statistic):
    """First and second moments of n rows, with the spectra that follow from them.

    Attributes
    ----------
    n : rows (of unit rows: those of non-zero length)
    mean : (d,)
    scatter : (d, d), sum of (x - mean)(x - mean)'
    zero_rows : rows of length zero met; among ``n`` for raw rows, left out of unit rows
    basis : where given, spectra are first-order: diag(V' C V) with the eigenvectors V of ``basis``
    cubic, quartic : sums of |x - mean|^2 (x - mean), shape (d,), and of |x - mean|^4; None where they are not known
    values_only : whether spectra are taken without their directions
    spread_apart : participation ratio from pairs of rows in different groups, where it is known: ``across_groups``
    """

    n: int
    mean: Floats
    scatter: Floats
    zero_rows: int = 0
    basis: Gaussian | None = None
    cubic: Floats | None = None
    quartic: float | None = None
    spread_apart: float | None = None
    values_only: bool = False

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.mean)

    @property
    def covariance(self) -> Floats:
        """Covariance (d, d), scatter / (n - 1)."""
        return self.scatter / max(self.n - 1, 1)

    @property
    def second_moment(self) -> Floats:
        """X'X (d, d), uncentred."""
        root = self.mean * np.sqrt(self.n)
        return self.scatter + np.outer(root, root)

    @cached_property
    def eigenvalues(self) -> Floats:
        """Eigenvalues (d,) of the covariance, descending (in the order of the basis where there is one)."""
        if self.basis is not None:
            values = diagonal_in(self.basis.eigenvectors, self.scatter)
        else:
            values = (single_thread_eigvalsh(self.scatter) if self.values_only else self._centred[0])[::-1]
        return without_rounding(values, self.n - 1) / max(self.n - 1, 1)

    @property
    def eigenvectors(self) -> Floats:
        """Principal directions (d, d), one a column, in the order of ``eigenvalues``."""
        return self.basis.eigenvectors if self.basis is not None else self._centred[1][:, ::-1]

    @cached_property
    def singular_values(self) -> Floats:
        """Singular values (d,) of the uncentred rows, descending (in the order of the basis where there is one)."""
        if self.basis is not None:
            values = diagonal_in(self.basis.directions[:, ::-1], self.second_moment)
        else:
            values = (single_thread_eigvalsh(self.second_moment) if self.values_only else self._uncentred[0])[::-1]
        return np.sqrt(without_rounding(values, self.n))

    @property
    def directions(self) -> Floats:
        """Eigenvectors (d, d) of X'X as ``numpy.linalg.eigh`` gives them: one a column, eigenvalues ascending."""
        return self.basis.directions if self.basis is not None else self._uncentred[1]

    def perturb(self, reference: Gaussian) -> Gaussian:
        """These moments with first-order spectra: eigenvectors of ``reference``, no decomposition of their own."""
        known: Gaussian | None = self.__dict__.get("_perturbed")
        if known is None or known.basis is not reference:
            known = replace(self, basis=reference)
            self.__dict__["_perturbed"] = known  # so that several metrics share its spectra
        return known

    @cached_property
    def _centred(self) -> tuple[Floats, Floats]:
        return single_thread_eigh(self.scatter)

    @cached_property
    def _uncentred(self) -> tuple[Floats, Floats]:
        return single_thread_eigh(self.second_moment)


def halves(grouped: GroupedResult[Gaussian]) -> tuple[Gaussian, Gaussian] | None:
    """Moments of two halves of the groups of rows, None where fewer than two groups hold rows.

    Of a number that is smooth in the moments and whose bias falls as 1 / n, (f(half) + f(other half)) / 2 - f(all) is
    the bias of f(all): the sampling errors of two halves cancel to first order.
    """
    full = grouped.full
    known: tuple[Gaussian, Gaussian] | None = full.__dict__.get("_halves")
    filled = [g for g, size in zip(grouped.left_out, grouped.sizes, strict=True) if size]
    if known is None and len(filled) >= _FEWEST_GROUPS:
        known = (_together(full, filled[::2]), _together(full, filled[1::2]))
        full.__dict__["_halves"] = known  # so that several metrics share their spectra
    return known


_FEWEST_GROUPS = 2


def _together(full: Gaussian, without: Sequence[Gaussian]) -> Gaussian:
    """Moments of the groups without which the rows have the moments ``without``; all sums are around the full mean."""
    n = sum(full.n - left.n for left in without)
    total, sums = np.zeros(full.dim), np.zeros((full.dim, full.dim))
    for left in without:
        total -= left.n * (left.mean - full.mean)
        sums += _of_group(full, left, slice(None))
    shift = total / n
    return Gaussian(n, full.mean + shift, sums - n * np.outer(shift, shift), values_only=True)


def _of_group(full: Gaussian, left: Gaussian, rows: slice) -> Floats:
    """Some ``rows`` (r, d) of the sum of (x - mean)(x - mean)', mean of all, over the group that ``left`` lacks."""
    apart = left.mean - full.mean
    return np.asarray(full.scatter[rows] - left.scatter[rows] - left.n * np.outer(apart[rows], apart))


def across_groups(grouped: GroupedResult[Gaussian]) -> GroupedResult[Gaussian]:
    """``grouped`` with ``spread_apart`` where units of evidence hold several rows; itself where each row is one.

    Rows of one unit are alike, and so are their squared products: with A_g the sum of (x - mean)(x - mean)' over group
    g, the mean squared product of rows of different groups, sum_{g != h} <A_g, A_h> / sum_{g != h} n_g n_h, estimates
    tr C^2 whatever the units are; (tr C)^2 over it is the participation ratio. O(g d^2).
    """
    full, units = grouped.full, grouped.units
    filled = [i for i, size in enumerate(grouped.sizes) if size]
    if units is None or units.units >= units.rows or len(filled) <= _FEWEST_GROUPS:
        return grouped
    left = [grouped.left_out[i] for i in filled]
    n = np.array([full.n - one.n for one in left], dtype=np.float64)
    traces, products = np.zeros(len(left)), np.zeros((len(left), len(left)))
    for start in range(0, full.dim, _BAND):
        band = slice(start, start + _BAND)
        parts = np.stack([_of_group(full, one, band) for one in left])
        traces += np.einsum("gjj->g", parts[:, :, band])
        flat = parts.reshape(len(left), -1)
        products += flat @ flat.T
    every = np.ones(len(left), dtype=bool)
    ratios = [_ratio_apart(n, traces, products, every & (np.arange(len(left)) != g)) for g in range(len(left))]
    spread = dict(zip(filled, ratios, strict=True))
    return replace(
        grouped,
        full=replace(full, spread_apart=_ratio_apart(n, traces, products, every)),
        left_out=tuple(replace(one, spread_apart=spread.get(i)) for i, one in enumerate(grouped.left_out)),
    )


def _ratio_apart(n: Floats, traces: Floats, products: Floats, kept: npt.NDArray[np.bool_]) -> float:
    """Participation ratio from the groups that are ``kept`` (g,); 0 where the estimate of tr C^2 is not positive."""
    sizes, inner = n[kept], products[np.ix_(kept, kept)]
    square = (inner.sum() - np.trace(inner)) / (sizes.sum() ** 2 - (sizes**2).sum())
    return float((traces[kept].sum() / sizes.sum()) ** 2 / square) if square > 0 else 0.0


@dataclass(frozen=True)
class Moments(Need[Gaussian]):
    """Mean, scatter and centred fourth moment of the rows; O(n d^2).

    Blocks of rows that are of unit length to 2^-22 count as unit rows as they are, so that both kinds have one product:
    their scatter is then within 5e-7 of its value.

    ``precision`` "fast" centres and multiplies blocks in float32 and sums them in float64.
    """

    rows: Rows = "raw"
    precision: Precision = "exact"

    def size(self, dim: int) -> int:
        """Bytes of its state: the scatter."""
        return 8 * dim * (dim + 8)

    def start(self, results: Mapping[Need[Any], Any]) -> Accumulator[Gaussian]:
        """A new accumulator."""
        return _MomentsState(self.rows, self.precision)


@dataclass
class _Sums:
    """Centred sums of some rows, changed in place; their mean is kept as ``base`` + ``offset``, to lose no digits.

    The scatter is copied before it is changed where it is ``shared`` with others.
    """

    n: int
    base: Floats
    offset: Floats
    scatter: Floats
    cubic: Floats
    quartic: float
    shared: bool = False

    @classmethod
    def of(cls, c: Centred) -> _Sums:
        """Sums of a block of rows, computed where they are, kept on the host."""
        product = c.product if c.shared else c.product_with(np.zeros(len(c.pivot)))
        scatter = product.astype(np.float64, copy=False)
        return cls(len(c), c.pivot, c.shift, scatter, c.cubic, c.quartic, shared=c.shared)

    @property
    def mean(self) -> Floats:
        """Mean (d,)."""
        return self.base + self.offset

    def shared_copy(self) -> _Sums:
        """The same sums, in the same memory until one of the two is changed."""
        self.shared = True
        return replace(self)

    def take(self, c: Centred) -> None:
        """Take in a block of rows; the shift of the means goes in as one row more of the product, which spares a pass.

        A product that other statistics need too has no such row, since their means may differ: they may be of other
        groups of rows.
        """
        m, n = len(c), self.n + len(c)
        delta = (c.pivot - self.base) + (c.shift - self.offset)
        back, there = -delta * (m / n), delta * (self.n / n)
        root = delta * np.sqrt(self.n * (m / n))
        product = c.product if c.shared else c.product_with(root)
        turned = product @ there.astype(product.dtype, copy=False)
        if not c.shared:
            turned = turned - root * float(root @ there)
        ours = _shift_sums(self.n, self._higher, back, self.scatter @ back, float(np.trace(self.scatter)))
        theirs = _shift_sums(m, (c.cubic, c.quartic), there, turned, c.quadratic)
        self.cubic, self.quartic = ours[0] + theirs[0], ours[1] + theirs[1]
        self._own()
        if c.shared:
            self._add(product, root)
        else:
            self.scatter += product
        self.offset = self.offset - back
        self.n = n

    def absorb(self, other: _Sums) -> None:
        """Chan's merge, with the third and fourth sums moved to the joint mean (Pébay's way)."""
        n = self.n + other.n
        delta = (other.base - self.base) + (other.offset - self.offset)
        back, there = -delta * (other.n / n), delta * (self.n / n)
        ours, theirs = (
            _shift_sums(s.n, s._higher, shift, s.scatter @ shift, float(np.trace(s.scatter)))
            for s, shift in ((self, back), (other, there))
        )
        self.cubic, self.quartic = ours[0] + theirs[0], ours[1] + theirs[1]
        root = delta * np.sqrt(self.n * (other.n / n))
        self._own()
        self._add(other.scatter, root)
        self.offset = self.offset - back
        self.n = n

    @property
    def _higher(self) -> tuple[Floats, float]:
        return self.cubic, self.quartic

    def _add(self, scatter: Floats, root: Floats) -> None:
        """Add ``scatter`` (d, d) and root root', a few rows at a time, while they are at hand."""
        for start in range(0, len(root), _BAND):
            part = slice(start, start + _BAND)
            self.scatter[part] += scatter[part]
            self.scatter[part] += root[part, None] * root

    def _own(self) -> None:
        if self.shared:
            self.scatter, self.shared = self.scatter.copy(), False


def _shift_sums(
    n: int, sums: tuple[Floats, float], shift: Floats, turned: Floats, trace: float
) -> tuple[Floats, float]:
    """Cubic and quartic sums of n centred rows plus ``shift`` (d,).

    ``turned`` is scatter @ shift, and ``trace`` that of the scatter, of these rows.
    """
    cubic, quartic = sums
    square = float(shift @ shift)
    cross = 4 * float(cubic @ shift) + 4 * float(shift @ turned) + 2 * trace * square
    return cubic + 2 * turned + (trace + n * square) * shift, quartic + cross + n * square**2


class _MomentsState(Blockwise[Gaussian]):
    def __init__(self, rows: Rows, precision: Precision) -> None:
        self._rows = rows
        self._precision = precision
        self._dim: int | None = None
        self._zero_rows = 0
        self._sums: _Sums | None = None

    def take(self, block: RowBlock) -> Self:
        self._meet(block.dim)
        self._zero_rows += block.zero_rows
        if block.count(self._rows) == 0:
            return self
        centred = block.centre(self._rows, self._precision)
        if self._sums is None:
            self._sums = _Sums.of(centred)
        else:
            self._sums.take(centred)
        return self

    def merge(self, other: Self) -> Self:
        if other._dim is not None:
            self._meet(other._dim)
            self._zero_rows += other._zero_rows
        if other._sums is not None and self._sums is None:
            self._sums = other._sums.shared_copy()
        elif other._sums is not None and self._sums is not None:
            self._sums.absorb(other._sums)
        return self

    def result(self) -> Gaussian:
        if self._dim is None:
            raise no_rows()
        if self._sums is None:
            empty = np.zeros(self._dim)
            return Gaussian(0, empty, np.zeros((self._dim, self._dim)), self._zero_rows, None, empty, 0.0)
        s = self._sums.shared_copy()
        return Gaussian(s.n, s.mean, s.scatter, self._zero_rows, None, s.cubic, s.quartic)

    def _meet(self, dim: int) -> None:
        self._dim = self._dim or dim
        check_width(self._dim, dim)
