"""akrt bench: the table, the JSON, and what is missing."""

from __future__ import annotations

import builtins
import json
import os
import time

import numpy as np
import pytest

from akrt import benchmark, peers, timing
from akrt.backends.native import usable_archs
from akrt.cli.bench import bench
from akrt.errors import BackendUnavailableError, MissingExtraError, UsageError
from akrt.runtime import bundled_model


def run(capsys: pytest.CaptureFixture[str], **options: object) -> str:
    defaults = {"model": None, "batch": 2, "seconds": 0.01, "arch": None, "also": None}
    bench(**{**defaults, "peers": False, "as_json": False, **options})
    return capsys.readouterr().out


def test_every_kernel_set_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, as_json=True, also=["reference"]))
    singles = [row for row in found["rows"] if row["batch"] == 1]
    names = [f"akrt {arch}" for arch in usable_archs()]
    assert [row["name"] for row in singles] == [*names, "reference"]
    slowest = max(row["median_us"] for row in singles[:-1])
    assert singles[-1]["median_us"] > slowest > 0
    assert set(found["versions"]) >= {"akrt", "numpy"}
    assert found["cpu"]
    about = {"cpu", "system", "python", "versions"}  # no host, no path
    measured = {
        "model",
        "akida_version",
        "macs",
        "rows",
        "ratios",
        "absent",
        "agreement",
        "cpu_share",
    }
    assert set(found) == about | measured
    for name in names[1:]:
        key = f"ds_cnn_kws, batch 1: {name} / {names[0]}"
        assert found["ratios"][key] > 0


def test_calls_of_others_take_their_turns() -> None:
    def slow() -> None:
        time.sleep(0.002)

    model, name = bundled_model(), usable_archs()[0]
    others = {"other": slow}
    found = benchmark.compare(model, [name], against=(), batch=2, seconds=0.01, others=others)
    assert [(row.name, row.batch) for row in found.rows[:2]] == [(f"akrt {name}", 1), ("other", 1)]
    assert 0 < found.ratios[f"ds_cnn_kws, batch 1: akrt {name} / other"] < 1
    assert "other" not in {row.name for row in found.rows if row.batch == 2}


def test_the_table_says_which_peers_are_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "installed", lambda name: None)
    text = run(capsys, peers=True, arch=["generic"])
    for name in peers.PEERS:
        assert f"{name}: not installed: pip install 'akrt[bench]'" in text
    assert "akrt generic" in text
    assert "samples/s" in text


def test_an_absent_peer_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **options: object) -> object:
        if name.split(".")[0] in ("ai_edge_litert", "flatbuffers"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    model = bundled_model()
    x = benchmark.samples(model, 2)
    network = peers.quantise(model, x)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"akrt\[bench\]"):
        peers.prepare("LiteRT int8", network, x)


@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_that_is_here_is_compared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if peers.installed(name) is None:
        pytest.skip(f"{name} is not installed: pip install 'akrt[bench]'")
    found = benchmark.compare(bundled_model(), ["generic"], [name], batch=1, seconds=0.01)
    assert found.ratios.keys() == {f"ds_cnn_kws, batch 1: akrt generic / {name}"}
    assert found.agreement[name] > 0.99


def test_a_busy_machine_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = benchmark.compare(bundled_model(), ["generic"], (), batch=1, seconds=0.01)
    assert 0 < found.cpu_share <= 1
    for share, told in ((0.5, True), (0.99, False)):
        found.cpu_share = share
        monkeypatch.setattr(benchmark, "compare", lambda *_, **__: found)
        assert ("50% of the time only" in run(capsys)) == told


def test_the_figures_of_akida_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    for backend in ("simulator", "nsoc", "auto"):
        with pytest.raises(UsageError, match="licence"):
            run(capsys, also=[backend], as_json=True)


def test_kernels_that_are_not_here_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackendUnavailableError, match="sse9"):
        run(capsys, arch=["sse9"])


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 0.0, 1e300])
def test_what_is_no_time_is_refused(capsys: pytest.CaptureFixture[str], seconds: float) -> None:
    with pytest.raises(UsageError, match="seconds must be above 0"):
        run(capsys, seconds=seconds)


def test_ratios_are_of_turns_side_by_side() -> None:
    """A machine that gets slower halfway through changes no ratio."""
    calls = {"short": 0, "long": 0}

    def call(name: str, seconds: float) -> None:
        calls[name] += 1
        time.sleep(seconds * (1 if calls[name] < 12 else 3))

    found = timing.take_turns(
        {"short": lambda: call("short", 0.002), "long": lambda: call("long", 0.006)}, 0.2
    )
    assert 2.0 < timing.ratio(found["long"], found["short"]) < 3.6
    assert found["long"].calls >= timing.MIN_ROUNDS


def test_the_environment_and_the_cpus_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AKRT_ARCH", raising=False)
    with benchmark.with_arch("generic"):
        assert os.environ["AKRT_ARCH"] == "generic"
    assert "AKRT_ARCH" not in os.environ
    before = os.sched_getaffinity(0)
    with timing.one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_samples_are_words_where_the_network_hears_them() -> None:
    x = benchmark.samples(bundled_model(), 20)
    assert x.shape == (20, 49, 10, 1)
    np.testing.assert_array_equal(x[16:], x[:4])
    assert len(np.unique(x[:16], axis=0)) == 16
