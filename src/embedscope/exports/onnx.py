"""A repair as an ONNX graph: normalise, subtract, multiply, add, the hidden layer of an MLP, normalise."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.extras import require
from embedscope.exports.export import Export, Order
from embedscope.transforms.repair import KindMap, Repair

IDS = ("onnx",)

INPUT, OUTPUT = "vectors", "repaired"
_OPSET, _IR = 17, 8


def onnx_model(repair: Repair, kind: str | None = None) -> Any:
    """The graph of one ``kind``, an ``onnx.ModelProto``: ``vectors`` (n, d) float32 -> ``repaired`` (n, k) float32."""
    onnx = require("onnx", "onnx", "an export to ONNX")
    name = repair.kind_name(kind)
    kind_map = repair.kinds[name]
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = _Graph(onnx)
    graph.add_map(kind_map)
    ends = [
        helper.make_tensor_value_info(INPUT, float32, ["n", kind_map.dim_in]),
        helper.make_tensor_value_info(OUTPUT, float32, ["n", kind_map.dim_out]),
    ]
    body = helper.make_graph(graph.nodes, "repair", ends[:1], ends[1:], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    model.producer_name, model.producer_version = "embedscope", repair.header.version
    helper.set_model_props(model, {"kind": name, "candidate": repair.header.candidate})
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes in a row, each fed with what the last one gives."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._last = INPUT
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add_map(self, kind: KindMap) -> None:
        """The nodes of ``kind``; a last identity gives the output its name."""
        if kind.normalise_before:
            self._normalise("before")
        parts, given = kind.in_float32(), self._last
        for op, part in (("Sub", "mean"), ("MatMul", "matrix"), ("Add", "shift")):
            if part in parts:
                self._last = self._node(op, [self._last, self._constant(part, parts[part])], part)
        if kind.hidden is not None:
            self._last = self._node("Add", [self._last, self._add_hidden(given, parts)], "residual")
        if kind.normalise_after:
            self._normalise("after")
        self.nodes.append(self._onnx.helper.make_node("Identity", [self._last], [OUTPUT]))

    def _add_hidden(self, given: str, parts: dict[str, Any]) -> str:
        """What the hidden layer of a residual MLP adds."""
        inner = self._node("MatMul", [given, self._constant("hidden_in", parts["hidden_in"])], "hidden_product")
        inner = self._node("Add", [inner, self._constant("hidden_bias", parts["hidden_bias"])], "hidden_sum")
        inner = self._node("Relu", [inner], "hidden_relu")
        return self._node("MatMul", [inner, self._constant("hidden_out", parts["hidden_out"])], "hidden_added")

    def _normalise(self, where: str) -> None:
        """Rows divided by their norms; rows of length zero stay."""
        norm = self._node("ReduceL2", [self._last], f"norm_{where}", axes=[1], keepdims=1)
        least = self._constant(f"least_{where}", np.array([1e-30]))
        divisor = self._node("Max", [norm, least], f"divisor_{where}")
        self._last = self._node("Div", [self._last, divisor], f"unit_{where}")

    def _node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        output = f"{name}_out"
        self.nodes.append(self._onnx.helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def _constant(self, name: str, values: Any) -> str:
        self.constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name


def _write(order: Order) -> list[str]:
    write_bytes(order.out, onnx_model(order.repair, order.kind).SerializeToString())
    return [f"run it with onnxruntime: input {INPUT} (n, d) float32, output {OUTPUT} (n, k) float32"]


ENTRIES = {"onnx": Export("a graph for onnxruntime, for one role or modality", _write, packages=("onnx",))}
