"""Writes a quantised network as a LiteRT (.tflite) int8 file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.peers.quantised import Quantised, QuantisedOp, QuantisedTensor

__all__ = ["litert_file"]

VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "MAX_POOL_2D": 2, "MEAN": 2}


def litert_file(network: Quantised, samples: int) -> bytes:
    """The file for batches of so many samples. Its bytes are signed: those of `network` less 128.

    Raises:
        ImportError: the package ai-edge-litert is absent.
    """
    return _Writer(network, samples).write()


class _Writer:
    def __init__(self, network: Quantised, samples: int) -> None:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema

        self._flatbuffers, self._s = flatbuffers, schema
        self._network, self._samples = network, samples
        self._buffers: list[Any] = [schema.BufferT()]  # buffer 0 is empty: activations
        self._tensors: list[Any] = []
        self._codes: list[str] = []

    def write(self) -> bytes:
        s, network = self._s, self._network
        source = previous = self._activation("input", network.input)
        operators, before = [], network.input
        for i, op in enumerate(network.ops):
            operator = s.OperatorT()
            operator.inputs = [previous, *self._operands(f"op{i}", op, before)]
            previous = self._activation(f"op{i}", op.output)
            operator.outputs = [previous]
            self._options(operator, op)
            operators.append(operator)
            before = op.output
        graph = s.SubGraphT()
        graph.tensors, graph.operators = self._tensors, operators
        graph.inputs, graph.outputs, graph.name = [source], [previous], "main"
        model = s.ModelT()
        model.version, model.description = 3, network.name
        model.operatorCodes = [self._code(name) for name in self._codes]
        model.subgraphs, model.buffers = [graph], self._buffers
        builder = self._flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _code(self, name: str) -> Any:
        code = self._s.OperatorCodeT()
        code.builtinCode = getattr(self._s.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = VERSIONS[name]
        return code

    def _tensor(self, name: str, shape: tuple[int, ...], kind: str, buffer: int = 0) -> Any:
        tensor = self._s.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
        tensor.type = getattr(self._s.TensorType, kind)
        self._tensors.append(tensor)
        return tensor

    def _quantisation(self, scale: Any, zero: Any, axis: int = 0) -> Any:
        q = self._s.QuantizationParametersT()
        q.scale = np.atleast_1d(scale).astype(np.float32)
        q.zeroPoint = np.broadcast_to(zero, q.scale.shape).astype(np.int64)
        q.quantizedDimension = axis
        return q

    def _activation(self, name: str, t: QuantisedTensor) -> int:
        tensor = self._tensor(name, (self._samples, *t.shape), "INT8")
        tensor.quantization = self._quantisation(t.scale, t.zero - 128)
        return len(self._tensors) - 1

    def _constant(self, name: str, data: npt.NDArray[Any], kind: str) -> Any:
        buffer = self._s.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        self._buffers.append(buffer)
        return self._tensor(name, data.shape, kind, len(self._buffers) - 1)

    def _operands(self, name: str, op: QuantisedOp, source: QuantisedTensor) -> list[int]:
        """Indices of the constant inputs of an operation."""
        if op.kind == "mean":
            self._constant(f"{name}_axes", np.array([1, 2], np.int32), "INT32")
            return [len(self._tensors) - 1]
        if op.weights is None or op.weight_scale is None or op.bias is None:
            return []
        axis = 0
        weights = op.weights
        if op.kind == "conv":
            weights = weights.transpose(3, 0, 1, 2)
        elif op.kind == "depthwise":
            weights, axis = weights[None], 3
        else:
            weights = weights.T
        tensor = self._constant(f"{name}_weights", weights, "INT8")
        tensor.quantization = self._quantisation(op.weight_scale, 0, axis)
        scale = op.weight_scale * source.scale
        bias = np.round(op.bias / scale).astype(np.int32)
        tensor = self._constant(f"{name}_bias", bias, "INT32")
        tensor.quantization = self._quantisation(scale, 0)
        return [len(self._tensors) - 2, len(self._tensors) - 1]

    def _options(self, operator: Any, op: QuantisedOp) -> None:
        s = self._s
        name, kind = {
            "conv": ("CONV_2D", "Conv2DOptions"),
            "depthwise": ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"),
            "dense": ("FULLY_CONNECTED", "FullyConnectedOptions"),
            "max": ("MAX_POOL_2D", "Pool2DOptions"),
            "mean": ("MEAN", "ReducerOptions"),
        }[op.kind]
        if name not in self._codes:
            self._codes.append(name)
        operator.opcodeIndex = self._codes.index(name)
        options = getattr(s, f"{kind}T")()
        if op.kind in ("conv", "depthwise", "max"):
            options.padding = getattr(s.Padding, op.padding.upper())
            options.strideH, options.strideW = op.stride
        if op.kind in ("conv", "depthwise"):
            options.dilationHFactor = options.dilationWFactor = 1
        if op.kind == "depthwise":
            options.depthMultiplier = 1
        elif op.kind == "max":
            options.filterHeight, options.filterWidth = op.size
        elif op.kind == "mean":
            options.keepDims = True
        operator.builtinOptionsType = getattr(s.BuiltinOptions, kind)
        operator.builtinOptions = options
