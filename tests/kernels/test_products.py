"""Each product of each architecture against NumPy, over the whole range of its operands."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from akrt.backends.native.lanes import coarse_levels, half_byte_lanes, short_lanes
from akrt.backends.native.scales import find_scale, find_short_scale
from akrt.backends.native.weights import byte_chain, interleave
from akrt.kernels._kernels import architectures
from kernels.compiled import (
    Kernels,
    Lanes,
    Product,
    Scale,
    Scaled,
    ShortScale,
    Window,
    pointer,
)
from kernels.draws import INT16, INT32, ceiling_rule, patches, seeds, windows

# each side of where operands stop to fit a byte, or two signed ones
tops = st.sampled_from([15, 127, 128, 945, 32639, 32640, INT16.max])
bottoms = st.sampled_from([0, -128, -129, -945, INT16.min])


@given(seeds, st.integers(1, 9), st.integers(1, 12), st.integers(1, 150), bottoms, tops)
def test_matmul_s16s16(
    kernels: Kernels, seed: int, depth8: int, rows: int, filters: int, bottom: int, top: int
) -> None:
    rng = np.random.default_rng(seed)
    depth = 8 * depth8
    a = rng.integers(bottom, top + 1, (rows, depth)).astype(np.int16)
    a[rng.integers(rows), rng.integers(depth)] = rng.choice([bottom, top])
    w = rng.integers(-128, 128, (filters, depth)).astype(np.int16)
    if bottom == 0 and top <= 128:
        w = rng.integers(-INT16.max, INT16.max + 1, (filters, depth)).astype(np.int16)
        a = np.where(a == top, 255, a).astype(np.int16)
    out = np.empty((rows, filters), np.int32)
    packed = interleave(w, kernels.arch.filter_block, 2)
    kernels.akrt_matmul_s16s16(pointer(a), pointer(packed), rows, depth, filters, pointer(out))
    np.testing.assert_array_equal(out, a.astype(np.int64) @ w.T.astype(np.int64))


@given(seeds, st.integers(1, 9), st.integers(1, 45), st.integers(1, 150), bottoms, tops)
def test_matmul_s16s16_s8(
    kernels: Kernels, seed: int, depth8: int, rows: int, filters: int, bottom: int, top: int
) -> None:
    rng = np.random.default_rng(seed)
    depth = 8 * depth8
    a = rng.integers(bottom, top + 1, (rows, depth)).astype(np.int16)
    w = rng.integers(-128, 128, (filters, depth)).astype(np.int16)
    sums = a.astype(np.int64) @ w.T.astype(np.int64)
    start = rng.integers(-(2**20), 2**20, filters) if seed % 3 else None
    scaled, expected = scaled_outputs(seed, sums, start)
    out = np.full((rows, filters), 99, np.uint8)
    packed = interleave(w, kernels.arch.filter_block, 2)
    kernels.akrt_matmul_s16s16_s8(
        pointer(a), pointer(packed), ctypes.byref(scaled), rows, depth, filters, pointer(out)
    )
    np.testing.assert_array_equal(out, expected)


@given(seeds, st.integers(1, 9), st.integers(1, 5), st.integers(1, 13))
def test_matmul_s32s16(kernels: Kernels, seed: int, depth8: int, rows: int, filters: int) -> None:
    rng = np.random.default_rng(seed)
    depth = 8 * depth8
    reach = INT32.max // (128 * depth)
    a = rng.integers(-reach, reach + 1, (rows, depth)).astype(np.int32)
    w = rng.integers(-128, 128, (filters, depth)).astype(np.int16)
    out = np.empty((rows, filters), np.int32)
    kernels.akrt_matmul_s32s16(pointer(a), pointer(w), rows, depth, filters, pointer(out))
    np.testing.assert_array_equal(out, a.astype(np.int64) @ w.T.astype(np.int64))


@given(seeds, st.integers(1, 24), st.integers(1, 30), st.integers(1, 150), st.booleans())
def test_matmul_u8s8_s32(
    kernels: Kernels, seed: int, depth4: int, rows: int, filters: int, spills: bool
) -> None:
    a, product, rest, spill, expected, _factor = byte_product(
        kernels, seed, depth4, rows, filters, spills
    )
    out = np.empty((rows, filters), np.int32)
    kernels.akrt_matmul_u8s8_s32(pointer(a), rest, spill, ctypes.byref(product), rows, pointer(out))
    np.testing.assert_array_equal(out, expected)


@given(seeds, st.integers(1, 24), st.integers(1, 30), st.integers(1, 150))
def test_matmul_u8s8_s8(kernels: Kernels, seed: int, depth4: int, rows: int, filters: int) -> None:
    a, product, _, _, sums, _ = byte_product(kernels, seed, depth4, rows, filters, spills=False)
    scaled, expected = scaled_outputs(seed, sums)
    out = np.full((rows, filters), 99, np.uint8)
    kernels.akrt_matmul_u8s8_s8(
        pointer(a), ctypes.byref(product), ctypes.byref(scaled), rows, pointer(out)
    )
    np.testing.assert_array_equal(out, expected)


def scaled_outputs(
    seed: int, sums: np.ndarray, start: np.ndarray | None = None
) -> tuple[Scaled, np.ndarray]:
    """Constants of Akida 2.0 that spread the outputs of sums (positions, F), and the outputs.

    `start` (F,) is added to the sums by the kernel.
    """
    rng = np.random.default_rng(seed)
    sums = sums if start is None else sums + start
    filters = sums.shape[1]
    reach = np.maximum(np.abs(sums).max(0), 1)
    ends = np.sort((rng.uniform(-1.2, 1.2, (2, filters)) * reach).astype(np.int64), axis=0)
    if seed % 2:
        ends[0] = 0
        ends[1] = np.maximum(ends[1], 0)
    mul = np.minimum(rng.integers(1, 256, filters), (INT32.max >> 1) // (2 * reach))
    shift = np.clip(np.log2(reach * np.maximum(mul, 1) / 128).astype(int), 0, 30)
    shift = np.clip(shift + rng.integers(-3, 2, filters), 0, 30)
    add = np.where(shift > 0, 1 << np.maximum(shift - 1, 0), 0)
    least, most = [(0, 15), (-128, 127), (0, 127), (-16, 15)][seed % 4]
    constants = {"low": ends[0], "high": ends[1], "mul": mul, "add": add, "shift": shift}
    arrays = {name: array.astype(np.int32) for name, array in constants.items()}
    y = (np.clip(sums, *ends) * mul + add) >> shift
    expected = np.clip(y, least, most).astype(np.int8).view(np.uint8)
    given_start = None if start is None else start.astype(np.int32)
    return Scaled(start=given_start, **arrays, least=least, most=most), expected


@given(seeds, windows(), st.booleans())
def test_dwconv_u8s8_s8(kernels: Kernels, seed: int, w: Window, added: bool) -> None:
    check_dwconv_u8s8_s8(kernels, seed, w, added)


@settings(max_examples=15)
@given(seeds, st.integers(100, 300), st.integers(1, 2), st.integers(0, 2), st.sampled_from([7, 24]))
def test_dwconv_u8s8_s8_of_long_lines(
    kernels: Kernels, seed: int, in_y: int, stride: int, pad: int, channels: int
) -> None:
    out_y = -(-(in_y + pad) // stride)
    w = Window(3, in_y, channels, 3, out_y, 3, 3, 1, stride, 1, pad)
    check_dwconv_u8s8_s8(kernels, seed, w, added=True)


def check_dwconv_u8s8_s8(kernels: Kernels, seed: int, w: Window, added: bool) -> None:
    rng = np.random.default_rng(seed)
    top = 255
    if kernels.arch.byte_pair == INT16.max:  # which the sum of two products must not exceed
        top = INT16.max // (2 * 128)
    x = rng.integers(0, top + 1, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    weights = rng.integers(-128, 128, (w.size_x, w.size_y, w.channels)).astype(np.int8)
    if seed % 5 == 0:
        x[:], weights[:] = top, rng.choice([-128, 127], w.channels)
    border = int(rng.choice([0, top // 2 + 1, top]))
    first = int(rng.integers(w.out_x))
    count = int(rng.integers(1, w.out_x - first + 1))
    sums = (patches(w, x, border)[first : first + count] * weights).sum((2, 3))
    sums = sums.reshape(-1, w.channels)
    start = rng.integers(-(2**20), 2**20, w.channels) if added else None
    scaled, expected = scaled_outputs(seed, sums, start)
    out = np.full(expected.shape, 99, np.uint8)
    kernels.akrt_dwconv_u8s8_s8(
        *(ctypes.byref(w), pointer(x), pointer(weights), ctypes.c_uint8(border)),
        *(ctypes.byref(scaled), first, count, pointer(out)),
    )
    np.testing.assert_array_equal(out, expected)


def byte_product(
    kernels: Kernels,
    seed: int,
    depth4: int,
    rows: int,
    filters: int,
    spills: bool,
    scaled: bool = False,
) -> tuple:
    """Operands over the whole range that the architecture takes, the potentials, and the factors.

    These are None if not `scaled`, and where the weights have them.
    """
    rng = np.random.default_rng(seed)
    depth = 4 * depth4 + 4 * (spills and depth4 % 2)
    # also each side of where operands stop to be signed bytes
    ranges = [(255, 7), (255, 127), (15, 127), (255, 1), (127, 127), (128, 127)]
    top, bits = ranges[seed // 3 % 6]
    a = rng.integers(0, top + 1, (rows, depth)).astype(np.uint8)
    w = rng.integers(-bits, bits + 1, (filters, depth)).astype(np.int8)
    if seed % 3 == 0:
        a[:], w[: filters // 2], w[filters // 2 :] = top, bits, -bits
    elif seed % 3 == 1:  # the largest sum of the first filter, the smallest of the last
        a[0], a[-1] = top * (w[0] > 0), top * (w[-1] < 0)
    chain = byte_chain(w, top, kernels.arch.byte_pair or INT32.max)
    assert chain or kernels.arch.byte_pair == INT16.max  # multiplies by the 16-bit weights then
    start = rng.integers(-(2**20), 2**20, filters).astype(np.int32)
    expected = a.astype(np.int64) @ w.T.astype(np.int64) + start
    factor = None
    wide = w.astype(np.int16)
    if scaled and kernels.arch.byte_pair == INT16.max:
        factor = rng.integers(1, min(40, INT32.max // (2**16 * depth * bits)) + 1, filters)
        wide *= factor[:, None].astype(np.int16)
        expected = a.astype(np.int64) @ wide.T.astype(np.int64) + start
        factor = factor.astype(np.int16)
    rest = rng.integers(-(2**15), 2**15, (rows, depth)).astype(np.int16)
    rest[rng.random((rows, depth)) < rng.choice([0.5, 0.97])] = 0
    rest[rng.random(rows) < 0.5] = 0
    spill = rest.any(1).astype(np.uint32) << np.uint32(rng.integers(32))
    if spills:
        expected += rest.astype(np.int64) @ wide.T.astype(np.int64)
    bytes_ = interleave(w, kernels.arch.byte_block, 4)
    wide = interleave(wide, kernels.arch.filter_block, 2)
    product = Product(
        weights=bytes_, rest_weights=wide, start=start, depth=depth, filters=filters, chain=chain
    )
    both = (pointer(rest), pointer(spill)) if spills else (None, None)
    return a, product, *both, expected, factor


@given(
    seeds,
    st.integers(1, 60),
    st.sampled_from([(255, 127), (255, 40), (255, 7), (15, 127), (15, 7), (3, 1)]),
)
def test_byte_chain_bounds_every_sum_of_any_input(
    seed: int, depth4: int, most: tuple[int, int]
) -> None:
    top, bits = most
    w = np.random.default_rng(seed).integers(-bits, bits + 1, (3, 4 * depth4))
    chain = byte_chain(w, top, INT16.max)
    for extreme in (top * (w > 0), top * (w < 0)):
        pairs = (extreme * w).reshape(3, depth4, 2, 2).sum(-1)
        if not chain:
            continue
        for start in range(0, depth4, chain):
            sums = pairs[:, start : start + chain].cumsum(1)
            assert INT16.min <= sums.min()
            assert sums.max() <= INT16.max
    largest = np.abs(w.reshape(3, -1, 2).clip(0).sum(-1)).max()
    smallest = np.abs(w.reshape(3, -1, 2).clip(max=0).sum(-1)).max()
    assert bool(chain) == (top * max(largest, smallest) <= INT16.max)


@given(seeds, st.integers(1, 24), st.integers(1, 30), st.integers(1, 150), st.booleans())
def test_matmul_u8s8_u8(
    kernels: Kernels, seed: int, depth4: int, rows: int, filters: int, spills: bool
) -> None:
    a, product, rest, spill, potentials, _factor = byte_product(
        kernels, seed, depth4, rows, filters, spills
    )
    rng = np.random.default_rng(seed)
    bits = [1, 2, 4][seed % 3]
    low, high = np.quantile(potentials, [0.2, 0.9], axis=0)
    step16 = np.maximum((high - low) * (1 << bits) * rng.uniform(0.5, 2, filters), 16)
    step16 = np.minimum(step16.astype(np.int64), 2**15)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * (step16 << (4 - bits)), 16)
    constants = find_scale(levels, step16 << (4 - bits))
    assume(constants is not None)
    scale = Scale(**vars(constants))
    out = np.empty((rows, filters), np.uint8)
    kernels.akrt_matmul_u8s8_u8(
        pointer(a), rest, spill, ctypes.byref(product), ctypes.byref(scale), rows, pointer(out)
    )
    np.testing.assert_array_equal(
        out, ceiling_rule(potentials, np.zeros(filters, int), step16, bits)
    )


@given(seeds, st.integers(1, 24), st.integers(1, 30), st.integers(1, 150), st.booleans())
def test_matmul_u8s8_u8_short(
    kernels: Kernels, seed: int, depth4: int, rows: int, filters: int, spills: bool
) -> None:
    a, product, rest, spill, sums, factor = byte_product(
        kernels, seed, depth4, rows, filters, spills, scaled=seed % 4 > 0
    )
    rng = np.random.default_rng(seed)
    mul = rng.integers(0, 2**16, filters).astype(np.uint16)
    shift, top = int(rng.integers(1, 16)), int(rng.choice([1, 3, 15]))
    scale = ShortScale(factor=factor, mul=mul, shift=shift, top=top)
    out = np.empty((rows, filters), np.uint8)
    kernels.akrt_matmul_u8s8_u8_short(
        pointer(a), rest, spill, ctypes.byref(product), ctypes.byref(scale), rows, pointer(out)
    )
    counts = (sums.clip(0, 65535) * mul.astype(np.int64)) >> (16 + shift)
    np.testing.assert_array_equal(out, np.minimum(counts, top))


@given(
    *(seeds, st.integers(1, 18), st.integers(1, 12), st.integers(1, 150)),
    *(st.sampled_from([1, 2, 4]), st.sampled_from([1, 3, 7])),
)
def test_matmul_s16s16_u8(
    kernels: Kernels, seed: int, depth8: int, rows: int, filters: int, bits: int, weight: int
) -> None:
    rng = np.random.default_rng(seed)
    depth = 8 * depth8
    w = rng.integers(-weight, weight + 1, (filters, depth))
    threshold = rng.integers(-2000, 2000, filters)
    top = 65535 // depth
    a = rng.integers(-top, top + 1, (rows, depth)).astype(np.int16)
    # rows on each side of the limit up to which sums fit 16 bits, and as far as they can get
    limit = (INT16.max - int(np.abs(threshold).max())) // max(int(np.abs(w).max()), 1)
    for row in range(0, rows, 2):
        a[row] = np.sign(w[row % filters]) * (limit // depth)
        a[row, : limit % depth + row // 2 % 2] += np.sign(w[row % filters, 0]) or 1
    if seed % 3 == 0:
        a[:] = rng.choice([-top, 0, top], (rows, depth))
    potentials = a.astype(np.int64) @ w.T
    steps = [(16, 400), (1000, 40_000), (16 * 100, 16 * 100 + 1)][seed % 3]
    step16 = rng.integers(*steps, filters)
    step = step16 << (4 - bits)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    short = find_short_scale(levels, step, (65535 // (levels[-1] + step // 16 + 2)).clip(1))
    assume(short is not None)
    constants = short_lanes(w, 1, threshold, levels, short)
    assume(constants is not None)
    assert constants.limit == limit
    lanes = Lanes(**vars(constants))
    out = np.full((rows, filters), 99, np.uint8)
    kernels.akrt_matmul_s16s16_u8(pointer(a), ctypes.byref(lanes), rows, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(potentials, threshold, step16, bits))


@given(
    *(seeds, st.integers(1, 150), st.integers(1, 12), st.integers(1, 150)),
    *(st.sampled_from([1, 2, 4]), st.integers(8, 19)),
)
def test_matmul_u8s16_u8(
    kernels: Kernels, seed: int, depth: int, rows: int, filters: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    weight = min(127, 2183 // depth)  # 15 times their sum fits 16 bits, and 15 more
    w = rng.integers(-weight, weight + 1, (filters, depth))
    a = rng.integers(0, 256, (rows, depth)).astype(np.uint8)
    if seed % 3 == 0:
        w[: filters // 2], w[filters // 2 :] = weight, -weight
        a[:] = rng.choice([0, 255], (rows, depth))
    # rows on each side of the limit up to which bytes are not halved
    limit = 32752 // max(int(np.abs(w).max()), 1)
    for row in range(0, rows, 2):
        away = np.full(depth, min(limit // depth, 127))
        away[0] = min(limit - away[1:].sum() + row // 2 % 2, 127)
        a[row] = 128 + away * np.where(w[row % filters] < 0, -1, 1)
    step16 = rng.integers(256, max(2**exponent, 257), filters)
    step = step16 << (4 - bits)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    # a potential of some row and filter is at an edge, or one beyond
    potentials = a.astype(np.int64) @ w.T
    edge = levels[rng.integers(len(levels), size=filters), np.arange(filters)]
    threshold = potentials[rng.integers(rows, size=filters), np.arange(filters)] - edge
    threshold -= rng.integers(-1, 2, filters)
    coarse = coarse_levels(levels)
    most = (65535 // (coarse[-1] + step // 256 + 2)).clip(1)
    short = find_short_scale(coarse, step, most, 256)
    assume(short is not None)
    constants = half_byte_lanes(w, threshold, levels, step, short)
    assume(constants is not None)
    lanes = Lanes(**vars(constants))
    out = np.full((rows, filters), 99, np.uint8)
    readable = np.append(a.ravel(), np.full(15, 77, np.uint8))
    kernels.akrt_matmul_u8s16_u8(pointer(readable), ctypes.byref(lanes), rows, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(potentials, threshold, step16, bits))


@pytest.mark.parametrize(
    "kernels", [arch.name for arch in architectures() if arch.walks], indirect=True
)
@given(seeds, windows(), st.integers(1, 150), st.sampled_from(["s32", "u8", "u8_short"]))
def test_matmul_u8s8_walks_windows(
    kernels: Kernels, seed: int, w: Window, filters: int, variant: str
) -> None:
    rng = np.random.default_rng(seed)
    w.pad_x = w.pad_y = 0
    # as the product's operand, what is under the windows and nothing more
    w.in_x = (w.out_x - 1) * w.stride_x + w.size_x
    w.in_y = (w.out_y - 1) * w.stride_y + w.size_y
    rows, length = w.out_x * w.out_y, w.size_y * w.channels
    line = -(-length // 4) * 4
    depth = w.size_x * line
    x = rng.integers(0, 256, w.in_x * w.in_y * w.channels + 3).astype(np.uint8)
    weights = rng.integers(-7, 8, (filters, w.size_x, line)).astype(np.int8)
    weights[:, :, length:] = 0
    weights = weights.reshape(filters, depth)
    start = rng.integers(-(2**15), 2**15, filters).astype(np.int32)
    product = Product(
        weights=interleave(weights, kernels.arch.byte_block, 4),
        start=start,
        depth=depth,
        filters=filters,
        chain=1,
    )
    window = np.frombuffer(bytes(w), np.int32)
    walking = Product(**product.arrays, depth=depth, filters=filters, chain=1, window=window)
    mul = rng.integers(1, 2**16, filters)
    scale = {
        "s32": None,
        "u8": Scale(
            threshold=np.zeros(filters, np.int32),
            top=rng.integers(0, 2**14, filters).astype(np.int32),
            mul=mul.astype(np.uint32),
            add=rng.integers(0, 2**18, filters).astype(np.uint32),
            shift=26,
        ),
        "u8_short": ShortScale(mul=mul.astype(np.uint16), shift=1, top=15),
    }[variant]
    constants = [] if scale is None else [ctypes.byref(scale)]
    made = []
    a = np.zeros((rows, w.size_x, line), np.uint8)
    under = patches(w, x[:-3].reshape(w.in_x, w.in_y, w.channels), 0)
    a[:, :, :length] = under.reshape(rows, w.size_x, length)
    for operand, how in ((a, product), (x, walking)):
        out = np.empty((rows, filters), np.int32 if variant == "s32" else np.uint8)
        getattr(kernels, f"akrt_matmul_u8s8_{variant}")(
            *(pointer(operand), None, None, ctypes.byref(how), *constants, rows, pointer(out))
        )
        made.append(out)
    np.testing.assert_array_equal(*made)
