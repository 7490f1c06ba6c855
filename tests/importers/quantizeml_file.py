"""Writes a small Keras file as QuantizeML quantises for Akida 2.0, with h5py alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def _quantiser(axis: str = "per-axis", bits: int = 8) -> dict[str, Any]:
    return {"bitwidth": bits, "signed": True, "axis": axis, "buffer_bitwidth": 32}


def _layer(kind: str, name: str, before: list[str], **config: Any) -> dict[str, Any]:
    return {
        "class_name": kind if kind == "InputLayer" else f"Custom>{kind}",
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": [[[source, 0, 0, {}] for source in before]] if before else [],
    }


def _weighted(
    kind: str,
    name: str,
    before: str,
    *,
    out: dict[str, Any] | None = None,
    bits: int = 8,
    **config: Any,
) -> dict[str, Any]:
    settings = {
        "weight_quantizer": {"bitwidth": bits},
        "bias_quantizer": {"bitwidth": 8},
        "buffer_bitwidth": 28,
        **({"output_quantizer": out} if out else {}),
    }
    common = {"use_bias": True, "padding": "same", "strides": [1, 1], "kernel_size": [3, 3]}
    return _layer(kind, name, [before], **{**common, **config}, quant_config=settings)


def _relu(
    name: str, before: str, bound: float | None, out: dict[str, Any] | None = None
) -> dict[str, Any]:
    settings = {
        "max_value_quantizer": {"bitwidth": 8},
        "buffer_bitwidth": 32,
        **({"output_quantizer": out} if out else {}),
    }
    return _layer("QuantizedReLU", name, [before], max_value=bound, quant_config=settings)


def write(path: Path) -> None:
    """Every kind of layer but an image's and the dense one's transposed relatives: a float input of
    (6, 5, 4), two branches that are added and joined, a look-up table, and three answers.
    """
    plain = {"output_quantizer": _quantiser(), "buffer_bitwidth": 32}
    tensor = _quantiser("per-tensor")
    layers = [
        _layer("InputLayer", "in", [], batch_input_shape=[None, 6, 5, 4], dtype="float32"),
        _layer("InputQuantizer", "entrance", ["in"], bitwidth=8, signed=True, axis="per-axis"),
        _weighted("QuantizedConv2D", "conv", "entrance", filters=4),
        _layer("QuantizedMaxPool2D", "pool", ["conv"], pool_size=[2, 2], strides=[2, 2],
               padding="same"),
        _relu("relu", "pool", 6.0, _quantiser()),
        _weighted("QuantizedDepthwiseConv2D", "depthwise", "relu", out=_quantiser(),
                  depth_multiplier=1),
        _layer("QuantizedAdd", "add", ["relu", "depthwise"], quant_config=plain, average=False),
        _layer("QuantizedConcatenate", "join", ["add", "depthwise"], axis=-1, quant_config={}),
        _layer("QuantizedDropout", "drop", ["join"], quant_config={}),
        _weighted("QuantizedConv2DTranspose", "up", "drop", strides=[2, 2], filters=5,
                  out=_quantiser("per-tensor", 11)),
        _layer("QuantizedActivation", "table", ["up"], activation="leaky_relu", alpha=0.2,
               quant_config={"output_quantizer": tensor, "lut_bitwidth": 14}),
        _weighted("QuantizedConv2D", "last", "table", filters=6, kernel_size=[1, 1],
                  bits=4),
        _relu("relu_2", "last", None),
        _layer("QuantizedGlobalAveragePooling2D", "average", ["relu_2"],
               quant_config={"output_quantizer": tensor, "buffer_bitwidth": 32}),
        _weighted("QuantizedDense", "dense", "average", units=3),
        _layer("Dequantizer", "out", ["dense"]),
        _layer("Softmax", "softmax", ["out"]),
    ]  # fmt: skip
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.4, shape).astype(np.float32)

    def ranges(channels: int = 0) -> list[np.ndarray]:
        largest = rng.uniform(0.7, 20, channels or ()).astype(np.float32)
        return [np.asarray(largest), np.ones_like(largest)]

    edge = rng.uniform(1, 9, 4).astype(np.float32)
    weights: dict[str, list[np.ndarray]] = {
        "entrance": [-edge, edge / 2],
        "conv": [random(3, 3, 4, 4), random(4)],
        "relu": ranges(4),
        "depthwise": [random(3, 3, 4, 1), random(4), *ranges(4)],
        "add": ranges(4),
        "up": [random(3, 3, 5, 8), random(5), *ranges()],
        "table": ranges(),
        "last": [random(1, 1, 5, 6), random(6)],
        "average": ranges(),
        "dense": [random(6, 3), random(3)],
    }
    config = {
        "class_name": "Functional",
        "config": {
            "name": "small",
            "layers": layers,
            "input_layers": [["in", 0, 0]],
            "output_layers": [["softmax", 0, 0]],
        },
    }
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.19.0"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["name"].encode() for layer in layers]
        for layer in layers:
            inner = group.create_group(layer["name"])
            arrays = weights.get(layer["name"], [])
            names = [f"{layer['name']}/{i}:0" for i in range(len(arrays))]
            inner.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                inner.create_dataset(name, data=array)
