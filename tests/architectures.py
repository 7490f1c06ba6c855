"""Networks built with TensorFlow, for tests that run without it.

`files` gives the .h5 of a network and the .fbz that cnn2snn converts it to; `use_whole_range` makes
an untrained network worth comparing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from akrt.lowering.arithmetic import run_node
from akrt.model import (
    POTENTIAL_MAX,
    WEIGHT_RANGES,
    AnyLayer,
    InputData,
    Model,
    SeparableConvolutional,
)

ARCHITECTURES = (
    "ds_cnn_kws",
    "akidanet_imagenet",
    "mobilenet_imagenet",
    "vgg_utk_face",
    "gxnor_mnist",
    "yolo_base",
    "convtiny_dvs",
    "pointnet_plus_modelnet40",
)
"""The models of akida_models that convert to Akida 1.0."""

HAND_MADE = ("images", "deviations", "events", "vectors", "normalised", "beyond_the_chip")
"""Small networks that between them have every quantizer, layer, padding, stride and width."""

SCRIPT = Path(__file__).with_name("keras_networks.py")
PACKAGES = ("akida", "akida_models", "cnn2snn", "tf_keras", "tensorflow")


def files(name: str) -> tuple[Path, Path]:
    """(.h5, .fbz) of a network of `ARCHITECTURES` or `HAND_MADE`, built on first use.

    They are kept in the temporary directory under a hash of all that made them. Skips the calling
    test if TensorFlow or a package of BrainChip's is absent.
    """
    absent = [package for package in PACKAGES if find_spec(package) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}: pip install 'akrt[train]'")
    group = ARCHITECTURES if name in ARCHITECTURES else HAND_MADE
    made_of = SCRIPT.read_text() + "".join(version(p.replace("_", "-")) for p in PACKAGES)
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"akrt-tests-{os.getuid()}-{digest}"
    directory = home / ("architectures" if group is ARCHITECTURES else "hand_made")
    if not directory.exists():
        home.mkdir(mode=0o700, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=home))
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(building), *group],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        try:
            building.rename(directory)
        except OSError:  # another worker was faster
            shutil.rmtree(building)
    return directory / f"{name}.h5", directory / f"{name}.fbz"


def use_whole_range(model: Model, x: npt.NDArray[np.uint8], seed: int = 0) -> Model:
    """The same network with random weights, and thresholds and steps fitted to input `x`.

    Weights use their whole bit width. Each layer's thresholds and steps are set, in order, from
    its potentials for `x`, so that its outputs use their whole range; `check_whole_range` tells.
    Potentials of layers without pooling stay within 20 bits, beyond which akida's software is no
    reference for the chip.
    """
    rng = np.random.default_rng(seed)
    done: list[AnyLayer] = []
    value: Any = x
    for layer in model.layers:
        if isinstance(layer, InputData):
            done.append(layer)
            continue
        names = ("depthwise", "pointwise") if isinstance(layer, SeparableConvolutional) else (
            "weights",
        )  # fmt: skip
        low, high = WEIGHT_RANGES[layer.weights_bits]
        weights = {
            name: rng.integers(low, high + 1, getattr(layer, name).shape).astype(np.int8)
            for name in names
        }
        while True:
            layer = replace(layer, **weights)
            bare = Model((*done, replace(layer, act_bits=None)))
            potentials = run_node(bare.nodes[-1], value)
            flat = potentials.reshape(-1, potentials.shape[-1]).astype(np.float64)
            pooling = getattr(layer, "pooling", None)
            stuck = np.mean(flat.max(0) == flat.min(0)) > 0.5 and len(flat) > 1
            if not stuck and (pooling is not None or np.abs(flat).max() <= POTENTIAL_MAX):
                break
            name = names[-1]
            assert np.any(weights[name]), f"no weights let '{layer.name}' use its range"
            weights[name] = (weights[name] / 2).astype(np.int8)
        bottom, top = np.quantile(flat, [0.2, 0.95], axis=0)
        bottom += (top - bottom) * rng.uniform(0, 0.3, bottom.shape)
        step = np.maximum((top - bottom) / 15, 1 / 16)
        layer = replace(
            layer,
            threshold=np.floor(bottom).astype(np.int32),
            act_step=step.astype(np.float32),
        )
        done.append(layer)
        value = run_node(Model(tuple(done)).nodes[-1], value)
    return model.replace(layers=tuple(done))


def check_whole_range(model: Model, outputs: list[npt.NDArray[Any]]) -> None:
    """Asserts that every layer's output, given in order, uses its range.

    Activations must include the smallest and the largest value, and every value where there are
    many outputs, else most of them; potentials must differ.
    """
    assert len(outputs) == len(model.nodes)
    for node, output in zip(model.nodes, outputs, strict=True):
        if isinstance(node.layer, InputData):
            continue
        values = np.unique(output)
        if node.output_max is None:
            assert len(values) > min(output.size // 2, 8), node.layer.name
            continue
        levels = node.output_max + 1
        wanted = levels if output.size >= 64 * levels else min(levels // 2 + 1, output.size // 4)
        assert values[0] == 0, (node.layer.name, values)
        assert values[-1] == node.output_max, (node.layer.name, values)
        assert len(values) >= wanted, (node.layer.name, values)
