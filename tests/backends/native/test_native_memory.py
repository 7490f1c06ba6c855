"""Networks with memory on every kernel set that runs here: the integers of the reference in time.

AKRT_TEST_AKIDA2_MEMORY: how many networks of either kind; 12 where it is not set.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from akida2_architectures import RECURRENT, TEMPORAL, akida2_file
from akida2_outputs import outputs_by_layer, use_whole_range
from akida2_temporal_networks import pieces, recurrent_network, temporal_network
from forked import Child, forks
from test_akida2_memory_model import FRAMES, SIGNAL
from test_akida2_memory_model import RECURRENT as TURNED
from test_akida2_memory_model import TEMPORAL as HELD
from thorough import THOROUGH

import akrt
from akrt.backends.native import NativeBackend, usable_archs
from akrt.backends.native.arena import plan_network
from akrt.backends.native.plan import LayerPlan, SpatialPlan
from akrt.backends.native.temporal_plan import Recall, RecurrentPlan
from akrt.backends.reference import ReferenceBackend
from akrt.benchmark import with_arch
from akrt.importers import load_fbz
from akrt.kernels._kernels import Network, architectures
from akrt.model import Model

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_MEMORY", "12"))
STEPS = 200
Draw = Callable[[int], tuple[Model, np.ndarray]]
BOTH = pytest.mark.parametrize("draw", [temporal_network, recurrent_network])
CASES = pytest.mark.parametrize(("model", "x"), [(HELD, FRAMES), (TURNED, SIGNAL)])


def native(model: Model, arch: str) -> NativeBackend:
    with with_arch(arch):
        return NativeBackend(model)


def ways_of(layer: LayerPlan) -> list[str]:
    """What a plan of a layer that remembers chose."""
    does, made = layer.operation, type(layer.activation).__name__
    if isinstance(does, SpatialPlan):
        path = does.multiply
        steps = ["saturates by step"] if getattr(path, "steps", False) else []
        return [type(path).__name__, f"buffered {made}", *steps]
    assert isinstance(does, RecurrentPlan)
    taken, given = ("wide" if p is None else "short" for p in (does.taken, does.given))
    return [f"{taken} taken", f"{given} given", f"recurrent {made}"]


@BOTH
def test_random_networks_over_time(draw: Draw) -> None:
    ways: Counter[str] = Counter()
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        model, first = draw(seed)
        steps = model.input_shape[1] if model.pico else 1
        more = model.noise(rng, -(-STEPS // steps) - len(first[:10]))
        x = model.check_input(np.concatenate([first[:10], more]))
        whole, remembered = ReferenceBackend(model).run_on(x, None)
        for arch in architectures():
            if not arch.usable:
                continue
            backend, memory, parts = native(model, arch.name), None, []
            for part in pieces(x, rng):
                output, memory = backend.run_on(part, memory)
                parts.append(output)
            assert parts[0].dtype == whole.dtype
            message = f"{seed} {arch.name}"
            np.testing.assert_array_equal(np.concatenate(parts), whole, err_msg=message)
            np.testing.assert_array_equal(backend.run(x), whole)
            assert memory is not None
            assert memory.keys() == remembered.keys()
            for layer, arrays in remembered.items():
                for name, array in arrays.items():
                    assert memory[layer][name].dtype == array.dtype
                    np.testing.assert_array_equal(memory[layer][name], array, err_msg=message)
            for planned in plan_network(model.nodes, arch).nodes:
                ways.update(ways_of(planned.layer) if planned.remembers else [])
    print(f"\nways {dict(ways)}")
    common = ["short given", "wide given", "short taken", "wide taken", "recurrent Scaled"]
    if draw is temporal_network:
        common = ["Exact", "saturates by step", "DepthwiseSums", "buffered Finish", "ShortRows"]
    for way in common:
        assert ways[way] >= NETWORKS // 6, f"hardly any {way}"


@BOTH
def test_every_layer(draw: Draw) -> None:
    for seed in range(100, 100 + NETWORKS // 2):
        model, x = draw(seed)
        x = model.check_input(x)
        made = outputs_by_layer(model, x)
        for arch in usable_archs():
            outputs = native(model, arch).layer_outputs(x)
            for node, ours in zip(model.nodes, outputs, strict=True):
                expected = made[node.layer.name]
                assert ours.dtype == expected.dtype
                np.testing.assert_array_equal(ours, expected, err_msg=f"{seed} {node.layer.name}")


@CASES
def test_a_state_goes_from_one_backend_to_another(
    model: Model, x: np.ndarray, tmp_path: Path
) -> None:
    runtimes = [akrt.Runtime(model, backend=name) for name in ("native", "reference")]
    whole = np.asarray(runtimes[1].forward(x))
    for first, second in (runtimes, runtimes[::-1]):
        state = first.initial_state()
        first.forward(x[:5], state=state)
        np.savez(tmp_path / "state.npz", **state.arrays)
        again = akrt.State(model, tmp_path / "state.npz")
        np.testing.assert_array_equal(second.forward(x[5:9], state=again), whole[5:9])
        np.testing.assert_array_equal(first.forward(x[9:], state=again), whole[9:])
        # the same state, too, taken from one to the other
        np.testing.assert_array_equal(second.forward(x[5:], state=state), whole[5:])


@CASES
def test_what_was_given_is_not_changed(model: Model, x: np.ndarray) -> None:
    backend = NativeBackend(model)
    _, memory = backend.run_on(x[:3], None)
    kept = {layer: {n: a.copy() for n, a in arrays.items()} for layer, arrays in memory.items()}
    for _ in range(2):
        np.testing.assert_array_equal(backend.run_on(x[3:], memory)[0], backend.run(x)[3:])
    for layer, arrays in kept.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(memory[layer][name], array)


@CASES
def test_threads_and_forks(model: Model, x: np.ndarray) -> None:
    runtime = akrt.Runtime(model, backend="native")
    runtime._backend._share = 1  # type: ignore[attr-defined]  # many threads, if it shared batches
    many = np.concatenate([x] * 20)
    whole = np.asarray(akrt.Runtime(model, backend="reference").forward(many))

    def carried(start: int) -> bool:
        state = runtime.initial_state()
        parts = np.split(many, range(start, len(many), 37))
        outputs = [np.asarray(runtime.forward(part, state=state)) for part in parts]
        return np.array_equal(np.concatenate(outputs), whole)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(carried, range(1, 13)))


@forks
@CASES
def test_a_forked_child_carries_its_own_on(model: Model, x: np.ndarray) -> None:
    runtime = akrt.Runtime(model, backend="native")
    whole = np.asarray(runtime.forward(x))
    state = runtime.initial_state()
    runtime.forward(x[:4], state=state)
    child = Child(lambda: np.asarray(runtime.forward(x[4:], state=state)))
    np.testing.assert_array_equal(runtime.forward(x[4:], state=state), whole[4:])
    np.testing.assert_array_equal(child.result(), whole[4:])


if THOROUGH or os.environ.get("AKRT_ARCHITECTURES") == "all":  # building them takes minutes

    @pytest.mark.parametrize("name", [*TEMPORAL, *RECURRENT])
    def test_architectures_layer_by_layer(name: str) -> None:
        model = load_fbz(akida2_file(name))
        x = model.noise(np.random.default_rng(3), 12)
        for each in (model, use_whole_range(model, x)):
            made = outputs_by_layer(each, x)
            for arch in usable_archs():
                outputs = native(each, arch).layer_outputs(x)
                for node, ours in zip(each.nodes, outputs, strict=True):
                    expected = made[node.layer.name]
                    np.testing.assert_array_equal(
                        ours, expected, err_msg=f"{arch} {node.layer.name}"
                    )


def test_memory_is_as_large_as_the_network_says() -> None:
    planned = plan_network(HELD.nodes, architectures()[-1])
    assert planned.memory_bytes == 2 * 4 * 4 * 2 + 192  # 3 * 4 * 4 * 3, filled up to 64
    network = Network(planned.nodes, "generic", planned.arena_bytes)
    assert network.memory().nbytes == planned.memory_bytes
    read_only = network.memory()
    read_only.setflags(write=False)
    bad: list[Any] = [np.zeros(1, np.uint8), network.memory().view(np.int8), read_only]
    for memory in bad:
        with pytest.raises(ValueError, match="of what the network remembers"):
            network.run(FRAMES, None, memory)


def test_plans_that_do_not_fit_are_refused() -> None:
    node = plan_network(HELD.nodes, architectures()[-1]).nodes[0]
    with pytest.raises(ValueError, match="are not what the layer remembers"):
        replace(node, remembers={})
    with pytest.raises(ValueError, match="a window over"):
        replace(node.layer, recall=Recall(4, 4, 8))
    with pytest.raises(ValueError, match="cannot be recalled"):
        Recall(1, 4, 8)
    turning = plan_network(TURNED.nodes, architectures()[-1]).nodes[0].layer
    with pytest.raises(ValueError, match="of 4 one gives an output"):
        replace(turning.operation, subsample=4)
    with pytest.raises(ValueError, match="only a spatial operation"):
        replace(turning, recall=Recall(2, 4, 8))
    with pytest.raises(ValueError, match="elements are read"):
        replace(turning, operation=replace(turning.operation, states=99))
