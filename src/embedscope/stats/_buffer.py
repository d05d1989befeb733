"""Rows gathered until a block is worth a matrix product."""

from __future__ import annotations

import sys

import numpy as np

from embedscope.core.arrays import Array, is_torch, to_numpy


class RowBuffer:
    """Collects float64 rows in their own namespace and gives them back in blocks of at least ``capacity`` rows."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._parts: list[Array] = []
        self._n = 0

    def add(self, rows: Array) -> Array | None:
        """Take ``rows`` (m, d); give a block once it is full, else keep a copy and give None."""
        if not self._parts and len(rows) >= self.capacity:
            return rows
        if len(rows):
            self._parts.append(rows.clone() if is_torch(rows) else rows.copy())
            self._n += len(rows)
        if self._n < self.capacity:
            return None
        block = self.rows()
        self._parts, self._n = [], 0
        return block

    def rows(self) -> Array | None:
        """The rows that wait, None where there are none; they go on waiting."""
        if not self._parts:
            return None
        if len(self._parts) == 1:
            return self._parts[0]
        if all(is_torch(p) for p in self._parts):
            return sys.modules["torch"].cat(self._parts)
        return np.concatenate([to_numpy(p) for p in self._parts])
