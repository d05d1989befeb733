"""``.safetensors`` files: the header is JSON and the tensors are plain bytes, so they are read in blocks directly."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.readers._aligned import aligned
from embedscope.readers._keys import ALL, chosen_keys
from embedscope.readers._paths import Place
from embedscope.readers._raw import RawMatrix, check_matrix

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


def open_safetensors(path: Place, key: str | None = None) -> Stream:
    """Tensors of a safetensors file, bfloat16 too: its only two-dimensional one, or those that ``key`` names."""
    header, start = _header(path)
    tensors = {name: facts for name, facts in header.items() if name != "__metadata__"}
    wide = [name for name, facts in tensors.items() if len(facts["shape"]) == 2]
    names = chosen_keys(str(path), "tensor", key, wide if key in {None, ALL} else list(tensors))
    spaces = {"vectors" if key is None else name: name for name in names}
    return aligned({space: _tensor(path, name, space, tensors[name], start) for space, name in spaces.items()})


def _tensor(path: Place, name: str, space: str, facts: Any, start: int) -> RawMatrix:
    label = f"{path}::{name}"
    stored = facts["dtype"]
    if stored not in _DTYPES:
        raise InputError(f"{label} has dtype {stored}, wanted one of {', '.join(_DTYPES)}; convert it to F32")
    dtype, shape = np.dtype(_DTYPES[stored]), tuple(int(s) for s in facts["shape"])
    check_matrix(shape, dtype, label)
    begin, end = (int(v) for v in facts["data_offsets"])
    size = path.stat().st_size
    if start + end > size:
        raise InputError(
            f"{label} is cut short: it ends at byte {start + end:,}, the file has {size:,}; copy or save it again"
        )
    if end - begin != shape[0] * shape[1] * dtype.itemsize:
        raise InputError(
            f"{label} has {end - begin:,} bytes, which do not fit shape {shape} of {stored}; save it again"
        )
    return RawMatrix(path, start + begin, (shape[0], shape[1]), dtype, label, space, bfloat16=stored == "BF16")


def _header(path: Place) -> tuple[dict[str, Any], int]:
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        text = file.read(length) if 0 < length <= _LONGEST_HEADER else b""
    try:
        if not text or len(text) < length:
            raise ValueError("its header is cut short")
        header = json.loads(text)
        for name, facts in header.items():
            if name != "__metadata__" and not {"dtype", "shape", "data_offsets"} <= facts.keys():
                raise ValueError(f"the header of tensor {name} is not complete")
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a safetensors file ({error}); save it with safetensors") from error
    return header, 8 + length


ENTRIES = {"safetensors": open_safetensors}
