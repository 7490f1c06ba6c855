"""Networks of akida_models, quantised by QuantizeML to 8 bits and converted for Akida 2.0.

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

SOME = (
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
)
TEMPORAL = ("tenn_spatiotemporal_dvs128", "tenn_spatiotemporal_eye", "tenn_spatiotemporal_jester")
RECURRENT = ("tenn_recurrent_sc12", "tenn_recurrent_uored")
ARCHITECTURES = (
    (*SOME, *OTHERS, *TEMPORAL, *RECURRENT)
    if os.environ.get("AKRT_ARCHITECTURES") == "all"
    else SOME
)
SIGNED = ("convtiny_dvs", "tenn_spatiotemporal_dvs128", "tenn_spatiotemporal_eye")
"""Those that take int8."""
PACKAGES = ("akida", "akida_models", "cnn2snn", "quantizeml", "tf_keras", "tensorflow")


def akida2_file(name: str) -> Path:
    """The .fbz of a network of `ARCHITECTURES`, built on first use and kept in the temporary
    directory under a hash of all that made it. Skips the calling test where a package is absent.
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
            Path(building, path.name).rename(path)
    return path


def _networks() -> dict[str, Callable[[], Any]]:
    """Small ones, of the layers of the large."""
    import akida_models as zoo

    small = (64, 64, 3)
    return {
        "ds_cnn_kws": zoo.ds_cnn_kws,
        "gxnor_mnist": zoo.gxnor_mnist,
        "convtiny_dvs": zoo.convtiny_dvs,
        "akida_unet_portrait128": lambda: zoo.akida_unet_portrait128(small, alpha=0.25),
        "centernet_base": lambda: zoo.centernet_base(small),
        "mobilenet_imagenet": lambda: zoo.mobilenet_imagenet(small, alpha=0.25, classes=10),
        "akidanet_imagenet": lambda: zoo.akidanet_imagenet(small, alpha=0.25, classes=10),
        "akidanet18_imagenet": lambda: zoo.akidanet18_imagenet(
            small, classes=10, dimensions=(16, 32, 64, 128)
        ),
        "vgg_utk_face": zoo.vgg_utk_face,
        "yolo_base": lambda: zoo.yolo_base(small, alpha=0.25),
        "pointnet_plus_modelnet40": lambda: zoo.pointnet_plus_modelnet40(alpha=0.25),
        "tenn_spatiotemporal_dvs128": lambda: zoo.tenn_spatiotemporal_dvs128(8, (64, 64, 2)),
        "tenn_spatiotemporal_eye": lambda: zoo.tenn_spatiotemporal_eye(8, (64, 64, 2)),
        "tenn_spatiotemporal_jester": lambda: zoo.tenn_spatiotemporal_jester((8, *small)),
        "tenn_recurrent_sc12": lambda: zoo.tenn_recurrent_sc12((2048, 1)),
        "tenn_recurrent_uored": lambda: zoo.tenn_recurrent_uored((2048, 1)),
    }


def main(out: Path, names: list[str]) -> None:
    """Builds, quantises and converts; statistics of batch normalisation are those of noise."""
    from cnn2snn import AkidaVersion, convert, set_akida_version

    for name in names:
        with set_akida_version(AkidaVersion.v2):
            convert(_quantised(name)).save(str(out / f"{name}.fbz"))


def _quantised(name: str) -> Any:
    import numpy as np
    from quantizeml.models import QuantizationParams, quantize
    from tf_keras import layers

    rng = np.random.default_rng(len(name))
    model = _networks()[name]()
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.5
    dtype = "int8" if name in SIGNED else "int16" if name in RECURRENT else "uint8"
    ends = np.iinfo(dtype)
    samples = rng.integers(ends.min, ends.max + 1, (16, *model.input_shape[1:])).astype(dtype)
    for _ in range(6):
        model(samples.astype(np.float32), training=True)
    if name in TEMPORAL:  # time is part of the batch
        samples = samples.reshape(-1, *samples.shape[2:])
    if name in RECURRENT:
        from akida_models.tenn_recurrent.convert_recurrent import convert_to_stateful

        steps = 256
        model = convert_to_stateful(model, timesteps=steps)
        samples = samples[:, :steps]
    params = QuantizationParams(input_dtype=dtype)
    return quantize(model, qparams=params, samples=samples, batch_size=16)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
