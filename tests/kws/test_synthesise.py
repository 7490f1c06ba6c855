"""Synthetic speech: every installed engine speaks, and held-out voices stay out."""

import shutil
import subprocess

import numpy as np
import pytest

from akrt.errors import DatasetError, ToolError
from akrt.kws import synthesise
from akrt.kws.synthesise import (
    HELD_OUT,
    Utterance,
    Voice,
    available_voices,
    is_held_out,
    speak,
    utterances,
)

ENGINES = {
    "espeak-ng": Voice("espeak", "f3"),
    "flite": Voice("flite", "kal16"),
    "festival": Voice("festival", "kal_diphone"),
}


def need_voice(voice: Voice) -> None:
    try:
        installed = available_voices()
    except ToolError:
        installed = []
    if voice not in installed:
        pytest.skip(f"the voice {voice.id} is not installed")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_speaks(engine: str) -> None:
    voice = ENGINES[engine]
    need_voice(voice)
    slow, fast, other = speak(
        [
            Utterance("seven", voice, speed=0.7),
            Utterance("seven", voice, speed=1.4),
            Utterance("visual", voice),
        ]
    )
    assert 2000 < len(fast) < len(slow) < 32000
    assert np.abs(other).max() > 0.05
    for sound in (slow, fast, other):
        edge = np.abs(np.concatenate([sound[:100], sound[-100:]])).max()
        assert edge < 0.05 * np.abs(sound).max(), "the silence around a word is cut off"


def test_pitch_changes_the_voice() -> None:
    voice = ENGINES["espeak-ng"]
    need_voice(voice)
    low, high = speak([Utterance("zero", voice, pitch=p) for p in (0.6, 1.6)])
    assert _hz(high) > 1.2 * _hz(low)


def _hz(sound: np.ndarray) -> float:
    """Fundamental by autocorrelation of the loudest stretch."""
    centre = int(np.argmax(np.convolve(sound**2, np.ones(1600), "same")))
    piece = sound[max(0, centre - 1024) : centre + 1024]
    correlation = np.correlate(piece, piece, "full")[len(piece) - 1 :]
    return 16000 / (40 + int(np.argmax(correlation[40:320])))


def test_utterances_are_many_and_repeatable() -> None:
    voices = [Voice("espeak", "f1"), Voice("espeak", "m1"), Voice("flite", "kal")]
    first = utterances("tree", 400, voices, np.random.default_rng(3))
    assert first == utterances("tree", 400, voices, np.random.default_rng(3))
    assert len(set(first)) > 390
    assert {u.voice for u in first} == set(voices)
    share = sum(u.voice.engine == "flite" for u in first) / 400
    assert 0.15 < share < 0.35


def test_whole_voices_are_held_out() -> None:
    for name in HELD_OUT:
        assert is_held_out(Voice(*name.split(":")))
    assert not is_held_out(Voice("espeak", "f3"))
    engines = {name.split(":")[0] for name in HELD_OUT}
    assert engines == {"espeak", "flite", "festival"}


def test_held_out_voices_exist_here() -> None:
    """A misspelt name would hold nothing out."""
    if not all(shutil.which(p) for p in ("espeak-ng", "flite", "festival")):
        pytest.skip("not every speech engine is installed")
    missing = HELD_OUT - {voice.id for voice in available_voices()}
    if "festival:cmu_us_slt_arctic_hts" in missing:
        missing -= {"festival:cmu_us_slt_arctic_hts"}
    assert not missing


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesise.shutil, "which", lambda name: None)
    with pytest.raises(ToolError, match="apt-get install"):
        available_voices()


@pytest.mark.parametrize("outcome", ["absent", "fails", "silent"])
def test_engine_fails(monkeypatch: pytest.MonkeyPatch, outcome: str) -> None:
    def run(command, **kwargs):
        if outcome == "absent":
            raise FileNotFoundError(command[0])
        if outcome == "fails":
            raise subprocess.CalledProcessError(1, command)
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(synthesise.subprocess, "run", run)
    with pytest.raises(ToolError, match="espeak"):
        speak([Utterance("yes", Voice("espeak", "f3"))])


def test_festival_is_given_plain_words_only() -> None:
    with pytest.raises(DatasetError, match="plain words"):
        speak([Utterance('yes")(system "id', Voice("festival", "kal_diphone"))])
