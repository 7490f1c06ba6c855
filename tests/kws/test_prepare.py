"""From folders to features: who gets where, how often, and the same again from the same seed."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from akrt.audio import features_from_file
from akrt.cli.kws import app
from akrt.errors import AudioError, DatasetError, UsageError
from akrt.kws.dataset import which_set
from akrt.kws.featureset import FeatureSet
from akrt.kws.prepare import PrepareSettings, prepare
from akrt.kws.synthesise import Voice, is_held_out
from akrt.model import Mfcc

WORDS = ("_silence_", "yes", "no")
SMALL = PrepareSettings(words=WORDS, per_class=60)


def sounds(folder: Path, words: tuple[str, ...] = ("yes", "no"), speakers: int = 12) -> Path:
    """A data set of tones: the word gives the pitch, the speaker a little of it."""
    rng = np.random.default_rng(0)
    for k, word in enumerate(words):
        (folder / word).mkdir(parents=True)
        for n in range(speakers):
            pitch = 300 * (k + 1) * (1 + 0.01 * n)
            sound = 0.4 * np.sin(2 * np.pi * pitch * np.arange(12000) / 16000)
            soundfile.write(folder / word / f"{n:08x}_nohash_0.flac", sound, 16000)
    (folder / "_background_noise_").mkdir()
    noise = 0.3 * rng.standard_normal(40000)
    soundfile.write(folder / "_background_noise_" / "noise.wav", noise, 16000)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds(tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="module")
def prepared(folder: Path) -> FeatureSet:
    return prepare(folder, SMALL)


def test_speakers_go_where_the_hash_says(prepared: FeatureSet) -> None:
    real = prepared.source == prepared.sources.index("real")
    for speaker, split in set(
        zip(prepared.speaker[real].tolist(), prepared.split[real].tolist(), strict=True)
    ):
        assert which_set(prepared.speakers[speaker]) == ("training", "validation", "testing")[split]


def test_classes_are_filled_evenly(prepared: FeatureSet) -> None:
    rows = np.bincount(prepared.y[prepared.select("training")], minlength=3)
    assert rows[0] == 60
    assert (np.abs(rows[1:] - 60) <= 10).all()


def test_first_copy_is_the_recording_itself(folder: Path, prepared: FeatureSet) -> None:
    first = (prepared.copy == 0) & (prepared.source == prepared.sources.index("real"))
    for i in np.flatnonzero(first):
        speaker = prepared.speakers[prepared.speaker[i]]
        path = folder / prepared.words[prepared.y[i]] / f"{speaker}_nohash_0.flac"
        assert (prepared.x[i] == features_from_file(path, Mfcc())).all()


def test_only_training_is_augmented(prepared: FeatureSet) -> None:
    assert not prepared.copy[~prepared.select("training")].any()
    copies = prepared.x[prepared.clip == prepared.clip[prepared.copy > 0][0]]
    assert len(np.unique(copies.reshape(len(copies), -1), axis=0)) == len(copies)


def test_same_seed_same_rows_with_any_number_of_workers(folder: Path, prepared: FeatureSet) -> None:
    again = prepare(folder, SMALL, workers=2)
    assert (again.x == prepared.x).all()
    other = prepare(folder, PrepareSettings(words=WORDS, per_class=60, seed=2))
    assert (other.x != prepared.x).any()


def test_progress_reaches_the_end(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    prepare(folder, SMALL, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert [d for d, _ in told] == sorted(d for d, _ in told)


def test_training_speakers_only_leaves_nobody_to_test(folder: Path) -> None:
    data = prepare(folder, PrepareSettings(words=WORDS, per_class=40, speakers="training"))
    assert not data.select("testing").any()
    assert data.counts()["training"]["yes"]["real"] + data.counts()["validation"]["yes"][
        "real"
    ] == sum(1 for _ in (folder / "yes").iterdir())


def test_test_folder_is_testing_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    test = sounds(tmp_path / "test", ("yes", "no", "marvin"), speakers=5)
    data = prepare(folder, SMALL, test=test)
    rows = data.select("testing", "real")
    assert rows.sum() == 10
    assert {data.speakers[s] for s in data.speaker[rows]} == {f"{n:08x}" for n in range(5)}


def test_extra_folders_are_training_under_their_name(folder: Path, tmp_path: Path) -> None:
    extra = sounds(tmp_path / "more", ("yes",), speakers=7)
    data = prepare(folder, SMALL, extra=[("own", extra)])
    assert data.counts()["training"]["yes"]["own"] == 7
    assert "own" not in data.counts()["training"]["no"]
    assert not (data.select("validation", "own") | data.select("testing", "own")).any()


def test_unknown_words(folder: Path) -> None:
    data = prepare(folder, PrepareSettings(words=("_silence_", "_unknown_", "no"), per_class=30))
    yes = {p.stem.split("_")[0] for p in (folder / "yes").iterdir()}
    unknown = {data.speakers[s] for s in data.speaker[data.y == 1]}
    assert unknown <= yes
    assert unknown


def test_synthetic_speech_is_counted_apart(folder: Path) -> None:
    try:
        settings = PrepareSettings(
            words=(*WORDS, "visual"), per_class=40, synthesise=True, synthetic_short=12
        )
        data = prepare(folder, settings)
    except DatasetError as error:
        if "needs espeak-ng" not in str(error):
            raise
        pytest.skip(str(error))
    counts = data.counts()
    assert counts["training"]["visual"] == {"synthetic": 12}
    assert counts["training"]["yes"]["synthetic"] == 12
    voices = {
        data.speakers[s] for s in data.speaker[data.source == data.sources.index("synthetic")]
    }
    assert voices
    assert not any(is_held_out(Voice(*voice.split(":"))) for voice in voices)
    assert not data.select("validation", "synthetic").any()


def test_no_recordings_of_a_word(folder: Path) -> None:
    with pytest.raises(DatasetError, match="nothing to train 'visual' on"):
        prepare(folder, PrepareSettings(words=(*WORDS, "visual")))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_recording_is_named(tmp_path: Path, workers: int) -> None:
    folder = sounds(tmp_path / "data")
    bad = folder / "no" / "00000003_nohash_1.flac"
    bad.write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(AudioError, match="00000003_nohash_1"):
        prepare(folder, SMALL, workers=workers)


def test_bad_settings() -> None:
    with pytest.raises(UsageError, match="per_class"):
        PrepareSettings(per_class=0)


def test_command(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    done = CliRunner().invoke(
        app,
        [
            *("prepare", str(folder), "-o", str(out), "--words", "yes,no"),
            *("--per-class", "30", "--workers", "1", "--extra", f"own={folder}"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "rows, augmented copies included" in done.output
    data = FeatureSet.load(out)
    assert data.words == WORDS
    assert data.settings["per_class"] == 30
    assert "own" in data.sources


@pytest.mark.parametrize("extra", ["nothing", "=x", "real=x", "a="])
def test_command_with_a_bad_extra(folder: Path, tmp_path: Path, extra: str) -> None:
    done = CliRunner().invoke(
        app, ["prepare", str(folder), "-o", str(tmp_path / "a.npz"), "--extra", extra]
    )
    assert isinstance(done.exception, UsageError)
