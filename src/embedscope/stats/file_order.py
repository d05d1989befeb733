"""Whether rows depend on their neighbours in the file, how strongly, and over how many rows.

Chunks of a document, captions of an image and frames of a video lie next to each other. The mean cosine of rows L apart
is compared with that of random rows for L = 1, 2, 4, ...; as long as it is higher by more than 3 standard errors, the
rows are dependent over L rows, and blocks of 4 L rows are resampled instead of rows (a block bootstrap, kunsch1989).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, to_numpy, unit_rows

LEAST_UNITS = 16
"""Fewest units of evidence that an interval is given for; blocks are never longer than n / 16 rows."""

SIGNIFICANT = 3.0
"""Standard errors by which rows L apart must be more alike than random rows."""

_FEWEST_PAIRS = 12
_LAGS_A_BLOCK = 4


@dataclass(frozen=True)
class FileOrder:
    """Dependence of rows on their neighbours in the file.

    Attributes
    ----------
    block : rows of a block; 1 where neighbours are no more alike than random rows
    lag : the largest lag L at which rows were more alike, 0 for none
    neighbouring : mean cosine of rows next to each other; None where fewer than 12 pairs were read
    random : mean cosine of random rows
    z : their difference in standard errors
    fades : whether rows far apart are no more alike than random ones; False in a file sorted by topic
    """

    block: int = 1
    lag: int = 0
    neighbouring: float | None = None
    random: float | None = None
    z: float | None = None
    fades: bool = True

    @property
    def dependent(self) -> bool:
        """Whether rows depend on their neighbours."""
        return self.lag > 0

    def __str__(self) -> str:
        if self.neighbouring is None or self.random is None:
            return "too few rows to tell whether they depend on their order in the file"
        sizes = f"neighbouring rows have a mean cosine of {self.neighbouring:.3f}, random rows {self.random:.3f}"
        if not self.dependent:
            return f"independent of the order in the file: {sizes}"
        if self.fades:
            return (
                f"{sizes}: rows depend on their order in the file, so intervals are over blocks of {self.block:,} rows"
            )
        return (
            f"{sizes}, and rows far apart in the file still depend on each other (a sorted file?), so intervals are "
            f"over blocks of {self.block:,} rows and are wide; declare what belongs together with --groups"
        )


INDEPENDENT = FileOrder()


def file_order(runs: Sequence[Array], n: int) -> FileOrder:
    """Dependence of rows on their neighbours, from ``runs`` (r, d) of rows that follow each other in a file of ``n``.

    With c_i = u_i - mean(u) over all unit rows read, the statistic of lag L is mean c_i . c_(i+L) over pairs inside a
    run, less its expectation for independent rows, -mean |c|^2 / (m - 1) of m rows. Zero rows are passed over.

    >>> x = np.repeat(np.random.default_rng(0).normal(size=(100, 8)), 6, axis=0)
    >>> file_order([x], len(x)).block
    16
    """
    centred = [_unit(run) for run in runs if len(run)]
    m = sum(len(u) for u in centred)
    if m < _FEWEST_PAIRS:
        return INDEPENDENT
    mean = np.sum([u.sum(axis=0, dtype=np.float64) for u in centred], axis=0) / m
    for u in centred:
        u -= mean.astype(np.float32)
    spread = sum(float(np.einsum("ij,ij->i", c, c).sum(dtype=np.float64)) for c in centred) / m
    expected = -spread / (m - 1)
    random = float(mean @ mean) + expected
    first, z = _lagged_product(centred, 1, expected)
    if first is None or spread <= _ROUNDING:
        return INDEPENDENT
    lag, fades, z1 = 0, True, z
    while z > SIGNIFICANT:
        lag = lag * 2 or 1
        following, z = _lagged_product(centred, 2 * lag, expected)
        if following is None:
            fades = False
            break
    longest = max(1, n // LEAST_UNITS)
    block = _LAGS_A_BLOCK * lag if lag else 1
    if block > longest:
        block, fades = longest, fades and lag * 2 <= longest
    if not fades:
        block = longest
    return FileOrder(block, lag, random + first, random, z1, fades)


def drift_lag(runs: Sequence[Array], n: int) -> int:
    """The smallest lag L = 1, 2, 4, ... from which rows get no more unlike each other, at most n / 4.

    The mean of |u_i - u_(i+L)|^2 / 2 over pairs inside a run is at least 0.9 of that of lag 2 L. In a file sorted by
    topic this is 1, since rows of one topic are independent of each other; along a slow walk (frames of a video) it is
    the lag at which the walk has forgotten where it was.

    >>> steps = np.random.default_rng(0).normal(size=(800, 16)).cumsum(axis=0)
    >>> drift_lag([steps], 800) > 32, drift_lag([np.random.default_rng(0).normal(size=(800, 16))], 800)
    (True, 1)
    """
    units = [_unit(run) for run in runs if len(run)]
    lag = 1
    while 4 * lag <= n:
        here, further = (_unlike(units, step) for step in (lag, 2 * lag))
        if here is None or further is None or here >= _LEVELLED * further:
            break
        lag *= 2
    return lag


_LEVELLED = 0.9


def _unlike(units: Sequence[npt.NDArray[np.float32]], lag: int) -> float | None:
    """Mean of |u_i - u_(i+lag)|^2 / 2, None for fewer than 12 pairs."""
    squares = [((u[lag:] - u[:-lag]) ** 2).sum(axis=1, dtype=np.float64) / 2 for u in units if len(u) > lag]
    every = np.concatenate(squares) if squares else np.zeros(0)
    return float(every.mean()) if len(every) >= _FEWEST_PAIRS else None


def _unit(run: Array) -> npt.NDArray[np.float32]:
    """Rows of a run at unit norm in float32, a band at a time, since float64 takes four times the room of a run."""
    bands = (to_numpy(unit_rows(run[i : i + _BAND])[0]).astype(np.float32) for i in range(0, len(run), _BAND))
    out = np.empty(run.shape, np.float32)
    n = 0
    for band in bands:
        out[n : n + len(band)] = band
        n += len(band)
    return out[:n]


_BAND = 4096
_ROUNDING = 1e-10  # of float32 rows at unit length, squared


def _lagged_product(runs: Iterable[npt.NDArray[np.float32]], lag: int, expected: float) -> tuple[float | None, float]:
    """Mean product of rows ``lag`` apart beyond what is ``expected``, and the same in standard errors."""
    parts = [np.einsum("ij,ij->i", run[:-lag], run[lag:]) for run in runs if len(run) > lag]
    products: npt.NDArray[np.float32] = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if len(products) < _FEWEST_PAIRS:
        return None, 0.0
    above = float(products.mean(dtype=np.float64)) - expected
    error = float(products.std(ddof=1, dtype=np.float64)) / len(products) ** 0.5
    return above, above / error if error > 0 and above > _ROUNDING**0.5 else 0.0
