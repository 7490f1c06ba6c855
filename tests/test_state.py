"""What a network remembers from call to call: with the caller, begun, carried on, copied, saved."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from akida2_temporal_networks import temporal_network
from test_akida2_memory_model import BUFFERED, FRAMES, RECURRENT, SIGNAL, TEMPORAL

import akrt
from akrt.errors import InputError, UsageError
from akrt.model import Model

CASES = [(TEMPORAL, FRAMES), (RECURRENT, SIGNAL)]
BOTH = pytest.mark.parametrize(("model", "x"), CASES, ids=["temporal", "recurrent"])


Made = Callable[[Model], akrt.Runtime]


@pytest.fixture(params=["native", "reference"])
def runtime_of(request: pytest.FixtureRequest) -> Made:
    """Makes a runtime on each backend that tells what is remembered."""
    return partial(akrt.Runtime, backend=request.param)


@BOTH
def test_a_call_without_a_state_begins_anew(runtime_of: Made, model: Model, x: np.ndarray) -> None:
    runtime = runtime_of(model)
    whole = np.asarray(runtime.forward(x))
    assert len(np.unique(whole)) > 10
    np.testing.assert_array_equal(runtime.forward(x), whole)
    np.testing.assert_array_equal(runtime.forward(x[:1]), whole[:1])
    assert (np.asarray(runtime.forward(x[5:6])) != whole[5:6]).any()  # time counts
    for batch_size in (1, 5, 11, 100):
        np.testing.assert_array_equal(runtime.forward(x, batch_size), whole)


@BOTH
def test_a_state_carries_on(runtime_of: Made, model: Model, x: np.ndarray) -> None:
    runtime = runtime_of(model)
    whole = np.asarray(runtime.forward(x))
    state = runtime.initial_state()
    for start, stop in ((0, 1), (1, 1), (1, 6), (6, 8), (8, 12)):
        part = runtime.forward(x[start:stop], batch_size=2, state=state)
        assert part.dtype == whole.dtype
        np.testing.assert_array_equal(part, whole[start:stop])
    state.reset()
    np.testing.assert_array_equal(runtime.forward(x, state=state), whole)
    # another runtime of the same network, read from a file, takes it too
    again = akrt.model.file.from_bytes(akrt.model.encoding.to_bytes(model))
    state.reset()
    runtime.forward(x[:4], state=state)
    np.testing.assert_array_equal(runtime_of(again).forward(x[4:], state=state), whole[4:])


@BOTH
def test_copies_go_their_own_ways(runtime_of: Made, model: Model, x: np.ndarray) -> None:
    runtime = runtime_of(model)
    whole = np.asarray(runtime.forward(x))
    state = runtime.initial_state()
    runtime.forward(x[:4], state=state)
    copies = [state.copy(), copy.copy(state), copy.deepcopy(state)]
    copies.append(pickle.loads(pickle.dumps(state)))
    runtime.forward(x[::-1], state=state)
    for other in copies:
        np.testing.assert_array_equal(runtime.forward(x[4:], state=other), whole[4:])


@BOTH
def test_a_state_is_saved_as_arrays(
    runtime_of: Made, model: Model, x: np.ndarray, tmp_path: Path
) -> None:
    runtime = runtime_of(model)
    whole = np.asarray(runtime.forward(x))
    state = runtime.initial_state()
    blank = state.arrays
    assert not any(array.any() for name, array in blank.items() if name != "network")
    runtime.forward(x[:7], state=state)
    np.savez(tmp_path / "state.npz", **state.arrays)
    runtime.forward(x[7:], state=state)
    with np.load(tmp_path / "state.npz") as arrays:
        again = akrt.State(model, arrays)
    np.testing.assert_array_equal(runtime.forward(x[7:], state=again), whole[7:])
    for name, array in again.arrays.items():
        np.testing.assert_array_equal(array, state.arrays[name])
    first = akrt.State(model, blank)
    np.testing.assert_array_equal(runtime.forward(x, state=first), whole)


def test_what_a_buffer_holds_are_the_last_inputs(runtime_of: Made) -> None:
    state = akrt.State(TEMPORAL)
    runtime_of(TEMPORAL).forward(FRAMES[:5], state=state)
    np.testing.assert_array_equal(state.arrays["1.fifo"], FRAMES[3:5])
    state.arrays["1.fifo"][:] = 0  # a copy
    np.testing.assert_array_equal(state.arrays["1.fifo"], FRAMES[3:5])


@BOTH
def test_two_states_at_once(runtime_of: Made, model: Model, x: np.ndarray) -> None:
    runtime = runtime_of(model)
    other = x[::-1].copy()
    states = [(runtime.initial_state(), x), (runtime.initial_state(), other)]
    wholes = [np.asarray(runtime.forward(x)), np.asarray(runtime.forward(other))]
    for i in range(len(x)):
        for (state, inputs), whole in zip(states, wholes, strict=True):
            part = runtime.forward(inputs[i : i + 1], state=state)
            np.testing.assert_array_equal(part, whole[i : i + 1])


def test_threads_have_states_of_their_own_and_take_turns_with_one(runtime_of: Made) -> None:
    runtime = runtime_of(TEMPORAL)
    whole = np.asarray(runtime.forward(FRAMES))
    same = np.repeat(FRAMES[:1], 16, axis=0)
    in_turn = np.asarray(runtime.forward(same))
    shared, outputs, wrong = runtime.initial_state(), [], []

    def work() -> None:
        own = runtime.initial_state()
        for i in range(len(FRAMES)):
            part = np.asarray(runtime.forward(FRAMES[i : i + 1], state=own))
            if (part != whole[i]).any():
                wrong.append(i)
        for _ in range(4):
            outputs.append(np.asarray(runtime.forward(same[:1], state=shared)).tobytes())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(outputs) == sorted(sample.tobytes() for sample in in_turn)


def test_a_call_that_fails_leaves_the_state_as_it_was(
    runtime_of: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = runtime_of(TEMPORAL)
    whole = np.asarray(runtime.forward(FRAMES))
    state = runtime.initial_state()
    runtime.forward(FRAMES[:3], state=state)
    with pytest.raises(InputError):
        runtime.forward(FRAMES[:3].astype(np.uint8), state=state)
    run_on, calls = runtime._backend.run_on, []

    def fails_late(x: np.ndarray, memory: Any) -> Any:
        calls.append(x)
        if len(calls) == 2:
            raise MemoryError
        return run_on(x, memory)

    with monkeypatch.context() as patched:
        patched.setattr(runtime._backend, "run_on", fails_late)
        with pytest.raises(MemoryError):
            runtime.forward(FRAMES[3:], batch_size=2, state=state)
    np.testing.assert_array_equal(runtime.forward(FRAMES[3:], state=state), whole[3:])


def test_predictions_take_a_state(runtime_of: Made) -> None:
    runtime = runtime_of(TEMPORAL)
    whole = np.asarray(runtime.forward(FRAMES))
    state = runtime.initial_state()
    for i in range(3):
        logits = runtime.predict(FRAMES[i : i + 1], state=state)
        np.testing.assert_array_equal(logits[0], whole[i])
    classes = runtime.predict_classes(FRAMES[3:4], state=state)
    np.testing.assert_array_equal(classes, whole[3].argmax(-1).ravel())
    np.testing.assert_array_equal(runtime.forward(FRAMES[4:], state=state), whole[4:])
    outputs = runtime.layer_outputs(FRAMES)
    np.testing.assert_array_equal(outputs["out"], whole)
    assert runtime.statistics.samples >= len(FRAMES)
    assert runtime.forward(FRAMES[:2], state=state).ran_on[0].where == runtime.backend


def test_streams_refuse_networks_with_memory(runtime_of: Made) -> None:
    with pytest.raises(UsageError, match="'temporal' has memory, and the windows of a stream over"):
        akrt.Stream(runtime_of(TEMPORAL))


def test_states_of_other_networks_are_refused(runtime_of: Made) -> None:
    runtime = runtime_of(TEMPORAL)
    weights = BUFFERED.weights.copy()
    weights[0, 0, 0] += 1
    other = TEMPORAL.replace(
        layers=(TEMPORAL.layers[0], replace(BUFFERED, weights=weights), *TEMPORAL.layers[2:])
    )
    for model in (other, RECURRENT, temporal_network(0)[0]):
        with pytest.raises(UsageError, match="state is of another network than 'temporal'"):
            runtime.forward(FRAMES, state=akrt.State(model))
        with pytest.raises(InputError, match="no state of the network 'temporal'"):
            akrt.State(TEMPORAL, akrt.State(model).arrays)
    with pytest.raises(UsageError, match=r"state must be an akrt\.State or None, got dict"):
        runtime.forward(FRAMES, state={})  # type: ignore[arg-type]


def test_networks_without_memory_have_no_state() -> None:
    runtime = akrt.Runtime(backend="native")
    x = runtime.model.noise(np.random.default_rng(0), 2)
    with pytest.raises(UsageError, match="has no layers that remember"):
        runtime.initial_state()
    with pytest.raises(UsageError, match="state is of another network"):
        runtime.forward(x, state=akrt.State(TEMPORAL))
    with pytest.raises(UsageError, match=r"needs an akrt\.Model, got str"):
        akrt.State("net.akrt")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"1.fifo": None}, "has the arrays"),
        ({"3.fifo": np.zeros(1)}, "has the arrays"),
        ({"network": None}, "no state of the network"),
        ({"network": np.zeros(32, np.uint8)}, "no state of the network"),
        ({"1.fifo": np.zeros((2, 4, 4, 2), np.int16)}, r"'1\.fifo' of a state must be int8"),
        ({"1.fifo": np.zeros((3, 4, 4, 2), np.int8)}, r"must be int8 \(2, 4, 4, 2\)"),
        ({"1.fifo": np.full((2, 4, 4, 2), np.nan)}, r"'1\.fifo' of a state must be int8"),
        ({"1.fifo": np.full((2, 4, 4, 2), None)}, r"'1\.fifo' of a state must be int8"),
    ],
)
def test_damaged_arrays_are_refused(changes: dict[str, Any], message: str) -> None:
    arrays = {**akrt.State(TEMPORAL).arrays, **changes}
    with pytest.raises(InputError, match=message):
        akrt.State(TEMPORAL, {name: array for name, array in arrays.items() if array is not None})


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    saved, cut = tmp_path / "state.npz", tmp_path / "cut.npz"
    np.savez(saved, **akrt.State(RECURRENT).arrays)
    data = saved.read_bytes()
    np.testing.assert_array_equal(akrt.State(RECURRENT, saved).arrays["1.real"], np.zeros(3))
    for size in (0, 1, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"cut\.npz"):
            akrt.State(RECURRENT, cut)
    other = data.index(b"NUMPY", 400) + 1  # in an array, not in the table of contents
    cut.write_bytes(data[:other] + b"X" + data[other + 1 :])
    with pytest.raises(InputError, match=r"cut\.npz"):
        akrt.State(RECURRENT, str(cut))
    with np.load(cut) as arrays, pytest.raises(InputError, match="'recurrent' cannot be read"):
        akrt.State(RECURRENT, arrays)
    with pytest.raises(InputError, match=r"none\.npz"):
        akrt.State(RECURRENT, tmp_path / "none.npz")


def test_arrays_out_of_range_are_refused() -> None:
    arrays = akrt.State(RECURRENT).arrays
    arrays["1.real"][1] = 32768
    with pytest.raises(InputError, match=r"'1\.real' of a state must lie in -32768\.\.32767"):
        akrt.State(RECURRENT, arrays)
    with pytest.raises(InputError, match="must be arrays by name, got list"):
        akrt.State(RECURRENT, [])  # type: ignore[arg-type]
