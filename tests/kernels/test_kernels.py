"""Each C kernel of each architecture against NumPy, over the whole range of its operands."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from akrt.backends.native.scales import find_scale
from akrt.kernels._kernels import architectures
from kernels import test_products
from kernels.compiled import (
    SOURCE,
    Kernels,
    Scale,
    Scaled,
    Window,
    pointer,
)
from kernels.draws import INT32, ceiling_rule, patches, seeds, windows

STEMS = re.findall(r"AKRT_KERNEL\((akrt_\w+),", (SOURCE / "include/akrt/kernels.inc").read_text())
ARCHITECTURES = architectures()


def test_every_kernel_of_the_list_is_tested_here() -> None:
    assert len(STEMS) == len(set(STEMS)) >= 11
    for stem in STEMS:
        assert any(
            name.startswith(stem.replace("akrt_", "test_"))
            for name in (*globals(), *vars(test_products))
        ), stem


def test_every_kernel_of_the_list_exists_for_every_architecture(kernels: Kernels) -> None:
    for stem in STEMS:
        assert getattr(kernels, stem)


def test_one_kernel_a_file_named_as_the_function() -> None:
    assert sorted(path.stem for path in (SOURCE / "ref").glob("*.c")) == sorted(STEMS)


def test_the_portable_list_is_that_of_the_kernels() -> None:
    text = (SOURCE / "ref" / "portable.tmpl.h").read_text()
    entry = r'#ifndef AKRT_OWN_(\w+)\n#include "ref/\1\.c"\n#endif\n'
    assert sorted(re.findall(entry, text)) == sorted(STEMS)
    assert not re.search(r"^#", re.sub(entry, "", text), re.M)
    for path in SOURCE.glob("*/akrt_kernels__*.c"):
        assert set(re.findall(r"AKRT_OWN_(\w+)", path.read_text())) <= set(STEMS)


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
    check_dwconv(kernels, 32, 1 << 10, seed, w, tail)


def check_dwconv(kernels: Kernels, bits: int, top: int, seed: int, w: Window, tail: int) -> None:
    rng = np.random.default_rng(seed)
    # 49 taps of 15 stay within 16 bits for weights to 44
    border = int(rng.choice([0, 128, 255])) if bits == 32 else 0
    most = 16 if bits == 16 else 256
    x = rng.integers(0, most, (w.in_x, w.in_y, w.channels)).astype(np.uint8)
    weights = rng.integers(-top, top + 1, (w.size_x, w.size_y, w.channels)).astype(np.int16)
    depth = w.channels + tail
    out = np.full((w.out_y, depth), 99, np.int16 if bits == 16 else np.int32)
    row = int(rng.integers(w.out_x))
    where = ctypes.byref(w), pointer(x), pointer(weights)
    if bits == 16:
        kernels.akrt_dwconv_u8s16_s16(*where, row, depth, pointer(out))
    else:
        kernels.akrt_dwconv_u8s16_s32(*where, ctypes.c_uint8(border), row, depth, pointer(out))
    expected = (patches(w, x, border)[row] * weights).sum((1, 2))
    np.testing.assert_array_equal(out[:, : w.channels], expected)
    assert not out[:, w.channels :].any()


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


@given(seeds, st.integers(1, 300), st.booleans())
def test_add_u8_s32(kernels: Kernels, seed: int, n: int, same: bool) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, n)).astype(np.uint8)
    a[-1] = b[0] = 255
    b = a if same else b
    out = np.full(n, 77, np.int32)
    kernels.akrt_add_u8_s32(pointer(a), pointer(b), n, pointer(out))
    np.testing.assert_array_equal(out, a.astype(int) + b)


@given(seeds, st.integers(1, 50))
def test_saturate_s32(kernels: Kernels, seed: int, n: int) -> None:
    p = np.random.default_rng(seed).integers(INT32.min, INT32.max, n).astype(np.int32)
    p[0] = [524287, 524288, -524288, -524289][seed % 4]
    expected = np.minimum(np.maximum(p, -524288), 524287)
    kernels.akrt_saturate_s32(pointer(p), n)
    np.testing.assert_array_equal(p, expected)


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
    scale = Scale(**{**vars(constants), "threshold": threshold.astype(np.int32)})
    p = near_edges(rng, threshold, step16, bits)
    p = np.concatenate([p, rng.integers(-(2**29), 2**29, p.shape)]).astype(np.int32)
    out = np.empty(p.shape, np.uint8)
    kernels.akrt_act_s32_scale(pointer(p), ctypes.byref(scale), *p.shape, pointer(out))
    np.testing.assert_array_equal(out, ceiling_rule(p, threshold, step16, bits))


@given(seed=seeds, channels=st.integers(1, 70), positions=st.integers(1, 20), added=st.booleans())
def test_act_s32_scaled(
    kernels: Kernels, seed: int, channels: int, positions: int, added: bool
) -> None:
    rng = np.random.default_rng(seed)
    case = draw_scaled(rng, channels)
    p = scaled_potentials(rng, case, positions)
    least, most = [(0, 15), (0, 127), (-128, 127), (-16, 15), (0, 1)][seed % 5]
    start = case.pop("start")
    out = np.full((positions, channels), 99, np.uint8)
    constants = {name: array.astype(np.int32) for name, array in case.items()}
    if added:
        constants["start"] = start.astype(np.int32)
        p = p - start
    scaled = Scaled(**constants, least=least, most=most)
    kernels.akrt_act_s32_scaled(
        pointer(p.astype(np.int32)), ctypes.byref(scaled), positions, channels, pointer(out)
    )
    expected = scaled_rule(p, start if added else None, case, least, most)
    np.testing.assert_array_equal(out, expected)


def draw_scaled(rng: np.random.Generator, channels: int) -> dict[str, np.ndarray]:
    """Constants of akrt_scaled, int64, over all that 32 bits hold."""
    shift = rng.integers(0, 32, channels)
    add = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    mul = rng.choice([0, 1, 3, 127, 255, 255 << 7, 1 << 20], channels)
    reach = (INT32.max - add) // np.maximum(mul, 1)
    ends = np.sort(rng.uniform(-1, 1, (2, channels)) ** 3 * reach, axis=0).astype(np.int64)
    start = rng.integers(-(2**20), 2**20, channels)
    return {
        "start": start, "low": ends[0], "high": ends[1], "mul": mul, "add": add, "shift": shift,
    }  # fmt: skip


def scaled_potentials(
    rng: np.random.Generator, case: dict[str, np.ndarray], positions: int
) -> np.ndarray:
    """Between and beyond the bounds, and within 32 bits with any start."""
    near = rng.integers(case["low"] - 2, case["high"] + 3, (positions, len(case["mul"])))
    far = rng.integers(-(2**30), 2**30, near.shape)
    picked = np.where(rng.random(near.shape) < 0.8, near, far)
    return np.clip(picked, INT32.min + 2**21, INT32.max - 2**21)


def scaled_rule(
    p: np.ndarray, start: np.ndarray | None, case: dict[str, np.ndarray], least: int, most: int
) -> np.ndarray:
    """What kernels.inc says of the outputs, in 64 bits, as bytes."""
    v = np.clip(p if start is None else p + start, case["low"], case["high"])
    y = (v * case["mul"] + case["add"]) >> case["shift"]
    return np.clip(y, least, most).astype(np.int8).view(np.uint8)


@given(seed=seeds, channels=st.integers(1, 40), positions=st.integers(0, 30), added=st.booleans())
def test_clipsum_s32(
    kernels: Kernels, seed: int, channels: int, positions: int, added: bool
) -> None:
    rng = np.random.default_rng(seed)
    reach = (1 << int(rng.integers(1, 31))) // max(positions, 1)
    low, high = np.sort(rng.integers(-reach, reach + 1, (2, channels)), axis=0)
    start = rng.integers(-(2**20), 2**20, channels)
    p = rng.integers(-(2**30), 2**30, (positions, channels))
    p[: positions // 2] = rng.integers(low - 2, high + 3, (positions // 2, channels))
    total = np.full(channels, 5, np.int32)
    kernels.akrt_clipsum_s32(
        pointer(p.astype(np.int32)),
        pointer(start.astype(np.int32)) if added else None,
        *(pointer(end.astype(np.int32)) for end in (low, high)),
        *(positions, channels, pointer(total)),
    )
    expected = 5 + np.clip(p + start if added else p, low, high).sum(0)
    np.testing.assert_array_equal(total, expected)
