"""Writes a quantised network as ONNX, 8 bits between QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.lowering.geometry import window
from akrt.peers.quantised import Quantised, QuantisedOp, QuantisedTensor

__all__ = ["onnx_file"]

OPSET = 17


def onnx_file(network: Quantised, samples: int) -> bytes:
    """The file for batches of so many samples, (N, C, X, Y) unsigned bytes in and out.

    Activations are unsigned bytes, weights signed with a scale for every channel.

    Raises:
        ImportError: the package onnx is absent.
    """
    return _Writer(network, samples).write()


class _Writer:
    def __init__(self, network: Quantised, samples: int) -> None:
        import onnx
        from onnx import helper, numpy_helper

        self._onnx, self._helper, self._numpy = onnx, helper, numpy_helper
        self._network, self._samples = network, samples
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def write(self) -> bytes:
        helper, network = self._helper, self._network
        byte = self._onnx.TensorProto.UINT8
        x, y, c = network.input.shape
        source = helper.make_tensor_value_info("input", byte, (self._samples, c, x, y))
        value, before = "input", network.input
        for i, op in enumerate(network.ops):
            value = self._op(f"op{i}", op, value, before)
            before = op.output
        flat = network.ops[-1].kind == "dense"
        x, y, c = before.shape
        shape = (self._samples, c) if flat else (self._samples, c, x, y)
        target = helper.make_tensor_value_info(value, byte, shape)
        graph = helper.make_graph(self._nodes, network.name, [source], [target], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self._constants.append(self._numpy.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self._nodes.append(self._helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def _scale(self, name: str, t: QuantisedTensor) -> list[str]:
        return [
            self._constant(f"{name}_scale", np.float32(t.scale).reshape(())),
            self._constant(f"{name}_zero", np.uint8(t.zero).reshape(())),
        ]

    def _weights(
        self, name: str, values: npt.NDArray[Any], scale: npt.NDArray[np.float64], axis: int = 0
    ) -> str:
        inputs = [
            self._constant(f"{name}_bytes", values),
            self._constant(f"{name}_scale", scale.astype(np.float32)),
            self._constant(f"{name}_zero", np.zeros(scale.shape, values.dtype)),
        ]
        return self._node("DequantizeLinear", inputs, name, axis=axis)

    def _op(self, name: str, op: QuantisedOp, value: str, source: QuantisedTensor) -> str:
        if op.kind == "dense":
            value = self._node("Flatten", [value], f"{name}_flat", axis=1)
        inputs = [value, *self._scale(f"{name}_in", source)]
        real = [self._node("DequantizeLinear", inputs, f"{name}_real")]
        if op.weights is not None and op.weight_scale is not None and op.bias is not None:
            scale = op.weight_scale * source.scale
            bias = np.round(op.bias / scale).astype(np.int32)
            weights = self._layout(op, source)
            real.append(self._weights(f"{name}_weights", weights, op.weight_scale))
            real.append(self._weights(f"{name}_bias", bias, scale))
        geometry: dict[str, Any] = {}
        if op.kind in ("conv", "depthwise", "max"):
            moved = window(source.shape, op.output.shape, op.size, op.stride, op.padding)
            geometry = {
                "kernel_shape": op.size,
                "strides": op.stride,
                "pads": [*moved.before, *moved.after],
            }
        if op.kind in ("conv", "depthwise"):
            group = source.shape[2] if op.kind == "depthwise" else 1
            result = self._node("Conv", real, f"{name}_out", group=group, **geometry)
        elif op.kind == "dense":
            result = self._node("Gemm", real, f"{name}_out", transB=1)
        elif op.kind == "max":
            result = self._node("MaxPool", real, f"{name}_out", **geometry)
        else:
            result = self._node("GlobalAveragePool", real, f"{name}_out")
        return self._node("QuantizeLinear", [result, *self._scale(f"{name}_out", op.output)], name)

    @staticmethod
    def _layout(op: QuantisedOp, source: QuantisedTensor) -> npt.NDArray[np.int8]:
        assert op.weights is not None
        if op.kind == "conv":
            return op.weights.transpose(3, 2, 0, 1)
        if op.kind == "depthwise":
            return op.weights.transpose(2, 0, 1)[:, None]
        # rows come as (X, Y, C); this format's memory holds (C, X, Y)
        rows = op.weights.reshape(*source.shape, -1).transpose(2, 0, 1, 3)
        return rows.reshape(op.weights.shape).T
