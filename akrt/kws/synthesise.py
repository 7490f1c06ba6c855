"""Synthetic speech from free voices: espeak-ng, flite, festival.

A voice is an engine with one of its speakers; an utterance is a word said by a voice at some
speed and pitch. Whole voices are held out: nothing of them is ever heard in training.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from akrt.audio import load_audio
from akrt.errors import DatasetError, ToolError
from akrt.kws.augment import trim

__all__ = [
    "HELD_OUT",
    "Utterance",
    "Voice",
    "available_voices",
    "is_held_out",
    "speak",
    "utterances",
]

ACCENTS = (
    *("en-us", "en-us", "en-us", "en-gb", "en-gb", "en-gb-scotland", "en-gb-x-rp"),
    *("en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"),
)
"""espeak-ng's English accents; the commoner ones occur more often."""

FLITE_VOICES = ("kal", "kal16", "awb", "rms", "slt")
FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")

UNUSABLE = frozenset({"fast", "Demonic", "whisper", "whisperf", "croak", "anikaRobot"})
"""espeak-ng variants that whisper, distort or change nothing but the speed."""

HELD_OUT = frozenset(
    {
        *("flite:slt", "flite:awb", "festival:cmu_us_slt_arctic_hts"),
        *("espeak:f5", "espeak:m6", "espeak:Annie", "espeak:steph2", "espeak:Michael"),
        *("espeak:shelby", "espeak:klatt3", "espeak:john"),
    }
)
"""Never in training. Both engines' slt are the same speaker."""

PUNCTUATION = (".", "!", "?", ",")
"""What follows a word changes how its pitch moves."""

TIMEOUT = 60


@dataclass(frozen=True)
class Voice:
    """An engine's speaker."""

    engine: str
    """``espeak``, ``flite`` or ``festival``."""
    name: str

    @property
    def id(self) -> str:
        """``engine:name``, the speaker in a feature file."""
        return f"{self.engine}:{self.name}"


@dataclass(frozen=True)
class Utterance:
    """A word and how it is said."""

    word: str
    voice: Voice
    accent: str = "en-us"
    """espeak-ng only."""
    speed: float = 1.0
    """Relative to the voice's usual speed."""
    pitch: float = 1.0
    """Relative to the voice's usual pitch; festival's diphone voices ignore it."""
    punctuation: str = "."


def is_held_out(voice: Voice) -> bool:
    """Whether the voice must not be heard in training."""
    return voice.id in HELD_OUT


def available_voices() -> list[Voice]:
    """The voices installed here, in a fixed order.

    Raises:
        ToolError: neither espeak-ng, flite nor festival is installed.
    """
    voices: list[Voice] = []
    if shutil.which("espeak-ng"):
        listing = _run(["espeak-ng", "--voices=variant"]).stdout.decode(errors="replace")
        names = {line.split("!v/")[1].split()[0] for line in listing.splitlines() if "!v/" in line}
        voices += [Voice("espeak", name) for name in sorted(names - UNUSABLE)]
    if shutil.which("flite"):
        listing = _run(["flite", "-lv"]).stdout.decode(errors="replace")
        voices += [Voice("flite", name) for name in FLITE_VOICES if name in listing.split()]
    if shutil.which("festival"):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "list.scm")
            script.write_text("(print (voice.list))")
            listing = _run(["festival", "-b", str(script)]).stdout.decode(errors="replace")
        known = listing.replace("(", " ").replace(")", " ").split()
        voices += [Voice("festival", name) for name in FESTIVAL_VOICES if name in known]
    if not voices:
        raise ToolError(
            "synthetic speech needs espeak-ng, flite or festival: for example "
            "apt-get install espeak-ng flite festival festvox-kallpc16k festvox-us-slt-hts"
        )
    return voices


def utterances(
    word: str, count: int, voices: Sequence[Voice], rng: np.random.Generator
) -> list[Utterance]:
    """`count` random ways to say a word.

    A quarter comes from the few voices of flite and festival, which sound more natural than
    espeak-ng's many.
    """
    families = [
        [v for v in voices if v.engine == "espeak"],
        [v for v in voices if v.engine != "espeak"],
    ]
    many, few = (family or list(voices) for family in families)
    said = []
    for _ in range(count):
        family = few if rng.random() < 1 / 4 else many
        said.append(
            Utterance(
                word,
                family[int(rng.integers(len(family)))],
                accent=ACCENTS[int(rng.integers(len(ACCENTS)))],
                speed=round(float(rng.uniform(0.65, 1.3)), 2),
                pitch=round(float(rng.uniform(0.75, 1.35)), 2),
                punctuation=PUNCTUATION[int(rng.integers(len(PUNCTUATION)))],
            )
        )
    return said


def speak(said: Sequence[Utterance], sample_rate: int = 16000) -> list[npt.NDArray[np.float32]]:
    """The sounds of utterances, without the silence around them.

    Returns:
        One float32 (n,) in [-1, 1) at `sample_rate` per utterance.

    Raises:
        ToolError: an engine is missing or said nothing.
    """
    with tempfile.TemporaryDirectory(prefix="akrt-speech-") as folder:
        paths = [Path(folder, f"{i}.wav") for i in range(len(said))]
        for utterance, path in zip(said, paths, strict=True):
            if utterance.voice.engine == "espeak":
                _run(_espeak_command(utterance, path))
            elif utterance.voice.engine == "flite":
                _run(_flite_command(utterance, path))
        lines = [
            _festival_lines(utterance, path)
            for utterance, path in zip(said, paths, strict=True)
            if utterance.voice.engine == "festival"
        ]
        if lines:
            # It starts slowly: one process says all.
            script = Path(folder, "say.scm")
            script.write_text("".join(lines))
            _run(["festival", "-b", str(script)])
        for utterance, path in zip(said, paths, strict=True):
            if not path.exists():
                raise ToolError(f"{utterance.voice.id} said nothing for '{utterance.word}'")
        return [trim(load_audio(path, sample_rate)) for path in paths]


def _espeak_command(u: Utterance, path: Path) -> list[str]:
    return [
        *("espeak-ng", "-v", f"{u.accent}+{u.voice.name}", "-w", str(path)),
        *("-s", str(round(160 * u.speed)), "-p", str(min(99, max(0, round(50 * u.pitch))))),
        u.word + u.punctuation,
    ]


def _flite_command(u: Utterance, path: Path) -> list[str]:
    usual_hz = {"slt": 170.0, "awb": 125.0, "rms": 100.0}.get(u.voice.name, 110.0)
    return [
        *("flite", "-voice", u.voice.name, "-t", u.word + u.punctuation, "-o", str(path)),
        *("--setf", f"duration_stretch={1 / u.speed:.3f}"),
        *("--setf", f"int_f0_target_mean={usual_hz * u.pitch:.1f}"),
    ]


def _festival_lines(u: Utterance, path: Path) -> str:
    if not u.word.isalpha():
        raise DatasetError(f"festival is given plain words only, not '{u.word}'")
    return (
        f"(voice_{u.voice.name})\n"
        f"(Parameter.set 'Duration_Stretch {1 / u.speed:.3f})\n"
        f'(utt.save.wave (utt.synth (Utterance Text "{u.word}{u.punctuation}")) "{path}" \'riff)\n'
    )


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{command[0]} failed: {error}") from None
