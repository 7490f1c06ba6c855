"""Other runtimes on the same network in 8 bits, to compare times with: extra ``bench``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from akrt.errors import MissingExtraError, UsageError
from akrt.peers.litert_file import litert_file
from akrt.peers.onnx_file import onnx_file
from akrt.peers.quantised import Quantised, quantise, run_float

__all__ = ["PEERS", "installed", "prepare", "quantise", "run_float", "to_real"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

PEERS = {
    "LiteRT int8": ("ai-edge-litert",),
    "ONNX Runtime int8": ("onnxruntime", "onnx"),
    "OpenVINO int8": ("openvino", "onnx"),
}
"""The distributions that each needs; the first is the runtime."""


def installed(name: str) -> str | None:
    """The version of a peer, None if it or what its files are written with is absent."""
    try:
        versions = [version(package) for package in PEERS[name]]
    except PackageNotFoundError:
        return None
    return versions[0]


def prepare(name: str, network: Quantised, x: Bytes) -> Callable[[], npt.NDArray[Any]]:
    """A call that gives a peer the samples, runs it on one thread, and fetches its output.

    Args:
        name: one of `PEERS`.
        network: from `quantise`.
        x: uint8 (N, X, Y, C); every call runs all of it as one batch.

    Raises:
        MissingExtraError: the peer is not installed.
        UsageError: no peer has that name.
    """
    makers = dict(zip(PEERS, (_litert, _onnxruntime, _openvino), strict=True))
    if name not in makers:
        raise UsageError(f"'{name}' is no peer: {', '.join(PEERS)}")
    try:
        return makers[name](network, x)
    except ImportError:
        raise MissingExtraError(PEERS[name][0], "bench", f"a comparison with {name}") from None


def to_real(network: Quantised, output: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """A peer's output bytes as the numbers they stand for, (N, F')."""
    tensor = network.output
    zero = tensor.zero - 128 if output.dtype == np.int8 else tensor.zero
    if output.ndim == 4 and output.dtype == np.uint8:  # (N, C, X, Y)
        output = output.transpose(0, 2, 3, 1)
    return tensor.scale * (output.reshape(len(output), -1).astype(np.float64) - zero)


def _litert(network: Quantised, x: Bytes) -> Callable[[], npt.NDArray[Any]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=litert_file(network, len(x)), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    signed = (x.astype(np.int16) - 128).astype(np.int8)

    def run() -> npt.NDArray[Any]:
        interpreter.set_tensor(source, signed)
        interpreter.invoke()
        output: npt.NDArray[Any] = interpreter.get_tensor(target)
        return output

    return run


def _onnxruntime(network: Quantised, x: Bytes) -> Callable[[], npt.NDArray[Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_file(network, len(x)), options, providers=["CPUExecutionProvider"]
    )
    feeds = {"input": np.ascontiguousarray(x.transpose(0, 3, 1, 2))}

    def run() -> npt.NDArray[Any]:
        output: npt.NDArray[Any] = session.run(None, feeds)[0]
        return output

    return run


def _openvino(network: Quantised, x: Bytes) -> Callable[[], npt.NDArray[Any]]:
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = core.read_model(onnx_file(network, len(x)))
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    source = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    bound = source.copy()
    request.set_input_tensor(openvino.Tensor(bound, shared_memory=True))
    target = request.get_output_tensor()

    def run() -> npt.NDArray[Any]:
        bound[:] = source
        request.infer()
        output: npt.NDArray[Any] = target.data.copy()
        return output

    return run
