"""``.safetensors`` files: the header is JSON and the tensors are plain bytes, so they are read in blocks directly."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._aligned import align
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._raw import RawMatrix, check_matrix
from embedscope.readers.paths import Place, on_disk

IDS = ("safetensors",)

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
}
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class _Tensor:
    """What the header says of a tensor: its dtype, its shape, and where it begins and ends after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def open_safetensors(path: Place, key: str | None = None) -> Stream:
    """Tensors of a safetensors file, bfloat16 too: its only two-dimensional one, or those that ``key`` names.

    The whole header is checked as the safetensors library does: offsets that leave no hole, do not overlap and end with
    the file, and sizes that fit the shapes, of the tensors that are not read too.
    """
    tensors, start = _header(path)
    size = path.stat().st_size
    _check_layout(path, tensors, size - start)
    _ask_library(path)
    wide = [name for name, facts in tensors.items() if len(facts.shape) == 2]
    names = select_keys(str(path), "tensor", key, wide if key in {None, ALL} else list(tensors))
    spaces = {"vectors" if key is None else name: name for name in names}
    return align({space: _tensor(path, name, space, tensors[name], start) for space, name in spaces.items()})


def _tensor(path: Place, name: str, space: str, facts: _Tensor, start: int) -> RawMatrix:
    label = f"{path}::{name}"
    if facts.dtype not in _DTYPES:
        raise InputError(f"{label} has dtype {facts.dtype}, wanted one of {', '.join(_DTYPES)}; convert it to F32")
    dtype, shape = np.dtype(_DTYPES[facts.dtype]), facts.shape
    check_matrix(shape, dtype, label)
    bfloat16 = facts.dtype == "BF16"
    return RawMatrix(path, start + facts.begin, (shape[0], shape[1]), dtype, label, space, bfloat16=bfloat16)


def _check_layout(path: Place, tensors: Mapping[str, _Tensor], held: int) -> None:
    """Raise ``InputError`` unless the tensors lie one after the other and fill the ``held`` bytes after the header."""
    place = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        label = f"{path}::{name}"
        if tensor.end > held:
            raise InputError(
                f"{label} is cut short: it ends at byte {tensor.end:,} of {held:,} after the header; copy or save it "
                "again"
            )
        if tensor.begin != place or tensor.end < tensor.begin:
            raise InputError(
                f"{label} lies at bytes {tensor.begin:,} to {tensor.end:,}, wanted {place:,} as the first: tensors "
                "must follow each other without holes or overlaps; save it with safetensors"
            )
        if tensor.dtype in _DTYPES:
            wanted = math.prod(tensor.shape) * np.dtype(_DTYPES[tensor.dtype]).itemsize
            if tensor.end - tensor.begin != wanted:
                raise InputError(
                    f"{label} has {tensor.end - tensor.begin:,} bytes, which do not fit shape {list(tensor.shape)} of "
                    f"{tensor.dtype} ({wanted:,} bytes); save it again"
                )
        place = tensor.end
    if place != held:
        raise InputError(f"{path} has {held - place:,} bytes after its last tensor; save it with safetensors")


def _ask_library(path: Place) -> None:
    """What safetensors itself says of a file here; it reads the header alone."""
    from safetensors import SafetensorError, safe_open

    here = on_disk(path)
    if here is None:
        return
    try:
        with safe_open(here, framework="numpy"):
            pass
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file ({reason(error)}); save it with safetensors") from error


def _header(path: Place) -> tuple[dict[str, _Tensor], int]:
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        text = file.read(length) if 0 < length <= _LONGEST_HEADER else b""
    try:
        if not text or len(text) < length:
            raise ValueError("its header is cut short")
        header = json.loads(text.decode(), object_pairs_hook=_once)
        if not isinstance(header, dict):
            raise ValueError("its header is no object")
        meta = header.pop("__metadata__", None)
        if not isinstance(meta, dict | None) or not all(isinstance(v, str) for v in (meta or {}).values()):
            raise ValueError("its __metadata__ is not text by name")
        tensors = {name: _facts(name, facts) for name, facts in header.items()}
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a safetensors file ({reason(error)}); save it with safetensors") from error
    return tensors, 8 + length


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    header = dict(pairs)
    if len(header) < len(pairs):
        raise ValueError("a name occurs twice in its header")
    return header


def _facts(name: str, facts: Any) -> _Tensor:
    """The header's facts of a tensor; ``ValueError`` where one is missing, unknown or no whole number."""
    if not isinstance(facts, dict) or facts.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the header of tensor {name} does not hold dtype, shape and data_offsets alone")
    dtype, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(v) is not int or not 0 <= v < 1 << 64 for v in numbers):
            raise ValueError(f"tensor {name} has {json.dumps(numbers)[:60]}, wanted whole numbers from 0 on")
    if not isinstance(dtype, str) or len(offsets) != 2:
        raise ValueError(f"tensor {name} needs a dtype and two data_offsets")
    return _Tensor(dtype, tuple(shape), *offsets)


ENTRIES = {"safetensors": open_safetensors}
