"""Steps with products of small integers, several to a multiplication: any shape, weights of at most
4 bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from akrt.lowering.operations import Convolution, Dense, Operation, Separable
from akrt.lowering.ranges import product_range
from firmware_export.general_steps import constant, general_step
from firmware_export.sizes import (
    MCU_LAYER,
    Words,
    byte_words,
    dense_product_scratch,
    product_words,
    runs_scratch,
    separable_words,
)
from firmware_export.step import Constant, Step, Tensor

__all__ = ["product_obstacles", "product_step"]

_INT16_MAX, _INT32_MAX = (1 << 15) - 1, (1 << 31) - 1


def product_obstacles(does: Convolution | Dense | Separable) -> tuple[str, ...]:
    """All that keeps a layer from these kernels, for people."""
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
    prefix: str, index: int, does: Operation, source: Tensor, target: Tensor
) -> Step | None:
    """The layer with these kernels, tensors as bytes; None where it needs the general ones."""
    if not isinstance(does, (Convolution, Dense, Separable)) or product_obstacles(does):
        return None
    if isinstance(does, Separable):
        return _separable_step(prefix, index, does, source, target)
    general = general_step(prefix, index, does, (source,), target)
    name = f"{prefix}_weights"
    in_bytes = _in_bytes(does)
    weights = (_byte_weights if in_bytes else _weights)(name, does.weights)
    constants = [weights if c.name == name else c for c in general.constants]
    inputs, filters = does.weights.shape
    if isinstance(does, Dense):
        kernel = "akrt_dense_product"
        scratch = dense_product_scratch(filters, inputs)
        return replace(
            general,
            kernel=kernel,
            call=lambda read, write, scratch: f"{kernel}(&{prefix}, {read}, {write}, {scratch});",
            kernels=(kernel,),
            constants=tuple(constants),
            scratch_bytes=scratch.bytes,
            sizes={"layer": MCU_LAYER, "scratch": scratch},
        )
    compute = "akrt_conv_bytes" if in_bytes else "akrt_conv_product"
    words = (byte_words if in_bytes else product_words)(inputs)
    return _in_runs(general, prefix, does, compute, words, constants)


def _in_runs(
    general: Step,
    prefix: str,
    does: Convolution | Separable,
    compute: str,
    words: Words,
    constants: Sequence[Constant],
) -> Step:
    """The step that computes runs of potentials with `compute`, then pools and activates them."""
    driver = f"akrt_runs_{does.pool or 'plain'}"
    scratch = runs_scratch(driver, words, does.layer.filters)
    return replace(
        general,
        kernel=f"{driver}/{compute}",
        call=lambda read, write, scratch: (
            f"{driver}(&{prefix}, {compute}, {words.c}, {read}, {write}, {scratch});"
        ),
        kernels=(driver, compute),
        constants=tuple(constants),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
    )


def _in_bytes(does: Convolution | Dense | Separable) -> bool:
    """Whether inputs or weights need 8 bits, and a kernel is there for them."""
    wide = does.layer.weights_bits > 4 or does.node.input_max > 15
    return wide and isinstance(does, Convolution)


def _separable_step(
    prefix: str, index: int, does: Separable, source: Tensor, target: Tensor
) -> Step:
    general = general_step(prefix, index, does, (source,), target)
    channels, filters = does.weights.shape
    size, stride = does.window.size, does.window.stride
    constants = []
    for one in general.constants:
        if one.name == f"{prefix}_weights":
            one = _pointwise_weights(one.name, does.weights)
        elif one.name == f"{prefix}_depthwise":
            one = _depthwise_weights(one.name, does.depthwise)
        elif one.name == prefix:  # the field that says how long a row of packed weights is
            rows = -(-channels * does.layer.weights_bits // 8)
            before = f"{filters}, {does.layer.weights_bits}, {rows}, 0, "
            assert before in one.text
            after = f"{filters}, {does.layer.weights_bits}, {_group(does)}, 0, "
            one = replace(one, text=one.text.replace(before, after))
        constants.append(one)
    words = separable_words(channels, size, stride[1])
    return _in_runs(general, prefix, does, "akrt_separable_product", words, constants)


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
