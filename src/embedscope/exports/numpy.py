"""Ten lines of NumPy that apply a saved repair, for code that does not install this package."""

from __future__ import annotations

from pathlib import Path

from embedscope.core.atomic import write_text
from embedscope.core.errors import InputError
from embedscope.exports.export import Export, Order
from embedscope.transforms.repair import Repair

IDS = ("numpy",)

_LINES = """\
import numpy as np
from safetensors.numpy import load_file
parts = load_file({file})
normalised = {normalised}  # kind: before, after
def unit(x): return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
def repair(x, kind={kind}):  # (n, d) -> (n, k)
    x = np.asarray(x, dtype=np.float64)
    x = (unit(x) if normalised[kind][0] else x) - parts.get(f"{{kind}}.mean", 0.0)
    x = (x @ parts[f"{{kind}}.matrix"] if f"{{kind}}.matrix" in parts else x) + parts.get(f"{{kind}}.shift", 0.0)
    return unit(x) if normalised[kind][1] else x
"""

_SHARED = 7
"""Lines that the snippet of a residual MLP shares with that of an affine map."""

_HIDDEN = """\
    given = unit(x) if normalised[kind][0] else x
    x = given - parts.get(f"{kind}.mean", 0.0)
    x = (x @ parts[f"{kind}.matrix"] if f"{kind}.matrix" in parts else x) + parts.get(f"{kind}.shift", 0.0)
    if f"{kind}.hidden_in" in parts:  # a residual MLP
        hidden = np.maximum(given @ parts[f"{kind}.hidden_in"] + parts[f"{kind}.hidden_bias"], 0.0)
        x = x + hidden @ parts[f"{kind}.hidden_out"]
    return unit(x) if normalised[kind][1] else x
"""

_STORED: dict[str, str] = {
    "float16": "    return x.astype(np.float16)",
    "binary": "    return np.packbits(x > 0, axis=1)",
    "int8": """\
    low, high = parts[f"{kind}.code.ranges"]
    step = np.where(high == low, np.float32(1), (high - low) / np.float32(255))
    return (np.clip(np.floor((x - low) / step), 0, 255) - 128).astype(np.int8)""",
    "pq": """\
    c = parts[f"{kind}.code.centroids"]  # (parts, 256, dimensions of a part)
    cut = np.split(x, len(c), axis=1)
    near = [((a * a).sum(1)[:, None] - 2 * a @ b.T + (b * b).sum(1)).argmin(axis=1) for a, b in zip(cut, c)]
    return np.stack(near, axis=1).astype(np.uint8)""",
}
_STORE = """\
def store(x, kind={kind}):  # the rows of an index: (n, {width}) {dtype}
    x = repair(x, kind).astype(np.float32)
{lines}
"""


def numpy_snippet(repair: Repair, file: str | Path, kind: str | None = None) -> str:
    """Source of a function ``repair(x, kind)`` that needs numpy and safetensors; ``kind`` is its default.

    Where documents are coded, ``store(x)`` gives the rows of the index; ``repair(x, "query")`` gives queries.

    >>> print(numpy_snippet(Repair.identity(2), "r.safetensors").splitlines()[2])
    parts = load_file('r.safetensors')
    """
    default = repair.kind_name(kind) if kind is not None else next(iter(repair.kinds))
    flags = {name: (k.normalise_before, k.normalise_after) for name, k in repair.kinds.items()}
    source = _LINES.format(file=repr(str(file)), normalised=repr(flags), kind=repr(default))
    if any(k.hidden is not None for k in repair.kinds.values()):
        source = "".join(source.splitlines(keepends=True)[:_SHARED]) + _HIDDEN
    coded = next((k for k, kind_map in repair.kinds.items() if kind_map.code is not None), None)
    if coded is None:
        return source
    code = repair.kinds[coded].code
    assert code is not None
    if code.name not in _STORED:
        raise InputError(f"{code.name} is encoded by FAISS; export it with --to faiss")
    return source + _STORE.format(kind=repr(coded), width=code.width, dtype=code.dtype.name, lines=_STORED[code.name])


def _write(order: Order) -> list[str]:
    write_text(order.out, numpy_snippet(order.repair, order.file, order.kind))
    return [f"the snippet reads {order.file}: ship both, with numpy and safetensors"]


ENTRIES = {"numpy": Export("ten lines of NumPy that read the repair's file", _write, stores_codes=True)}
