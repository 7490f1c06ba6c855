"""Networks of akida_models, quantised by QuantizeML and converted for Akida 2.0.

As a script, ``akida2_architectures.py OUT NAME...``, it builds them untrained, with random weights
and ranges calibrated on noise. It needs TensorFlow: `akida2_file` runs it in a process of its own.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ARCHITECTURES = (
    "ds_cnn_kws",
    "gxnor_mnist",
    "convtiny_dvs",
    "akida_unet_portrait128",
    "centernet_base",
)
"""Those that between them have every kind of layer that networks of akida_models need, but those
that remember."""
OTHERS = (
    "mobilenet_imagenet",
    "akidanet_imagenet",
    "akidanet18_imagenet",
    "vgg_utk_face",
    "yolo_base",
    "pointnet_plus_modelnet40",
    "ds_cnn_kws_4_bits",
    "akidanet_imagenet_4_bits",
)
"""The rest but those that remember; and 4 bits."""
PACKAGES = ("akida", "akida_models", "cnn2snn", "quantizeml", "tf_keras", "tensorflow")


def akida2_file(name: str) -> Path:
    """The .fbz of a network, built on first use and kept in the temporary directory under a hash of
    all that made it; the .h5 is beside it. Skips the calling test where a package is absent.
    """
    import pytest

    absent = [package for package in PACKAGES if find_spec(package) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}: pip install 'akrt[train]'")
    made_of = Path(__file__).read_text() + "".join(version(p.replace("_", "-")) for p in PACKAGES)
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"akrt-tests-{os.getuid()}-akida2-{digest}"
    home.mkdir(mode=0o700, exist_ok=True)
    path = home / f"{name}.fbz"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=home) as building:
            done = subprocess.run(
                [sys.executable, __file__, building, name],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"},
            )
            assert done.returncode == 0, done.stderr[-3000:]
            for suffix in (".h5", ".fbz"):
                Path(building, f"{name}{suffix}").rename(path.with_suffix(suffix))
    return path


def _networks() -> dict[str, Callable[[], Any]]:
    import akida_models as zoo

    return {
        "ds_cnn_kws": zoo.ds_cnn_kws,
        "gxnor_mnist": zoo.gxnor_mnist,
        "convtiny_dvs": zoo.convtiny_dvs,
        "akida_unet_portrait128": lambda: zoo.akida_unet_portrait128((64, 64, 3), alpha=0.25),
        "centernet_base": lambda: zoo.centernet_base((64, 64, 3)),
        "mobilenet_imagenet": lambda: zoo.mobilenet_imagenet((64, 64, 3), alpha=0.25, classes=10),
        "akidanet_imagenet": lambda: zoo.akidanet_imagenet((64, 64, 3), alpha=0.25, classes=10),
        "akidanet18_imagenet": lambda: zoo.akidanet18_imagenet((64, 64, 3), classes=10),
        "vgg_utk_face": zoo.vgg_utk_face,
        "yolo_base": lambda: zoo.yolo_base((64, 64, 3), alpha=0.25),
        "pointnet_plus_modelnet40": lambda: zoo.pointnet_plus_modelnet40(selected_points=64),
    }


def main(out: Path, names: list[str]) -> None:
    """Builds, quantises and converts; statistics of batch normalisation are those of noise."""
    import numpy as np
    from cnn2snn import AkidaVersion, convert, set_akida_version
    from quantizeml.models import QuantizationParams, quantize
    from tf_keras import layers

    for name in names:
        rng = np.random.default_rng(len(name))
        with set_akida_version(AkidaVersion.v2):
            bits = 4 if name.endswith("_4_bits") else 8
            model = _networks()[name.removesuffix("_4_bits")]()
            for layer in model.layers:
                if isinstance(layer, layers.BatchNormalization):
                    layer.momentum = 0.5
            shape = model.input_shape[1:]
            signed = name == "convtiny_dvs"
            low, high = (-128, 128) if signed else (0, 256)
            samples = rng.integers(low, high, (16, *shape)).astype("int8" if signed else "uint8")
            for _ in range(6):
                model(samples.astype(np.float32), training=True)
            params = QuantizationParams(
                input_dtype=str(samples.dtype), weight_bits=bits, activation_bits=bits
            )
            quantised = quantize(model, qparams=params, samples=samples, batch_size=16)
            quantised.save(str(out / f"{name}.h5"))
            convert(quantised).save(str(out / f"{name}.fbz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
