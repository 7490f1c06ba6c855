"""Networks with memory: the reference gives the integers of akida in every layer, over time.

AKRT_TEST_AKIDA2_MEMORY: how many networks of either kind; 12 where it is not set.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from akida2_outputs import ending_in
from akida2_temporal_networks import pieces, recurrent_network, temporal_network
from conftest import need
from test_akida2_memory_model import FRAMES, RECURRENT, SIGNAL, TEMPORAL

import akrt
from akrt.errors import UsageError
from akrt.lowering.arithmetic import blank_memory, run_nodes
from akrt.model import Model

NETWORKS = int(os.environ.get("AKRT_TEST_AKIDA2_MEMORY", "12"))
STEPS = 200


def reference(model: Model, x: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Outputs of all layers over all calls."""
    memory = blank_memory(model.nodes)
    calls = [list(run_nodes(model.nodes, part, memory)) for part in pieces(x, rng)]
    return [np.concatenate(outputs) for outputs in zip(*calls, strict=True)]


@pytest.mark.parametrize("draw", [temporal_network, recurrent_network])
def test_every_layer_equals_akida_over_time(draw: Callable[[int], Any]) -> None:
    need("akida")
    from akrt.importers import to_akida

    seen: Counter[str] = Counter()
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        model, first = draw(seed)
        steps = model.input_shape[1] if model.pico else 1
        more = model.noise(rng, -(-STEPS // steps) - len(first[:10]))
        x = model.check_input(np.concatenate([first[:10], more]))
        for node, ours in zip(model.nodes, reference(model, x, rng), strict=True):
            seen[node.layer.kind] += 1
            if "InputData" in node.layer.kind:  # alone it is no network to akida
                continue
            twin = to_akida(ending_in(model, node.layer.name))
            theirs = np.concatenate([twin.forward(part) for part in pieces(x, rng)])
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{seed} {node.layer.name}")
            seen["constant"] += theirs.size > 20 and np.ptp(theirs) == 0
            seen["layers"] += 1
    print(f"\nseen {dict(seen)}")
    assert seen["constant"] <= 0.3 * seen["layers"]
    for kind in ("BufferTempConv", "DepthwiseBufferTempConv"):
        assert draw is recurrent_network or seen[kind] >= NETWORKS // 3


def test_a_network_of_akida_that_is_read_back_is_the_same() -> None:
    need("akida")
    from akrt.importers import from_akida, to_akida
    from akrt.model.encoding import content_hash

    for model in (
        *(recurrent_network(seed)[0] for seed in range(8)),
        TEMPORAL.replace(labels=None),
        RECURRENT,
    ):
        again = from_akida(to_akida(model))
        assert again.stateful
        # the two inputs of a comparison akida orders itself
        inputs = {node.layer.name: node.sources for node in again.nodes}
        assert content_hash(again) == content_hash(model.replace(inputs=inputs))


@pytest.mark.parametrize("model", [TEMPORAL, RECURRENT], ids=["temporal", "recurrent"])
def test_the_simulator_carries_on_what_it_began(model: Model) -> None:
    need("akida")
    x = FRAMES if model is TEMPORAL else SIGNAL
    with akrt.Runtime(model, backend="reference") as runtime:
        whole = np.asarray(runtime.forward(x))
    with akrt.Runtime(model, backend="simulator") as runtime:
        for batch_size in (0, 3):  # each call begins anew
            np.testing.assert_array_equal(runtime.forward(x, batch_size), whole)
        first, second = runtime.initial_state(), runtime.initial_state()
        for start in range(0, len(x), 2):  # of two at once neither knows of the other
            part = slice(start, start + 2)
            np.testing.assert_array_equal(runtime.forward(x[part], state=first), whole[part])
            np.testing.assert_array_equal(runtime.forward(x[part], 1, second), whole[part])
        first.reset()
        np.testing.assert_array_equal(runtime.forward(x, state=first), whole)


def test_what_the_simulator_cannot_do_with_a_state_is_refused() -> None:
    need("akida")
    runtime = akrt.Runtime(TEMPORAL, backend="simulator")
    state = runtime.initial_state()
    assert sorted(state.copy().arrays) == sorted(akrt.State(TEMPORAL).arrays)
    runtime.forward(FRAMES, state=state)
    for ask in (state.copy, lambda: state.arrays):
        with pytest.raises(UsageError, match="by the backend 'simulator', which cannot tell"):
            ask()
    for other in ("simulator", "reference"):
        with (
            akrt.Runtime(TEMPORAL, backend=other) as another,
            pytest.raises(UsageError, match="reset"),
        ):
            another.forward(FRAMES, state=state)
    elsewhere = akrt.Runtime(TEMPORAL, backend="reference").initial_state()
    akrt.Runtime(TEMPORAL, backend="reference").forward(FRAMES, state=elsewhere)
    with pytest.raises(UsageError, match="only what it began itself"):
        runtime.forward(FRAMES, state=elsewhere)


def test_after_an_interrupt_the_simulator_does_not_go_on_as_if_nothing_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("akida")
    runtime = akrt.Runtime(TEMPORAL, backend="simulator")
    state = runtime.initial_state()
    runtime.forward(FRAMES[:2], state=state)

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(runtime._backend), "_forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runtime.forward(FRAMES[2:], state=state)
    with pytest.raises(UsageError, match="was interrupted"):
        runtime.forward(FRAMES[2:], state=state)
    state.reset()
    whole = np.asarray(runtime.forward(FRAMES))
    np.testing.assert_array_equal(runtime.forward(FRAMES, state=state), whole)
