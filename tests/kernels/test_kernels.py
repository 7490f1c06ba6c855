"""Each C kernel of each architecture against NumPy, over the whole range of its operands."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from akrt.backends.native_lanes import coarse_levels, half_byte_lanes, short_lanes
from akrt.backends.native_plan import byte_chain, interleave
from akrt.backends.native_scales import find_scale, find_short_scale
from akrt.kernels._kernels import architectures
from kernels.compiled import (
    SOURCE,
    Kernels,
    Lanes,
    Product,
    Scale,
    ShortScale,
    Window,
    build,
    pointer,
)
from kernels.emulated import CPUS, EmulatedKernels, Machine
from kernels.emulated import architectures as emulated_architectures

INT16, INT32 = np.iinfo(np.int16), np.iinfo(np.int32)


STEMS = re.findall(r"AKRT_KERNEL\((akrt_\w+),", (SOURCE / "include/akrt/kernels.inc").read_text())
ARCHITECTURES = architectures()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return build(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(
    scope="session",
    params=[*(arch.name for arch in ARCHITECTURES), *(f"aarch64 {name}" for name in CPUS)],
)
def kernels(request: pytest.FixtureRequest) -> Kernels | EmulatedKernels:
    machine, _, name = request.param.rpartition(" ")
    if machine:
        cpu: Machine = request.getfixturevalue("emulated")[CPUS[name]]
        return EmulatedKernels(cpu, emulated_architectures(cpu)[name][1])
    arch = next(arch for arch in ARCHITECTURES if arch.name == name)
    if not arch.usable:
        pytest.skip(f"this CPU cannot run the kernels '{name}'")
    return Kernels(request.getfixturevalue("library"), arch)


def test_every_kernel_of_the_list_is_tested_here() -> None:
    assert len(STEMS) == len(set(STEMS)) >= 11
    for stem in STEMS:
        assert any(name.startswith(stem.replace("akrt_", "test_")) for name in globals()), stem


def test_every_kernel_of_the_list_exists_for_every_architecture(kernels: Kernels) -> None:
    for stem in STEMS:
        assert getattr(kernels, stem)


def test_one_kernel_a_file_named_as_the_function() -> None:
    assert sorted(path.stem for path in (SOURCE / "ref").glob("*.c")) == sorted(STEMS)


seeds = st.integers(0, 2**32 - 1)


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
    out = np.empty((rows, filters), np.int32)
    packed = interleave(w, kernels.arch.filter_block, 2)
    kernels.akrt_matmul_s16s16(pointer(a), pointer(packed), rows, depth, filters, pointer(out))
    np.testing.assert_array_equal(out, a.astype(np.int64) @ w.T.astype(np.int64))


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
    scale = Scale(threshold=np.zeros(filters, np.int32), **constants)
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
    assert constants["limit"] == limit
    lanes = Lanes(**constants, filters=filters)
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
    lanes = Lanes(**constants, filters=filters)
    out = np.full((rows, filters), 99, np.uint8)
    readable = np.append(a.ravel(), np.full(15, 77, np.uint8))
    kernels.akrt_matmul_u8s16_u8(pointer(readable), ctypes.byref(lanes), rows, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(potentials, threshold, step16, bits))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    n = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    odd = st.tuples(st.integers(1, 7), st.integers(1, 7))
    k = draw(st.one_of(st.just((3, 3)), odd))
    s = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    out = tuple(-(-n[i] // s[i]) for i in (0, 1))
    pad = tuple(max((out[i] - 1) * s[i] + k[i] - n[i], 0) // 2 for i in (0, 1))
    return Window(
        n[0],
        n[1],
        draw(st.sampled_from([1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 48, 64, 70])),
        *out,
        *k,
        *s,
        *pad,
    )


def patches(w: Window, x: np.ndarray, border: int) -> np.ndarray:
    """(out_x, out_y, size_x, size_y, channels), element by element."""
    out = np.full((w.out_x, w.out_y, w.size_x, w.size_y, w.channels), border, np.int64)
    for ox, oy, i, j in np.ndindex(*out.shape[:4]):
        at = ox * w.stride_x - w.pad_x + i, oy * w.stride_y - w.pad_y + j
        if 0 <= at[0] < w.in_x and 0 <= at[1] < w.in_y:
            out[ox, oy, i, j] = x[at]
    return out


@given(seeds, windows(), st.integers(0, 255))
def test_patch_u8(kernels: Kernels, seed: int, w: Window, border: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    expected = patches(w, x, border)
    got = np.empty(expected.shape[2:], np.int16)
    at = rng.integers(w.out_x), rng.integers(w.out_y)
    kernels.akrt_patch_u8(
        ctypes.byref(w), pointer(x), int(at[0]), int(at[1]), ctypes.c_int16(border), pointer(got)
    )
    np.testing.assert_array_equal(got, expected[at])


@given(seeds, windows(), st.integers(0, 255), st.integers(0, 9))
def test_patches_u8(kernels: Kernels, seed: int, w: Window, border: int, tail: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    first = int(rng.integers(w.out_x))
    count = int(rng.integers(1, w.out_x - first + 1))
    used = w.size_x * w.size_y * w.channels
    size = count * w.out_y * (used + tail)
    got = np.full(size + 64 + 64, 77, np.uint8)
    kernels.akrt_patches_u8(
        ctypes.byref(w), pointer(x), first, count, ctypes.c_uint8(border), used + tail, pointer(got)
    )
    assert (got[size + 64 :] == 77).all()
    np.testing.assert_array_equal(
        got[:size].reshape(count, w.out_y, -1)[..., :used],
        patches(w, x, border)[first : first + count].reshape(count, w.out_y, -1),
    )


@given(seeds, windows(), st.sampled_from([0, 0, 1, 8, 9]))
def test_dwconv_u8s8_u8(kernels: Kernels, seed: int, w: Window, tail: int) -> None:
    rng = np.random.default_rng(seed)
    top, reach = [(15, 7), (15, 43), (255, 2), (3, 127)][seed % 4]  # 16 bits with the offset
    x = rng.integers(0, top + 1, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    weights = rng.integers(-reach, reach + 1, (w.size_x, w.size_y, w.channels)).astype(np.int8)
    if seed % 5 == 0:
        x[:], weights[:] = top, rng.choice([-reach, reach], w.channels)
    offset = np.zeros(-(-w.channels // 64) * 64, np.int32)
    offset[: w.channels] = rng.integers(-500, 500, w.channels)
    first = int(rng.integers(w.out_x))
    count = int(rng.integers(1, w.out_x - first + 1))
    depth = w.channels + tail
    positions = count * w.out_y
    low = np.full((positions, depth), 99, np.uint8)
    rest = np.full((positions, depth), 99, np.int16)
    spill = np.full(positions, 99, np.uint32)
    kernels.akrt_dwconv_u8s8_u8(
        *(ctypes.byref(w), pointer(x), pointer(weights), pointer(offset)),
        *(first, count, depth, pointer(low), pointer(rest), pointer(spill)),
    )
    expected = (patches(w, x, 0)[first : first + count] * weights).sum((2, 3))
    expected = expected.reshape(positions, -1) + offset[: w.channels]
    np.testing.assert_array_equal(
        low[:, : w.channels] + rest[:, : w.channels].astype(int), expected
    )
    assert not (rest & 255).any()
    np.testing.assert_array_equal(spill != 0, rest.any(1))
    assert not low[:, w.channels :].any()
    assert not rest[:, w.channels :].any()


tails = st.sampled_from([0, 0, 1, 8, 9])


@given(seeds, windows(), tails)
def test_dwconv_u8s16_s16(kernels: Kernels, seed: int, w: Window, tail: int) -> None:
    check_dwconv(kernels, 16, 4, seed, w, tail)


@given(seeds, windows(), tails)
def test_dwconv_u8s16_s32(kernels: Kernels, seed: int, w: Window, tail: int) -> None:
    check_dwconv(kernels, 32, 127, seed, w, tail)


def check_dwconv(kernels: Kernels, bits: int, top: int, seed: int, w: Window, tail: int) -> None:
    rng = np.random.default_rng(seed)
    # 49 taps of 15 stay within 16 bits for weights to 44
    x = rng.integers(0, 16, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    weights = rng.integers(-top, top + 1, (w.size_x, w.size_y, w.channels)).astype(np.int16)
    depth = w.channels + tail
    out = np.full((w.out_y, depth), 99, np.int16 if bits == 16 else np.int32)
    row = int(rng.integers(w.out_x))
    kernel = getattr(kernels, f"akrt_dwconv_u8s16_s{bits}")
    kernel(ctypes.byref(w), pointer(x), pointer(weights), row, depth, pointer(out))
    expected = (patches(w, x, 0)[row] * weights).sum((1, 2))
    np.testing.assert_array_equal(out[:, : w.channels], expected)
    assert not out[:, w.channels :].any()


@given(seeds, windows(), st.integers(1, 150), st.sampled_from(["s32", "u8", "u8_short"]))
def test_matmul_u8s8_walks_windows(
    kernels: Kernels, seed: int, w: Window, filters: int, variant: str
) -> None:
    if not kernels.arch.walks:
        return  # the plan never asks it to
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


@given(seeds, windows())
def test_maxpool_s32(kernels: Kernels, seed: int, w: Window) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-(2**19), 2**19, (w.in_x, w.in_y, w.channels)).astype(np.int32)
    out = np.empty((w.out_x, w.out_y, w.channels), np.int32)
    kernels.akrt_maxpool_s32(ctypes.byref(w), pointer(x), pointer(out))
    np.testing.assert_array_equal(out, patches(w, x, INT32.min).max((2, 3)))


@given(seeds, windows())
def test_maxpool_u8(kernels: Kernels, seed: int, w: Window) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    out = np.empty((w.out_x, w.out_y, w.channels), np.uint8)
    kernels.akrt_maxpool_u8(ctypes.byref(w), pointer(x), pointer(out))
    np.testing.assert_array_equal(out, patches(w, x, 0).max((2, 3)))


@given(seeds, st.integers(1, 40), st.integers(1, 9), st.sampled_from([2**10, 2**18, 2**30]))
def test_sumpool_s32(
    kernels: Kernels, seed: int, positions: int, channels: int, reach: int
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.integers(-reach, reach, (positions, channels)).astype(np.int32)
    total = np.zeros(channels, np.int32)
    kernels.akrt_sumpool_s32(pointer(p), positions, channels, pointer(total))
    expected = np.zeros(channels, np.int64)
    for row in p.astype(np.int64):
        expected = np.minimum(np.maximum(expected + row, -524288), 524287)
    np.testing.assert_array_equal(total, expected)


@given(seeds, windows(), st.sampled_from([0, 0, 0, 700]))
def test_window_sums_u8(kernels: Kernels, seed: int, w: Window, long: int) -> None:
    rng = np.random.default_rng(seed)
    if long and w.in_y < 4 and w.channels < 34:  # more rows than 16 bits hold the sum of
        w.in_x, w.out_x, w.pad_x = long, -(-long // w.stride_x), w.size_x // 2
    x = rng.integers(0, 256, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    if seed % 3 == 0:
        x[:] = 255
    out = np.full((w.size_x, w.size_y, w.channels), 99, np.int32)
    kernels.akrt_window_sums_u8(ctypes.byref(w), pointer(x), pointer(out))
    np.testing.assert_array_equal(out, patches(w, x, 0).sum((0, 1)))


@given(seeds, st.integers(1, 50))
def test_saturate_s32(kernels: Kernels, seed: int, n: int) -> None:
    p = np.random.default_rng(seed).integers(INT32.min, INT32.max, n).astype(np.int32)
    p[0] = [524287, 524288, -524288, -524289][seed % 4]
    expected = np.minimum(np.maximum(p, -524288), 524287)
    kernels.akrt_saturate_s32(pointer(p), n)
    np.testing.assert_array_equal(p, expected)


def ceiling_rule(p: np.ndarray, threshold: np.ndarray, step16: np.ndarray, bits: int) -> np.ndarray:
    """The activation of the numeric contract, in Python integers."""
    rows = [
        [
            min(max(-(-16 * (int(v) - int(t)) // (int(s) << (4 - bits))), 0), 2**bits - 1)
            for v, t, s in zip(row, threshold, step16, strict=True)
        ]
        for row in p
    ]
    return np.array(rows, np.uint8)


def near_edges(
    rng: np.random.Generator, threshold: np.ndarray, step16: np.ndarray, bits: int
) -> np.ndarray:
    """Potentials on both sides of every level, where a wrong rounding would show."""
    n = np.arange(-1, 2**bits + 1)[:, None]
    level = threshold + np.floor_divide(n * (step16 << (4 - bits)), 16)
    return np.concatenate([level - 1, level, level + 1, rng.permutation(level)])


@pytest.mark.parametrize("bits", [1, 2, 4])
@given(seed=seeds, channels=st.integers(1, 20), exponent=st.integers(1, 27))
def test_act_s32_bisect(
    kernels: Kernels, bits: int, seed: int, channels: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    threshold = rng.integers(-(2**20), 2**20, channels)
    step16 = rng.integers(1, 2**exponent, channels)
    p = near_edges(rng, threshold, step16, bits)
    p = np.clip(p, threshold - 2**23 + 1, threshold + 2**23 - 1).astype(np.int32)
    step = np.minimum(step16 << (4 - bits), 2**27).astype(np.int32)
    out = np.empty(p.shape, np.uint8)
    kernels.akrt_act_s32_bisect(
        pointer(p), pointer(threshold.astype(np.int32)), pointer(step), bits, *p.shape, pointer(out)
    )
    np.testing.assert_array_equal(out, ceiling_rule(p, threshold, step16, bits))


@pytest.mark.parametrize("bits", [1, 2, 4])
@given(seed=seeds, channels=st.integers(1, 20), exponent=st.integers(1, 35))
def test_act_s32_levels(
    kernels: Kernels, bits: int, seed: int, channels: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    threshold = rng.integers(INT32.min, INT32.max, channels)
    step16 = rng.integers(1, 2**exponent, channels)
    p = np.clip(near_edges(rng, threshold, step16, bits), -(2**31) + 2**20, 2**31 - 2**20)
    p = p.astype(np.int32)
    n = np.arange(2**bits - 1)[:, None]
    levels = threshold + np.floor_divide(n * (step16 << (4 - bits)), 16)
    levels = np.clip(levels, INT32.min, INT32.max).astype(np.int32)
    out = np.empty(p.shape, np.uint8)
    kernels.akrt_act_s32_levels(pointer(p), pointer(levels), 2**bits - 1, *p.shape, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(p, threshold, step16, bits))


@pytest.mark.parametrize("bits", [1, 2, 4])
@given(seed=seeds, channels=st.integers(1, 70), exponent=st.integers(5, 20))
def test_act_s32_scale(
    kernels: Kernels, bits: int, seed: int, channels: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    threshold = rng.integers(-(2**20), 2**20, channels)
    step16 = rng.integers(1 if bits == 1 else 16, 2**exponent, channels)
    step = step16 << (4 - bits)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_scale(levels, step)
    assume(constants is not None)
    scale = Scale(threshold=threshold.astype(np.int32), **constants)
    p = near_edges(rng, threshold, step16, bits)
    p = np.concatenate([p, rng.integers(-(2**29), 2**29, p.shape)]).astype(np.int32)
    out = np.empty(p.shape, np.uint8)
    kernels.akrt_act_s32_scale(pointer(p), ctypes.byref(scale), *p.shape, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(p, threshold, step16, bits))


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(5, 16))
def test_find_scale_is_exact_for_every_value_or_gives_none(
    seed: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(1, 2**exponent, 4)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_scale(levels, step)
    if constants is None:
        return
    v = np.arange(int(constants["top"].max()) + 1, dtype=np.uint64)[:, None]
    v = np.minimum(v, constants["top"].astype(np.uint64))
    product = v * constants["mul"].astype(np.uint64) + constants["add"].astype(np.uint64)
    if constants["fine"] is not None:
        more = v * constants["fine"].astype(np.uint64)
        assert more.max() < 2**32
        product += more >> np.uint64(12)
    assert product.max() < 2**32
    counted = (v[None] > levels[:, None].astype(np.uint64)).sum(0)
    np.testing.assert_array_equal(product >> np.uint64(constants["shift"]), counted)


def test_find_scale_serves_the_steps_of_trained_networks() -> None:
    step16 = np.array([32, 100, 200, 700, 1000]) * 16 + np.array([0, 3, 7, 11, 15])
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    assert find_scale(levels, step16) is not None
    assert find_scale(levels, step16)["fine"] is None


def test_find_scale_serves_the_wide_steps_of_first_layers() -> None:
    step16 = np.random.default_rng(0).integers(20_000, 100_000, 64)
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    constants = find_scale(levels, step16)
    assert constants is not None
    assert constants["fine"] is not None


@given(seeds, st.sampled_from([1, 2, 4]), st.integers(5, 17))
def test_find_short_scale_is_exact_for_every_value_or_gives_none(
    seed: int, bits: int, exponent: int
) -> None:
    rng = np.random.default_rng(seed)
    step = rng.integers(1, 2**exponent, 4)
    levels = np.floor_divide(np.arange(2**bits - 1)[:, None] * step, 16)
    constants = find_short_scale(levels, step, rng.integers(1, 128, 4))
    if constants is None:
        return
    top = int(levels[-1].max()) + 2
    v = np.arange(-top, max(2 * top, 66_000))[:, None]
    scaled = (v * constants["factor"] + constants["offset"]).clip(0, 65535)
    counted = (scaled * constants["mul"].astype(np.int64)) >> 16 >> constants["shift"]
    assert constants["top"] == len(levels)
    assert constants["shift"] >= 1
    expected = (v[None] > levels[:, None]).sum(0)
    np.testing.assert_array_equal(np.minimum(counted, len(levels)), expected)


def test_find_short_scale_serves_the_steps_of_trained_networks() -> None:
    step16 = np.random.default_rng(0).integers(1000, 5000, 64)
    levels = np.floor_divide(np.arange(15)[:, None] * step16, 16)
    constants = find_short_scale(levels, step16, np.full(64, 18))
    assert constants is not None
    assert constants["factor"].max() <= 18
