"""Instructions, flash and RAM of other networks than the keyword spotter, on every core.

    python bench/firmware_networks.py [--networks A,B] [--cores m4,m55] [--out bench/firmware]

Counted as in bench/firmware_size.py, under QEMU, for noise. Weights are random, two in five of them
zero, 4 bits but for first layers' 8; thresholds leave half of the activations zero. A network that
does not fit the machine that stands for a core has no figure there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from firmware_size import CORES, NAME, build_counter, measure
from run import half_zeros

import firmware_export
from akrt.errors import UsageError
from akrt.model import (
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    Model,
    Pooling,
    SeparableConvolutional,
)
from firmware_export.targets import TARGETS

__all__ = ["NETWORKS", "network"]

_AVERAGE = Pooling("average")
_MAX = Pooling("max", (2, 2), (2, 2))


class _Builder:
    """Adds layers to a chain; all weights but the first layer's have 4 bits."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._layers: list[AnyLayer] = []
        self._shape = shape

    def _common(self, filters: int, act_bits: int | None = 4) -> dict[str, Any]:
        return {
            "name": f"layer_{len(self._layers)}",
            "act_bits": act_bits,
            "threshold": np.zeros(filters, np.int32),
            "act_step": np.ones(filters, np.float32),
        }

    def _weights(self, *shape: int, bits: int = 4) -> np.ndarray:
        top = {1: 1, 2: 1, 4: 7, 8: 127}[bits]
        low = 0 if bits == 1 else -top
        weights = self._rng.integers(low, top + 1, shape)
        return np.where(self._rng.random(shape) < 0.4, 0, weights).astype(np.int8)

    def _add(self, layer: Any) -> None:
        self._layers.append(layer)
        self._shape = layer.output_shape(self._shape)

    def data(self, bits: int = 4) -> None:
        self._layers.append(InputData("layer_0", self._shape, bits))

    def first(self, filters: int, stride: int, pooling: Pooling | None = None) -> None:
        weights = self._weights(3, 3, self._shape[2], filters, bits=8)
        self._add(
            InputConvolutional(
                input_shape=self._shape,
                weights=weights,
                weights_bits=8,
                stride=(stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def conv(
        self, filters: int, stride: int = 1, pooling: Pooling | None = None, kernel: int = 3,
        bits: int = 4,
    ) -> None:  # fmt: skip
        self._add(
            Convolutional(
                weights=self._weights(kernel, kernel, self._shape[2], filters, bits=bits),
                weights_bits=bits,
                stride=(stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def separable(
        self, filters: int, stride: int = 1, pooling: Pooling | None = None, kernel: int = 3
    ) -> None:
        self._add(
            SeparableConvolutional(
                depthwise=self._weights(kernel, kernel, self._shape[2]),
                pointwise=self._weights(self._shape[2], filters),
                weights_bits=4,
                stride=(stride, stride),
                pooling=pooling,
                **self._common(filters),
            )
        )

    def dense(self, units: int, act_bits: int | None = None, bits: int = 4) -> None:
        inputs = self._shape[0] * self._shape[1] * self._shape[2]
        self._add(
            FullyConnected(
                weights=self._weights(inputs, units, bits=bits),
                weights_bits=bits,
                **self._common(units, act_bits),
            )
        )

    def model(self, name: str) -> Model:
        bare = Model(tuple(self._layers), name=name)
        top = (1 << bare.input_bits) - 1
        x = self._rng.integers(0, top + 1, (2, *bare.input_shape)).astype(np.uint8)
        return half_zeros(bare, x)


def _visual_wake_words() -> Model:
    b = _Builder((96, 96, 3), 1)
    b.first(8, 2)
    for filters, stride in (
        (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2),
    ):  # fmt: skip
        b.separable(filters, stride)
    b.separable(256, pooling=_AVERAGE)
    b.dense(2)
    return b.model("visual_wake_words")


def _resnet8_chain() -> Model:
    b = _Builder((32, 32, 3), 2)
    b.first(16, 1)
    for filters, stride in ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2)):
        b.conv(filters, stride)
    b.conv(64, pooling=_AVERAGE)
    b.dense(10)
    return b.model("resnet8_chain")


def _vgg() -> Model:
    b = _Builder((32, 32, 3), 3)
    b.first(16, 1)
    b.conv(16, pooling=_MAX)
    b.conv(32, pooling=_MAX)
    b.conv(64, pooling=_AVERAGE)
    b.dense(10)
    return b.model("vgg")


def _anomaly_detection() -> Model:
    b = _Builder((1, 1, 640), 4)
    b.data()
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        b.dense(units, 4)
    b.dense(640)
    return b.model("anomaly_detection")


def _gxnor_mnist() -> Model:
    b = _Builder((28, 28, 1), 5)
    b.first(32, 1, _MAX)
    b.conv(64, pooling=_MAX, bits=2)
    b.dense(512, 1, bits=2)
    b.dense(10, bits=2)
    return b.model("gxnor_mnist")


def _akidanet() -> Model:
    b = _Builder((96, 96, 3), 6)
    b.first(8, 2)
    for filters, stride in ((16, 1), (32, 2), (32, 1)):
        b.conv(filters, stride)
    for filters, stride in ((64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2)):
        b.separable(filters, stride)
    b.separable(256, pooling=_AVERAGE)
    b.dense(10)
    return b.model("akidanet_0.25")


def _keywords(filters: int, coefficients: int) -> Callable[[], Model]:
    def build() -> Model:
        b = _Builder((49, coefficients, 1), 7)
        b.first(filters, 2)
        for _ in range(3):
            b.separable(filters)
        b.separable(filters, pooling=_AVERAGE)
        b.dense(33)
        return b.model(f"keywords_{filters}_{coefficients}")

    return build


NETWORKS: dict[str, Callable[[], Model]] = {
    "visual_wake_words": _visual_wake_words,
    "resnet8_chain": _resnet8_chain,
    "vgg": _vgg,
    "anomaly_detection": _anomaly_detection,
    "gxnor_mnist": _gxnor_mnist,
    "akidanet_0.25": _akidanet,
    "keywords_32_10": _keywords(32, 10),
    "keywords_172_10": _keywords(172, 10),
    "keywords_64_40": _keywords(64, 40),
}
"""By name."""


def network(name: str) -> Model:
    """One of `NETWORKS`, made anew; the same every time."""
    return NETWORKS[name]()


METHOD = """\
# One inference of other networks

Instructions (not cycles) of one inference of noise, in millions, counted as those of the keyword
spotter (`firmware.md`), compiled with -O2; flash is code and constants, RAM the arena and the
stack, input and output aside, on a Cortex-M4, in bytes. Weights are random. Empty: the network does
not fit the machine that stands for the core. `python bench/firmware_networks.py` makes this table
again.

"""


def row(name: str, cores: tuple[str, ...], folder: Path, plugin: Path) -> dict[str, Any]:
    """Figures of one network."""
    model = network(name)
    report = firmware_export.export(model, folder / name, name=NAME)
    found: dict[str, Any] = {"macs": model.macs, "arena": report.arena_bytes, "cores": {}}
    for core in cores:
        try:
            figures = measure(TARGETS[core], folder / name, ("-O2",), folder, plugin)
        except UsageError as error:
            print(f"{name}, {core}: {str(error).splitlines()[0]:.120}")
            continue
        del figures["functions"]
        found["cores"][core] = figures
    return found


def table(rows: dict[str, dict[str, Any]], cores: tuple[str, ...]) -> str:
    """Markdown."""
    lines = [
        f"| network | MMAC | {' | '.join(cores)} | flash | RAM |",
        f"|---|---:|{'---:|' * (len(cores) + 2)}",
    ]
    for name, facts in rows.items():
        counted = facts["cores"]
        millions = [
            f"{counted[core]['instructions'] / 1e6:.2f}" if core in counted else ""
            for core in cores
        ]
        one = counted.get("m4") or next(iter(counted.values()))
        flash, ram = one["code"] + one["constants"], facts["arena"] + one["stack"]
        lines.append(
            f"| {name} | {facts['macs'] / 1e6:.2f} | {' | '.join(millions)} | {flash:,} | {ram:,} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--out", type=Path, help="folder for networks.json and networks.md")
    arguments = parser.parse_args()
    cores = tuple(arguments.cores.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin = build_counter(folder)
        rows = {name: row(name, cores, folder, plugin) for name in arguments.networks.split(",")}
    text = table(rows, cores)
    print(text)
    if arguments.out:
        (arguments.out / "networks.json").write_text(json.dumps(rows, indent=2) + "\n")
        (arguments.out / "networks.md").write_text(METHOD + text)


if __name__ == "__main__":
    main()
