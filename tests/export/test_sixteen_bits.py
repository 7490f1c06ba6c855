"""Where int has 16 bits: small networks on an AVR, constants in RAM, give the same integers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from networks import (
    calibrate,
    extreme_networks,
    networks,
    placeholder,
    potentials,
    random_weights,
)
from thorough import amount

import firmware_export
from akrt.decision import StreamSettings
from akrt.errors import ToolError, UsageError
from akrt.model import (
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Mfcc,
    Model,
    Node,
    Pooling,
    SeparableConvolutional,
)
from firmware_export.budget import budget
from firmware_export.lowered import lower
from firmware_export.targets import TARGETS
from firmware_export.toolchain import compile_program, run_program
from firmware_export.verify import verify

from .compiled_export import tool
from .row_networks import row_network

AVR = TARGETS["avr"]
NETWORKS = amount(28, 72)
Sample = tuple[Model, np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    tool(*AVR.compiler)
    tool(AVR.runner[0])


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """Random networks that 16 KiB of RAM hold, every fourth with thresholds at the ends."""
    return drawn(networks(), NETWORKS * 3 // 4) + drawn(extreme_networks(), NETWORKS // 4)


def drawn(strategy: SearchStrategy[Sample], count: int) -> list[Sample]:
    found: list[Sample] = []

    @settings(
        max_examples=5 * NETWORKS,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    return [sample for sample in found if small(sample[0])][:count]


def small(model: Model) -> bool:
    """Whether the self-test fits, and ends within a second or two."""
    report = budget(model)
    size = report.arena_bytes + report.constant_bytes + 3 * math.prod(model.input_shape)
    return size < 9 << 10 and sum(map(products, model.nodes)) < 100_000


def products(node: Node) -> int:
    """Multiplications of a layer with the general kernels."""
    layer = node.layer
    if isinstance(layer, InputData):
        return 0
    if isinstance(layer, FullyConnected):
        return layer.weights.size
    x, y, _ = node.conv_shape
    if layer.pooling is not None and layer.pooling.size is not None:
        # a potential is computed anew for every window that it lies in
        x, y = (n * k for n, k in zip(node.output_shape, layer.pooling.size, strict=False))
    if isinstance(layer, SeparableConvolutional):
        return x * y * (layer.depthwise.size + layer.pointwise.size)
    return x * y * layer.weights.size


def test_random_networks_of_every_kind(samples: list[Sample], tmp_path: Path) -> None:
    assert len(samples) >= NETWORKS * 5 // 6
    layers = [layer for model, _ in samples for layer in model.layers]
    kinds = {InputData, InputConvolutional, Convolutional, SeparableConvolutional, FullyConnected}
    assert {type(layer) for layer in layers} == kinds
    neural = [layer for layer in layers if not isinstance(layer, InputData)]
    assert {layer.weights_bits for layer in neural} == {1, 2, 4, 8}
    assert {layer.act_bits for layer in neural} == {None, 1, 2, 4}
    pools = [layer.pooling for layer in neural if not isinstance(layer, FullyConnected)]
    assert {pool and pool.kind for pool in pools} == {None, "max", "average"}
    for i, (model, x) in enumerate(samples):
        verified(model, x[:2], tmp_path / f"n{i}")


@pytest.mark.parametrize("seed", [*range(8), 21, 27])
def test_row_kernels(seed: int, tmp_path: Path) -> None:
    model, x = row_network(seed)
    firmware_export.export(model, tmp_path, name="net", vectors=x[:1])
    assert verify(tmp_path, "avr").vectors == 1


@pytest.mark.parametrize("channels", [8, 16])
def test_sums_of_several_groups_leave_sixteen_bits(channels: int, tmp_path: Path) -> None:
    """Each group of four channels fits a half of a word, all together do not."""
    rng = np.random.default_rng(channels)
    sign = np.array([1, -1, 1, 1, -1, 1, 1, 1])
    layers = (
        InputData("in", (4, 5, channels), 4),
        SeparableConvolutional(
            name="wide",
            depthwise=np.full((3, 3, channels), 7, np.int8),
            pointwise=(7 * sign * np.ones((channels, 1))).astype(np.int8),
            weights_bits=4,
            act_bits=4,
            threshold=np.zeros(8, np.int32),
            act_step=np.full(8, 8192, np.float32),
        ),
    )
    x = rng.integers(0, 16, (3, 4, 5, channels)).astype(np.uint8)
    x[0] = 15
    model = Model(layers)
    assert "akrt_separable_rows_muladd" in lower(model, "net").kernels
    assert np.abs(potentials(model, x)).max() > 1 << 15
    verified(model, x, tmp_path / "net")


def test_sound_to_words(tmp_path: Path) -> None:
    """Features, network and decision of a listener, in 16 KiB."""
    rng = np.random.default_rng(3)
    first = InputConvolutional(
        name="conv",
        input_shape=(49, 10, 1),
        weights=random_weights(rng, 8, (5, 5, 1, 4)),
        weights_bits=8,
        act_bits=4,
        stride=(3, 3),
        pooling=Pooling("average"),
        **placeholder(4),
    )
    last = FullyConnected(
        name="dense",
        weights=random_weights(rng, 4, (4, 3)),
        weights_bits=4,
        act_bits=None,
        **placeholder(3),
    )
    x = rng.integers(0, 256, (2, 49, 10, 1)).astype(np.uint8)
    layers = tuple(calibrate([first, last], rng, x))
    model = Model(layers, labels=("silence", "yes", "no"), preprocessing=Mfcc())
    verified(model, x[:1], tmp_path / "net", StreamSettings())


def test_a_plain_array_is_enough_for_an_arena(tmp_path: Path) -> None:
    """At any address: an AVR aligns no array."""
    model, x = row_network(6)
    firmware_export.export(model, tmp_path, name="net", vectors=x[:1])
    main = tmp_path / "odd.c"
    main.write_text("""\
#define NET_IMPLEMENTATION
#include "net.h"
#include "net_vectors.h"
typedef struct place {
    char before;
    uint32_t arena[NET_ARENA_BYTES / 4];
    char between;
    int32_t output[NET_OUTPUTS];
} place;
static place odd;
int main(void) {
    if (((uintptr_t)odd.arena & 1u) == ((uintptr_t)&odd & 1u) ||
        net_run(net_vector_inputs, odd.output, odd.arena) != 0) {
        return 1;
    }
    for (int32_t i = 0; i < NET_OUTPUTS; i++) {
        if (odd.output[i] != net_vector_outputs[i]) {
            return 2;
        }
    }
    return net_run(net_vector_inputs, odd.output, NULL) == -1 ? 0 : 3;
}
""")
    compile_program(AVR, [main], tmp_path / "odd.elf")
    assert run_program(AVR, tmp_path / "odd.elf") == 0


def test_an_array_beyond_its_addresses_stops_the_compiler(tmp_path: Path) -> None:
    layer = FullyConnected(
        name="dense",
        weights=np.ones((4096, 9), np.int8),
        weights_bits=8,
        act_bits=None,
        **placeholder(9),
    )
    model = Model((InputData("in", (16, 16, 16), 4), layer))
    firmware_export.export(model, tmp_path, name="net")
    with pytest.raises(ToolError) as caught:
        verify(tmp_path, "avr")
    assert "net has an array of 36864 bytes" in (caught.value.detail or "")


def test_too_much_memory_is_told_in_bytes(tmp_path: Path) -> None:
    layer = FullyConnected(
        name="dense",
        weights=np.ones((1024, 17), np.int8),
        weights_bits=8,
        act_bits=None,
        **placeholder(17),
    )
    model = Model((InputData("in", (8, 8, 16), 4), layer))
    firmware_export.export(model, tmp_path, name="net")
    with pytest.raises(UsageError, match=r"needs 2\d,\d{3} bytes of RAM, 16,384 are there"):
        verify(tmp_path, "avr")


def verified(
    model: Model, x: np.ndarray, folder: Path, stream: StreamSettings | None = None
) -> None:
    """Every layer's hash, every output and class, and what a listener hears."""
    firmware_export.export(model, folder, name="net", vectors=x, stream=stream)
    for stem in ("net_selftest", "net_stream_selftest")[: 1 if stream is None else 2]:
        program = folder / f"{stem}.elf"
        flags = ("-O2", f"-D{stem.upper()}_MAIN")
        compile_program(AVR, [folder / f"{stem}.c"], program, flags)
        assert run_program(AVR, program) == 0, (stem, model.layers)
