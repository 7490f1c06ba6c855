"""Errors survive the way back from a worker process, with what they carry."""

from __future__ import annotations

import ast
import copy
import importlib
import multiprocessing
import pickle
import pkgutil
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import akrt
from akrt.errors import (
    AkrtError,
    DeviceError,
    DeviceLostError,
    MismatchError,
    MissingExtraError,
    ToolError,
    UnsupportedLayerError,
    UsageError,
)

ARGUMENTS = {
    MissingExtraError: ("rocket", "space", "flying"),
    UnsupportedLayerError: ("conv_1", "Convolutional", "a kernel of 2x2"),
}


ROOMS = ("akrt.driver", "akrt.importers", "akrt.audio", "akrt.vision", "akrt.backends")


def kinds() -> list[type[AkrtError]]:
    for module in pkgutil.walk_packages(akrt.__path__, "akrt."):
        if module.name.startswith(ROOMS):
            importlib.import_module(module.name)
    found: list[type[AkrtError]] = [AkrtError]
    for kind in found:
        found += [k for k in kind.__subclasses__() if k not in found]
    return found


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_survives_a_pickle_and_a_copy(kind: type[AkrtError]) -> None:
    error = kind(*ARGUMENTS.get(kind, ("what was wrong",)))
    error.detail = "line 1\nline 2"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == str(error)
        assert other.args == error.args
        assert vars(other) == vars(error)


def test_a_lost_device_keeps_what_was_finished() -> None:
    error = DeviceLostError("gone")
    error.finished, error.outputs = np.arange(3), np.ones((3, 1, 1, 2), np.int32)
    other = pickle.loads(pickle.dumps(error))
    np.testing.assert_array_equal(other.finished, error.finished)
    np.testing.assert_array_equal(other.outputs, error.outputs)


def _refuse(layer: str) -> Any:
    raise UnsupportedLayerError(layer, "Convolutional", "a kernel of 2x2")


def test_a_worker_process_sends_its_error_back() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(UnsupportedLayerError, match="layer 'conv_7'") as caught:
            pool.apply_async(_refuse, ["conv_7"]).get(60)
        assert caught.value.kind == "Convolutional"


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_an_exit_code_means_one_thing(kind: type[AkrtError]) -> None:
    meant = {UsageError: 2, DeviceError: 4, MismatchError: 5, ToolError: 6}
    wanted = {code for base, code in meant.items() if issubclass(kind, base)} or {3}
    assert wanted == {kind.exit_code}


def test_the_exit_codes_are_told() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    told = readme[readme.index("Exit codes: ") :].partition("\n\n")[0]
    assert [int(code) for code in re.findall(r"[:,]\s(\d) ", told)] == [0, 2, 3, 4, 5, 6]


WORDS = {"problem", "message", "reason", "words"}


def _matches_words(node: ast.AST, texts: set[str]) -> bool:
    """Whether it looks into the text of an error or a finding; `texts`: names of such text."""
    looked_into: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("startswith", "endswith"):
            looked_into = [node.func.value]
        elif node.func.attr in ("match", "search", "fullmatch", "findall", "finditer"):
            looked_into = node.args
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        looked_into = node.comparators
    for part in looked_into:
        names = {part.attr} if isinstance(part, ast.Attribute) else set()
        names |= {part.id} if isinstance(part, ast.Name) else set()
        if isinstance(part, ast.Call) and ast.unparse(part.func) == "str" and part.args:
            names |= texts if "error" in ast.unparse(part.args[0]) else set()
        if names & texts:
            return True
    return False


def test_nothing_is_chosen_by_the_words_of_an_error() -> None:
    root = Path(akrt.__file__).parent.parent
    # what others say, each in one place: akida's mapper, and the emulator simavr and its linker
    foreign = {"akrt/driver/mapping.py": 1, "firmware_export/toolchain.py": 3}
    found: dict[str, int] = {}
    for room in ("akrt", "firmware_export"):
        for path in sorted((root / room).rglob("*.py")):
            texts = WORDS - {"words"} if "kws" in path.parts else WORDS  # spoken ones
            nodes = ast.walk(ast.parse(path.read_text()))
            count = sum(_matches_words(node, texts) for node in nodes)
            if count:
                found[path.relative_to(root).as_posix()] = count
    assert found == foreign
