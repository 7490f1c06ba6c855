"""Networks of Akida 2.0 that firmware is measured with, of the shapes of usual benchmarks.

Weights are random; those that `firmware_cases` has too are of the same shape there, in 4 bits.
"""

from __future__ import annotations

from collections.abc import Callable

from akida2_builder import AVERAGE, Akida2Builder

from akrt.model import Model

__all__ = ["AKIDA2_NETWORKS", "akida2_network"]


def _keywords(bits: int) -> Callable[[], Model]:
    """ds_cnn_kws of akida_models: five layers of 64 filters, 33 words."""

    def build() -> Model:
        b = Akida2Builder(1, bits)
        b.image((49, 10, 1), 64, 2, kernel=5)
        for _ in range(3):
            b.separable(64)
        b.separable(64, pooling=AVERAGE)
        b.dense(33, 28)
        b.scores()
        return b.model(f"ds_cnn_kws, {bits} bits")

    return build


def _visual_wake_words(bits: int) -> Callable[[], Model]:
    """mobilenet 0.25, two classes."""

    def build() -> Model:
        b = Akida2Builder(2, bits)
        b.image((96, 96, 3), 8, 2)
        for filters, stride in (
            (16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2),
        ):  # fmt: skip
            b.separable(filters, stride)
        b.separable(256, pooling=AVERAGE)
        b.dense(2, 28)
        b.scores()
        return b.model(f"visual_wake_words, {bits} bits")

    return build


def _akidanet() -> Model:
    """akidanet 0.25, ten classes; inputs of some layers are shifted, as conversion may want it."""
    b = Akida2Builder(3)
    b.image((96, 96, 3), 8, 2)
    for filters, stride in ((16, 1), (32, 2), (32, 1)):
        b.conv(filters, 3, stride, shift=1)
    for filters, stride in ((64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2)):
        b.separable(filters, stride)
    b.separable(256, pooling=AVERAGE)
    b.dense(10, 28)
    b.scores()
    return b.model("akidanet_0.25, 8 bits")


def _resnet8() -> Model:
    """ResNet-8 with its shortcuts, 32x32x3, ten classes."""
    b = Akida2Builder(4)
    way = b.image((32, 32, 3), 16)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        b.last = way
        if stride == 1 and filters == b.shape[2]:
            short = b.conv(filters, 1, activation=None)
        else:
            short = b.conv(filters, 1, stride, activation=None)
        b.last = way
        b.conv(filters, 3, stride)
        way = b.sum(b.conv(filters, 3, activation=None), short)
    b.conv(64, 1, pooling=AVERAGE)
    b.dense(10, 28)
    b.scores()
    return b.model("resnet8, 8 bits")


AKIDA2_NETWORKS: dict[str, Callable[[], Model]] = {
    "ds_cnn_kws": _keywords(8),
    "visual_wake_words": _visual_wake_words(8),
    "akidanet_0.25": _akidanet,
    "resnet8": _resnet8,
    "ds_cnn_kws_4_bits": _keywords(4),
    "visual_wake_words_4_bits": _visual_wake_words(4),
}
"""By name; of 8 bits unless it says otherwise."""


def akida2_network(name: str) -> Model:
    """One of them, made anew; the same every time."""
    return AKIDA2_NETWORKS[name]()
