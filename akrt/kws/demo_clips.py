"""Makes the clips that ship for the demonstration: held-out voices saying every word.

``python -m akrt.kws.demo_clips FOLDER`` writes ``<word>/<voice>.flac`` (16 kHz, mono, 16 bit,
one second) and the same bytes every time with the same versions of the speech engines.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from akrt.audio import fit_length
from akrt.errors import AkrtError, DatasetError, UsageError
from akrt.files import check_replaceable, make_folder, write_file
from akrt.kws.synthesise import Utterance, Voice, available_voices, is_held_out, speak
from akrt.kws.words import SILENCE, TUTORIAL

__all__ = ["DEMO_VOICES", "make_clips"]

SAMPLE_RATE = 16000
DEMO_VOICES = (
    Voice("festival", "cmu_us_slt_arctic_hts"),
    Voice("flite", "awb"),
    Voice("espeak", "f5"),
)
"""Voices of the shipped clips: each says every word once, at its usual speed and pitch."""

PEAK = 0.5
HISS = 1e-4
"""Standard deviation of the noise floor: a recording is never digitally silent."""


def make_clips(folder: Path) -> list[Path]:
    """Write all clips.

    Args:
        folder: created if it is missing.

    Returns:
        The files, in order.

    Raises:
        DatasetError: one of the voices is not installed.
        UsageError: there is another file of that name.
        OutputError: a clip cannot be written.
    """
    import soundfile

    missing = [v.id for v in DEMO_VOICES if v not in available_voices()]
    if missing:
        raise DatasetError(f"these voices are not installed: {', '.join(missing)}")
    rng = np.random.default_rng(20)
    written: list[Path] = []

    def write(word: str, name: str, clip: npt.NDArray[np.float32]) -> None:
        path = folder / word / f"{name}.flac"
        encoded = io.BytesIO()
        soundfile.write(encoded, clip, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        data = encoded.getvalue()
        make_folder(path.parent)
        check_replaceable(path, lambda there: there == data)
        write_file(path, data)
        written.append(path)

    for level in (1e-4, 1e-3):
        hiss = level * rng.standard_normal(SAMPLE_RATE)
        write(SILENCE, f"hiss_{level:g}", hiss.astype(np.float32))
    for voice in DEMO_VOICES:
        assert is_held_out(voice)
        words = [word for word in TUTORIAL if word != SILENCE]
        sounds = speak([Utterance(word, voice) for word in words], SAMPLE_RATE)
        for word, sound in zip(words, sounds, strict=True):
            write(word, voice.id.replace(":", "_"), _centred(sound, rng))
    return written


def _centred(sound: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """One second with the word in its middle, at one peak level, over a faint noise floor."""
    lead = np.zeros(max(0, (SAMPLE_RATE - len(sound)) // 2), np.float32)
    clip = fit_length(np.concatenate([lead, sound * (PEAK / np.abs(sound).max())]), SAMPLE_RATE)
    return (clip + HISS * rng.standard_normal(SAMPLE_RATE)).astype(np.float32)


def _main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise UsageError("usage: python -m akrt.kws.demo_clips FOLDER")
    written = make_clips(Path(arguments[0]))
    print(f"{len(written)} clips, {sum(p.stat().st_size for p in written):,} bytes")


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except AkrtError as error:
        sys.exit(f"demo_clips: {error}")
