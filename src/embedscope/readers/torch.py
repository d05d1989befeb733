"""``.pt`` and ``.pth`` files of ``torch.save``: tensors, loaded with ``weights_only`` so that no code in them runs."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.readers._aligned import align
from embedscope.readers._found_keys import as_strings, beside
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._lazy import LazyMatrix, Rows
from embedscope.readers._raw import check_matrix
from embedscope.readers.paths import Place, on_disk, state_of

IDS = ("pt", "pth")


def open_torch(path: Place, key: str | None = None) -> Stream:
    """The tensor of a file, its only two-dimensional one, or those that ``key`` names (``a/b`` in nested mappings)."""
    content = _load(path, state_of(path)[2])
    tensors = {name: value for name, value in content.items() if hasattr(value, "stride")}
    if set(content) == {""}:
        if key is not None:
            raise InputError(f"{path} holds one tensor without a name; leave out '::{key}'")
        names = [""]
    else:
        wide = [name for name, tensor in tensors.items() if tensor.dim() == 2]
        others = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items()]
        if key is None and not wide and len({t.shape for t in tensors.values() if t.dim() == 1}) == 1:
            raise InputError(
                f"{path} holds {len(tensors):,} vectors one by one, first {others[0]}; save them as one tensor: "
                "torch.save(torch.stack(list), path)"
            )
        names = select_keys(str(path), "tensor", key, wide if key in {None, ALL} else list(tensors), others)
    lengths = {name: len(value) for name, value in content.items() if isinstance(value, list)}
    lengths |= {name: len(t) for name, t in tensors.items() if t.dim() == 1 and not t.is_floating_point()}
    matrices = []
    for name in names:
        label, tensor = f"{path}::{name}" if name else str(path), tensors[name]
        if tensor.layout != require("torch", "hf", "a tensor").strided or tensor.is_quantized:
            raise InputError(f"{label} is a sparse or quantised tensor; save x.to_dense() or x.dequantize()")
        dtype = str(tensor.dtype).removeprefix("torch.")
        numpy = tensor[:0].float().numpy() if dtype == "bfloat16" else tensor[:0].numpy()
        shape = tuple(int(size) for size in tensor.shape)
        check_matrix(shape, numpy.dtype, label)
        ids, texts = beside(name, lengths, shape[0]) if name else (None, None)
        space = "vectors" if key is None else name
        here = on_disk(path)
        mapped = here is not None and _is_archive(here)
        matrices.append(
            LazyMatrix(path, name, _rows, (shape[0], shape[1]), dtype, space, ids, texts, _strings, mapped=mapped)
        )
    return align({matrix.space: matrix for matrix in matrices})


@lru_cache(maxsize=1)
def _load(path: Place, version: str) -> dict[str, Any]:
    """Tensors and lists of a file by name, mapped where the file allows it; the last one read is kept."""
    torch = require("torch", "hf", f"reading {path}")
    try:
        here = on_disk(path)
        if here is not None:
            content = torch.load(str(here), map_location="cpu", weights_only=True, mmap=_is_archive(here))
        else:
            with path.open() as file:
                content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds other objects than tensors (NumPy arrays, classes), which are never loaded; save the tensor "
            "with torch.save(torch.as_tensor(x), path)"
        ) from error
    held = dict(_flat(content, ""))
    if not any(hasattr(value, "stride") for value in held.values()):
        raise InputError(f"{path} holds a {type(content).__name__} without tensors; save one with torch.save(x, path)")
    return held


def _is_archive(path: Path) -> bool:
    """Whether a file is as ``torch.save`` writes it since version 1.6: an archive, which can be mapped."""
    with path.open("rb") as file:
        return bool(file.read(2) == b"PK")


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    torch = require("torch", "hf", "a tensor")
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}/{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        if value and all(isinstance(v, str | int) for v in value):
            yield name, list(value)
        else:
            for i, inner in enumerate(value):
                yield from _flat(inner, f"{name}/{i}" if name else str(i))


@contextmanager
def _rows(path: Place, key: str) -> Iterator[Rows]:
    tensor = _load(path, state_of(path)[2])[key]
    half = str(tensor.dtype) == "torch.bfloat16"
    yield lambda a, b: (tensor[a:b].float() if half else tensor[a:b]).contiguous().numpy()


def _strings(path: Place, key: str) -> Iterator[Sequence[str]]:
    value = _load(path, state_of(path)[2])[key]
    yield as_strings(value if isinstance(value, list) else value.tolist())


ENTRIES = dict.fromkeys(IDS, open_torch)
