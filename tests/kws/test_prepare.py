"""From folders to features: who gets where, how often, and the same again from the same seed."""

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
from in_process import run_akrt
from typer.testing import CliRunner

from akrt.audio import features_from_file, load_audio
from akrt.cli.kws import app
from akrt.errors import AudioError, DatasetError, ToolError, UsageError
from akrt.kws import items
from akrt.kws.augment import loudest_part
from akrt.kws.dataset import which_set
from akrt.kws.evaluate import load_clips
from akrt.kws.featureset import FeatureSet
from akrt.kws.prepare import PrepareSettings, _about, prepare
from akrt.kws.speakers import SpeakerNames
from akrt.kws.synthesise import Voice, is_held_out
from akrt.model import Mfcc

preparation = import_module("akrt.kws.prepare")
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
    assert rows.tolist() == [60, 60, 60]


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
    except ToolError as error:
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


def odd_files(folder: Path) -> set[str]:
    """Files and folders in `folder`/yes, and a noise, that are no recordings; their names."""
    yes = folder / "yes"
    (yes / "folder.wav").mkdir()
    (folder / "loose.wav").touch()
    (yes / "._a_nohash_0.flac").write_bytes(b"\0\5\x16\7" + bytes(60))
    (yes / "00000005_nohash_7.wav").write_bytes(b"")
    (yes / "00000006_nohash_7.flac").write_bytes(b"fLaC" + bytes(100))
    (yes / "notes.txt").write_text("yes")
    os.symlink("nowhere", yes / "gone.wav")
    (folder / "_background_noise_" / "broken.wav").write_bytes(b"RIFF")
    return {
        *("folder.wav", "._a_nohash_0.flac", "00000005_nohash_7.wav", "00000006_nohash_7.flac"),
        *("notes.txt", "gone.wav", "broken.wav", "loose.wav"),
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_read_is_left_out_and_named(
    tmp_path: Path, prepared: FeatureSet, workers: int
) -> None:
    folder = sounds(tmp_path / "data")
    odd = odd_files(folder)
    failed: list[str] = []
    data = prepare(folder, SMALL, workers=workers, failed=failed)
    assert len(failed) == len(odd)
    for name in odd:
        assert sum(f"{name}'" in line for line in failed) == 1, name
    assert (data.x == prepared.x).all()  # rows are those of the others


def test_a_recording_that_vanishes_meanwhile_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sounds(tmp_path / "data")
    gone = next((folder / "no").iterdir())
    monkeypatch.setattr(items, "speak", lambda *_: gone.unlink(missing_ok=True) or [])
    failed: list[str] = []
    data = prepare(folder, SMALL, failed=failed)
    assert len(failed) == 1
    assert gone.name in failed[0]
    assert len(data.x) == len(data.y) == len(data.copy)
    assert gone.stem.split("_")[0] not in {data.speakers[s] for s in data.speaker[(data.y == 2)]}


def test_nothing_readable(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "data")
    for path in folder.glob("[a-z]*/*.flac"):
        path.write_bytes(b"no sound")
    failed: list[str] = []
    with pytest.raises(DatasetError, match="none of the 24 recordings can be used"):
        prepare(folder, SMALL, failed=failed)
    assert len(failed) == 24


def test_cuts_of_one_recording_are_in_one_split(tmp_path: Path) -> None:
    """Each of 15 recordings, cut into pieces of both words, is in one split with all copies."""
    folder = sounds(tmp_path / "data", speakers=0)
    for k, word in enumerate(("yes", "no")):
        for n in range(15):
            for cut in range(3):
                sound = 0.3 * np.sin(np.arange(9000) * (0.1 + 0.1 * k + 0.001 * n + 0.0001 * cut))
                soundfile.write(folder / word / f"rec{n}_{3 * k + cut:03}.wav", sound, 16000)
    notes: list[str] = []
    data = prepare(folder, PrepareSettings(words=WORDS, per_class=90), notes=notes)
    real = data.source == data.sources.index("real")
    assert {data.speakers[s] for s in data.speaker[real]} == {f"rec{n}" for n in range(15)}
    splits: dict[int, set[int]] = {}
    for speaker, split in zip(data.speaker[real], data.split[real], strict=True):
        splits.setdefault(int(speaker), set()).add(int(split))
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) > 1
    (note,) = (line for line in notes if "no speaker in their names" in line)
    assert "90 of 90 recordings" in note
    assert "15 by their names" in note
    assert "--speaker-pattern or --speaker-list" in note
    data.save(tmp_path / "f.npz")
    told: list[str] = []
    load_clips(tmp_path / "f.npz", split="training", notes=told)
    assert "accuracies are optimistic" in told[0]
    pattern = SpeakerNames(r"(rec\d+)_")
    again = prepare(folder, PrepareSettings(words=WORDS, per_class=90), names=pattern)
    assert again.notes == []
    assert (again.split == data.split).all()


def test_a_speaker_of_training_in_the_test_is_told(folder: Path, tmp_path: Path) -> None:
    test = sounds(tmp_path / "test", speakers=5)
    notes: list[str] = []
    prepare(folder, SMALL, test=test, notes=notes)
    assert any("speakers of the test are heard in training" in note for note in notes)


def test_splits_without_a_recording_are_told(folder: Path) -> None:
    data = prepare(folder, SMALL)
    alone = replace(data, split=np.zeros_like(data.split))
    told = " ".join(_about([], alone, None))
    assert "no recording is of a validation speaker" in told
    assert "no recording is of a test speaker" in told
    there = " ".join(_about([], data, None))
    for split, words in (("validation", "a validation speaker"), ("testing", "a test speaker")):
        assert (words in there) != data.select(split, "real").any()


@pytest.mark.parametrize("start", [0.2, 1.1, 2.0])
def test_of_a_long_recording_the_part_with_sound_is_used(tmp_path: Path, start: float) -> None:
    """Half a second of sound in three: every row, the unaugmented one too, has all of it."""
    folder = sounds(tmp_path / "data")
    sound = 1e-4 * np.random.default_rng(0).standard_normal(48000)
    at = int(start * 16000)
    sound[at : at + 8000] += 0.3 * np.sin(np.arange(8000) * 0.3)
    speaker = next(s for s in (f"{n:08x}" for n in range(99)) if which_set(s) == "training")
    path = folder / "yes" / f"{speaker}_nohash_5.wav"
    soundfile.write(path, sound, 16000)
    assert 0.49 * 0.09 / 2 < np.square(read_part(path)).sum() / 16000 < 0.51 * 0.09 / 2
    notes: list[str] = []
    prepare(folder, SMALL, notes=notes)
    assert any("1 of 25 recordings are longer than 1 s (up to 3.0 s)" in n for n in notes)


def read_part(path: Path) -> np.ndarray:
    return loudest_part(load_audio(path), 16000)


def test_the_order_of_complaints(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'.*nowhere' is not a folder.*does not exist"):
        prepare(tmp_path / "nowhere", SMALL)
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="it is a file"):
        prepare(tmp_path / "file", SMALL)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no recordings of yes, no: expected"):
        prepare(tmp_path / "empty", SMALL)
    folder = sounds(tmp_path / "data")
    (folder / "_background_noise_" / "noise.wav").rename(tmp_path / "noise.wav")
    with pytest.raises(DatasetError, match="holds no noises.*Put sounds without speech.*--noise"):
        prepare(folder, SMALL)
    elsewhere = tmp_path / "elsewhere" / "_background_noise_"
    elsewhere.mkdir(parents=True)
    (tmp_path / "noise.wav").rename(elsewhere / "noise.wav")
    assert len(prepare(folder, SMALL, noise=elsewhere.parent).y)


def test_an_empty_class_folder_is_told(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "data")
    (folder / "bed").mkdir()
    notes: list[str] = []
    words = ("_silence_", "_unknown_", "yes")
    prepare(folder, PrepareSettings(words=words, per_class=20), notes=notes)
    assert any("no recordings in the folder bed" in note for note in notes)
    with pytest.raises(DatasetError, match="nothing to train 'bed' on: add recordings"):
        prepare(folder, PrepareSettings(words=(*WORDS, "bed"), per_class=20))


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


@pytest.mark.parametrize("clips", [1, 5, 60])
def test_rows_never_exceed_what_was_asked_for(
    tmp_path: Path, clips: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Synthetic speech included; the voices here are tones."""
    voice = Voice("espeak", "tone")
    tone = np.sin(np.arange(6000) * 0.1).astype(np.float32)
    monkeypatch.setattr(preparation, "available_voices", lambda: [voice])
    monkeypatch.setattr(items, "speak", lambda said, _: [tone] * len(said))
    folder = sounds(tmp_path / "data", speakers=clips)
    words = (*WORDS, "visual")
    for per_class in (7, 50):
        settings = PrepareSettings(
            words=words, per_class=per_class, synthesise=True, speakers="training"
        )
        data = prepare(folder, settings)
        rows = np.bincount(data.y[data.select("training")], minlength=4)
        assert rows.tolist() == [per_class] * 4
    few = PrepareSettings(
        words=words, per_class=500, synthesise=True, synthetic_short=9, speakers="training"
    )
    notes: list[str] = []
    data = prepare(folder, few, notes=notes)
    assert data.select("training")[data.y == 3].sum() == 27  # 9 utterances, 2 copies of each
    assert any("fewer than 500 training rows" in n and "visual (27)" in n for n in notes)


def command(*arguments: object, code: int = 0) -> tuple[str, str]:
    done = run_akrt("kws", "prepare", *arguments, environment={"COLUMNS": "200"})
    assert done.returncode == code, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


def test_command_tells_what_was_left_out(tmp_path: Path) -> None:
    """A name that is not UTF-8 and would colour the terminal, and every odd file, by name."""
    folder = sounds(tmp_path / "data")
    odd = odd_files(folder)
    name = os.fsencode(folder / "no") + b"/\xff\x1b[31m[red]_nohash_1.flac"
    Path(os.fsdecode(name)).write_bytes(next((folder / "no").iterdir()).read_bytes())
    bad = os.fsencode(folder / "no") + b"/bad\xff\x1b[31m[red]_nohash_1.flac"
    Path(os.fsdecode(bad)).write_bytes(b"")
    out = tmp_path / "out.npz"
    arguments = (folder, "-o", out, "--words", "yes,no", "--per-class", 20, "--workers", 1)
    printed, error = command(*arguments)
    for one in (*odd, r"bad\xff\x1b[31m[red]_nohash_1.flac"):
        assert f"{one}'" in error
    assert "9 files were left out" in error
    assert "\x1b" not in printed + error
    data = FeatureSet.load(out)
    assert r"\xff\x1b[31m[red]" in data.speakers
    command(*arguments)  # a file of its own is replaced


def test_command_prints_names_as_they_are(folder: Path, tmp_path: Path) -> None:
    """Not as markup of the table."""
    sounds(tmp_path / "data", ("[red]yes", "no"))
    arguments = ("--words", "[red]yes,no", "--per-class", 9, "--extra", f"[bold]own={folder}")
    printed, _ = command(tmp_path / "data", "-o", tmp_path / "a.npz", *arguments, "--workers", 1)
    assert "[red]yes" in printed
    assert "train [bold]own" in printed


def test_command_keeps_what_akrt_did_not_write(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    np.savez(out, x=np.arange(3))
    mine = out.read_bytes()
    arguments = (folder, "-o", out, "--words", "yes,no", "--per-class", 10, "--workers", 1)
    _, error = command(*arguments, code=2)
    assert "not what akrt wrote there" in error
    assert out.read_bytes() == mine
    command(*arguments, "--force")
    assert FeatureSet.load(out).words == WORDS


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--per-class", "0"), 2, "'--per-class'"),
        (("--seed", "-1"), 2, "'--seed'"),
        (("--shift-ms", "-1"), 2, "'--shift-ms'"),
        (("--speed", "nan"), 2, "--speed"),
        (("--volume-db", "100"), 2, "'--volume-db'"),
        (("--workers", "-2"), 2, "'--workers'"),
        (("--speaker-pattern", "x"), 2, "put the speaker"),
        (("--speaker-list", "/nowhere.csv"), 3, "nowhere.csv"),
        (("--words", "yes,[red]"), 3, "nothing to train '[red]' on"),
    ],
)
def test_command_errors_name_options(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    _, error = command(folder, "-o", tmp_path / "a.npz", *arguments, code=code)
    assert message in error


@pytest.mark.parametrize("extra", ["nothing", "=x", "real=x", "a="])
def test_command_with_a_bad_extra(folder: Path, tmp_path: Path, extra: str) -> None:
    done = CliRunner().invoke(
        app, ["prepare", str(folder), "-o", str(tmp_path / "a.npz"), "--extra", extra]
    )
    assert isinstance(done.exception, UsageError)
