"""Inference on the windows of a stream: rows that were computed in the window before are kept.

`akrt.lowering.hops` says which. A global average keeps the sums of such rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from akrt.lowering.hops import MovedRows, kept_rows
from akrt.lowering.liveness import Arena, aligned, jobs_beside, plan_arena
from akrt.lowering.operations import akida_1_operation
from firmware_export.lowered import Lowered
from firmware_export.step import ALIGNMENT, INPUT, Stage, Step, padded_channels

__all__ = ["HopPlan", "KeptRows", "hop_function", "hop_interface", "plan_hop"]

_ROWS = ("akrt_conv_rows", "akrt_separable_rows", "akrt_separable_rows_muladd")
_SUMS = "akrt_separable_sum_rows"
_SUM_BYTES = 4


@dataclass(frozen=True)
class KeptRows(MovedRows):
    """What a step keeps. Rows are those of its convolution."""

    step: int
    sums: bool
    """It keeps the sums of these rows, not the rows."""
    bytes: int
    offset: int

    @property
    def computed(self) -> int:
        """Rows that are computed every hop; with sums those that leave are computed once more."""
        return super().computed + (self.moved if self.sums else 0)


@dataclass(frozen=True)
class HopPlan:
    """How one hop is computed: some steps keep rows, the others are computed as ever."""

    lowered: Lowered
    moved: int
    """Rows of the input that the window moves by."""
    kept: Mapping[int, KeptRows]
    """By the index of the step; empty: nothing is kept."""
    whole: Mapping[int, str]
    """Why the other steps keep nothing, for people."""
    arena: Arena

    @property
    def kept_bytes(self) -> int:
        """Memory that must stay between hops."""
        return sum(aligned(one.bytes, ALIGNMENT) for one in self.kept.values())

    @property
    def arena_bytes(self) -> int:
        """Memory whose contents between hops do not matter."""
        return max(self.arena.bytes, ALIGNMENT)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Stems of the kernels that only this inference calls."""
        both = (one.sums for one in self.kept.values())
        return tuple(dict.fromkeys("akrt_kept_sums" if b else "akrt_kept_rows" for b in both))

    def facts(self) -> dict[str, Any]:
        """What a hop costs both ways, as JSON types.

        Multiplications are those of the usual path: of a global average that keeps or collapses its
        sums, the depthwise ones of every row and twice the others of one position.
        """
        layers = []
        works = [(i, w) for i, s in enumerate(self.lowered.steps) for w in s.works if w.ends_layer]
        for i, work in works:
            rows, of_row, once = self._work(work)
            kept = self.kept.get(i)
            layers.append(
                {
                    "name": self.lowered.model.layers[work.layer].name,
                    "rows": rows,
                    "computed_rows": rows if kept is None else kept.computed,
                    "multiplications": rows * of_row + once,
                    "hop_multiplications": (rows if kept is None else kept.computed) * of_row
                    + once,
                    "kept_bytes": 0 if kept is None else kept.bytes,
                    "whole_because": self.whole.get(i, ""),
                }
            )
        return {
            "layers": layers,
            "multiplications": sum(row["multiplications"] for row in layers),
            "hop_multiplications": sum(row["hop_multiplications"] for row in layers),
            "kept_bytes": self.kept_bytes,
        }

    def _work(self, work: Step | Stage) -> tuple[int, int, int]:
        """Rows, multiplications of each, and those that do not depend on them."""
        node = self.lowered.model.nodes[work.layer]
        rows, width, filters = node.conv_shape
        if work.kernel != _SUMS:
            return rows, node.macs // rows, 0
        channels = node.input_shape[2]
        return rows, 9 * width * channels, 2 * channels * filters

    def place(self, index: int) -> str:
        """C for the memory of the output of step `index`."""
        step = self.lowered.steps[index]
        return self._place(step.target.name, step.target.external)

    def before(self) -> str:
        """C text that has to come before any step: rows leave sums while they are still there."""
        text = ""
        for one in self.kept.values():
            if not one.sums:
                continue
            step = self.lowered.steps[one.step]
            sums, layer = self._kept_words(one), self._constants(step)
            read = self._place(step.sources[0].name, False)
            text += (
                f"    if (first) {{\n        memset({sums}, 0, {one.bytes});\n    }} else {{\n"
                f"        akrt_kept_sums_leave({layer}, {one.first}, {one.first + one.moved}, "
                f"{read}, {sums}, {self._scratch(one.step)});\n    }}\n"
            )
        return text

    def call(self, index: int) -> str:
        """C text of step `index`."""
        step, one = self.lowered.steps[index], self.kept.get(index)
        reads = [self._place(source.name, source.external) for source in step.sources]
        write, scratch = self.place(index), self._scratch(index)
        if one is None:
            return f"    {step.call(*reads, write, scratch)}\n"
        if one.sums:
            return (
                f"    akrt_kept_sums({self._constants(step)}, {one.first}, "
                f"first ? {one.first} : {one.come}, {one.last}, {reads[0]}, "
                f"{self._kept_words(one)}, {write}, {scratch});\n"
            )
        row = step.target.bytes // one.rows
        text = (
            f"    if (!first) {{\n        akrt_kept_rows({write}, {row}, {one.first}, {one.come}, "
            f"{one.moved});\n"
        )
        if one.first:
            text += f"        {step.call(*reads, write, scratch, f'0, {one.first}')}\n"
        rest = f"first ? 0 : {one.come}, {one.rows}"
        return f"{text}    }}\n    {step.call(*reads, write, scratch, rest)}\n"

    def _constants(self, step: Step) -> str:
        return f"&{self.lowered.name}_l{step.layer}"

    def _kept_words(self, one: KeptRows) -> str:
        return f"kept_words + {one.offset // 4}"

    def _place(self, tensor: str, external: bool) -> str:
        if external:
            return tensor
        for one in self.kept.values():
            if not one.sums and self.lowered.steps[one.step].target.name == tensor:
                return f"kept_bytes + {one.offset}"
        return f"arena_bytes + {self.arena.offset(tensor)}"

    def _scratch(self, index: int) -> str:
        name = f"scratch_{index}"
        return f"arena_words + {self.arena.offset(name) // 4}" if name in self.arena else "NULL"


def plan_hop(lowered: Lowered, moved: int) -> HopPlan:
    """Keeps what pays.

    Args:
        lowered: the network.
        moved: rows of its input that a window moves by; 0: no whole number of them.
    """
    rows = lowered.model.input_shape[0]
    known = {INPUT: MovedRows(rows, 0, rows, moved)}
    kept: dict[int, KeptRows] = {}
    whole: dict[int, str] = {}
    offset = 0
    for i, step in enumerate(lowered.steps):
        one = _kept(lowered, i, known, offset)
        if isinstance(one, str):
            whole[i] = one
            continue
        kept[i] = one
        offset += aligned(one.bytes, ALIGNMENT)
        if not one.sums:
            known[step.target.name] = one
    stay = {lowered.steps[i].target.name for i, one in kept.items() if not one.sums}
    jobs = jobs_beside([step.job for step in lowered.steps], stay)
    return HopPlan(lowered, moved, kept, whole, plan_arena(jobs, ALIGNMENT))


def hop_interface(hop: HopPlan | None) -> str:
    """C declarations of ``<name>_run_hop``."""
    if hop is None:
        return ""
    name, upper = hop.lowered.name, hop.lowered.name.upper()
    return f"""
#define {upper}_HOP_ROWS {hop.moved} /* that the input moves by from one window to the next */
#define {upper}_KEPT_BYTES {hop.kept_bytes}
#define {upper}_HOP_ARENA_BYTES {hop.arena_bytes}

/* The same, with the same results, for the windows of a stream: what the window before had is not
 * computed again. first: 0 where the input is that of the call before, {upper}_HOP_ROWS rows
 * later, and 1 anywhere else; kept: {upper}_KEPT_BYTES, aligned as words, to be left alone
 * between calls; arena: {upper}_HOP_ARENA_BYTES, contents irrelevant before and after. */
int {name}_run_hop(const uint8_t *input, int32_t first, int32_t *output, void *kept, void *arena);
"""


def hop_function(hop: HopPlan, steps: str) -> str:
    """C definition of ``<name>_run_hop``; `steps`: its calls."""
    name, upper = hop.lowered.name, hop.lowered.name.upper()
    body = hop.before() + steps
    memory = [
        f"    {kind} *{place}_{unit} = ({kind} *){place};\n"
        for place in ("kept", "arena")
        for unit, kind in (("bytes", "uint8_t"), ("words", "int32_t"))
        if f"{place}_{unit}" in body
    ]
    end = max((block.offset + block.bytes for block in hop.arena.blocks), default=0)
    return f"""
AKRT_STATIC_ASSERT({end} <= {upper}_HOP_ARENA_BYTES, {name}_hop_arena_holds_{end});
AKRT_STATIC_ASSERT({hop.kept_bytes} <= {upper}_KEPT_BYTES, {name}_kept_holds_{hop.kept_bytes});

AKRT_CODE int {name}_run_hop(const uint8_t *input, int32_t first, int32_t *output, void *kept,
{" " * (len(name) + 23)}void *arena) {{
{"".join(memory)}    if (input == NULL || output == NULL || kept == NULL || arena == NULL ||
        akrt_misaligned((uintptr_t)kept | (uintptr_t)arena | (uintptr_t)output)) {{
        return -1;
    }}
{body}    return 0;
}}
"""


def _kept(
    lowered: Lowered, index: int, known: Mapping[str, MovedRows], offset: int
) -> KeptRows | str:
    """What a step keeps, or why it keeps nothing."""
    step = lowered.steps[index]
    node = lowered.model.nodes[step.layer]
    sums = step.kernel == _SUMS
    sources = [known.get(source.name) for source in step.sources]
    found = kept_rows(akida_1_operation(node), sources, leaving=sums)
    if isinstance(found, str):
        return found
    if step.kernel not in (*_ROWS, _SUMS):
        return "its kernel computes no part of its rows"
    size = 2 * _SUM_BYTES * padded_channels(node.input_shape[2]) if sums else step.target.bytes
    return KeptRows(found.rows, found.first, found.last, found.moved, index, sums, size, offset)
