"""Cosines in float64, and which rows have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.choices import Score as Compared
from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Index

_BLOCK = 512  # pairs whose vectors are in float64 at once


def check_rows(vectors: Mapping[str, npt.NDArray[Any]], data: Data, table: str) -> npt.NDArray[Any]:
    """Vectors (n, d) of ``table``, one row for each of its texts; raises ``InputError`` otherwise."""
    if table not in vectors:
        raise InputError(f"vectors of table {table} are missing, got {sorted(vectors)}; encode {data.name}.{table}")
    x = np.asarray(vectors[table])
    n = len(data.tables[table])
    if x.ndim != 2 or len(x) != n:
        raise InputError(f"vectors of {data.name}.{table} must have shape ({n}, d), got {x.shape}; one row per text")
    return x


def unit(x: npt.NDArray[Any]) -> Floats:
    """Rows of ``x`` (n, d) at unit length in float64; rows that are zero or not finite become nan.

    >>> unit(np.array([[3, 4], [0, 0]], dtype=np.float16)).tolist()
    [[0.6, 0.8], [nan, nan]]
    """
    x64 = np.asarray(x, dtype=np.float64)
    largest = np.abs(x64).max(axis=1, initial=0.0)
    known = np.isfinite(largest) & (largest > 0)
    out = np.full(x64.shape, np.nan)
    scaled = x64[known] / largest[known, None]
    out[known] = scaled / np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    return out


def pair_cosines(x: npt.NDArray[Any], left: Index, right: Index) -> Floats:
    """Cosines (n,) of rows ``left`` and ``right`` of ``x``, -1 to 1; nan where a row is zero or not finite."""
    out = np.empty(len(left))
    for lo in range(0, len(left), _BLOCK):
        a, b = unit(x[left[lo : lo + _BLOCK]]), unit(x[right[lo : lo + _BLOCK]])
        out[lo : lo + _BLOCK] = np.einsum("ij,ij->i", a, b)
    return out


def pair_scores(x: npt.NDArray[Any], left: Index, right: Index, compared: Compared = "cosine") -> Floats:
    """How near rows ``left`` and ``right`` of ``x`` are (n,), more is nearer: cosine, inner product, minus a distance.

    nan where a row is not finite, and for the cosine where it is zero. Raises ``InputError`` for another ``compared``.

    >>> x = np.array([[3.0, 0.0], [0.0, 4.0]])
    >>> [float(pair_scores(x, np.array([0]), np.array([1]), c)[0]) for c in ("dot", "euclidean", "manhattan")]
    [0.0, -5.0, -7.0]
    """
    if compared not in get_args(Compared):
        raise InputError(f"vectors are compared by one of {', '.join(get_args(Compared))}, got '{compared}'")
    if compared == "cosine":
        return pair_cosines(x, left, right)
    out = np.empty(len(left))
    for lo in range(0, len(left), _BLOCK):
        a, b = (np.asarray(x[side[lo : lo + _BLOCK]], dtype=np.float64) for side in (left, right))
        if compared == "dot":
            out[lo : lo + _BLOCK] = np.einsum("ij,ij->i", a, b)
        else:
            order = 2 if compared == "euclidean" else 1
            out[lo : lo + _BLOCK] = -np.linalg.norm(a - b, ord=order, axis=1)
    return np.where(np.isfinite(out), out, np.nan)


def gaps(x: npt.NDArray[Any], unit_name: str) -> list[str]:
    """What to say of rows of ``x`` that have no direction: without a vector (not finite), or zero."""
    missing = zero = 0
    for lo in range(0, len(x), _BLOCK):
        block = np.asarray(x[lo : lo + _BLOCK], dtype=np.float64)
        finite = np.isfinite(block).all(axis=1)
        missing += int((~finite).sum())
        zero += int((finite & ~block.any(axis=1)).sum())
    named = ((missing, f"{unit_name}s without a vector"), (zero, f"{unit_name}s with a zero vector"))
    return [f"{count} {text}" for count, text in named if count]
