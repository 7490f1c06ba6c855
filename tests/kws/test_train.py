"""Training: the whole road from sounds to a quantised network, small; and its parts."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import need
from test_prepare import sounds

from akrt.errors import DatasetError, UsageError
from akrt.kws.dataset import which_set
from akrt.kws.featureset import FeatureSet
from akrt.kws.network import EPISODES
from akrt.kws.optimise import rate_at
from akrt.kws.prepare import PrepareSettings, prepare
from akrt.kws.train import EpisodeResult, TrainSettings, markdown_table, train

BRIEF = TrainSettings(epochs=(2, 1, 1, 1, 1, 1), batch=32, teacher_filters=16, teacher_epochs=1)
STAGES = ["float", "teacher", *(episode.name for episode in EPISODES[1:])]


def need_training() -> None:
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models"):
        need(package)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FeatureSet:
    need_training()
    folder = sounds(tmp_path_factory.mktemp("data"), speakers=25)
    return prepare(folder, PrepareSettings(words=("_silence_", "yes", "no"), per_class=100))


@pytest.fixture(scope="module")
def trained(
    data: FeatureSet, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[EpisodeResult]]:
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(data, folder, BRIEF)


def test_every_episode_is_trained(trained: tuple[Path, list[EpisodeResult]]) -> None:
    folder, results = trained
    assert [r.episode for r in results] == STAGES
    for r in results:
        assert (folder / f"ds_cnn_kws_{r.episode}.h5").stat().st_size > 50_000
        assert 0 <= r.validation <= 1
        assert r.seconds > 0
    assert not (folder / "checkpoint.npz").exists()
    # Folding removes 4 numbers per filter of five batch normalisations and adds a bias each.
    assert results[0].parameters - results[2].parameters == 5 * 64 * 4 - 5 * 64
    assert len({r.parameters for r in results[2:]}) == 1


def test_tables(trained: tuple[Path, list[EpisodeResult]]) -> None:
    folder, results = trained
    text = (folder / "table.md").read_text()
    assert text.startswith(markdown_table(results))
    assert text.count("\n| ") == 7
    table = json.loads((folder / "table.json").read_text())
    assert [row["episode"] for row in table["episodes"]] == STAGES
    assert table["training"]["seed"] == BRIEF.seed
    assert table["data"]["per_class"] == 100
    assert table["clips"]["training"]["yes"]["real"] > 5
    assert json.loads((folder / "words.json").read_text()) == ["_silence_", "yes", "no"]
    assert not list(folder.glob(".*"))


def test_quantised_weights_have_the_promised_levels(
    trained: tuple[Path, list[EpisodeResult]],
) -> None:
    """Counted in the converted network: akrt's importer and its layers know the ranges."""
    import akrt

    folder, _ = trained
    model = akrt.load(folder / "ds_cnn_kws_w8-4_a4_last1.h5")
    bits = [(layer.weights_bits, layer.act_bits) for layer in model.layers]
    assert bits == [(8, 4), (4, 4), (4, 4), (4, 4), (4, 1), (4, None)]


def test_a_finished_run_is_not_repeated(
    data: FeatureSet, trained: tuple[Path, list[EpisodeResult]]
) -> None:
    folder, results = trained
    before = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.h5")}
    assert train(data, folder, BRIEF) == results
    assert {p.name: p.stat().st_mtime_ns for p in folder.glob("*.h5")} == before


def test_other_settings_need_another_folder(
    data: FeatureSet, trained: tuple[Path, list[EpisodeResult]]
) -> None:
    with pytest.raises(UsageError, match="other settings or data"):
        train(data, trained[0], TrainSettings(seed=9))


@pytest.mark.parametrize(
    "name", ["table.md", "table.json", "words.json", "log.jsonl", "ds_cnn_kws_a4.h5"]
)
def test_files_of_others_are_kept(data: FeatureSet, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"{name}' .*--force"):
        train(data, tmp_path, BRIEF)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {name: "mine"}


@pytest.mark.parametrize("name", ["table.md", "words.json"])
def test_a_table_that_was_changed_is_kept(
    data: FeatureSet, trained: tuple[Path, list[EpisodeResult]], name: str
) -> None:
    path = trained[0] / name
    before = path.read_text()
    path.write_text(before + "my notes\n")
    with pytest.raises(UsageError, match=f"{name}' exists and is not what akrt wrote"):
        train(data, trained[0], BRIEF)
    assert path.read_text().endswith("my notes\n")
    assert train(data, trained[0], BRIEF, force=True) == trained[1]
    assert path.read_text() == before


class _Stop(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(data: FeatureSet, tmp_path: Path) -> None:
    """Interrupted in its second epoch it ends with the very weights of a run in one go."""
    from akrt.kws import train as module

    settings = TrainSettings(epochs=(3, 1, 1, 1, 1, 1), batch=16)
    whole, parts = tmp_path / "whole", tmp_path / "parts"

    def stop_after_float(episode: str, epoch: int, *_: object) -> None:
        if episode != "float":
            raise _Stop

    def stop_in_second_epoch(episode: str, epoch: int, *_: object) -> None:
        if epoch == 2:
            raise _Stop

    with pytest.raises(_Stop):
        train(data, whole, settings, stop_after_float)
    with pytest.raises(_Stop):
        train(data, parts, settings, stop_in_second_epoch)
    assert (parts / "checkpoint.npz").exists()
    # as if it had been interrupted between a network and the table
    (parts / "ds_cnn_kws_float.h5").write_text("of this run")
    with pytest.raises(_Stop):
        train(data, parts, settings, stop_after_float)
    logs = [(folder / "log.jsonl").read_text().splitlines() for folder in (whole, parts)]
    assert [json.loads(line)["epoch"] for line in logs[1]] == [1, 2, 3]
    first, second = (
        module.network.load(folder / "ds_cnn_kws_float.h5").get_weights()
        for folder in (whole, parts)
    )
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_damaged_checkpoint_is_named(data: FeatureSet, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(b"PK\3\4 and nothing more")
    with pytest.raises(UsageError, match=r"checkpoint\.npz.*damaged"):
        train(data, tmp_path, BRIEF)


def test_choice_needs_real_recordings(tmp_path: Path) -> None:
    need_training()
    folder = sounds(tmp_path / "data", speakers=25)
    for path in folder.glob("*/*_nohash_0.flac"):
        if which_set(path.stem) == "validation":
            path.unlink()
    settings = PrepareSettings(words=("_silence_", "yes", "no"), per_class=20)
    with pytest.raises(DatasetError, match="0 real recordings of validation speakers"):
        train(prepare(folder, settings), tmp_path / "out", BRIEF)


def test_rate_rises_and_falls_to_zero() -> None:
    rates = [rate_at(step, 1000, 0.01) for step in range(1000)]
    assert max(rates) == pytest.approx(0.01)
    assert 45 <= int(np.argmax(rates)) <= 50
    assert rates[-1] < 1e-6
    assert (np.diff(rates[:50]) >= 0).all()
    assert (np.diff(rates[50:]) <= 0).all()
    middle = rates[50 + 475]
    assert middle == pytest.approx(0.005, rel=0.01)
    assert not any(math.isnan(rate) for rate in rates)


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 0},
        {"epochs": (1, 2)},
        {"epochs": (1, 1, 1, 1, 1, 0)},
        {"distil": 1.5},
        {"teacher_filters": -1},
        {"teacher_epochs": 0},
    ],
)
def test_bad_settings(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        TrainSettings(**change)


def test_markdown_table() -> None:
    row = EpisodeResult("a4", "32", "4", 22753, 2, 0.90123, 90.0)
    assert markdown_table([row]).splitlines()[2] == "| a4 | 32 | 4 | 22,753 | 90.12 | 2 | 1.5 |"
