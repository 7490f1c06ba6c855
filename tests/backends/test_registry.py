"""Choosing a backend: names, plugins, refusals."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from networks import placeholder

import akrt
from akrt.backends import reference, registry
from akrt.backends.base import Backend
from akrt.backends.nsoc import NsocBackend
from akrt.backends.reference import ReferenceBackend
from akrt.backends.registry import AUTO_GROUP
from akrt.driver import host
from akrt.errors import (
    BackendNotFoundError,
    BackendUnavailableError,
    DeviceLostError,
    DevicePermissionError,
    FallbackWarning,
    UsageError,
)
from akrt.model import FullyConnected, InputData, Model, Node

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
    def supports(cls, node: Node) -> str | None:
        return "no dense layers" if isinstance(node.layer, FullyConnected) else None


class Best(Doubling):
    name = "best"
    rank = 150
    options = frozenset({"speed"})

    def __init__(self, model: Model, speed: int = 1) -> None:
        super().__init__(model)


class Better(Best):
    name = "better"
    rank = 120


class Worse(Doubling):
    name = "worse"
    rank = 99


class Unranked(Doubling):
    name = "unranked"


class Unplugged(Best):
    name = "unplugged"

    @classmethod
    def probe(cls) -> str:
        return "its cable is not plugged in"


class Trembling(Best):
    name = "trembling"

    @classmethod
    def probe(cls) -> str:
        raise RuntimeError("its cable is loose")


class Dying(Best):
    name = "dying"

    def __init__(self, model: Model, **options: object) -> None:
        raise DeviceLostError("it died at once")


class PickyBest(Picky):
    name = "picky_best"
    rank = 150


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
    monkeypatch.setattr(
        registry, "entry_points", lambda group: found if group == registry.ENTRY_POINT_GROUP else []
    )


@pytest.fixture
def automatic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Classes of this module as plug-ins that take part in auto; no chip is plugged in."""
    monkeypatch.setattr(host, "ROOT", tmp_path)

    def install(*values: str) -> None:
        found = [
            EntryPoint(value.lower(), value if ":" in value else f"{__name__}:{value}", AUTO_GROUP)
            for value in values
        ]
        monkeypatch.setattr(
            registry, "entry_points", lambda group: found if group == AUTO_GROUP else []
        )

    return install


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


@pytest.mark.parametrize(
    ("plugins", "chosen"),
    [
        (["Worse", "Better", "Best"], "best"),
        (["Better", "Unplugged"], "better"),
        (["Worse"], "native"),
        (["Unranked"], "native"),
        (["Unplugged"], "native"),
    ],
)
@pytest.mark.filterwarnings("error::akrt.errors.FallbackWarning")
def test_auto_takes_the_highest_rank_that_can_run_here(automatic, plugins, chosen) -> None:
    automatic(*plugins)
    assert akrt.Runtime(MODEL).backend == chosen


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("Trembling", "'native' computes: .*its cable is loose"),
        ("Dying", "'native' computes: it died at once"),
        ("PickyBest", r"'native' computes: backend 'picky_best' cannot run layer 'out'.*no dense"),
        ("akrt_no_such_module:Backend", "'native' computes: .*cannot be imported"),
        ("builtins:dict", "'native' computes: .*is not a subclass"),
    ],
)
def test_a_plugin_that_fails_unasked_is_told_and_passed_over(automatic, plugin, message) -> None:
    automatic(plugin)
    with pytest.warns(FallbackWarning, match=message) as told:
        assert akrt.Runtime(MODEL).backend == "native"
    assert [w.filename for w in told] == [__file__]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("Trembling", RuntimeError, "its cable is loose"),
        ("Dying", DeviceLostError, "it died at once"),
        ("Unplugged", BackendUnavailableError, "its cable is not plugged in"),
    ],
)
def test_a_plugin_of_auto_raises_when_it_is_asked_for(automatic, name, kind, message) -> None:
    automatic(name)
    with pytest.raises(kind, match=message):
        akrt.Runtime(MODEL, backend=name.lower())


def test_auto_passes_over_what_has_not_the_options(automatic) -> None:
    automatic("Best")
    assert akrt.Runtime(MODEL, threads=1).backend == "native"
    assert akrt.Runtime(MODEL, speed=2).backend == "best"
    with pytest.raises(UsageError, match="'native' has no option 'colour'"):
        akrt.Runtime(MODEL, colour="red")


def test_auto_imports_no_plugin_that_is_to_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def found(group: str) -> list[EntryPoint]:
        asked.append(group)
        return []

    monkeypatch.setattr(registry, "entry_points", found)
    akrt.Runtime(MODEL)
    assert asked == ["akrt.backends.auto"]


def test_a_plugin_that_is_installed_is_found(tmp_path: Path, monkeypatch) -> None:
    info = tmp_path / "akrt_fast-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: akrt-fast\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[akrt.backends.auto]\nfast = akrt_fast:Fast\n")
    (tmp_path / "akrt_fast.py").write_text(
        "from akrt.backends.reference import ReferenceBackend\n"
        "class Fast(ReferenceBackend):\n    name, rank = 'fast', 300\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert akrt.Runtime(MODEL).backend == "fast"
    assert akrt.Runtime(MODEL, backend="fast").backend == "fast"


def test_simulations_and_the_oracle_are_never_chosen_unasked() -> None:
    ranks = {name: registry.backend_class(name).rank for name in registry.backend_names()[:4]}
    assert ranks["simulator"] == ranks["reference"] == 0 < ranks["native"] < ranks["nsoc"]


@pytest.mark.parametrize("backend", ["reference", "simulator", "nsoc"])
def test_what_a_backend_cannot_run_is_told_for_all_layers_at_once(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    wide = FullyConnected(
        name="first",
        weights=np.ones((4, 6), np.int8),
        weights_bits=4,
        act_bits=4,
        threshold=np.zeros(6, np.int32),
        act_step=np.full(6, 2.0**24, np.float32),
    )
    second = replace(wide, name="second", weights=np.ones((6, 6), np.int8))
    model = Model((InputData("in", (1, 1, 4), 4), wide, second))
    monkeypatch.setattr(reference, "MAX_WINDOW_BYTES", 48)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    cls = registry.backend_class(backend)
    assert [cls.supports(node) is None for node in model.nodes] == [True, False, False]
    with pytest.raises(
        BackendUnavailableError, match=r"cannot run layer 'first'.*; layer 'second'"
    ):
        akrt.Runtime(model, backend=backend)
    assert akrt.Runtime(model, backend="native").backend == "native"


def test_the_simulator_is_absent_without_akida(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailableError, match=r"'akida' is not installed: pip install"):
        akrt.Runtime(MODEL, backend="simulator")


def test_a_chip_is_absent_where_the_bus_shows_none(machine, double) -> None:
    assert "no Akida chip on the PCI bus" in NsocBackend.probe()
    machine.chip()
    assert NsocBackend.probe() is None


def test_a_chip_is_absent_without_akida(machine, double, monkeypatch) -> None:
    machine.chip()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "'akida' is not installed" in NsocBackend.probe()


def test_a_chip_that_this_user_may_not_open_is_told(machine, double, monkeypatch) -> None:
    machine.chip(mode=0o600)
    somebody = replace(machine.host, uid=os.getuid() + 1)
    monkeypatch.setattr(host, "Host", lambda: somebody)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DevicePermissionError, match="may not open /dev/akida0"):
        NsocBackend.probe()
    with pytest.warns(FallbackWarning, match="'native' computes: this user may not open"):
        assert akrt.Runtime(MODEL).backend == "native"
    monkeypatch.setattr(os, "access", lambda path, mode: True)  # an access list lets the user in
    assert NsocBackend.probe() is None


def test_every_built_in_backend_keeps_the_contract() -> None:
    for name in ("nsoc", "native", "reference", "simulator"):
        cls = registry.backend_class(name)
        assert issubclass(cls, Backend)
        assert cls.name == name
