"""Networks to fuzz with, by seed, and whether every way of computing one agrees."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from export.compiled_export import SANITIZERS, build, driver, outputs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from networks import extreme_networks, networks, random_input

import akrt
from akrt.backends.native import NativeBackend, usable_archs
from akrt.backends.reference import ReferenceBackend
from akrt.errors import AkrtError
from akrt.model import Model, encoding
from akrt.model import file as modelfile

from .target import Fault, Target

_BLOCK = 25
_MOST_MACS = 2_000_000
_IN_A_PROGRAM = 6

Case = tuple[Model, np.ndarray]


def case(seed: int, extreme: bool = False) -> Case:
    """A network and inputs for it; the same for a seed."""
    block = _block(seed // _BLOCK, extreme)
    return block[seed % _BLOCK % len(block)]


@lru_cache(8)
def _block(number: int, extreme: bool) -> list[Case]:
    found: list[Case] = []

    @seeded(number)
    @settings(
        max_examples=_BLOCK,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(extreme_networks() if extreme else networks())
    def collect(one: Case) -> None:
        found.append(one)

    collect()
    return found[::-1]  # the first are always the plainest


def check_model(model: Model) -> None:
    """A model that was accepted is saved, loaded and computed, everywhere alike, or refused.

    Raises:
        Fault: two ways of computing it differ.
    """
    whole = encoding.to_bytes(model)
    if encoding.to_bytes(modelfile.from_bytes(whole)) != whole:
        raise Fault("it is another model after it was saved")
    if model.macs > _MOST_MACS:
        return
    x = random_input(np.random.default_rng(1), model, 2)
    results = []
    for backend in ("reference", "native"):
        with akrt.Runtime(model, backend=backend) as runtime:
            results.append(np.asarray(runtime.forward(x)))
            if model.final_step is not None:
                results[-1] = np.concatenate([results[-1].ravel(), runtime.predict_classes(x)])
    if not np.array_equal(*results):
        raise Fault("native and reference differ")


def _native(model: Model, arch: str) -> NativeBackend:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AKRT_ARCH", arch)
        return NativeBackend(model)


def _check_kernel_sets(made: Case) -> str:
    model, x = made
    expected = ReferenceBackend(model).run(x)
    for arch in usable_archs():
        if not np.array_equal(_native(model, arch).run(x), expected):
            raise Fault(f"{arch} differs from the reference: {model.layers}")
    return "right"


def _make_program(seed: int, folder: Path) -> tuple[Path, list[Case]]:
    first = seed * _IN_A_PROGRAM
    return folder, [case(first + i, extreme=True) for i in range(_IN_A_PROGRAM)]


def _check_program(made: tuple[Path, list[Case]]) -> str:
    folder, cases = made
    models, vectors = [model for model, _ in cases], [x for _, x in cases]
    source = driver(models, folder, vectors)
    build(source, folder / "driver", "-std=c99", "-O1", "-g0", *SANITIZERS)
    results = outputs([str(folder / "driver")], models, vectors)
    for (model, x), result in zip(cases, results, strict=True):
        if not np.array_equal(result, ReferenceBackend(model).run(x)):
            raise Fault(f"exported C differs from the reference: {model.layers}")
    return "right"


def _make_array(seed: int, folder: Path) -> tuple[Model, np.ndarray]:
    """An array of any type and shape, often close to what the network takes."""
    model, _ = case(seed)
    rng = np.random.default_rng(seed)
    shape = [int(rng.integers(0, 3)), *model.input_shape]
    for _ in range(rng.integers(0, 3)):
        kind = rng.integers(4)
        at = int(rng.integers(len(shape))) if shape else 0
        if kind == 0 and shape:
            del shape[at]
        elif kind == 1:
            shape.insert(at, int(rng.integers(0, 3)))
        elif shape:
            shape[at] = int(rng.integers(0, 8))
    types = ("u1", "u1", "u1", "u1", "i1", ">i8", "f4", "c8", "b1", "U3", "O", "M8[s]", "V4", "S2")
    dtype = np.dtype(str(rng.choice(types)))
    array = np.zeros(shape, dtype)
    if dtype == np.uint8:
        array[...] = rng.integers(0, rng.choice([1 << model.input_bits, 256]), shape)
    elif dtype.kind == "O":
        array[...] = rng.choice(np.array([None, "x", 10**400, {}, -1], object))
    return model, array[..., ::-1] if shape and rng.integers(4) == 0 else array


def _check_array(made: tuple[Model, np.ndarray]) -> str:
    model, array = made
    with akrt.Runtime(model, backend="native") as runtime:
        ours = np.asarray(runtime.forward(array))
    try:
        x = np.ascontiguousarray(array.reshape(len(array), *model.input_shape).astype(np.uint8))
        expected = ReferenceBackend(model).run(x) if len(x) else ours[:0]
    except (AkrtError, ValueError, TypeError):
        raise Fault(f"an array {array.dtype} {array.shape} is taken") from None
    if not np.array_equal(ours, expected):
        raise Fault(f"an array {array.dtype} {array.shape} gives another answer")
    return "right"


TARGETS = (
    Target("kernel sets", lambda s, _: case(s, extreme=True), _check_kernel_sets, 100),
    Target("exported C", _make_program, _check_program, 1, seconds=300, memory=None),
    Target("inputs", _make_array, _check_array, 100),
)
