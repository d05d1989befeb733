"""A repair as a FAISS chain in front of an index: normalise, centre, linear, normalise."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.exports.export import Export, Order
from embedscope.transforms.codes import Binary, Int8, ProductQuantiser, RaBitQ
from embedscope.transforms.repair import KindMap, Repair

IDS = ("faiss",)


def faiss_index(repair: Repair, kind: str | None = None, inner: Any = None) -> Any:
    """An ``IndexPreTransform`` that takes raw vectors and holds repaired ones of ``kind``, for adding and searching.

    Parameters
    ----------
    inner : index of repaired vectors (the chain is put in front of it); where None, an empty index that stores rows in
        the code of the kind, trained, or ``IndexFlatIP`` without one

    Raises
    ------
    InputError
        if ``inner`` has other dimensions, or the repair has a residual MLP.
    """
    faiss = require("faiss", "faiss", "an export to FAISS")
    width = repair.kind(kind).dim_out
    inner = empty_index(faiss, repair.kind(kind)) if inner is None else inner
    if inner.d != width:
        raise InputError(f"the index has {inner.d} dimensions, the repair gives {width}; pass an index with {width}")
    index = faiss.IndexPreTransform(inner)
    for step in reversed(_steps(faiss, repair, kind)):
        index.prepend_transform(step)
    return index


def empty_index(faiss: Any, kind: KindMap) -> Any:
    """The empty, trained index by inner product that stores rows in the code of ``kind``; flat where it has none."""
    code, width = kind.code, kind.dim_out
    if code is None:
        return faiss.IndexFlatIP(width)
    if isinstance(code, Binary):
        return faiss.IndexLSH(width, width, False, False)
    if isinstance(code, RaBitQ):
        return code.index()
    if isinstance(code, ProductQuantiser):
        index = faiss.IndexPQ(width, code.width, 8, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(code.centroids.ravel(), index.pq.centroids)
    else:
        levels = faiss.ScalarQuantizer.QT_8bit if isinstance(code, Int8) else faiss.ScalarQuantizer.QT_fp16
        index = faiss.IndexScalarQuantizer(width, levels, faiss.METRIC_INNER_PRODUCT)
        if isinstance(code, Int8):
            low, span = code.ranges[0], code.ranges[1] - code.ranges[0]
            faiss.copy_array_to_vector(np.concatenate([low, span]), index.sq.trained)
    index.is_trained = True
    return index


def factory_string(repair: Repair, kind: str | None = None) -> str:
    """What ``faiss.index_factory`` takes for an index of this form, to be trained on rows of one's own.

    Leading dimensions have no word there: cut the rows before they are added.

    >>> factory_string(Repair.identity(8))
    'Flat'
    """
    kind_map = repair.kind(kind)
    parts = ["L2norm"] if kind_map.normalise_before else []
    if kind_map.matrix is not None and not repair.header.candidate.startswith("first"):
        turned = kind_map.code is not None and kind_map.code.name == "rabitq"
        if kind_map.dim_out < kind_map.dim_in:
            parts.append(f"PCA{kind_map.dim_out}")
        parts += [f"RR{kind_map.dim_out}"] if turned else []
    parts += ["L2norm"] if kind_map.normalise_after else []
    words = {"float16": "SQfp16", "int8": "SQ8", "rabitq": "RaBitQ", "binary": "LSH"}
    code = kind_map.code
    last = "Flat" if code is None else f"PQ{code.width}" if code.name == "pq" else words[code.name]
    return ",".join([*parts, last])


def _steps(faiss: Any, repair: Repair, kind: str | None) -> list[Any]:
    kind_map = repair.kind(kind)
    if kind_map.hidden is not None:
        raise InputError(
            "this repair has a residual MLP, which no transform of FAISS is; export it --to onnx or numpy, or migrate "
            "with affine candidates alone (--candidates procrustes,ridge)"
        )
    parts = kind_map.in_float32()
    steps = [faiss.NormalizationTransform(kind_map.dim_in, 2.0)] if kind_map.normalise_before else []
    if "mean" in parts:
        steps.append(_centring(faiss, parts["mean"]))
    if "matrix" in parts:
        linear = faiss.LinearTransform(kind_map.dim_in, kind_map.dim_out, "shift" in parts)
        faiss.copy_array_to_vector(np.ascontiguousarray(parts["matrix"].T).ravel(), linear.A)
        if "shift" in parts:
            faiss.copy_array_to_vector(parts["shift"], linear.b)
        linear.is_trained = True
        steps.append(linear)
    elif "shift" in parts:
        steps.append(_centring(faiss, -parts["shift"]))
    if kind_map.normalise_after:
        steps.append(faiss.NormalizationTransform(kind_map.dim_out, 2.0))
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
    coded = order.repair.kinds[name].code
    if coded is not None:
        trained = (
            f"the index is trained and stores {coded.n_bytes:,} bytes per row ({coded.text}); its factory string is "
        )
        return [*lines, f"{trained}'{factory_string(order.repair, name)}'", *_bits(coded)]
    for other in order.repair.kinds:
        if other != name:
            lines.append(
                f"the chain is for {name} vectors only; repair {other} vectors with --kind {other} "
                "and search them in the inner index, faiss.downcast_index(index.index)"
            )
    return lines


def _bits(code: Any) -> list[str]:
    if not isinstance(code, Binary):
        return []
    return ["it ranks by differing bits; to rescore, order the best forty by the query's inner product with the bits"]


ENTRIES = {
    "faiss": Export(
        "an empty index with the repair in front of it, for one role or modality",
        _write,
        packages=("faiss",),
        stores_codes=True,
    )
}
