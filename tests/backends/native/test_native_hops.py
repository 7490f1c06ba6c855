"""Windows of a stream on the native backend: rows that are kept change no integer."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from export.hop_networks import Listening, hop_network, pooled_hop_network, saturating_listener
from export.test_incremental import unsaturated
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import networks, residual_networks

import akrt
from akrt.backends.native import NativeBackend, usable_archs
from akrt.backends.native.hops import HopNode, HopPlan, Kept, NativeHops, plan_hops
from akrt.backends.native.plan import AdditionPlan, MaxActivated, MaxPooling, SumPooling
from akrt.backends.reference import ReferenceBackend
from akrt.benchmark import with_arch
from akrt.errors import InputError, UsageError
from akrt.kernels._kernels import Hops
from akrt.model import InputData, Model
from akrt.runtime import bundled_model


@cache
def listeners() -> tuple[tuple[Listening, np.ndarray], ...]:
    """Networks, windows of three streams one after the other, and the right outputs."""
    some = [hop_network(seed) for seed in range(24)]
    some += [pooled_hop_network(seed) for seed in range(60)]
    some += [saturating_listener(seed) for seed in range(8)]
    return tuple((one, ReferenceBackend(one.model).run(one.windows)) for one in some)


def one_by_one(hops: NativeHops, windows: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([hops.run(window[None]) for window in windows])


def kept_of(native: NativeBackend, moved: int) -> HopPlan | None:
    return plan_hops(native._nodes, native._plan, moved)


@pytest.mark.parametrize("arch", usable_archs())
def test_every_hop_equals_the_reference(arch: str) -> None:
    """One window at a time, some at once, and with a hop that is not that of the windows."""
    compared = 0
    for one, wanted in listeners():
        with with_arch(arch):
            native = NativeBackend(one.model, threads=1)
        for moved in (one.moved, 2 * one.moved):
            hops = native.hops(moved)
            if hops is None:
                continue
            told = f"{one.model.layers}, {moved}"
            np.testing.assert_array_equal(one_by_one(hops, one.windows), wanted, told)
            split = np.split(np.arange(len(wanted)), [1, 4, 5, len(wanted) // 2])
            parts = [hops.run(one.windows[part]) for part in split]
            np.testing.assert_array_equal(np.concatenate(parts), wanted, told)
            compared += 1
    assert compared > 90


def test_the_networks_try_everything() -> None:
    """Every way to keep rows, whole layers behind kept ones, sums of rows at the end."""
    tried: set[str] = set()
    for one, _ in listeners():
        native = NativeBackend(one.model)
        plan = kept_of(native, one.moved)
        if plan is None:
            tried.add("nothing")
            continue
        assert 0 < plan.share < 1
        tried.update({"none after some"} if not plan.nodes[-1].kept.rows else {"all to the end"})
        for node in plan.nodes:
            does = node.node.layer.operation
            if node.kept.rows:
                tried.add(type(getattr(does, "pooling", does)).__name__)
    kinds = {kind.__name__ for kind in (AdditionPlan, MaxActivated, MaxPooling, SumPooling)}
    assert tried == kinds | {"NoneType", "nothing", "none after some", "all to the end"}


def test_sums_over_all_positions_saturate_in_some_windows_and_not_in_others() -> None:
    differ = []
    for seed in (1, 3, 5):
        one = saturating_listener(seed)
        assert NativeBackend(one.model).hops(one.moved) is not None
        wanted = ReferenceBackend(one.model).run(one.windows)
        differ += list((wanted != unsaturated(one.model, one.windows)).any(axis=(1, 2, 3)))
    assert 0.1 < np.mean(differ) < 0.9


@settings(max_examples=150)
@given(st.one_of(networks(), residual_networks()), st.integers(0, 2**32 - 1))
def test_windows_may_jump_and_stand_still(case: tuple[Model, np.ndarray], seed: int) -> None:
    """Hops of any size, windows again, backwards, and of another stream: whatever comes."""
    model, _ = case
    rng = np.random.default_rng(seed)
    rows = model.input_shape[0]
    moved = int(rng.integers(1, rows + 3))
    hops = NativeBackend(model, threads=1).hops(moved)
    if hops is None:
        return
    sound = rng.integers(0, 1 << model.input_bits, (rows + 12 * moved, *model.input_shape[1:]))
    steps = rng.choice([moved, moved, moved, 0, 1, 2 * moved, -moved], 12)
    at = np.cumsum(steps).clip(0, 12 * moved)
    windows = np.stack([sound[i : i + rows] for i in at]).astype(np.uint8)
    wanted = ReferenceBackend(model).run(windows)
    np.testing.assert_array_equal(one_by_one(hops, windows), wanted)


def heard(moved: int = 4, count: int = 40) -> tuple[akrt.Runtime, np.ndarray, np.ndarray]:
    """The shipped network, windows of a stream, and the right outputs."""
    runtime = akrt.Runtime(backend="native", threads=1)
    sound = np.random.default_rng(1).integers(0, 256, (49 + moved * count, 10, 1))
    windows = np.stack([sound[i * moved :][:49] for i in range(count)]).astype(np.uint8)
    return runtime, windows, runtime.forward(windows)


def test_rows_are_kept_indeed() -> None:
    """Of the shipped network at 80 ms: what lies in memory is used, where the window follows."""
    runtime, windows, wanted = heard()
    hops = runtime._backend.hops(4)
    kept = hops._plan.nodes
    assert [(n.kept.rows, n.kept.first + n.kept.rows - n.kept.come) for n in kept] == [
        *((25, computed) for computed in (4, 6, 8, 10)),
        (0, 0),
        (0, 0),
    ]
    hops.run(windows[:1])
    flag, before = 64, 64 + 512
    hops._kept[0][flag + before + 128 :] = 15
    assert (hops.run(windows[1:2]) != wanted[1:2]).any()
    hops._kept[0][flag + before + 128 :] = 15
    np.testing.assert_array_equal(hops.run(windows[4:5]), wanted[4:5])  # does not follow


def test_many_streams_share_one_network() -> None:
    runtime, windows, wanted = heard()
    native = runtime._backend
    hops = [native.hops(4) for _ in range(8)]
    assert len({id(one._hops) for one in hops}) == 1
    for i in range(len(windows)):  # interleaved, each elsewhere in the sound
        for k, one in enumerate(hops):
            n = (i + 5 * k) % len(windows)
            np.testing.assert_array_equal(one.run(windows[n : n + 1]), wanted[n : n + 1])
    with ThreadPoolExecutor(8) as pool:
        for made in pool.map(lambda one: one_by_one(one, windows), hops):
            np.testing.assert_array_equal(made, wanted)
        single = hops[0]  # of one stream, which is not how it is meant
        for made in pool.map(lambda n: one_by_one(single, windows[n:]), range(8)):
            np.testing.assert_array_equal(made, wanted[-len(made) :])


def test_a_batch_that_many_threads_share_is_computed_whole() -> None:
    _, windows, wanted = heard()
    for threads, whole in ((1, False), (2, False), (16, True)):
        native = NativeBackend(bundled_model(), threads=threads)
        hops = native.hops(4)
        np.testing.assert_array_equal(hops.run(windows), wanted)
        assert (not hops._kept) == whole
        np.testing.assert_array_equal(one_by_one(hops, windows[::-1]), wanted[::-1])
        assert hops._kept
        native.close()


@pytest.mark.parametrize("moved", [1, 3, 40, 48, 49, 50, 10**9])
def test_hops_that_allow_nothing(moved: int) -> None:
    runtime = akrt.Runtime(backend="native")
    assert runtime.incremental_forward(moved) is None


def test_what_a_runtime_says_of_it() -> None:
    runtime, windows, wanted = heard()
    forward = runtime.incremental_forward(4)
    before = runtime.statistics.samples
    np.testing.assert_array_equal(forward(windows[:3]), wanted[:3])
    np.testing.assert_array_equal(forward(windows[3:4].copy("F")), wanted[3:4])
    assert runtime.statistics.samples == before + 4
    assert forward(windows[:0]).shape == wanted[:0].shape
    with pytest.raises(InputError, match="expected"):
        forward(windows[:, :48])
    for rows in (0, -4, 1.5, "4", None):
        with pytest.raises(UsageError, match="rows must be a positive integer"):
            runtime.incremental_forward(rows)
    assert akrt.Runtime(backend="reference").incremental_forward(4) is None
    runtime.close()
    with pytest.raises(UsageError, match="this runtime is closed"):
        forward(windows[:1])


def test_wrong_plans_and_arrays_are_refused_before_c_sees_them() -> None:
    runtime, windows, wanted = heard()
    native = runtime._backend
    plan, network = kept_of(native, 4), native._network
    sizes = plan.arena_bytes, plan.kept_bytes
    made = Hops(network, plan.nodes, *sizes, 40)
    out = np.empty_like(wanted[:1])
    made.run(windows[:1], made.memory(), out)
    np.testing.assert_array_equal(out, wanted[:1])
    for bad in (
        (windows[:1], made.memory()[1:], out),
        (windows[:1].astype(np.int8), made.memory(), out),
        (windows[:2], made.memory(), out),
        (windows[:1], made.memory(), out.astype(np.uint8)),
    ):
        with pytest.raises(ValueError, match="expected"):
            made.run(*bad)
    with pytest.raises(ValueError, match="are beyond"):
        Hops(network, plan.nodes, plan.arena_bytes, plan.kept_bytes - 64, 40)
    with pytest.raises(ValueError, match="are beyond|not in the arena"):
        Hops(network, plan.nodes, plan.arena_bytes - 64, plan.kept_bytes, 40)
    with pytest.raises(ValueError, match="beyond the window"):
        Hops(network, plan.nodes, *sizes, 491)
    with pytest.raises(ValueError, match="nodes of the network"):
        Hops(network, plan.nodes[1:], *sizes, 40)
    first = plan.nodes[0]
    with pytest.raises(ValueError, match="layers of the network"):
        Hops(network, [plan.nodes[1], first, *plan.nodes[2:]], *sizes, 40)
    with pytest.raises(ValueError, match=r"rows 1\.\.24 of 25, 2 later"):
        replace(first.kept, come=24)
    for changed in ({"row_bytes": 321}, {"rows": 24, "come": 20}, {"at": first.kept.at + 64}):
        with pytest.raises(ValueError, match="are not the layer's"):
            HopNode(first.node, replace(first.kept, **changed))
    with pytest.raises(ValueError, match="are not the layer's"):
        HopNode(plan.nodes[4].node, Kept(25, 1, 22, 2, 1280, first.kept.at))


def test_a_network_that_does_nothing_keeps_nothing() -> None:
    assert NativeBackend(Model((InputData("in", (9, 2, 1), 4),))).hops(1) is None
