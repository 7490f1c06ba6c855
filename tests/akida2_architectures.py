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
QUICK = ("ds_cnn_kws", "convtiny_dvs")
"""Those that are built in a minute."""
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
TEMPORAL = ("tenn_spatiotemporal_dvs128", "tenn_spatiotemporal_eye", "tenn_spatiotemporal_jester")
RECURRENT = ("tenn_recurrent_sc12", "tenn_recurrent_uored")
TIMESTEPS = 256
"""Of a sample of a recurrent one."""
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
        "tenn_spatiotemporal_dvs128": lambda: zoo.tenn_spatiotemporal_dvs128(8, (64, 64, 2)),
        "tenn_spatiotemporal_eye": lambda: zoo.tenn_spatiotemporal_eye(8, (64, 64, 2)),
        "tenn_spatiotemporal_jester": lambda: zoo.tenn_spatiotemporal_jester((8, 64, 64, 3)),
        "tenn_recurrent_sc12": lambda: zoo.tenn_recurrent_sc12((2048, 1)),
        "tenn_recurrent_uored": lambda: zoo.tenn_recurrent_uored((2048, 1)),
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
            dtype = np.dtype("uint8")
            if name in ("convtiny_dvs", *TEMPORAL[:2], *RECURRENT):
                dtype = np.dtype("int16" if name in RECURRENT else "int8")
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
            samples = rng.integers(low, high, (16, *shape)).astype(dtype)
            for _ in range(6):
                model(samples.astype(np.float32), training=True)
            if name in TEMPORAL:  # time becomes the batch
                samples = samples.reshape(-1, *shape[1:])
            if name in RECURRENT:
                model, samples = _stateful(model), samples[:, :TIMESTEPS]
            params = QuantizationParams(
                input_dtype=str(samples.dtype), weight_bits=bits, activation_bits=bits
            )
            quantised = quantize(model, qparams=params, samples=samples, batch_size=16)
            quantised.save(str(out / f"{name}.h5"))
            convert(quantised).save(str(out / f"{name}.fbz"))


def _stateful(model: Any) -> Any:
    from akida_models.tenn_recurrent.convert_recurrent import convert_to_stateful

    return convert_to_stateful(model, timesteps=TIMESTEPS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
