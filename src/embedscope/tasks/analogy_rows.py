"""Rows that analogies search: as given, L2-normalised, or centred, prepared block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.choices import SumRows
from embedscope.core.errors import InputError
from embedscope.core.tables import Index
from embedscope.tasks.cosines import unit

KINDS: tuple[SumRows, ...] = get_args(SumRows)
_BLOCK = 8192
_SMALL = 1e-30  # lengths between this and its inverse divide float32 rows without loss


@dataclass(frozen=True, eq=False)
class CandidateRows:
    """Candidates ``x`` (n, d) and how their rows are read.

    ``raw`` takes rows as they are, ``unit`` L2-normalised, ``centered`` L2-normalised, less the mean of the unit rows,
    and normalised again. Rows that are zero or not finite are never candidates; they read as nan.
    """

    x: npt.NDArray[Any]
    kind: SumRows
    mean: Floats | None = None

    @classmethod
    def of(cls, x: npt.NDArray[Any], kind: str) -> CandidateRows:
        """Candidates read as ``kind``; raises ``InputError`` for another kind or shape."""
        if kind not in KINDS:
            raise InputError(f"rows are one of {', '.join(KINDS)}, got '{kind}'")
        if x.ndim != 2 or 0 in x.shape:
            raise InputError(f"candidates must have shape (n, d), got {x.shape}; reshape them to one row per word")
        if kind != "centered":
            return cls(x, "raw" if kind == "raw" else "unit")
        total, count = np.zeros(x.shape[1]), 0
        for lo in range(0, len(x), _BLOCK):
            u = unit(x[lo : lo + _BLOCK])
            known = np.isfinite(u[:, 0])
            total += u[known].sum(axis=0)
            count += int(known.sum())
        return cls(x, "centered", total / max(count, 1))

    def take(self, index: Index | slice) -> Floats:
        """Rows (m, d) float64 at ``index`` as analogies add and subtract them, nan where they have no direction."""
        if self.kind == "raw":
            rows = np.asarray(self.x[index], dtype=np.float64)
            known = np.asarray(np.isfinite(rows).all(axis=1) & rows.any(axis=1))
            return rows if known.all() else np.where(known[:, None], rows, np.nan)
        u = unit(self.x[index])
        return u if self.mean is None else unit(u - self.mean)

    def known(self) -> npt.NDArray[np.bool_]:
        """Which rows (n,) have a direction."""
        parts = [np.isfinite(self.take(slice(lo, lo + _BLOCK))[:, 0]) for lo in range(0, len(self.x), _BLOCK)]
        return np.concatenate(parts)

    def tile(self, lo: int, hi: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Candidates lo..hi at unit length (t, d) and the lengths (t,) of their rows, float32."""
        part = np.asarray(self.x[lo:hi])
        if self.kind == "unit" and part.dtype == np.float32:
            lengths = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
            if lengths.min() > _SMALL and lengths.max() < 1 / _SMALL:  # false where one is not finite
                return part / lengths.astype(np.float32)[:, None], np.ones(len(part), dtype=np.float32)
        rows = self.take(slice(lo, hi))
        if self.kind == "raw":
            return unit(rows).astype(np.float32), np.sqrt(np.einsum("ij,ij->i", rows, rows)).astype(np.float32)
        return rows.astype(np.float32), np.ones(len(rows), dtype=np.float32)
