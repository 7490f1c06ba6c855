"""Runtime: the public API as a user calls it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from networks import networks, placeholder

import akrt
from akrt import measurement
from akrt.errors import AkrtError, InputError, UsageError
from akrt.model import FullyConnected, InputConvolutional, InputData, Model, Pooling

WEIGHTS = np.array([[1, -2, 3, 0], [4, 5, -6, 1]], np.int8)


def dense_model(**changes: Any) -> Model:
    base = {
        "name": "out",
        "weights": WEIGHTS,
        "weights_bits": 4,
        "act_bits": None,
        "threshold": np.array([1, 0, -3, 2], np.int32),
        "act_step": np.array([0.5, 1.0, 2.0, 4.0], np.float32),
    }
    layer = FullyConnected(**{**base, **changes})
    return Model((InputData("in", (1, 1, 2), 4), layer), labels=("a", "b", "c", "d"))


X = np.array([[3, 2], [0, 15], [15, 0]], np.uint8).reshape(3, 1, 1, 2)
POTENTIALS = np.array([[11, 4, -3, 2], [60, 75, -90, 15], [15, -30, 45, 0]])
LOGITS = np.array([[20, 4, 0, 0], [118, 75, -43.5, 3.25], [28, -30, 24, -0.5]], np.float32)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_forward_predict_classes_evaluate(backend: str) -> None:
    rt = akrt.Runtime(dense_model(), backend=backend)
    assert rt.forward(X).dtype == np.int32
    np.testing.assert_array_equal(rt.forward(X).reshape(3, 4), POTENTIALS)
    assert rt.predict(X).dtype == np.float32
    np.testing.assert_array_equal(rt.predict(X).reshape(3, 4), LOGITS)
    # the largest potential is not the class: steps differ between channels
    assert rt.predict_classes(X).tolist() == [0, 0, 0]
    assert POTENTIALS.argmax(1).tolist() == [0, 1, 2]
    assert rt.evaluate(X, [0, 0, 1]) == pytest.approx(2 / 3)


def test_num_classes_shares_neighbouring_outputs() -> None:
    rt = akrt.Runtime(dense_model(act_step=np.ones(4, np.float32)))
    assert rt.predict_classes(X).tolist() == [0, 1, 2]
    assert rt.predict_classes(X, num_classes=2).tolist() == [0, 0, 1]
    assert rt.predict_classes(X, num_classes=4).tolist() == [0, 1, 2]
    with pytest.raises(UsageError, match="num_classes must be 0..4, got 5"):
        rt.predict_classes(X, num_classes=5)


def test_batch_size_changes_nothing_but_the_calls() -> None:
    rt = akrt.Runtime(dense_model())
    whole = rt.forward(X)
    for size in (1, 2, 3, 100):
        np.testing.assert_array_equal(rt.forward(X, batch_size=size), whole)
    with pytest.raises(UsageError, match="batch_size"):
        rt.forward(X, batch_size=-1)


def test_an_empty_batch_gives_an_empty_result() -> None:
    rt = akrt.Runtime(dense_model())
    assert rt.forward(X[:0]).shape == (0, 1, 1, 4)
    assert rt.predict_classes(X[:0]).shape == (0,)
    with pytest.raises(InputError, match="0 labels for 0 predictions"):
        rt.evaluate(X[:0], np.zeros(0, int))


def test_a_network_that_ends_in_an_activation_has_forward_only() -> None:
    rt = akrt.Runtime(dense_model(act_bits=4))
    assert rt.forward(X).dtype == np.uint8
    with pytest.raises(UsageError, match="'out' has one: Runtime.forward gives its"):
        rt.predict(X)


@pytest.mark.parametrize("wrong", [None, "2", 2.5, [2], {}])
def test_arguments_of_the_wrong_type_are_refused(wrong: Any) -> None:
    rt = akrt.Runtime(dense_model())
    with pytest.raises(UsageError, match="repeat must be an integer, got"):
        rt.profile(X, wrong)
    if not isinstance(wrong, str):
        with pytest.raises(UsageError, match="backend must be the name of one, got"):
            akrt.Runtime(dense_model(), backend=wrong)
    if wrong is not None:
        with pytest.raises(UsageError, match="host must be a Host, got"):
            akrt.devices(host=wrong)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "2 labels for 3 predictions"),
        ([0.0, 1.0, 2.0], "labels must be integers"),
        ([[0, 1, 2]], r"got int64 \(1, 3\)"),
        ([0, 1, 99], r"labels must be 0\.\..*got 0 to 99"),
        ([0, -1, 1], "got -1 to 1"),
    ],
)
def test_wrong_labels_are_refused(labels: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        akrt.Runtime(dense_model()).evaluate(X, labels)


def test_a_closed_runtime_says_so() -> None:
    with akrt.Runtime(dense_model()) as rt:
        rt.forward(X)
    rt.close()
    with pytest.raises(UsageError, match="closed"):
        rt.forward(X)


def test_what_is_no_model_is_refused() -> None:
    for thing in (5, b"bytes", object()):
        with pytest.raises(AkrtError, match="expected a path, an akrt.Model"):
            akrt.Runtime(thing)


def test_statistics_count_calls_and_samples() -> None:
    rt = akrt.Runtime(dense_model())
    assert rt.statistics.calls == 0
    assert "no calls yet" in str(rt.statistics)
    for _ in range(5):
        rt.forward(X)
    rt.forward(X, batch_size=1)
    s = rt.statistics
    assert (s.backend, s.calls, s.samples) == ("native", 8, 18)
    latency = s.latency_us
    order = [latency[k] for k in ("min", "p50", "p90", "p99", "max")]
    assert order == sorted(order)
    assert order[0] > 0
    assert s.fps is not None
    assert s.fps > 0
    assert "18 samples in 8 calls" in str(s)
    assert s.as_dict()["latency_us"] == latency


def test_statistics_lose_no_call_of_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "WINDOW", 10)
    recorder = measurement.Recorder("native")

    def work(_: int) -> None:
        for _ in range(500):
            recorder.record(2_000, 3)
            recorder.statistics()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    s = recorder.statistics()
    assert (s.calls, s.samples, s.fps) == (4000, 12_000, 1.5e6)


def test_profile_tells_time_work_and_sparsity_by_layer() -> None:
    first = InputConvolutional(
        name="conv",
        input_shape=(4, 4, 1),
        weights=np.array([1, -1], np.int8).reshape(1, 1, 1, 2),
        weights_bits=2,
        act_bits=4,
        **placeholder(2),
    )
    dense_layer = FullyConnected(
        name="out",
        weights=np.ones((32, 4), np.int8),
        weights_bits=4,
        act_bits=None,
        **placeholder(4),
    )
    model = Model((first, dense_layer))
    for backend in ("native", "reference"):
        rt = akrt.Runtime(model, backend=backend)
        conv, dense = rt.profile(np.full((2, 4, 4, 1), 9, np.uint8), repeat=3)
        assert (conv.name, conv.kind, conv.output_shape) == (
            "conv",
            "InputConvolutional",
            (4, 4, 2),
        )
        assert (conv.macs, dense.macs) == (4 * 4 * 2, 32 * 4)
        assert (conv.sparsity, dense.sparsity) == (0.5, 0.0)  # the -1 channel never fires
        assert conv.time_us > 0
        assert dense.time_us > 0


def test_summary_names_the_layers_and_the_backend(capsys: pytest.CaptureFixture[str]) -> None:
    rt = akrt.Runtime(dense_model(), backend="native")
    text = rt.summary()
    assert capsys.readouterr().out == f"{text}\n"  # printed, as akida prints its own
    assert rt.model.summary() in text
    assert capsys.readouterr().out == f"{rt.model.layer_text()}\n"
    assert "FullyConnected" in text
    assert "1x1x4" in text
    assert "backend native: kernels " in text


def test_a_name_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = akrt.Runtime(dense_model().replace(name="\x1b[2Jred")).summary()
    assert "\x1b" not in text + capsys.readouterr().out
    assert "\\x1b[2Jred" in text


def test_shapes_and_layers_are_those_of_akidas_model() -> None:
    from conftest import need

    need("akida")
    from akrt.importers import to_akida

    for model in (dense_model(), akrt.Runtime().model, CONV_MODEL):
        rt, twin = akrt.Runtime(model, backend="native"), to_akida(model)
        assert rt.input_shape == twin.input_shape
        assert rt.output_shape == twin.output_shape
        assert [layer.name for layer in rt.layers] == [layer.name for layer in twin.layers]


@pytest.mark.parametrize("shape", [(1, 1, 2), (2, 1, 1), (1, 2, 1)])
@pytest.mark.parametrize("given", [(3, 2), (3, 1, 1, 2), (2,), (1, 2), (3, 3), (3, 2, 1)])
def test_flat_input_is_taken_where_akida_takes_it(shape: Any, given: Any) -> None:
    from conftest import need

    need("akida")
    from akrt.importers import to_akida

    layers = dense_model().layers
    model = Model((InputData("in", shape, 4), *layers[1:]))
    x = (np.arange(np.prod(given)) % 16).reshape(given).astype(np.uint8)
    try:
        expected = to_akida(model).forward(x)
    except (ValueError, RuntimeError):
        expected = None
    for backend in ("native", "reference"):
        rt = akrt.Runtime(model, backend=backend)
        if expected is None:
            with pytest.raises(InputError, match="expected an array of shape"):
                rt.forward(x)
        else:
            np.testing.assert_array_equal(rt.forward(x), expected)
            np.testing.assert_array_equal(rt.forward(x, batch_size=2), expected)
            assert len(rt.predict_classes(x)) == len(x)


def test_channels_alone_are_no_picture() -> None:
    """akida takes (N, C) for any X and Y, and reads on behind the array."""
    model = Model((InputData("in", (2, 1, 1), 4), *dense_model().layers[1:]))
    for backend in ("native", "reference"):
        with pytest.raises(InputError, match=r"expected an array of shape \(N, 2, 1, 1\)"):
            akrt.Runtime(model, backend=backend).forward(np.zeros((4, 1), np.uint8))


def test_layer_outputs_are_by_name() -> None:
    rt = akrt.Runtime(dense_model())
    outputs = rt.layer_outputs(X)
    assert list(outputs) == ["in", "out"]
    np.testing.assert_array_equal(outputs["in"], X)
    np.testing.assert_array_equal(outputs["out"].reshape(3, 4), POTENTIALS)


ANY_DTYPE = st.sampled_from(
    [np.uint8, np.int8, np.uint16, np.int64, np.float32, np.float64, bool, complex, object, "S3"]
)


@settings(max_examples=1500)
@given(st.data())
def test_any_array_gives_the_right_answer_or_a_clear_error(data: st.DataObject) -> None:
    dtype = data.draw(ANY_DTYPE)
    shapes = st.one_of(
        st.just((2, 5, 4, 1)), hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=6)
    )
    x = np.zeros(data.draw(shapes), dtype)
    if dtype == np.uint8 and x.size:
        x.flat[:] = np.arange(x.size) * 37
    layout = data.draw(st.sampled_from(["plain", "fortran", "reversed", "strided", "swapped"]))
    if layout == "fortran":
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = x[::-1] if x.ndim else x
    elif layout == "strided" and x.ndim:
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    elif layout == "swapped":
        x = x.astype(x.dtype.newbyteorder())
    try:
        y = CONV_RUNTIME.forward(x)
    except InputError as error:
        assert x.shape[1:] != (5, 4, 1) or x.dtype != np.uint8
        assert "expected" in str(error)
        assert "got" in str(error)
    else:
        expected = CONV_ORACLE.forward(np.ascontiguousarray(x))
        np.testing.assert_array_equal(y, expected)


CONV_MODEL = Model(
    (
        InputConvolutional(
            name="conv",
            input_shape=(5, 4, 1),
            weights=np.arange(-9, 9, dtype=np.int8).reshape(3, 3, 1, 2),
            weights_bits=8,
            act_bits=2,
            pooling=Pooling("max", (2, 2), (2, 2)),
            **placeholder(2),
        ),
    )
)
CONV_RUNTIME = akrt.Runtime(CONV_MODEL)
CONV_ORACLE = akrt.Runtime(CONV_MODEL, backend="reference")


@settings(max_examples=50)
@given(networks())
def test_simulator_backend_equals_native(case: tuple[Model, np.ndarray]) -> None:
    from conftest import need

    need("akida")
    model, x = case
    simulator, native = (akrt.Runtime(model, backend=b) for b in ("simulator", "native"))
    np.testing.assert_array_equal(simulator.forward(x), native.forward(x))
