"""Checked matrices and the few array operations that numpy and torch do not share.

Statistics run where the data already are: a torch tensor stays on its device, block by block, and only the small
reduced states come to the host as float64 numpy arrays. torch is never imported here; it is recognised by its type.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError

Array = Any  # numpy.ndarray or torch.Tensor, shape (n, d)
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Rows = Literal["raw", "unit"]
Precision = Literal["exact", "fast"]


def is_torch(x: object) -> bool:
    """Whether ``x`` is a torch tensor, found without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def to_float64(x: Array) -> Array:
    """``x`` (n, d) as float64 in its own namespace; mps has no float64, so such tensors come to the host."""
    if is_torch(x):
        torch = sys.modules["torch"]
        x = x.detach()
        return (x.cpu() if x.device.type == "mps" else x).to(torch.float64)
    return np.asarray(x, dtype=np.float64)


def to_numpy(x: Array) -> npt.NDArray[Any]:
    """``x`` as a numpy array on the host (no copy for a CPU tensor)."""
    if is_torch(x):
        torch = sys.modules["torch"]
        x = x.detach().cpu()
        return np.asarray((x.float() if x.dtype == torch.bfloat16 else x).numpy())
    return np.asarray(x)


def widen(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``x`` as it is; values of a type of ml_dtypes (bfloat16, float8) as float32, which holds each of them exactly.

    >>> widen(np.eye(2)).dtype
    dtype('float64')
    """
    return x.astype(np.float32) if x.dtype.kind == "V" and x.dtype.type.__module__ == "ml_dtypes" else x


def untyped(dtype: np.dtype[Any]) -> str:
    """What to do with values of ``dtype`` that are no numbers, in words.

    >>> untyped(np.dtype("<V2")), untyped(np.dtype(bool))
    ('NumPy saves bfloat16 so, without its name: save x.astype(np.float32)', 'convert it to float32')
    """
    if dtype.kind == "c":
        return "pass its real part or its absolute values"
    bare = dtype.kind == "V" and dtype.names is None and dtype.itemsize == _BFLOAT16
    return "NumPy saves bfloat16 so, without its name: save x.astype(np.float32)" if bare else "convert it to float32"


_BFLOAT16 = 2


def row_norms(x: Array) -> Array:
    """Euclidean norms of the rows of ``x`` (n, d), float64, shape (n,), in the namespace of ``x``."""
    if is_torch(x):
        torch = sys.modules["torch"]
        x64 = to_float64(x)
        norms = torch.linalg.vector_norm(x64, dim=1)
        odd = ~((norms > _SMALL) & (norms < _LARGE))
        if bool(odd.any()):
            norms[odd] = _scaled_norms(x64[odd])
        return norms
    x64 = to_float64(x)
    with np.errstate(over="ignore", under="ignore"):
        norms = np.sqrt(np.vecdot(x64, x64))
    odd = ~((norms > _SMALL) & (norms < _LARGE))
    if odd.any():
        norms[odd] = _scaled_norms(x64[odd])
    return norms


_SMALL, _LARGE = 2.0**-400, 2.0**500  # between them squares of values lose nothing


def _scaled_norms(x64: Array) -> Array:
    """Norms of rows whose squares leave float64, by a power of two for each row, which costs no digit."""
    largest = abs(x64).max(axis=1)
    if is_torch(x64):
        torch = sys.modules["torch"]
        power = torch.exp2(torch.floor(torch.log2(largest.values.clamp_min(2.0**-1022))))
        return power * torch.linalg.vector_norm(x64 / power[:, None], dim=1)
    power = np.exp2(np.floor(np.log2(np.maximum(largest, 2.0**-1022))))
    scaled = x64 / power[:, None]
    return power * np.sqrt(np.vecdot(scaled, scaled))


def unit_rows(x: Array) -> tuple[Array, Array]:
    """Rows of ``x`` (n, d) divided by their norms, zero rows left out, with the mask of rows kept.

    Returns
    -------
    unit : (m, d) float64, m <= n, rows of unit length
    kept : (n,) bool

    >>> unit, kept = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    >>> unit.tolist(), kept.tolist()
    ([[0.6, 0.8]], [True, False])
    """
    norms = row_norms(x)
    kept = norms > 0
    if bool(kept.all()):
        return to_float64(x) / norms[:, None], kept
    return to_float64(x)[kept] / norms[kept][:, None], kept


def as_matrix(x: Any, name: str = "x") -> Array:
    """``x`` as a checked (n, d) matrix of finite real numbers, in its own namespace.

    Raises
    ------
    InputError
        if it is not two-dimensional, empty, not numeric, or holds nan or inf.
    """
    if isinstance(x, Mapping):
        raise InputError(f"{name} is a dict; pass its vectors as one array (n, d), np.stack(list({name}.values()))")
    x = _plain_tensor(x, name) if is_torch(x) else widen(np.asarray(x))
    shape = tuple(int(s) for s in x.shape)
    if len(shape) == 1:
        raise InputError(f"{name} must have shape (n, d), got {shape}; for one vector pass {name}[None, :]")
    if len(shape) != 2:
        raise InputError(f"{name} must have shape (n, d), got {shape}; reshape it to one row per vector")
    if 0 in shape:
        raise InputError(f"{name} must hold at least one row and one column, got shape {shape}")
    if not is_torch(x) and x.dtype.kind not in "fiu":
        raise InputError(f"{name} must hold real numbers, got dtype {x.dtype}; {untyped(x.dtype)}")
    check_finite(x, name)
    return x


def _plain_tensor(x: Any, name: str) -> Any:
    """The tensor ``x`` where it is dense and of real numbers, those of less than 16 bits as float32."""
    torch = sys.modules["torch"]
    if x.layout != torch.strided:
        raise InputError(f"{name} is a sparse tensor ({x.layout}); pass {name}.to_dense()")
    if x.is_meta:
        raise InputError(f"{name} is a tensor on the device meta, which has no values; load its values first")
    if x.is_quantized:
        raise InputError(f"{name} is a quantised tensor ({x.dtype}); pass {name}.dequantize()")
    if x.dtype == torch.bool or x.dtype.is_complex:
        raise InputError(
            f"{name} must hold real numbers, got dtype {x.dtype}; {untyped(x[:0, ...].cpu().numpy().dtype)}"
        )
    return x.float() if x.dtype.is_floating_point and x.dtype.itemsize == 1 else x


_LARGEST = 1e150


def _total(x: npt.NDArray[Any]) -> float:
    """A sum that is not finite where ``x`` has nan or inf, or where squares of float64 values would overflow."""
    if x.dtype in (np.float32, np.float64):
        flat = x.ravel(order="K")
        return float(flat @ flat)
    return float(x.sum(dtype=np.float64))


def check_finite(x: Array, name: str = "x", first_row: int = 0) -> None:
    """Raise ``InputError`` naming the first row of ``x`` (n, d) that holds nan or inf."""
    if is_torch(x):
        finite = sys.modules["torch"].isfinite(x)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            if x.dtype.kind in "iu" or np.isfinite(_total(x)):
                return
        finite = np.isfinite(x)
    if bool(finite.all()):
        largest = float(abs(x).max())
        if largest > _LARGEST:
            raise InputError(
                f"{name} holds values up to {largest:.0e}, whose squares overflow; divide all rows by one number"
            )
        return
    bad = np.flatnonzero(~to_numpy(finite).all(axis=1))
    raise InputError(
        f"{name} holds nan or inf in {len(bad)} of {len(finite)} rows read, first in row {first_row + int(bad[0])}; "
        "drop or repair these rows before measuring"
    )
