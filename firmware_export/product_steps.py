"""Steps with products of small integers, several to a multiplication: any shape, weights of at most
4 bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Addition, Convolution, Dense, NeuralOperation, Separable
from akrt.lowering.ranges import product_range
from firmware_export.layer_constants import constant, layer_constants
from firmware_export.sizes import (
    MCU_LAYER,
    byte_words,
    dense_product_scratch,
    product_words,
    runs_scratch,
    separable_words,
)
from firmware_export.step import Constant, Step, Tensor

__all__ = ["product_obstacles", "product_step"]

_INT16_MAX, _INT32_MAX = (1 << 15) - 1, (1 << 31) - 1


def product_obstacles(does: NeuralOperation) -> tuple[str, ...]:
    """All that keeps a layer from these kernels, for people."""
    if isinstance(does, Addition):
        return (f"{does.layer.kind} has no fast kernel",)
    rules = []
    if not _in_bytes(does):
        bits = does.layer.weights_bits
        rules += [
            (bits <= 4, f"{bits}-bit weights, more than 4"),
            (does.node.input_max <= 15, f"inputs up to {does.node.input_max}, more than 4 bits"),
        ]
    if not isinstance(does, Dense) and does.pooling is not None:
        size = does.pooling.size[1]
        rules.append((size <= 4, f"max pooling over {size} positions of Y, more than 4"))
    if isinstance(does, Separable):
        reach = does.node.max_depthwise
        rules.append((reach <= _INT16_MAX, "a depthwise result of more than 16 bits"))
        whole = 16 * reach * len(does.weights) <= _INT32_MAX
        rules.append((whole, "biased potentials of more than 32 bits"))
    return tuple(text for holds, text in rules if not holds)


def product_step(
    prefix: str, index: int, does: Convolution | Dense | Separable, source: Tensor, target: Tensor
) -> Step:
    """A layer that nothing keeps from these kernels; tensors are bytes."""
    inputs, filters = does.weights.shape
    name, row_bytes, depthwise = f"{prefix}_weights", 0, None
    if isinstance(does, Dense):
        weights, kernels, how = _weights(name, does.weights), ["akrt_dense_product"], ""
        scratch = dense_product_scratch(filters, inputs)
    else:
        if isinstance(does, Separable):
            compute, weights = "akrt_separable_product", _pointwise_weights(name, does.weights)
            words = separable_words(inputs, does.window.size, does.window.stride[1])
            depthwise = _depthwise_weights(f"{prefix}_depthwise", does.depthwise)
            row_bytes = _group(does)
        elif _in_bytes(does):
            compute, weights = "akrt_conv_bytes", _byte_weights(name, does.weights)
            words = byte_words(inputs)
        else:
            compute, weights = "akrt_conv_product", _weights(name, does.weights)
            words = product_words(inputs)
        kernels, how = [f"akrt_runs_{does.pool or 'plain'}", compute], f"{compute}, {words.c}, "
        scratch = runs_scratch(kernels[0], words, filters)
    return Step(
        layer=index,
        kernel="/".join(kernels),
        sources=(source,),
        target=target,
        call=lambda read, write, scratch: (
            f"{kernels[0]}(&{prefix}, {how}{read}, {write}, {scratch});"
        ),
        kernels=tuple(kernels),
        constants=layer_constants(prefix, does, weights, depthwise, row_bytes),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
    )


def _in_bytes(does: Convolution | Dense | Separable) -> bool:
    """Whether inputs or weights need 8 bits, and a kernel is there for them."""
    wide = does.layer.weights_bits > 4 or does.node.input_max > 15
    return wide and isinstance(does, Convolution)


def _group(does: Separable) -> int:
    """Channels over which every filter's sum fits 16 bits, a multiple of 4; 0: not even four."""
    least, most = product_range(does)
    for size in range(-(-len(least) // 4) * 4, 3, -4):
        starts = range(0, len(least), size)
        sums = [(least[s : s + size].sum(0), most[s : s + size].sum(0)) for s in starts]
        if all(a.min() >= -(1 << 15) and b.max() < 1 << 15 for a, b in sums):
            return size
    return 0


def _pointwise_weights(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Pointwise weights (C, F), biased, in the order that each core wants."""
    channels, filters = weights.shape
    even = -(-filters // 2) * 2
    biased = np.full((-(-channels // 16) * 16, even), 8, np.int64)
    biased[:channels, :filters] += weights
    halves = biased.T.reshape(even, -1, 2, 8)
    vector = halves[:, :, 0] | halves[:, :, 1] << 4
    eights = biased[: -(-channels // 8) * 8, :filters].T.reshape(filters, -1, 4, 2)
    dsp = (eights << (4 * np.array([[0, 4], [1, 5], [2, 6], [3, 7]]))).sum((2, 3))
    quads = biased[: -(-channels // 4) * 4].reshape(-1, 4, even // 2, 2).transpose(2, 0, 3, 1)
    short = (quads << (4 * np.arange(8).reshape(2, 4))).sum((2, 3))
    texts = [
        ("#if AKRT_MVE", constant(name, "uint8_t", vector, "4 bits: 8 channels low, 8 high")),
        ("#elif AKRT_DSP", constant(name, "uint32_t", dsp, "4 bits: 8 channels of a filter")),
        ("#else", constant(name, "uint32_t", short, "4 bits: by pair of filters")),
    ]
    text = "".join(f"{condition}\n{c.text}" for condition, c in texts) + "#endif\n"
    return Constant(name, text, max(c.bytes for _, c in texts))


def _depthwise_weights(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Depthwise weights (kernel_x, kernel_y, C), a byte each."""
    flat = weights.reshape(-1, weights.shape[2])
    vector = constant(name, "int8_t", flat, "by tap")
    other = constant(name, "int8_t", flat.T, "by channel")
    text = f"#if AKRT_MVE\n{vector.text}#else\n{other.text}#endif\n"
    return Constant(name, text, vector.bytes)


def _byte_weights(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Weights (K, F) of 8 bits, in the order that each core wants."""
    inputs, filters = weights.shape
    plain = np.zeros((filters, -(-inputs // 16) * 16), np.int8)
    plain[:, :inputs] = weights.T
    quads = plain[:, : -(-inputs // 4) * 4].reshape(filters, -1, 4)[..., [0, 2, 1, 3]]
    one = constant(name, "int8_t", plain, "8 bits, by filter")
    other = constant(name, "int8_t", quads, "8 bits, by filter; of four the middle two are swapped")
    text = f"#if AKRT_MVE\n{one.text}#else\n{other.text}#endif\n"
    return Constant(name, text, max(one.bytes, other.bytes))


def _weights(name: str, weights: npt.NDArray[np.int8]) -> Constant:
    """Weights (K, F), biased, in the order that each core wants."""
    inputs, filters = weights.shape
    quads, pairs = -(-inputs // 4), -(-filters // 2)
    biased = np.full((quads * 4, pairs * 2), 8, np.int64)
    biased[:inputs, :filters] += weights
    # (pair, quad, filter of the pair, input of the quad)
    nibbles = biased.reshape(quads, 4, pairs, 2).transpose(2, 0, 3, 1)
    long = (nibbles << (4 * np.array([[0, 2, 4, 6], [7, 1, 3, 5]]))).sum((2, 3))
    short = (nibbles << (4 * np.array([[0, 1, 2, 3], [4, 5, 6, 7]]))).sum((2, 3))
    blocks = -(-inputs // 32)
    padded = np.full((blocks * 32, pairs * 2), 8, np.int64)
    padded[: quads * 4] = biased
    # (filter, block, half, input of the half)
    halves = padded.T.reshape(pairs * 2, blocks, 2, 16)
    vector = halves[:, :, 0] | halves[:, :, 1] << 4
    texts = [
        ("#if AKRT_MVE", constant(name, "uint8_t", vector, "4 bits: 16 inputs low, 16 high")),
        ("#elif AKRT_LONG_MLA", constant(name, "uint32_t", long, "4 bits: by pair of filters")),
        ("#else", constant(name, "uint32_t", short, "4 bits: by pair of filters")),
    ]
    text = "".join(f"{condition}\n{c.text}" for condition, c in texts) + "#endif\n"
    return Constant(name, text, max(c.bytes for _, c in texts))
