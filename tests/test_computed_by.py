"""What computed is said everywhere: results, repr, summary, statistics, streams, the CLI."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import EntryPoint
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from conftest import need
from nsoc_bench import CHIP, MODEL, runtime, samples
from typer.testing import CliRunner

import akrt
from akrt.audio import load_audio
from akrt.backends import registry
from akrt.backends.native import choose_arch
from akrt.backends.reference import ReferenceBackend
from akrt.cli.commands import app
from akrt.provenance import Span, TracedArray, trace

pytestmark = pytest.mark.filterwarnings("ignore::akrt.errors.FallbackWarning")

RATE = 16000
SIMULATED = "nsoc virtual:akd1000 (simulated)"
FELL_BACK = "native, as the fallback of nsoc"


def everywhere(rt: akrt.Runtime) -> str:
    """The one description, after a look at every place that must give it."""
    said = rt.computed_by
    assert repr(rt) == f"<akrt.Runtime {rt.model.name!r} on {said}>"
    assert f"computed by {said}" in rt.summary().splitlines()
    assert str(rt.statistics).startswith(f"{said}: ")
    facts = json.loads(json.dumps(rt.statistics.as_dict()))["computed_by"]
    assert facts["text"] == said
    assert facts["backend"] == rt.backend
    return said


class Plugin(ReferenceBackend):
    name = "plugin"


def test_each_backend_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("plugin", f"{__name__}:Plugin", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    for backend in ("reference", "plugin"):
        rt = akrt.Runtime(MODEL, backend=backend)
        assert everywhere(rt) == backend
        assert rt.forward(samples(3)).ran_on == (Span(0, 3, backend),)
        assert rt.statistics.computed_by.samples_by_place == {backend: 3}
        assert everywhere(rt) == backend


def test_native_names_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert everywhere(akrt.Runtime(MODEL, backend="native")) == f"native ({choose_arch('').name})"
    monkeypatch.setenv("AKRT_ARCH", "generic")
    assert everywhere(akrt.Runtime(MODEL, backend="native")) == "native (generic)"


def test_akidas_software_is_called_so() -> None:
    need("akida")
    rt = akrt.Runtime(MODEL, backend="simulator")
    assert rt.forward(samples(3)).ran_on == (Span(0, 3, "simulator"),)
    assert everywhere(rt) == "simulator (akida's software)"


def test_a_virtual_device_is_simulated(machine) -> None:
    need("akida")
    with akrt.Runtime(MODEL, backend="nsoc", device="VIRTUAL:akd1000") as rt:
        assert everywhere(rt) == SIMULATED
        rt.forward(samples(7))
        assert everywhere(rt) == SIMULATED
        facts = rt.statistics.computed_by.as_dict()
        assert facts["simulated"] is True
        assert facts["samples_by_place"] == {"virtual:akd1000": 7}


def test_a_fallback_that_computes_everything(machine, double) -> None:
    with runtime(fallback="native") as rt:
        assert everywhere(rt) == FELL_BACK
        rt.forward(samples(7))
        assert everywhere(rt) == FELL_BACK
        assert rt.statistics.computed_by.samples_by_place == {"native": 7}


def test_a_fallback_that_computes_a_part(bench) -> None:
    bench(plans={"0": {"forward5": "dies"}})
    with runtime(fallback="native", chunk=10) as rt:
        assert everywhere(rt) == f"nsoc {CHIP} (fallback native not used)"
        rt.forward(samples(30))
        assert everywhere(rt) == f"nsoc {CHIP} (fallback native not used)"
        y = rt.forward(samples(10))
        assert y.ran_on == (Span(0, 10, "native"),)
        assert everywhere(rt) == f"nsoc {CHIP}: 30 samples; native, as its fallback: 10"


def test_auto_says_that_it_took_a_chip(bench) -> None:
    bench()
    with akrt.Runtime(MODEL) as rt:
        rt.forward(samples(4))
        assert everywhere(rt) == f"nsoc {CHIP} (fallback native not used)"
    with runtime() as rt:
        assert everywhere(rt) == f"nsoc {CHIP}"


def test_several_chips_are_told_apart(bench) -> None:
    bench(chips=["AKD1000", "AKD1500"], delay=0.005)
    with runtime(device="all", chunk=10) as rt:
        assert everywhere(rt) == f"nsoc {CHIP}, AKD1500 at 0000:02:00.0"
        rt.forward(samples(200))
        counts = rt.statistics.computed_by.samples_by_place
        assert sum(counts.values()) == 200
        shares = ", ".join(f"{chip}: {count} samples" for chip, count in counts.items())
        assert everywhere(rt) == f"nsoc {shares}"


def test_classes_and_logits_keep_where_they_ran(bench) -> None:
    bench(plans={"0": {"forward5": "raises"}})
    with runtime(fallback="native", chunk=10) as rt:
        classes = rt.predict_classes(samples(50))
        assert classes.ran_on[0] == Span(0, 30, CHIP)
        assert classes.ran_on[1].where == "native"
        assert classes.ran_on[-1].stop == 50
        plain = akrt.Runtime(MODEL, backend="native")
        np.testing.assert_array_equal(classes, plain.predict_classes(samples(50)))
        assert type(plain.predict_classes(samples(5))) is np.ndarray
        assert rt.predict(samples(5)).ran_on[-1].stop == 5


def test_the_places_of_classes_are_positions_of_the_classes() -> None:
    wide = akrt.Model(MODEL.layers[:2])  # 3x3 positions a sample, but activated
    layer = wide.layers[1]
    changes = {"act_bits": None, "weights_bits": layer.weights_bits, "weights": layer.weights}
    kept = {f: getattr(layer, f) for f in ("threshold", "act_step")}
    model = akrt.Model((wide.layers[0], type(layer)(name="out", **changes, **kept)))
    classes = akrt.Runtime(model, backend="reference").predict_classes(samples(4))
    assert classes.shape == (36,)
    assert classes.ran_on == (Span(0, 36, "reference"),)


def test_a_pickled_result_still_says_where_it_ran() -> None:
    result = trace(np.arange(9), [Span(0, 5, "a"), Span(5, 9, "virtual:akd1000", True)])
    other = pickle.loads(pickle.dumps(result))
    assert isinstance(other, TracedArray)
    assert other.ran_on == result.ran_on
    assert other.simulated is True
    assert other.tolist() == list(range(9))


# Streams


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """A few of the words that ship, half a second of silence before each."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(Path(folder).rglob("*.flac"))[::12]
        parts = [part for p in paths for part in (np.zeros(RATE // 2), load_audio(p))]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"backend": "native"}, "native"),
        ({"backend": "simulator"}, "simulator"),
        ({"backend": "nsoc", "device": "virtual:akd1000"}, "virtual:akd1000 (simulated)"),
        ({"backend": "nsoc", "fallback": "native"}, "native"),
    ],
)
def test_a_detection_says_what_decided(machine, double, sound, options, expected) -> None:
    if options["backend"] != "native":
        need("akida")
    with akrt.Runtime(**options) as rt:
        found = akrt.Stream(rt, akrt.StreamSettings(threshold=0.5)).push(sound)
    assert found
    assert {d.computed_by for d in found} == {expected}
    assert {d.as_dict()["computed_by"] for d in found} == {expected}


# The command line


def say(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def spoken(tmp_path: Path, machine, double) -> Path:
    """A folder with two recordings of one word, and no chip."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        word = Path(folder, "right")
        target = tmp_path / "spoken" / word.name
        target.mkdir(parents=True)
        for path in sorted(word.glob("*.flac"))[:2]:
            (target / path.name).write_bytes(path.read_bytes())
    return target.parent


@pytest.mark.parametrize(
    ("options", "expected", "simulated"),
    [
        (("-b", "reference"), "reference", False),
        (("--device", "virtual:akd1000"), SIMULATED, True),
        (("--device", "0", "--fallback", "native"), FELL_BACK, False),
    ],
)
def test_run_eval_and_stream_say_it(spoken: Path, options, expected: str, simulated: bool) -> None:
    need("akida")
    recording = next(spoken.rglob("*.flac"))
    np.save(spoken / "x.npy", np.zeros((2, 49, 10, 1), np.uint8))
    for what in (("run", recording), ("run", spoken / "x.npy"), ("eval", spoken)):
        facts = json.loads(say(*what, *options, "--json"))["computed_by"]
        assert (facts["text"], facts["simulated"]) == (expected, simulated)
        assert sum(facts["samples_by_place"].values()) > 0
        assert f"computed by {expected}" in say(*what, *options)
    assert f"computed by {expected}" in say("stream", recording, *options)
    lines = say("stream", recording, "--threshold", "0", *options, "--json").splitlines()
    for line in lines:
        assert json.loads(line)["computed_by"] == (
            "virtual:akd1000 (simulated)" if simulated else expected.partition(",")[0]
        )


def test_summary_of_the_command_line_prints_the_table_once() -> None:
    assert say("summary").count("FullyConnected") == 1


def test_bench_says_it() -> None:
    options = ("bench", "--batch", "1", "--seconds", "0.01", "--no-peers", "--also", "reference")
    assert "reference: computed by reference" in say(*options)
    rows = json.loads(say(*options, "--json"))["rows"]
    assert {row["computed_by"] for row in rows if row["name"] == "akrt generic"} == {
        "native (generic)"
    }
    assert [row["computed_by"] for row in rows if row["name"] == "reference"] == ["reference"]
