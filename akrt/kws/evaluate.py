"""The forms of one network side by side on the same clips.

A form is the float Keras network, the quantised one, or the imported one on a backend; anything
else that turns features into scores (a program exported to C, say) can be one too.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.audio import load_audio
from akrt.errors import AudioError, DatasetError, MismatchError, UsageError
from akrt.frontends import SoundFrontEnd, sound_front_end
from akrt.kws.augment import loudest_part
from akrt.kws.dataset import scan, sound_files
from akrt.kws.featureset import SPLITS, FeatureSet
from akrt.kws.items import about_longer
from akrt.kws.pickles import load_pickle
from akrt.kws.scores import Scores
from akrt.kws.words import SILENCE, TUTORIAL
from akrt.model import Mfcc, Model, Preprocessing
from akrt.runtime import Runtime

__all__ = [
    "Clips",
    "Form",
    "backend_form",
    "evaluate",
    "keras_form",
    "load_clips",
    "program_form",
]

BATCH = 256
"""Clips handed to a form at a time."""


@dataclass(frozen=True, eq=False)
class Clips:
    """Labelled network inputs of one origin."""

    name: str
    """Where they come from, for tables: ``real + noise``, ``synthetic``, ``recordings``."""
    x: npt.NDArray[np.uint8]
    """uint8 (N, frames, coefficients, 1)."""
    y: npt.NDArray[np.int64]
    """int64 (N,)."""
    words: tuple[str, ...]

    def relabelled(self, words: tuple[str, ...]) -> Clips:
        """The same clips with their classes numbered as in `words`.

        Raises:
            DatasetError: a class that occurs is not in `words`.
        """
        if words == self.words:
            return self
        present = np.unique(self.y)
        unknown = [self.words[i] for i in present if self.words[i] not in words]
        if unknown:
            raise DatasetError(
                f"the network has no class {', '.join(map(repr, unknown[:5]))}; "
                f"it has {', '.join(words[:8])}..."
            )
        numbers = np.array([words.index(w) if w in words else -1 for w in self.words])
        return Clips(self.name, self.x, numbers[self.y], words)

    def first(self, limit: int) -> Clips:
        """At most `limit` clips, spread evenly over all; 0: all of them."""
        if not limit or limit >= len(self.y):
            return self
        rows = np.linspace(0, len(self.y) - 1, limit).astype(np.int64)
        return Clips(self.name, self.x[rows], self.y[rows], self.words)


@dataclass(frozen=True)
class Form:
    """A network in one form."""

    name: str
    scores: Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]]
    """uint8 (N, frames, coefficients, 1) to float (N, classes): the larger, the likelier."""
    exact: bool = False
    """Whether its outputs must equal those of every other exact form."""
    runtime: Runtime | None = None
    """What runs it, where that is a backend."""

    @property
    def computed_by(self) -> str:
        """What computed, as of `Runtime.computed_by`; else the form's name."""
        return self.name if self.runtime is None else self.runtime.computed_by


def keras_form(name: str, path: str | os.PathLike[str]) -> Form:
    """A float or cnn2snn-quantised Keras network from an HDF5 file.

    Raises:
        ModelFileError: the file is missing or damaged.
        MissingExtraError: TensorFlow is not installed.
    """
    from akrt.kws import network

    model = network.load(Path(path))

    def scores(x: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        outputs = model.predict(x.astype(np.float32), batch_size=BATCH, verbose=0)
        return np.asarray(outputs).reshape(len(x), -1)

    return Form(name, scores)


def backend_form(model: Model, backend: str) -> Form:
    """A model on a backend; its outputs are logits, of every clip by itself.

    Raises:
        BackendUnavailableError: the backend cannot run here; the message says why.
    """
    runtime = Runtime(model, backend=backend)
    name = f"Akida {backend}" if backend in ("simulator", "nsoc") else backend

    def logits(x: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        # clips are no steps in time: with memory, each is heard anew
        at_once = 1 if model.stateful else len(x)
        parts = [runtime.predict(x[at : at + at_once]) for at in range(0, len(x), at_once)]
        return np.concatenate(parts).reshape(len(x), -1)

    return Form(name, logits, True, runtime)


def program_form(name: str, program: str | os.PathLike[str], model: Model) -> Form:
    """A program that computes the network elsewhere: exported C built for this machine, say.

    It reads feature maps as raw bytes, one after the other, from standard input to its end, and
    writes the last layer's potentials of each, as little-endian int32, to standard output.

    Args:
        name: of the form.
        program: an executable file.
        model: the network, for the shape of its outputs and what makes logits of them.
    """
    final = model.final_step
    if final is None:
        raise UsageError(f"the last layer of '{model.name}' has an activation: it has no logits")
    threshold, act_step = final

    def scores(x: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        try:
            done = subprocess.run(
                [os.fspath(program)], input=x.tobytes(), capture_output=True, check=False
            )
        except OSError as error:
            raise UsageError(f"'{program}' cannot be run: {error.strerror}") from None
        expected = len(x) * len(threshold) * 4
        if done.returncode or len(done.stdout) != expected:
            raise MismatchError(
                f"'{program}' ended with status {done.returncode} after {len(done.stdout):,} of "
                f"{expected:,} bytes: {done.stderr.decode('utf-8', 'replace').strip()[:300]}"
            )
        potentials = np.frombuffer(done.stdout, "<i4").reshape(len(x), -1)
        return np.asarray((potentials - threshold.astype(np.int64)).astype(np.float32) / act_step)

    return Form(name, scores, exact=True)


def evaluate(
    forms: Sequence[Form],
    clips: Clips,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Scores]:
    """Every form on the same clips.

    Args:
        forms: the networks; their classes are numbered as `clips.words`.
        clips: what to run them on.
        progress: called with the form's name, clips done and clips in all.

    Raises:
        DatasetError: no clips, or outputs that do not fit the classes.
        InputError: clips of a shape that a network does not take.
    """
    if not len(clips.y):
        raise DatasetError(f"there are no clips of {clips.name} to evaluate")
    results = []
    for form in forms:
        parts = []
        start = time.perf_counter()
        for i in range(0, len(clips.y), BATCH):
            parts.append(form.scores(clips.x[i : i + BATCH]))
            if progress is not None:
                progress(form.name, min(i + BATCH, len(clips.y)), len(clips.y))
        seconds = time.perf_counter() - start
        outputs = np.concatenate(parts)
        results.append(Scores(form.name, clips.words, clips.y, outputs, seconds))
    return results


def load_clips(
    path: str | os.PathLike[str],
    words: tuple[str, ...] | None = None,
    split: str = "testing",
    preprocessing: Preprocessing | None = None,
    failed: list[str] | None = None,
    notes: list[str] | None = None,
) -> list[Clips]:
    """Labelled clips, by origin: real recordings (with the noise of ``_silence_``) first.

    Args:
        path: features of ``akrt kws prepare`` (.npz), the tutorial's pickle (.pkl), or a folder
            with one folder of recordings for each class.
        words: classes to look for in a folder of recordings; the tutorial's by default.
        split: ``training``, ``validation`` or ``testing``; everything in a folder is ``testing``.
        preprocessing: how recordings become features; `Mfcc` by default. Of one that is longer than
            a clip the loudest part is taken.
        failed: recordings that cannot be read are told here; without it they are an error.
        notes: told what else must be said with figures that are made with the clips.

    Raises:
        DatasetError: nothing usable there.
    """
    notes = [] if notes is None else notes
    source = Path(path)
    if split not in SPLITS:
        raise DatasetError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
    if source.is_dir():
        heard = sound_front_end(preprocessing or Mfcc())
        return [_recordings(source, words or TUTORIAL, heard, failed, notes)]
    data = load_pickle(source) if source.suffix in (".pkl", ".pickle") else FeatureSet.load(source)
    notes += data.notes
    groups: list[tuple[str, ...]] = [("real", "noise")]
    groups += [(name,) for name in data.sources if name not in groups[0]]
    found = []
    for group in groups:
        rows = np.zeros(len(data.y), bool)
        for name in group:
            rows |= data.select(split, name, clean=True)
        if rows.any():
            present = [n for n in group if data.select(split, n, clean=True).any()]
            found.append(Clips(" + ".join(present), data.x[rows], data.y[rows], data.words))
    if not found:
        raise DatasetError(f"'{source}' holds no {split} clips")
    return found


def _recordings(
    folder: Path,
    words: tuple[str, ...],
    heard: SoundFrontEnd[Any],
    failed: list[str] | None,
    notes: list[str],
) -> Clips:
    told = [] if failed is None else failed
    spoken = scan(folder, words, split="all-testing", failed=told, notes=notes)
    found = [(r.path, r.label) for r in spoken]
    silence = folder / SILENCE
    if SILENCE in words and silence.is_dir():
        found += [(path, words.index(SILENCE)) for path in sound_files(silence, told)]
    x, y, lengths = [], [], []
    for path, label in found:
        try:
            sound = load_audio(path, heard.sample_rate)
        except AudioError as error:
            if failed is None:
                raise DatasetError(str(error)) from None
            failed.append(str(error))
            continue
        part = loudest_part(sound, heard.clip, heard.sample_rate)
        x.append(heard.features(part))
        y.append(label)
        lengths.append(len(sound))
    if not x:
        raise DatasetError(f"none of the {len(found)} recordings in '{folder}' could be read")
    notes += about_longer(lengths, heard.clip, heard.sample_rate)
    return Clips("recordings", np.stack(x), np.array(y, np.int64), words)
