"""Arrays, archives, feature files, pickles, labels and sound."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from kws.test_featureset import small
from kws.test_pickles import tutorial
from mutations import HOSTILE, edit, mutate

import firmware_export
from akrt.audio import load_audio
from akrt.cli.labels import with_labels
from akrt.files import read_array, read_arrays
from akrt.kws.featureset import FeatureSet
from akrt.kws.pickles import load_pickle
from akrt.model import Model, encoding
from akrt.model import file as modelfile

from .models import case
from .target import Fault, Target, refusal_names

_TYPES = ("u1", ">i4", "f8", "c16", "b1", "U3", "S4", "M8[s]", "m8[us]", "V5", "i4,f8")


def _array(rng: np.random.Generator) -> np.ndarray:
    shape = tuple(int(n) for n in rng.integers(0, 5, rng.integers(0, 5)))
    array = np.zeros(shape, str(rng.choice(_TYPES)))
    return np.asfortranarray(array) if rng.integers(2) else array


def _npy(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array, allow_pickle=True)
    return data.getvalue()


def _damaged_npy(seed: int) -> bytes:
    """Damage of the bytes, or a header with another text in it."""
    rng = np.random.default_rng(seed)
    whole = _npy(_array(rng))
    if rng.integers(2):
        return mutate(whole, seed)
    end = 10 + int.from_bytes(whole[8:10], "little")
    old = [
        b"'descr'",
        b"'fortran_order'",
        b"'shape'",
        b"False",
        b"True",
        b"(",
        b")",
        b",",
        b"'|u1'",
    ]
    new = [b"", b"None", b"-1", b"[", b"[[[[", b"1e9", b"9" * 30, b"'O'", b"lambda: 0",
           b"'|V999'", b"True", b"('u1', (3, 70000))", b"{}", b"\xff",
           b"'<U2147483647'", b"1L", b"1_0"]  # fmt: skip
    r = random.Random(seed)
    header = whole[10:end].replace(r.choice(old), r.choice(new), 1)
    if r.random() < 0.1:
        header = b"(" * 5000 + header
    return whole[:8] + len(header).to_bytes(2, "little") + header + whole[end:]


def _make_npy(seed: int, folder: Path) -> Path:
    path = folder / "a.npy"
    path.write_bytes(_damaged_npy(seed))
    return path


def _equal(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return (
        ours.dtype == theirs.dtype
        and ours.shape == theirs.shape
        and np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(theirs).tobytes()
    )


def _check_npy(path: Path) -> str:
    with refusal_names(path):
        ours = read_array(path)
    if not _equal(ours, np.load(path, allow_pickle=False)):
        raise Fault("NumPy reads another array")
    return "array"


def _make_npz(seed: int, folder: Path) -> Path:
    """An archive damaged as a whole, or with damaged members and check sums that fit."""
    r, path = random.Random(seed), folder / "a.npz"
    whole = io.BytesIO()
    inside = r.random() < 0.5
    with zipfile.ZipFile(whole, "w", r.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as file:
        for name in ("x.npy", r.choice(["y.npy", "y", "\x1b[2J.npy", "../y.npy", "a/"])):
            rng = np.random.default_rng(seed)
            file.writestr(name, _damaged_npy(seed) if inside else _npy(_array(rng)))
    path.write_bytes(whole.getvalue() if inside else mutate(whole.getvalue(), seed))
    return path


def _check_npz(path: Path) -> str:
    with refusal_names(path):
        ours = read_arrays(path)
    with np.load(path, allow_pickle=False) as theirs:
        for name, array in ours.items():
            if not _equal(array, theirs[name]):
                raise Fault(f"NumPy reads another array '{name}'")
    return "arrays"


def _make_features(seed: int, folder: Path) -> Path:
    """A feature file with an entry of another type, shape or value, or without it."""
    rng, path = np.random.default_rng(seed), folder / "features.npz"
    whole = io.BytesIO()
    small().save(path)
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    settings = json.loads(str(entries["settings"]))
    settings["unknown_speakers"] = {"recordings": 1, "of": 2, "examples": ["a"], "counted_as": "b"}
    entries["settings"] = np.array(json.dumps(settings))
    for _ in range(rng.integers(1, 3)):
        name = str(rng.choice(sorted(entries)))
        kind, array = rng.integers(7), entries[name]
        if kind == 0:
            del entries[name]
        elif kind == 1:
            entries[name] = array[:-1] if array.ndim else array[None]
        elif kind == 2:
            entries[name] = _array(rng)
        elif kind == 3 and array.dtype.kind in "iu":
            entries[name] = np.full_like(array, rng.choice([array.dtype.type(-1 & 127), 3, 0, 1]))
        elif kind == 4:
            entries[name] = np.zeros(array.shape, str(rng.choice(_TYPES)))
        elif kind == 5:
            entries["settings"] = np.array(json.dumps(edit(settings, seed)))
        else:
            entries[name] = np.concatenate([array, array]) if array.ndim else array
    np.savez(whole, **entries)
    path.write_bytes(whole.getvalue())
    return path


def _check_features(path: Path) -> str:
    with refusal_names(path):
        loaded = FeatureSet.load(path)
    loaded.counts()
    assert all(isinstance(note, str) for note in loaded.notes)
    for source in (None, *loaded.sources):
        loaded.select("training", source, clean=True)
    _check_saved(loaded, path)
    return "features"


def _check_saved(loaded: FeatureSet, path: Path) -> None:
    """What was read is written, and read again the same."""
    again = path.with_name("again.npz")
    loaded.save(again)
    other = FeatureSet.load(again)
    for field in fields(FeatureSet):
        one, two = getattr(loaded, field.name), getattr(other, field.name)
        if field.name == "settings":
            one, two = (json.dumps(value, sort_keys=True) for value in (one, two))
        same = _equal(one, two) if isinstance(one, np.ndarray) else one == two
        if not same:
            raise Fault(f"{field.name} is another after it was saved: {one!r:.200} {two!r:.200}")


def _make_pickle(seed: int, folder: Path) -> Path:
    r, path = random.Random(seed), folder / "a.pkl"
    items = tutorial(x_train=np.zeros((2, 4, 3, 1), np.uint8), y_train=np.array([0, 1]))
    items[2:6] = [np.ones((1, 4, 3, 1), r.choice(["u1", "f4", ">i2"])), np.array([2]), None, None]
    at = r.randrange(len(items))
    if r.random() < 0.3:
        others = [*HOSTILE, _array(np.random.default_rng(seed)), np.float32("nan"), np.int8(-1)]
        items[at] = r.choice(others)
    if r.random() < 0.1:
        items[at] = [items] * 3
    whole = pickle.dumps(items, r.randrange(pickle.HIGHEST_PROTOCOL + 1))
    path.write_bytes(mutate(whole, seed) if r.random() < 0.8 else whole)
    return path


def _check_pickle(path: Path) -> str:
    with refusal_names(path):
        loaded = load_pickle(path)
    loaded.counts()
    _check_saved(loaded, path)
    return "features"


_WORDS = (
    "yes", "no", "größe", "", " ", "\x1b[2J", "a\\b", '"', "?" * 30, "\u202e", "int", "*/", "%s",
    "[red]",
)  # fmt: skip


def _make_labels(seed: int, folder: Path) -> tuple[Path, Model]:
    r, path = random.Random(seed), folder / "labels.txt"
    model, _ = case(seed // 16)
    count = model.output_shape[2]
    words = [r.choice(_WORDS) + r.choice(["", str(i)]) for i in range(count)]
    forms: list[Any] = [words, {w: i for i, w in enumerate(words)}, dict(enumerate(words))]
    form = r.choice(forms)
    if r.random() < 0.5:
        form = edit(json.loads(json.dumps({"all": form})), seed).get("all", words)
    text = json.dumps(form, ensure_ascii=r.random() < 0.5)
    if r.random() < 0.4:
        text = "\n".join(words)
    data = text.encode("utf-8", "surrogatepass")
    path.write_bytes(mutate(data, seed) if data and r.random() < 0.3 else data)
    return path, model


def _check_labels(made: tuple[Path, Model]) -> str:
    path, model = made
    with refusal_names(path):
        labelled = with_labels(model, path)
    if modelfile.from_bytes(encoding.to_bytes(labelled)).labels != labelled.labels:
        raise Fault("the labels are others after they were saved")
    firmware_export.export(labelled, path.with_name("out"), name="net")
    return "labels"


@lru_cache
def _sounds() -> list[bytes]:
    """A short sound in every container and subtype that libsndfile writes."""
    rng = np.random.default_rng(7)
    found = []
    for kind in soundfile.available_formats():
        for subtype in soundfile.available_subtypes(kind):
            if kind == "RAW" or not soundfile.check_format(kind, subtype):
                continue
            for channels, rate in ((1, 16000), (2, 8000)):
                data = io.BytesIO()
                try:
                    samples = rng.uniform(-0.3, 0.3, (800, channels))
                    soundfile.write(data, samples, rate, subtype, format=kind)
                except (soundfile.SoundFileError, TypeError, ValueError):
                    continue
                found.append(data.getvalue())
    return found


def _make_sound(seed: int, folder: Path) -> Path:
    r, path = random.Random(seed), folder / "sound"
    whole = r.choice(_sounds())
    if r.random() < 0.6:  # where the headers are
        head = r.choice([24, 64, 128, 256])
        data = mutate(whole[:head], seed) + whole[head:]
    else:
        data = mutate(whole, seed)
    path.write_bytes(data)
    return path


def _check_sound(path: Path) -> str:
    with refusal_names(path):
        samples = load_audio(path)
    if samples.dtype != np.float32 or samples.ndim != 1 or not len(samples):
        raise Fault(f"samples {samples.dtype} {samples.shape}")
    if not (np.isfinite(samples).all() and samples.min() >= -1 and samples.max() < 1):
        raise Fault(f"samples of {samples.min()} to {samples.max()}")
    return "samples"


TARGETS = (
    Target(".npy", _make_npy, _check_npy, 400),
    Target(".npz", _make_npz, _check_npz, 300),
    Target("feature files", _make_features, _check_features, 100),
    Target("pickles", _make_pickle, _check_pickle, 300),
    Target("labels", _make_labels, _check_labels, 40),
    Target("sound", _make_sound, _check_sound, 400),
)
