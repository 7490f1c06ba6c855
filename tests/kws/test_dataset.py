"""Folders of recordings and the split by speaker."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from akrt.errors import DatasetError
from akrt.kws.dataset import load_noises, scan, training_speakers_only, which_set
from akrt.kws.words import STANDARD, TUTORIAL


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


@given(st.text("0123456789abcdef", min_size=8, max_size=8), st.integers(0, 20))
def test_which_set_is_the_published_hash(speaker: str, take: int) -> None:
    """SHA-1 modulo 2**27 as a share of 2**27 - 1: a tenth, the next tenth, the rest."""
    bucket = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27
    tenth = (2**27 - 1) / 10
    expected = "validation" if bucket < tenth else "testing" if bucket < 2 * tenth else "training"
    assert which_set(speaker) == expected
    assert which_set(f"{speaker}_nohash_{take}.wav") == expected


def test_which_set_on_speech_commands(recordings: Path) -> None:
    """The test folder was cut out of Speech Commands by the published lists."""
    tested = {p.stem for p in (recordings / "test").glob("*/*.flac")}
    assert len(tested) > 100
    assert {which_set(name) for name in tested} == {"testing"}
    trained = {
        p.stem
        for p in (recordings / "train").glob("[a-z]*/*.flac")
        if p.parent.name not in ("on", "off")
    }
    assert {which_set(name) for name in trained} == {"training", "validation"}


def test_training_speakers_only_keeps_the_official_validation() -> None:
    speakers = [f"{n:08x}" for n in range(5000)]
    moved = 0
    for speaker in speakers:
        official, ours = which_set(speaker), training_speakers_only(speaker)
        assert ours != "testing"
        if official != "testing":
            assert ours == official
        else:
            moved += ours == "validation"
    testing = sum(which_set(s) == "testing" for s in speakers)
    assert 0.05 < moved / testing < 0.15


def test_no_speaker_is_in_two_splits(recordings: Path) -> None:
    found = scan(recordings / "train", TUTORIAL, split="training")
    found += scan(recordings / "test", TUTORIAL, split="all-testing")
    splits: dict[str, set[str]] = {}
    for r in found:
        splits.setdefault(r.speaker, set()).add(r.split)
    assert all(len(s) == 1 for s in splits.values())
    assert {r.word for r in found if r.split == "validation"} >= {"on", "off", "yes"}


def test_scan(tmp_path: Path) -> None:
    put(
        tmp_path,
        "yes/0132a06d_nohash_0.wav",
        "yes/0132a06d_nohash_1.flac",
        "yes/notes.txt",
        "no/bb05582b_nohash_3.ogg",
        "_background_noise_/x.wav",
        "backward/0132a06d_nohash_0.wav",
    )
    found = scan(tmp_path, TUTORIAL)
    assert [(r.word, r.path.name, TUTORIAL[r.label]) for r in found] == [
        ("no", "bb05582b_nohash_3.ogg", "no"),
        ("yes", "0132a06d_nohash_0.wav", "yes"),
        ("yes", "0132a06d_nohash_1.flac", "yes"),
    ]
    assert {r.speaker for r in found} == {"0132a06d", "bb05582b"}


def test_unknown_collects_the_other_words(tmp_path: Path) -> None:
    put(tmp_path, "yes/a_nohash_0.wav", "bed/a_nohash_0.wav", "_background_noise_/x.wav")
    found = scan(tmp_path, STANDARD)
    assert {(r.word, STANDARD[r.label]) for r in found} == {("yes", "yes"), ("bed", "_unknown_")}


@pytest.mark.parametrize("split", ["all-training", "all-testing"])
def test_one_split_for_all(tmp_path: Path, split: str) -> None:
    put(tmp_path, *(f"yes/{n:08x}_nohash_0.wav" for n in range(40)))
    assert {r.split for r in scan(tmp_path, TUTORIAL, split=split)} == {split[4:]}


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        scan(tmp_path / "absent", TUTORIAL)
    with pytest.raises(DatasetError, match="holds no recordings of bed, bird"):
        scan(tmp_path, TUTORIAL)
    with pytest.raises(DatasetError, match="holds no noises"):
        load_noises(tmp_path, 16000)


def test_noises_are_resampled(tmp_path: Path) -> None:
    (tmp_path / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 24000)
    soundfile.write(tmp_path / "_background_noise_" / "a.wav", noise, 8000)
    (only,) = load_noises(tmp_path, 16000)
    assert len(only) == 48000
