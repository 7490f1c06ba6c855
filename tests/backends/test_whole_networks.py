"""Whole architectures, layer by layer: reference and native against akida.

Untrained networks output zeros and prove nothing: `architectures.use_whole_range` gives them
weights, thresholds and steps that use every layer's range, and `check_whole_range` asserts it on
akida's own outputs.
"""

from __future__ import annotations

from pathlib import Path

import architectures
import numpy as np
import pytest
from conftest import need
from thorough import amount

import akrt
from akrt.backends.native import NativeBackend
from akrt.backends.reference import ReferenceBackend
from akrt.importers import load_fbz, load_h5, to_akida
from akrt.model import InputData, Model

SAMPLES = amount(3, 8)


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_every_layer_equals_akida(name: str) -> None:
    imported = load_h5(architectures.files(name)[0])
    rng = np.random.default_rng(5)
    x = rng.integers(0, 1 << imported.input_bits, (SAMPLES, *imported.input_shape)).astype(np.uint8)
    model = architectures.use_whole_range(imported, x)
    theirs = [
        x if isinstance(layer, InputData) else to_akida(Model(model.layers[: i + 1])).forward(x)
        for i, layer in enumerate(model.layers)
    ]
    architectures.check_whole_range(model, theirs)
    for backend in (NativeBackend, ReferenceBackend):
        ours = backend(model).layer_outputs(x)
        for layer, mine, expected in zip(model.layers, ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, expected, err_msg=f"{backend.name}: {layer.name}")
    np.testing.assert_array_equal(NativeBackend(model).run(x), theirs[-1])
    if model.final_step is not None:
        np.testing.assert_array_equal(akrt.Runtime(model).predict(x), to_akida(model).predict(x))


def test_the_starter_network_on_real_clips(starter_models: Path, recordings: Path) -> None:
    need("akida")
    from akrt.audio import features_from_file
    from akrt.model import Mfcc

    model = load_h5(starter_models / "starter_quantised.h5")
    theirs = to_akida(load_fbz(starter_models / "starter.fbz"))
    clips = sorted((recordings / "test").rglob("*.flac"))[::4]
    assert len(clips) >= 300
    x = np.stack([features_from_file(clip, Mfcc()) for clip in clips])
    native = akrt.Runtime(model, backend="native")
    np.testing.assert_array_equal(native.forward(x), theirs.forward(x))
    np.testing.assert_array_equal(native.predict(x), theirs.predict(x))
    np.testing.assert_array_equal(native.predict_classes(x), theirs.predict_classes(x))
    some = x[::4]
    reference = akrt.Runtime(model, backend="reference")
    np.testing.assert_array_equal(reference.forward(some), theirs.forward(some))
    for ours, other in zip(
        native.layer_outputs(some).values(), reference.layer_outputs(some).values(), strict=True
    ):
        np.testing.assert_array_equal(ours, other)
        assert len(np.unique(ours)) > 1
