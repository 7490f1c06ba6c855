"""Choosing a backend: names, plugins, refusals."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest
from networks import placeholder

import akrt
from akrt.backends import registry
from akrt.backends.base import Backend
from akrt.backends.reference import ReferenceBackend
from akrt.errors import BackendNotFoundError, BackendUnavailableError, UsageError
from akrt.model import FullyConnected, InputData, Model

MODEL = Model(
    (
        InputData("in", (1, 1, 4), 4),
        FullyConnected(
            name="out",
            weights=np.array([[1, 2], [3, 4], [5, 6], [7, -7]], np.int8),
            weights_bits=4,
            act_bits=None,
            **placeholder(2),
        ),
    )
)


class Doubling(ReferenceBackend):
    name = "doubling"

    def run(self, x: np.ndarray) -> np.ndarray:
        return 2 * super().run(x)


class Absent(ReferenceBackend):
    name = "absent"

    @classmethod
    def probe(cls) -> str:
        return "its cable is not plugged in"


class Picky(ReferenceBackend):
    name = "picky"

    @classmethod
    def supports(cls, layer: object) -> str | None:
        return "no dense layers" if isinstance(layer, FullyConnected) else None


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        "doubling": f"{__name__}:Doubling",
        "absent": f"{__name__}:Absent",
        "picky": f"{__name__}:Picky",
        "broken": "akrt_no_such_module:Backend",
        "impostor": "builtins:dict",
    }
    found = [EntryPoint(name, value, registry.ENTRY_POINT_GROUP) for name, value in entries.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


def test_auto_is_native() -> None:
    assert akrt.Runtime(MODEL).backend == "native"


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        BackendNotFoundError, match=r"no backend 'gpu'.*auto, nsoc, native, simulator"
    ):
        akrt.Runtime(MODEL, backend="gpu")


def test_unknown_option_is_refused() -> None:
    with pytest.raises(UsageError, match="'native' has no option 'device'"):
        akrt.Runtime(MODEL, device="virtual")


@pytest.mark.usefixtures("plugins")
def test_a_plugin_is_found_and_run() -> None:
    x = np.full((1, 1, 1, 4), 3, np.uint8)
    assert "doubling" in registry.backend_names()
    ours = akrt.Runtime(MODEL, backend="doubling").forward(x)
    np.testing.assert_array_equal(ours, 2 * akrt.Runtime(MODEL).forward(x))


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", r"'absent' cannot run here: its cable is not plugged in"),
        ("picky", r"'picky' cannot run layer 'out' \(FullyConnected\): no dense layers"),
        ("broken", r"'broken'.*cannot be imported.*akrt_no_such_module"),
        ("impostor", r"is not a subclass of"),
    ],
)
def test_a_plugin_that_cannot_run_says_why(name: str, message: str) -> None:
    with pytest.raises(BackendUnavailableError, match=message):
        akrt.Runtime(MODEL, backend=name)


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_does_not_harm_the_others() -> None:
    assert akrt.Runtime(MODEL, backend="native").backend == "native"


def test_every_built_in_backend_keeps_the_contract() -> None:
    for name in ("nsoc", "native", "reference", "simulator"):
        cls = registry.backend_class(name)
        assert issubclass(cls, Backend)
        assert cls.name == name
