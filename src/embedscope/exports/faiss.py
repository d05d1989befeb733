"""A repair as a FAISS chain in front of an index: normalise, centre, linear, normalise."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.exports._export import Export, Order
from embedscope.transforms.repair import Repair

IDS = ("faiss",)


def faiss_index(repair: Repair, kind: str | None = None, inner: Any = None) -> Any:
    """An ``IndexPreTransform`` that takes raw vectors and holds repaired ones of ``kind``, for adding and searching.

    Parameters
    ----------
    inner : index of repaired vectors (the chain is put in front of it); an empty ``IndexFlatIP`` where None

    Raises
    ------
    InputError
        if ``inner`` has other dimensions, or the repair has a residual MLP.
    """
    faiss = require("faiss", "faiss", "an export to FAISS")
    width = repair.kind(kind).dim_out
    inner = faiss.IndexFlatIP(width) if inner is None else inner
    if inner.d != width:
        raise InputError(f"the index has {inner.d} dimensions, the repair gives {width}; pass an index with {width}")
    index = faiss.IndexPreTransform(inner)
    for step in reversed(_steps(faiss, repair, kind)):
        index.prepend_transform(step)
    return index


def _steps(faiss: Any, repair: Repair, kind: str | None) -> list[Any]:
    made = repair.kind(kind)
    if made.hidden is not None:
        raise InputError(
            "this repair has a residual MLP, which no transform of FAISS is; export it --to onnx or numpy, or migrate "
            "with affine candidates alone (--candidates procrustes,ridge)"
        )
    parts = made.in_float32()
    steps = [faiss.NormalizationTransform(made.dim_in, 2.0)] if made.normalise_before else []
    if "mean" in parts:
        steps.append(_centring(faiss, parts["mean"]))
    if "matrix" in parts:
        linear = faiss.LinearTransform(made.dim_in, made.dim_out, "shift" in parts)
        faiss.copy_array_to_vector(np.ascontiguousarray(parts["matrix"].T).ravel(), linear.A)
        if "shift" in parts:
            faiss.copy_array_to_vector(parts["shift"], linear.b)
        linear.is_trained = True
        steps.append(linear)
    elif "shift" in parts:
        steps.append(_centring(faiss, -parts["shift"]))
    if made.normalise_after:
        steps.append(faiss.NormalizationTransform(made.dim_out, 2.0))
    return steps


def _centring(faiss: Any, mean: Any) -> Any:
    step = faiss.CenteringTransform(len(mean))
    faiss.copy_array_to_vector(mean, step.mean)
    step.is_trained = True
    return step


def _write(order: Order) -> list[str]:
    faiss = require("faiss", "faiss", "an export to FAISS")
    index, name = faiss_index(order.repair, order.kind), order.repair.kind_name(order.kind)
    # faiss.write_index says nothing of a full disk, so the bytes are written here
    write_bytes(order.out, memoryview(faiss.serialize_index(index)))
    lines = ["read it with faiss.read_index and add raw vectors; the chain repairs what is added and what is searched"]
    if not order.repair.kinds[name].normalise_after:
        lines.append("this repair does not normalise: the index ranks by inner product, not by cosine")
    for other in order.repair.kinds:
        if other != name:
            lines.append(
                f"the chain is for {name} vectors only; repair {other} vectors with --kind {other} "
                "and search them in the inner index, faiss.downcast_index(index.index)"
            )
    return lines


ENTRIES = {
    "faiss": Export(
        "an empty index with the repair in front of it, for one role or modality", _write, packages=("faiss",)
    )
}
