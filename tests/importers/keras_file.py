"""Writes a small cnn2snn-quantised Keras file with h5py alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def _quantizer(kind: str, bits: int) -> dict[str, Any]:
    return {
        "module": "cnn2snn.quantization_ops",
        "class_name": kind,
        "config": {"name": "q", "trainable": True, "dtype": "float32", "bitwidth": bits},
        "registered_name": kind,
    }


def write(path: Path) -> None:
    """A convolution of 4 filters on (8, 6, 1) and a dense layer of 3 units, as Keras saves them."""
    conv = {
        "name": "conv",
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "same",
        "dilation_rate": [1, 1],
        "use_bias": True,
        "quantizer": _quantizer("MaxPerAxisQuantizer", 8),
    }
    dense = {
        "name": "dense",
        "units": 3,
        "use_bias": False,
        "quantizer": _quantizer("MaxPerAxisQuantizer", 4),
    }
    layers = [
        ("InputLayer", {"batch_input_shape": [None, 8, 6, 1], "name": "input_1"}),
        ("QuantizedConv2D", conv),
        ("QuantizedReLU", {"name": "conv/relu", "bitwidth": 4, "max_value": 6.0}),
        ("Flatten", {"name": "flatten", "data_format": "channels_last"}),
        ("QuantizedDense", dense),
    ]
    weights = {
        "conv": [("kernel", (3, 3, 1, 4)), ("bias", (4,))],
        "dense": [("kernel", (192, 3))],
    }
    rng = np.random.default_rng(0)
    entries = [{"class_name": kind, "config": config} for kind, config in layers]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.19.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "small", "layers": entries}}
        )
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [config["name"].encode() for _, config in layers[1:]]
        for _, config in layers[1:]:
            name = config["name"]
            layer = group.create_group(name)
            parts = weights.get(name, [])
            layer.attrs["weight_names"] = [f"{name}/{part}:0".encode() for part, _ in parts]
            for part, shape in parts:
                layer.create_dataset(f"{name}/{part}:0", data=rng.normal(size=shape).astype("f4"))
