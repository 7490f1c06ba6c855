"""bench/akida2_latency.py: the tables are those of the figures beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


def test_the_table_that_is_saved_is_that_of_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    import akida2_latency

    saved = BENCH / "results" / "akida2_latency.json"
    run = json.loads(saved.read_text())
    assert akida2_latency.markdown(run) == saved.with_suffix(".md").read_text()
    assert {network["model"] for network in run["networks"]} <= set(akida2_latency.NETWORKS)
    assert all(network["agreement"]["LiteRT int8"] > 0.95 for network in run["networks"])


def test_a_network_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    import akida2_latency

    monkeypatch.setattr(sys, "argv", ["akida2_latency.py", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        akida2_latency.main()
    assert ended.value.code == 2
    assert "no network is called 'nowhere': ds_cnn_kws" in capsys.readouterr().err
