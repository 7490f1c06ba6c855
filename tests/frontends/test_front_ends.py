"""What every front end of the registry has: parameters, tests, documentation, C that is there."""

from __future__ import annotations

import ctypes
import re
import subprocess
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import pytest
from export.compiled_export import tool

from akrt.errors import UsageError
from akrt.frontends import FRONT_ENDS, CFrontEnd, SoundFrontEnd, front_end
from akrt.model import PREPROCESSING, InputData, Model, encoding
from akrt.model.file import from_bytes
from firmware_export.kernel_sources import amalgamate, read_kernel

ROOT = Path(__file__).parents[2]


HEARING = [kind for kind, entry in FRONT_ENDS.items() if issubclass(entry, SoundFrontEnd)]


def standard(kind: str):
    """The front end with the defaults of its parameters."""
    return front_end(PREPROCESSING[kind]())


def test_every_kind_of_parameters_has_a_front_end() -> None:
    assert FRONT_ENDS.keys() == PREPROCESSING.keys()
    for kind, entry in FRONT_ENDS.items():
        assert entry.settings_type is PREPROCESSING[kind]
        assert entry.settings_type.kind == kind


@pytest.mark.parametrize("kind", PREPROCESSING)
def test_it_is_documented_and_tested(kind: str) -> None:
    page = (ROOT / "docs" / "front_ends.md").read_text()
    name = PREPROCESSING[kind].__name__
    assert re.search(rf"^\| `{kind}` \| `(akrt\.)?(\w+\.)*{name}` \|", page, re.M)
    assert f'"kind": "{kind}"' in (ROOT / "docs" / "file_format.md").read_text()
    assert (ROOT / "tests" / "frontends" / f"test_{kind}_front_end.py").is_file()


@pytest.mark.parametrize("kind", PREPROCESSING)
def test_its_parameters_travel(kind: str) -> None:
    settings = PREPROCESSING[kind]()
    assert all(f.default is not MISSING for f in fields(settings))
    assert settings.text.isascii()
    assert settings.text.isprintable()
    model = Model((InputData("in", settings.shape, 8),), preprocessing=settings)
    assert from_bytes(encoding.to_bytes(model)).preprocessing == settings


@pytest.mark.parametrize("kind", HEARING)
def test_clips_are_their_features(kind: str) -> None:
    heard = standard(kind)
    length = 3 * heard.clip + heard.hop // 2
    sound = np.random.default_rng(0).normal(0, 0.1, length).astype(np.float32)
    starts, x = (np.concatenate(parts) for parts in zip(*heard.clips(sound), strict=True))
    assert x.shape[1:] == heard.settings.shape
    assert (starts == np.arange(len(starts)) * heard.hop).all()
    assert starts[-2] + heard.clip < length <= starts[-1] + heard.clip
    for i in (0, 1, len(starts) - 1):
        np.testing.assert_array_equal(x[i], heard.features(sound[starts[i] :]))


@pytest.mark.parametrize("kind", HEARING)
def test_how_a_stream_is_cut_does_not_matter(kind: str) -> None:
    """And the loop gives an input at every hop of 320 samples that `every` divides, no other."""
    try:
        every_hop = standard(kind).listener(1)
    except UsageError:
        pytest.skip(f"the front end {kind} takes whole clips only")
    sound = np.random.default_rng(0).integers(-9000, 9000, 60 * 320 + 99).astype(np.int16)
    every_hop = every_hop.push(sound)
    assert every_hop.shape == (60, *PREPROCESSING[kind]().shape)
    for every in (1, 3, 50, 61, 1 << 30):
        for cuts in ([], [0, 1, 1, 320, 321, 959, 960, 961, 16000], range(0, len(sound), 79)):
            listener = standard(kind).listener(every)
            maps = np.concatenate([listener.push(p) for p in np.split(sound, list(cuts))])
            np.testing.assert_array_equal(maps, every_hop[every - 1 :: every])


def in_c(kind: str) -> CFrontEnd:
    try:
        return standard(kind).in_c()
    except UsageError:
        pytest.skip(f"the front end {kind} has no C")


@pytest.mark.parametrize("kind", HEARING)
def test_what_is_said_of_its_c(kind: str, tmp_path: Path) -> None:
    c, values = in_c(kind), np.prod(PREPROCESSING[kind]().shape)
    tables = [] if c.tables is None else re.findall(r"(\w+)\[\d+\] =", read_kernel(c.tables))
    source = f"""\
#include <stddef.h>
#include <stdint.h>
#include <string.h>
{amalgamate([*c.sources, "akrt_listen"])}
int32_t facts(int32_t which);
int32_t facts(int32_t which) {{
    static {c.state} state;
    static akrt_hops hops;
    static int16_t sound[960];
    static int32_t scratch[{c.scratch_bytes // 4 + 2}];
    {c.state}_start(&state);
    akrt_listen_start(&hops, 2);
    scratch[{c.scratch_bytes // 4}] = 77;
    switch (which) {{
    case 0: return (int32_t)sizeof(state);
    case 1: return (int32_t)({" + ".join(f"sizeof {name}" for name in tables) or "0"});
    case 2: return (int32_t)offsetof({c.state}, filled);
    case 3: return (int32_t)sizeof(state.{c.input});
    case 4: return akrt_listen({c.state}_push, &state, &hops, 2, sound, 960, scratch);
    default:
        (void)akrt_listen({c.state}_push, &state, &hops, 2, sound, 960, scratch);
        return scratch[{c.scratch_bytes // 4}];
    }}
}}
"""
    (tmp_path / "facts.c").write_text(source)
    command = [tool("gcc"), "-std=c99", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror"]
    command += ["-shared", "-fPIC", str(tmp_path / "facts.c"), "-o", str(tmp_path / "facts.so")]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(tmp_path / "facts.so"))
    found = [library.facts(which) for which in range(6)]
    assert found == [c.state_bytes, c.constant_bytes, 0, values, 640, 77]
