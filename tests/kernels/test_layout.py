"""The structures of C as Python sees them: read from the headers, laid out by the compiler."""

from __future__ import annotations

import ctypes
import dataclasses
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from akrt.backends.native import activations, paths, plan, products, scaled_plan, temporal_plan
from akrt.kernels._kernels import LAYOUT, Architecture
from akrt.kernels.headers import declarations, enumerations, short_name
from kernels.compiled import SOURCE, STRUCTURES, WARNINGS, compiler
from kernels.emulated import COMPILER, EMULATOR, need_emulator

INCLUDE = SOURCE / "include"
PLANS: dict[str, list[type]] = {
    "akrt_window": [
        products.WindowPlan,
        plan.MaxPooling,
        plan.MaxActivated,
        scaled_plan.MaxSums,
    ],
    "akrt_product": [products.ByteProduct],
    "akrt_short_product": [products.ShortProduct],
    "akrt_levels": [activations.Levels],
    "akrt_bisect": [activations.Bisect],
    "akrt_scale": [activations.Scale, activations.FusedScale],
    "akrt_short_scale": [activations.FusedShort],
    "akrt_lanes": [activations.FusedLanes],
    "akrt_direct": [paths.Direct],
    "akrt_patches": [paths.Patches],
    "akrt_lines": [paths.Lines],
    "akrt_halves": [paths.Halves],
    "akrt_short_rows": [paths.ShortRows],
    "akrt_row_lanes": [paths.RowLanes],
    "akrt_depthwise_bytes": [paths.DepthwiseBytes],
    "akrt_depthwise_short": [paths.DepthwiseShort, paths.DepthwiseWide],
    "akrt_depthwise_lanes": [paths.DepthwiseLanes],
    "akrt_collapse": [plan.Collapse],
    "akrt_add": [plan.AdditionPlan],
    "akrt_dense_bytes": [plan.DenseBytes],
    "akrt_dense_short": [plan.DenseShort],
    "akrt_spatial": [plan.SpatialPlan],
    "akrt_scaled": [scaled_plan.Scaled, scaled_plan.FusedScaled],
    "akrt_depthwise_scaled": [scaled_plan.DepthwiseScaled],
    "akrt_finish": [scaled_plan.Finish],
    "akrt_exact": [scaled_plan.Exact],
    "akrt_depthwise_sums": [scaled_plan.DepthwiseSums],
    "akrt_clipped": [scaled_plan.ScaledSum],
    "akrt_shifted_add": [scaled_plan.ShiftedAddPlan],
    "akrt_concatenate": [scaled_plan.ConcatenatePlan],
    "akrt_quantise": [scaled_plan.QuantisePlan],
    "akrt_dequantise": [scaled_plan.DequantisePlan],
    "akrt_recall": [temporal_plan.Recall],
    "akrt_recurrent": [temporal_plan.RecurrentPlan],
    "akrt_compare": [temporal_plan.ComparePlan],
    "akrt_layer": [plan.LayerPlan],
}
TAGS = {
    "akrt_act": ([activations, scaled_plan], activations.Activation),
    "akrt_path": ([paths, scaled_plan], paths.Path),
    "akrt_op": ([plan, scaled_plan, temporal_plan], object),
}


def offsets() -> dict[str, int]:
    """Of every member, and the size of every structure, as the extension has them."""
    return {
        **{name: struct.size for name, struct in LAYOUT.structs.items()},
        **{f"{n}.{f}": m.offset for n, s in LAYOUT.structs.items() for f, m in s.fields.items()},
    }


def test_what_python_made_of_the_headers_is_what_the_compiler_made() -> None:
    expected = {}
    for name, structure in STRUCTURES.items():
        expected[name] = ctypes.sizeof(structure)
        for field, *_ in structure._fields_:
            expected[f"{name}.{field}"] = getattr(structure, field).offset
    assert offsets() == expected
    assert len(expected) > 150


@pytest.mark.parametrize("cc", ["native", COMPILER])
def test_a_program_of_its_own_has_the_same_sizes_and_offsets(cc: str, tmp_path: Path) -> None:
    """The tests under QEMU hand it structures that were laid out here."""
    run: list[str] = []
    if cc == "native":
        cc = compiler()
    else:
        need_emulator()
        run = [EMULATOR]
    places = [
        f'    printf("{key} %zu\\n", {call});'
        for name, declared in declarations(INCLUDE).items()
        for key, call in (
            (name, f"sizeof({name})"),
            *((f"{name}.{m.name}", f"offsetof({name}, {m.name})") for m in declared.members),
        )
    ]
    places += [
        f'    printf("{e} %zu\\n", (size_t){e});'
        for enumerators in enumerations(INCLUDE).values()
        for e in enumerators
    ]
    source = tmp_path / "sizes.c"
    head = '#include "akrt/network.h"\n#include <stdio.h>\nint main(void) {\n'
    source.write_text(head + "\n".join(places) + "\n    return 0;\n}\n")
    program = tmp_path / "sizes"
    flags = ["-std=c99", *WARNINGS, *(["-static"] if run else []), f"-I{INCLUDE}"]
    subprocess.run([cc, *flags, str(source), "-o", str(program)], check=True)
    out = subprocess.run([*run, str(program)], check=True, capture_output=True, text=True).stdout
    printed = {key: int(value) for key, value in map(str.split, out.splitlines())}
    tags = {
        e: LAYOUT.enums[name][short_name(e)]
        for name, enumerators in enumerations(INCLUDE).items()
        for e in enumerators
    }
    assert printed == {**offsets(), **tags}


def test_plans_have_the_fields_of_their_structures() -> None:
    """A field that only one of both has would be lost, or never be set."""
    for name, classes in PLANS.items():
        for cls in classes:
            fields = {field.name for field in dataclasses.fields(cls)}
            assert fields == LAYOUT.structs[name].fields.keys(), cls
    node = {field.name for field in dataclasses.fields(plan.NodePlan)}
    assert (
        node - {"name", "takes", "gives", "remembers"} == LAYOUT.structs["akrt_node"].fields.keys()
    )
    facts = LAYOUT.structs["akrt_arch"].fields.keys() - {"kernels"}
    assert {*Architecture._fields} - {"usable"} == facts


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_of_a_union_has_a_plan(tag: str) -> None:
    modules, base = TAGS[tag]
    kinds = {kind for module in modules for kind in kinds_in(module, base)}
    assert kinds >= LAYOUT.enums[tag].keys()
    if base is not object:
        assert kinds == LAYOUT.enums[tag].keys()


def kinds_in(module: ModuleType, base: type) -> set[str]:
    classes = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, base)]
    return {c.kind for c in classes if c.__module__ == module.__name__ and "kind" in vars(c)}


def test_what_does_not_fit_is_refused() -> None:
    good = {"weights": np.zeros(8, np.int16), "depth": 8, "filters": 1}
    image = LAYOUT.image("akrt_short_product", SimpleNamespace(**good))
    assert image.arrays == {0: good["weights"]}
    for changes, message in (
        ({"weights": np.zeros(8, np.int8)}, "weights: expected int16, got an array of int8"),
        ({"weights": np.zeros(16, np.int16)[::2]}, "weights: expected int16"),
        ({"depth": np.zeros(8, np.int32)}, "depth: expected int32, got an array"),
        ({"depth": 1 << 31}, "depth: 2147483648 is no int32_t"),
    ):
        with pytest.raises(ValueError, match=message):
            LAYOUT.image("akrt_short_product", SimpleNamespace(**{**good, **changes}))
    del good["filters"]
    with pytest.raises(AttributeError, match="filters"):
        LAYOUT.image("akrt_short_product", SimpleNamespace(**good))


@pytest.mark.parametrize("line", ["int32_t (*f)(void);", "int;", "unsigned long *a[2][3];"])
def test_declarations_that_nobody_can_read_are_refused(line: str, tmp_path: Path) -> None:
    folder = tmp_path / "akrt"
    folder.mkdir()
    for name in ("kernels.h", "arch.h", "scaled.h", "temporal.h"):
        (folder / name).write_text("")
    (folder / "network.h").write_text(f"typedef struct akrt_x {{\n    {line}\n}} akrt_x;\n")
    with pytest.raises(ValueError, match="a declaration that nobody can read"):
        declarations(tmp_path)
