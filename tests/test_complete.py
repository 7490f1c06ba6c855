"""Rules that hold themselves: a kind of layer or a kernel without its entry, its tests or its page
is found here. Front ends and outputs: tests/frontends, tests/outputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from akida2_networks import akida2_network, akida2_networks
from akida2_temporal_networks import networks_with_memory, recurrent_network, temporal_network
from export.row_networks import row_network
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, placeholder, residual_networks, wide_dense_networks

import akrt
import firmware_export
from akrt.decision import StreamSettings
from akrt.lowering.arithmetic import run_nodes
from akrt.lowering.operations import Neural, operation
from akrt.lowering.ranges import potential_range
from akrt.lowering.scaled_operations import Scaled
from akrt.lowering.scaled_ranges import scaled_ranges
from akrt.model import Convolutional, InputData, Model, Pooling
from akrt.model.layer import Layer
from akrt.model.layers import KINDS
from akrt.runtime import bundled_model

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def text(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_layer_has_its_name_and_its_pages(kind: str) -> None:
    assert KINDS[kind].kind == kind
    assert KINDS[kind].__name__ in akrt.__all__
    assert f"* **{kind}**" in text("docs", "numeric_contract.md")
    assert f"| `{kind}` |" in text("docs", "file_format.md")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_layer_has_a_second_writing(kind: str) -> None:
    writings = ("oracle.py", "akida2_oracle.py")
    words = {w for name in writings for w in re.findall(r"\w+", (TESTS / name).read_text())}
    spatial = "Convolutional"  # of which the oracle says what others do otherwise
    assert KINDS[kind].__name__ in words or kind == spatial


def test_random_networks_have_every_kind_of_layer() -> None:
    """So conformance, native kernels, exports, files and damage are tested with each."""
    met: set[str] = set()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(st.one_of(networks(), residual_networks(), wide_dense_networks(), akida2_networks(),
                    networks_with_memory()))  # fmt: skip
    def draw(case: tuple[Model, object]) -> None:
        model, x = case
        x = x[:4]
        for node, _ in zip(model.nodes, run_nodes(model.nodes, x), strict=True):
            does = operation(node)
            if isinstance(does, Neural):
                assert potential_range(does)[0].shape  # type: ignore[arg-type]
            elif isinstance(does, Scaled):
                assert scaled_ranges(does).outputs.low.shape  # type: ignore[arg-type]
            met.add(node.layer.kind)

    draw()
    assert met == set(KINDS)


def families(of: type[Layer]) -> Iterator[str]:
    for cls in of.__subclasses__():
        yield cls.__name__
        yield from families(cls)


def asked_kinds(path: Path) -> Iterator[str]:
    """The kinds of layers, and families of kinds, for which a module asks: by isinstance,
    issubclass, a case, or a comparison of a type, or of a kind with its name."""
    layers = set(families(Layer))
    for node in ast.walk(ast.parse(path.read_text())):
        asked: list[ast.expr] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "").startswith(("isin", "issu")):
            asked = node.args[1:]
        elif isinstance(node, ast.MatchClass):
            asked = [node.cls]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = [ast.unparse(side) for side in sides]
            if any(word.startswith("type(") or word.endswith("__class__") for word in words):
                asked = sides
            elif any(word == "kind" or word.endswith(".kind") for word in words):
                for side in sides:
                    for text in ast.walk(side):
                        if isinstance(text, ast.Constant) and text.value in KINDS:
                            yield str(text.value)
        for expression in asked:
            for name in ast.walk(expression):
                found = getattr(name, "id", getattr(name, "attr", ""))
                if found in layers:
                    yield found


def test_only_lowering_importers_and_the_table_ask_for_the_kind_of_a_layer() -> None:
    asking = {
        path.relative_to(ROOT).as_posix()
        for room in ("akrt", "firmware_export", "bench")
        for path in (ROOT / room).rglob("*.py")
        if any(asked_kinds(path))
    }
    rooms = ("akrt/lowering/", "akrt/importers/", "akrt/model/table.py")
    assert not {path for path in asking if not path.startswith(rooms)}
    assert {path for path in asking if path.startswith("akrt/lowering/")} == {
        "akrt/lowering/operations.py"
    }


def host_kernels() -> list[str]:
    return re.findall(
        r"^AKRT_KERNEL\((\w+),", text("src_c", "include", "akrt", "kernels.inc"), re.M
    )


def test_the_list_of_kernels_is_read() -> None:
    assert len(host_kernels()) > 15
    assert len(set(host_kernels())) == len(host_kernels())


@pytest.mark.parametrize("name", host_kernels())
def test_a_host_kernel_has_its_words_its_plain_form_and_its_tests(name: str) -> None:
    before, _ = text("src_c", "include", "akrt", "kernels.inc").split(f"AKRT_KERNEL({name},")
    told = before.rpartition("*/")
    # variants of one kernel stand together below one comment
    between = re.sub(r"AKRT_KERNEL\(.*?\)\)", "", told[2], flags=re.S)
    assert told[1], f"{name}: no comment above it"
    assert not between.strip()
    assert f"AKRT_FN({name})" in text("src_c", "ref", f"{name}.c")
    portable = text("src_c", "ref", "portable.tmpl.h")
    assert f'#ifndef AKRT_OWN_{name}\n#include "ref/{name}.c"\n#endif' in portable
    tests = "".join(path.read_text() for path in (TESTS / "kernels").glob("test_*.py"))
    assert re.search(rf"\b{name}\b", tests), f"{name}: no test names it"


def test_no_architecture_owns_a_kernel_that_is_none() -> None:
    for path in (ROOT / "src_c").rglob("akrt_kernels__*.c"):
        owned = set(re.findall(r"AKRT_OWN_(\w+)", path.read_text()))
        assert owned <= set(host_kernels()), path


ROOMS = ("mcu", "frontend", "decision", "stream")


def firmware_kernels() -> dict[str, Path]:
    return {p.stem: p for room in ROOMS for p in (ROOT / "src_c" / room).glob("*.h")}


def test_every_firmware_kernel_says_what_it_does() -> None:
    for path in firmware_kernels().values():
        assert "/*" in path.read_text(), f"{path.name}: no comment"


def test_every_firmware_kernel_is_in_some_export(tmp_path: Path) -> None:
    """Exports are compiled under sanitizers and run on every core: none carries what is not run."""
    wide = Convolutional(
        name="wide",
        weights=np.ones((3, 3, 2, 4), np.int8),
        weights_bits=4,
        act_bits=4,
        pooling=Pooling("max", (5, 5), (5, 5)),  # more than any fast kernel takes
        **placeholder(4),
    )
    models = [bundled_model(), Model((InputData("in", (8, 8, 2), 4), wide))]
    models += [row_network(seed)[0] for seed in range(12)]
    models += [akida2_network(seed, usual=seed % 2 == 1)[0] for seed in range(64)]
    models += [make(seed)[0] for seed in range(8) for make in (temporal_network, recurrent_network)]

    @settings(max_examples=60, derandomize=True, database=None)
    @given(st.one_of(networks(), residual_networks()))
    def draw(case: tuple[Model, object]) -> None:
        models.append(case[0])

    draw()
    carried: set[str] = set()
    for i, model in enumerate(models):
        stream = StreamSettings() if i == 0 else None
        firmware_export.export(model, tmp_path / str(i), "net", stream=stream)
        for path in (tmp_path / str(i)).glob("*.h"):
            carried |= set(re.findall(r"#ifndef (AKRT_\w+)_H\b", path.read_text()))
    assert {stem.upper() for stem in firmware_kernels()} <= carried
