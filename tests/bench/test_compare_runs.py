"""bench/run.py saves a run, bench/compare.py finds what got slower in the next."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
RUN = {
    "cpu": "one CPU",
    "ratios": {
        "net, batch 1: akrt avx2 / LiteRT int8": 1.2,
        "net, batch 1: akrt avx2 / akrt avx512": 1.5,
        "conv 3x3: akrt generic / akrt avx2": 2.5,
    },
}


def compare(folder: Path, old: object, new: object, *options: str) -> tuple[int, str]:
    for name, run in (("old", old), ("new", new)):
        text = run if isinstance(run, str) else json.dumps(run)
        (folder / f"{name}.json").write_text(text)
    command = [sys.executable, BENCH / "compare.py", folder / "old.json", folder / "new.json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_the_same_run_is_good(tmp_path: Path) -> None:
    code, text = compare(tmp_path, RUN, RUN)
    assert code == 0
    assert text.count("same") == 3


@pytest.mark.parametrize("name", RUN["ratios"])
def test_a_planted_regression_fails(tmp_path: Path, name: str) -> None:
    new = copy.deepcopy(RUN)
    new["ratios"][name] *= 1.11
    code, text = compare(tmp_path, RUN, new)
    assert code == 1
    (line,) = [line for line in text.splitlines() if line.startswith("WORSE")]
    assert name in line
    assert compare(tmp_path, RUN, new, "--limit", "1.2")[0] == 0
    assert compare(tmp_path, new, RUN)[0] == 0  # the other way it got better


def test_within_the_limit_is_good(tmp_path: Path) -> None:
    new = copy.deepcopy(RUN)
    for name in new["ratios"]:
        new["ratios"][name] *= 1.09
    assert compare(tmp_path, RUN, new)[0] == 0


def test_a_ratio_that_is_gone_fails_and_a_new_one_does_not(tmp_path: Path) -> None:
    more = copy.deepcopy(RUN)
    more["ratios"]["another"] = 9.0
    assert compare(tmp_path, RUN, more)[0] == 0
    code, text = compare(tmp_path, more, RUN)
    assert code == 1
    assert "MISSING" in text


@pytest.mark.parametrize(
    "broken",
    ["", "[]", "{}", '{"ratios": {}}', '{"ratios": {"a": 0}}', '{"ratios": {"a": NaN}}',
     '{"ratios": {"a": "fast"}}', '{"ratios": ["a"]}'],
)  # fmt: skip
def test_what_is_no_run_is_refused(tmp_path: Path, broken: str) -> None:
    for pair in ((RUN, broken), (broken, RUN)):
        code, text = compare(tmp_path, *pair)
        assert code == 2
        assert "is no saved run" in text


def test_other_cpus_are_told(tmp_path: Path) -> None:
    code, text = compare(tmp_path, RUN, {**RUN, "cpu": "another"})
    assert code == 0
    assert "other CPUs: one CPU, another" in text


def test_a_busy_machine_is_told(tmp_path: Path) -> None:
    busy = {**RUN, "networks": [{"cpu_share": 0.98}, {"cpu_share": 0.61}]}
    assert "the new run had its core for 61% of the time only" in compare(tmp_path, RUN, busy)[1]
    assert "of the time only" not in compare(tmp_path, RUN, RUN)[1]


def test_a_limit_below_one_is_refused(tmp_path: Path) -> None:
    assert compare(tmp_path, RUN, RUN, "--limit", "0.9")[0] == 2


def test_a_run_is_saved_and_compared(tmp_path: Path) -> None:
    command = [sys.executable, BENCH / "run.py", "--quick", "--seconds", "0.001"]
    done = subprocess.run(
        [*command, "--out", tmp_path], capture_output=True, text=True, check=False, cwd=BENCH
    )
    assert done.returncode == 0, done.stderr
    run = json.loads((tmp_path / "latency.json").read_text())
    assert str(tmp_path) not in json.dumps(run)
    assert run["command"] == "python bench/run.py --seconds 0.001 --quick"
    assert run["left_out"]
    assert "separable 3x3" in run["layers_us"]
    text = (tmp_path / "latency.md").read_text()
    for name, value in run["networks"][0]["ratios"].items():
        assert f"| {name} | {value:.3f} |" in text
    if not run["ratios"]:
        pytest.skip("this CPU has one kernel set and no peer is installed")
    assert compare(tmp_path, run, run)[0] == 0
    name = next(iter(run["ratios"]))
    slower = {**run, "ratios": {**run["ratios"], name: run["ratios"][name] * 1.5}}
    assert compare(tmp_path, run, slower)[0] == 1
