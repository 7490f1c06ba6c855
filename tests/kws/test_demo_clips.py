"""The clips that ship: every class, readable, of held-out voices, and made by the script."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import akrt
from akrt.audio import load_audio
from akrt.errors import DatasetError
from akrt.kws import demo_clips, synthesise
from akrt.kws.synthesise import HELD_OUT
from akrt.kws.words import SILENCE, TUTORIAL

CLIPS = Path(akrt.__file__).parent / "data" / "clips"


def test_every_class_has_clips() -> None:
    folders = {p.name for p in CLIPS.iterdir() if p.is_dir()}
    assert folders == set(TUTORIAL)
    assert len(list(CLIPS.glob("*/*.flac"))) >= 40
    assert sum(p.stat().st_size for p in CLIPS.rglob("*")) < 2_000_000


@pytest.mark.parametrize("word", TUTORIAL)
def test_format(word: str) -> None:
    for path in (CLIPS / word).iterdir():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames) == (16000, 1, 16000), path
        assert (info.format, info.subtype) == ("FLAC", "PCM_16"), path
        peak = np.abs(load_audio(path)).max()
        assert 0 < peak < 0.01 if word == SILENCE else 0.45 < peak < 0.55, path


def test_voices_are_held_out_of_training() -> None:
    names = {p.stem for p in CLIPS.glob("[a-z]*/*.flac")}
    assert names == {voice.id.replace(":", "_") for voice in demo_clips.DEMO_VOICES}
    assert {voice.id for voice in demo_clips.DEMO_VOICES} <= HELD_OUT


def test_a_missing_voice_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo_clips, "available_voices", lambda: [synthesise.Voice("espeak", "f5")])
    with pytest.raises(DatasetError, match=r"festival:.*flite:awb"):
        demo_clips.make_clips(tmp_path)


def test_the_script_makes_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another version of an engine may sound a little different, so only one voice, roughly."""
    voice = synthesise.Voice("espeak", "f5")
    try:
        installed = synthesise.available_voices()
    except DatasetError:
        installed = []
    if voice not in installed:
        pytest.skip("espeak-ng is not installed")
    monkeypatch.setattr(demo_clips, "DEMO_VOICES", (voice,))
    written = demo_clips.make_clips(tmp_path)
    assert len(written) == 34
    for path in written[2:]:
        made, ships = load_audio(path), load_audio(CLIPS / path.relative_to(tmp_path))
        assert len(made) == 16000
        spans = [np.ptp(np.flatnonzero(np.abs(clip) > 0.05)) for clip in (made, ships)]
        assert abs(spans[0] - spans[1]) < 1600
