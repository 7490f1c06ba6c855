"""Expected values of an export's vectors at the ends of what a network may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import akrt
import firmware_export
from akrt.errors import UsageError
from akrt.model import FullyConnected, InputData, Model
from firmware_export.expected import class_of
from firmware_export.verify import verify


def test_thresholds_at_the_ends_of_32_bits(tmp_path: Path) -> None:
    layer = FullyConnected(
        name="out",
        weights=np.array([[7, 1], [7, 2]], np.int8),
        weights_bits=4,
        act_bits=None,
        threshold=np.array([-(1 << 31), 0], np.int32),
        act_step=np.ones(2, np.float32),
    )
    model = Model((InputData("in", (1, 1, 2), 4), layer), name="ends")
    x = np.full((1, 1, 1, 2), 15, np.uint8)
    runtime = akrt.Runtime(model, backend="reference")
    assert runtime.predict_classes(x).tolist() == [0]
    assert class_of(model, runtime.forward(x)[0]) == 0
    firmware_export.export(model, tmp_path, vectors=x)
    verify(tmp_path)


def test_text_that_no_file_can_hold(tmp_path: Path) -> None:
    model = akrt.Runtime(backend="reference").model
    assert model.labels is not None
    for broken in (
        model.replace(name="n\udc80"),
        model.replace(labels=("a\ud800", *model.labels[1:])),
    ):
        with pytest.raises(UsageError, match=r"cannot be written as UTF-8.*akrt convert"):
            firmware_export.export(broken, tmp_path / "out", name="net")
        assert not (tmp_path / "out").exists()
