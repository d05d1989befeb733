"""Rows that are stored otherwise than the rest: what two runtimes, two exports or two scripts leave in the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import row_norms

Members = npt.NDArray[np.bool_]

_WIDE = 256
"""Dimensions from which a row of 8 bits per coordinate shows in how few different values it has."""

_PADDED, _DENSE = 8, 0.5
_BAND = 4096

NAMES = (
    ("unit length", "not of unit length"),
    ("exact in float16", "not exact in float16"),
    ("exact in bfloat16", "not exact in bfloat16"),
    ("of 8-bit values", "not of 8-bit values"),
    ("padded with zeros", "not padded with zeros"),
)
"""What a row may be, and what it is said to be where it is not."""


def formats(x: npt.NDArray[Any]) -> tuple[Members, str]:
    """Rows (n,) of ``x`` (n, d) that have another format than most, and how the most frequent of these differs.

    Formats are: unit length to 1e-3, values that float16 or bfloat16 hold exactly, at most 3/4 d different values in
    256 dimensions or more (8 bits per coordinate), eight trailing zeros or more (padding).

    >>> x = np.random.default_rng(0).normal(size=(6, 20))
    >>> x[:2] = x[:2].astype(np.float16)
    >>> formats(x)
    (array([ True,  True, False, False, False, False]), 'exact in float16')
    """
    n = len(x)
    if not n:
        return np.zeros(0, dtype=bool), ""
    bits = np.concatenate([_bits(x[i : i + _BAND]) for i in range(0, n, _BAND)])
    code = bits @ (1 << np.arange(bits.shape[1]))
    values, counts = np.unique(code, return_counts=True)
    usual = values[counts.argmax()]
    other = code != usual
    if not other.any():
        return other, ""
    rest = counts.copy()
    rest[counts.argmax()] = 0
    differing = int(values[rest.argmax()]) ^ int(usual)
    rare = int(values[rest.argmax()])
    words = [NAMES[i][0 if rare >> i & 1 else 1] for i in range(len(NAMES)) if differing >> i & 1]
    return other, ", ".join(words)


def _bits(x: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    wide = np.asarray(x)
    single = wide.astype(np.float32)
    with np.errstate(over="ignore"):
        half = (wide.astype(np.float16).astype(wide.dtype) == wide).all(axis=1)
    brain = ((single.view(np.uint32) & 0xFFFF) == 0).all(axis=1) & (single.astype(wide.dtype) == wide).all(axis=1)
    few = np.zeros(len(wide), dtype=bool)
    if wide.shape[1] >= _WIDE:
        different = 1 + (np.diff(np.sort(wide, axis=1), axis=1) != 0).sum(axis=1)
        few = different <= 0.75 * wide.shape[1]
    filled = wide != 0
    trailing = np.where(filled.any(axis=1), np.argmax(filled[:, ::-1], axis=1), 0)
    leading = wide.shape[1] - trailing
    padded = (trailing >= _PADDED) & (4 * leading >= wide.shape[1]) & (filled.sum(axis=1) > _DENSE * leading)
    unit = np.abs(row_norms(wide) - 1) < 1e-3
    return np.stack([unit, half & ~brain, brain, few, padded], axis=1).astype(np.int64)
