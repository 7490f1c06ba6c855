"""Errors survive the way back from a worker process, with what they carry."""

from __future__ import annotations

import copy
import importlib
import multiprocessing
import pickle
import pkgutil
from typing import Any

import numpy as np
import pytest

import akrt
from akrt.errors import AkrtError, DeviceLostError, MissingExtraError, UnsupportedLayerError

ARGUMENTS = {
    MissingExtraError: ("rocket", "space", "flying"),
    UnsupportedLayerError: ("conv_1", "Convolutional", "a kernel of 2x2"),
}


def kinds() -> list[type[AkrtError]]:
    for module in pkgutil.walk_packages(akrt.__path__, "akrt."):
        if module.name.startswith(("akrt.driver", "akrt.importers", "akrt.audio", "akrt.backends")):
            importlib.import_module(module.name)
    found: list[type[AkrtError]] = [AkrtError]
    for kind in found:
        found += [k for k in kind.__subclasses__() if k not in found]
    return found


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_survives_a_pickle_and_a_copy(kind: type[AkrtError]) -> None:
    error = kind(*ARGUMENTS.get(kind, ("what was wrong",)))
    error.detail = "line 1\nline 2"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == str(error)
        assert other.args == error.args
        assert vars(other) == vars(error)


def test_a_lost_device_keeps_what_was_finished() -> None:
    error = DeviceLostError("gone")
    error.finished, error.outputs = np.arange(3), np.ones((3, 1, 1, 2), np.int32)
    other = pickle.loads(pickle.dumps(error))
    np.testing.assert_array_equal(other.finished, error.finished)
    np.testing.assert_array_equal(other.outputs, error.outputs)


def _refuse(layer: str) -> Any:
    raise UnsupportedLayerError(layer, "Convolutional", "a kernel of 2x2")


def test_a_worker_process_sends_its_error_back() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(UnsupportedLayerError, match="layer 'conv_7'") as caught:
            pool.apply_async(_refuse, ["conv_7"]).get(60)
        assert caught.value.kind == "Convolutional"
