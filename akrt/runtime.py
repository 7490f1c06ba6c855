"""Runtime: choose a backend, run, measure."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter_ns
from types import TracebackType
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from akrt.backends import registry
from akrt.backends.base import Output
from akrt.errors import DeviceLostError, InputError, UsageError
from akrt.loading import as_model, bundled_model
from akrt.measurement import LayerProfile, Recorder, Statistics
from akrt.model import AnyLayer, Model
from akrt.printable import print_text
from akrt.provenance import Span, TracedArray, join, trace, traced
from akrt.state import State

__all__ = ["Runtime", "bundled_model"]

_ALL = 0

Compute = Callable[[npt.NDArray[Any]], Output]


class Runtime:
    """A model on a backend. Method names and shapes follow `akida.Model`.

    Args:
        model: a path to an ``.akrt``, ``.h5`` or ``.fbz`` file, a `Model`, a live `akida.Model`,
            or None for the bundled keyword-spotting network.
        backend: "auto" (a usable chip, else native), "nsoc", "native", "simulator", "reference",
            or the name of a plugin.
        options: passed to the backend; those of "nsoc" are in `akrt.backends.nsoc`.

    Raises:
        ModelFileError, UnsupportedLayerError: the model cannot be read.
        BackendNotFoundError, BackendUnavailableError: the backend cannot run here; the message
            says why.
        DeviceError: backend "nsoc" and no usable chip; the message says what was looked for.

    Results are arrays with `ran_on`, which samples ran where, and `simulated`; only those of
    "native", where there is one place, are plain ones. `computed_by` says it of all calls.

    Thread-safe: forward calls may come from many threads at once. Native computes them side by
    side; on a chip, and in akida's software, they take turns. `close` in another thread lets a
    call finish, or it raises UsageError.

    A runtime that is dropped gives its chip back, as `close` does. Made once more in the same
    process, as a notebook does when a cell is run again, it takes the chip over from the equal one
    before it, unless that is in a ``with`` block.

    A copy, and a pickle that another process loads, is the same model prepared anew on the same
    backend; what holds a chip can have none. In a forked child native goes on, and a runtime with a
    chip has lost it to the parent.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model | Any | None = None,
        backend: str = "auto",
        **options: Any,
    ) -> None:
        self._model = as_model(model)
        self._made = backend, options
        self._backend = registry.create(backend, self._model, options)
        self._accepts = _never if self._model.stateful else self._backend.quick_check() or _never
        # no method of ours: a cycle would keep a dropped runtime, and its chip
        self._compute = traced(self._backend.run, self.backend)
        self._recorder = Recorder(self._backend.name)
        self._closed = False
        self._finalizer = weakref.finalize(self, self._backend.close)

    @property
    def model(self) -> Model:
        """The network."""
        return self._model

    @property
    def backend(self) -> str:
        """Name of the backend in use."""
        return self._backend.name

    @property
    def input_shape(self) -> list[int]:
        """[X, Y, C], as of `akida.Model`."""
        return list(self._model.input_shape)

    @property
    def output_shape(self) -> list[int]:
        """[X, Y, C], as of `akida.Model`."""
        return list(self._model.output_shape)

    @property
    def layers(self) -> list[AnyLayer]:
        """The layers, first to last."""
        return list(self._model.layers)

    @property
    def computed_by(self) -> str:
        """What computed the samples so far, or would compute the first.

        ``native (avx512)``, ``nsoc virtual:akd1000 (simulated)``, ``native, as the fallback of
        nsoc``, ``nsoc AKD1000 at 0000:01:00.0: 900 samples; native, as its fallback: 100``. Its
        parts are in ``statistics.computed_by``.
        """
        return str(self._backend.computed_by(self._recorder.samples))

    @property
    def statistics(self) -> Statistics:
        """Latency percentiles and samples per second over this runtime's calls so far."""
        recorded = self._recorder.statistics()
        return replace(
            recorded,
            measured=self._backend.measurements(),
            computed_by=self._backend.computed_by(recorded.samples),
        )

    def initial_state(self) -> State:
        """What the network remembers before its first sample: nothing. See `forward`.

        Raises:
            UsageError: no layer of the network remembers (`Model.stateful`).
        """
        return State(self._model)

    def forward(
        self, inputs: npt.ArrayLike, batch_size: int = _ALL, state: State | None = None
    ) -> Output:
        """Outputs of the last layer.

        Of a network with memory (`Model.stateful`) the samples are steps in time, in order, however
        `batch_size` parts them.

        Args:
            inputs: uint8 (N, X, Y, C); also (N, C) where X and Y are 1. A network of Akida 2.0
                takes what its entrance names: uint8, int8 or float32.
            batch_size: most samples to hand to the backend at a time; 0 is all.
            state: of a network with memory, what it remembers: it is carried on, once all samples
                are computed. None: the call begins with nothing remembered and leaves nothing.

        Returns:
            int32 potentials, or uint8 activations where the last layer has an activation:
            (N, X', Y', C'). Of Akida 2.0 integers of the last layer's type, or float32 behind a
            `Dequantizer`.

        Raises:
            InputError: wrong shape, dtype or range.
            UsageError: `state` is of another network, or this backend cannot carry it on.
            DeviceLostError: the chip failed and there is no fallback; it carries what was finished.
        """
        self._check_open()
        if batch_size is _ALL and state is None and self._accepts(inputs):
            return self._run(inputs)
        x = self._model.check_input(inputs)
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 0:
            raise UsageError(f"batch_size must be 0 or a positive integer, got {batch_size!r}")
        samples = x.shape[0]
        if state is not None or self._model.stateful:
            return self._forward_in_time(x, int(batch_size), state)
        if not samples:
            return np.empty((0, *self._model.output_shape), self._model.output_dtype)
        if not batch_size or batch_size >= samples:
            return self._run(x)
        parts: list[Output] = []
        for start in range(0, samples, batch_size):
            try:
                parts.append(self._run(x[start : start + batch_size]))
            except DeviceLostError as error:
                _add_earlier(error, parts, start)
                raise
        return join(parts)

    def incremental_forward(self, rows: int) -> Callable[[npt.ArrayLike], Output] | None:
        """`forward` for the windows of one stream, from one of which to the next rows are kept.

        Args:
            rows: positions on X by which a window moves on: its first ones are those of the window
                before, so many later.

        Returns:
            A function of inputs that returns what `forward` returns, for any inputs. What a window
            has in common with the one before it is not computed again; one that does not follow it
            is computed whole. None where this backend, or this network with such a hop, keeps
            nothing. It may be called from many threads; each stream wants one of its own.

        Raises:
            UsageError: `rows` is no positive integer.
        """
        if not isinstance(rows, (int, np.integer)) or rows < 1:
            raise UsageError(f"rows must be a positive integer, got {rows!r:.80}")
        hops = self._backend.hops(int(rows))
        if hops is None:
            return None
        compute = traced(hops.run, self.backend)

        def forward(inputs: npt.ArrayLike) -> Output:
            self._check_open()
            x = inputs if self._accepts(inputs) else self._model.check_input(inputs)
            if not len(x):
                return np.empty((0, *self._model.output_shape), self._model.output_dtype)
            return self._run(x, compute)

        return forward

    def _forward_in_time(self, x: npt.NDArray[Any], batch_size: int, state: State | None) -> Output:
        """`forward` of a network with memory."""
        if state is None:
            state = self.initial_state()
        elif not isinstance(state, State):
            raise UsageError(f"state must be an akrt.State or None, got {type(state).__name__}")

        step = batch_size or max(len(x), 1)

        def run(memory: Any) -> tuple[Output, Any]:
            parts = [np.empty((0, *self._model.output_shape), self._model.output_dtype)]
            for start in range(0, len(x), step):
                begun = perf_counter_ns()
                part, memory = self._backend.run_on(x[start : start + step], memory)
                self._recorder.record(perf_counter_ns() - begun, len(part))
                parts.append(part)
            return np.concatenate(parts), memory

        outputs: Output = state.carry_on(self._model, self._backend, run)
        return trace(outputs, [Span(0, len(x), self.backend)])

    def predict(
        self, inputs: npt.ArrayLike, batch_size: int = 0, state: State | None = None
    ) -> npt.NDArray[np.float32]:
        """Outputs as floats: ``(potential - threshold) / act_step``, the network's logits.

        A network of Akida 2.0 gives them itself, by a `Dequantizer` at its end.

        Args:
            inputs: as for `forward`.
            batch_size: as for `forward`.
            state: as for `forward`.

        Returns:
            float32 (N, X', Y', C').

        Raises:
            InputError: wrong shape, dtype or range.
            UsageError: the last layer has an activation, or is no `Dequantizer`; use `forward`.
        """
        if self._model.gives_floats:
            return self.forward(inputs, batch_size, state)
        final = self._model.final_step
        if final is None and self._model.version == 2:
            raise UsageError(
                f"predict needs a Dequantizer as the last layer, but "
                f"'{self._model.layers[-1].name}' is none: Runtime.forward gives its integers"
            )
        if final is None:
            raise UsageError(
                f"predict needs a network without activation on its last layer, but "
                f"'{self._model.layers[-1].name}' has one: Runtime.forward gives its integers"
            )
        threshold, act_step = final
        potentials = self.forward(inputs, batch_size, state)
        above = potentials - threshold.astype(np.int64)  # up to 33 bits
        logits: npt.NDArray[np.float32] = above.astype(np.float32) / act_step
        if isinstance(potentials, TracedArray):
            return trace(logits, potentials.ran_on)
        return logits

    def predict_classes(
        self,
        inputs: npt.ArrayLike,
        num_classes: int = 0,
        batch_size: int = 0,
        state: State | None = None,
    ) -> npt.NDArray[np.int64]:
        """The class of every sample.

        Args:
            inputs: as for `forward`.
            num_classes: where it is less than the outputs, neighbouring outputs share a class;
                0 means one class an output.
            batch_size: as for `forward`.
            state: as for `forward`.

        Returns:
            int64 (N * X' * Y',), the index of the largest output; the first of equals. Positions
            of this array are what its `ran_on` counts.

        Raises:
            InputError: wrong shape, dtype or range.
            UsageError: the last layer has an activation, or num_classes exceeds the outputs.
        """
        outputs = self._model.output_shape[2]
        if not isinstance(num_classes, (int, np.integer)) or not 0 <= num_classes <= outputs:
            raise UsageError(f"num_classes must be 0..{outputs}, got {num_classes!r}")
        logits = self.predict(inputs, batch_size, state)
        winners: npt.NDArray[np.int64] = np.argmax(np.asarray(logits), axis=-1)
        classes = winners.reshape(-1) // (outputs // (num_classes or outputs))
        if not isinstance(logits, TracedArray):
            return classes
        each = winners[0].size if len(winners) else 1
        spans = [replace(s, start=s.start * each, stop=s.stop * each) for s in logits.ran_on]
        return trace(classes, spans)

    def evaluate(
        self,
        inputs: npt.ArrayLike,
        labels: npt.ArrayLike,
        num_classes: int = 0,
        batch_size: int = 0,
    ) -> float:
        """Fraction of samples whose class equals its label.

        Args:
            inputs: as for `forward`, N > 0.
            labels: integers (N,).
            num_classes: as for `predict_classes`.
            batch_size: as for `forward`.

        Raises:
            InputError: wrong shapes, dtypes or ranges.
        """
        truth = np.asarray(labels)
        if truth.dtype.kind not in "iu" or truth.ndim != 1:
            raise InputError(
                f"labels must be integers of shape (N,), got {truth.dtype} {truth.shape}"
            )
        classes = self.predict_classes(inputs, num_classes, batch_size)
        if truth.shape != classes.shape or not len(truth):
            raise InputError(f"{len(truth)} labels for {len(classes)} predictions")
        most = num_classes or self._model.output_shape[2]
        if truth.min() < 0 or truth.max() >= most:
            raise InputError(
                f"labels must be 0..{most - 1}, one of {most} classes, got {truth.min()} to "
                f"{truth.max()}"
            )
        return float(np.mean(classes == truth))

    def layer_outputs(self, inputs: npt.ArrayLike) -> dict[str, Output]:
        """The output of every layer, by layer name.

        Raises:
            InputError: wrong shape, dtype or range.
            UsageError: this backend cannot tell.
        """
        outputs = self._backend.layer_outputs(self._model.check_input(inputs))
        if outputs is None:
            raise UsageError(f"backend '{self.backend}' does not show what is between its layers")
        return {
            layer.name: output for layer, output in zip(self._model.layers, outputs, strict=True)
        }

    def profile(self, inputs: npt.ArrayLike, repeat: int = 20) -> list[LayerProfile]:
        """Time, multiply-accumulates and sparsity of every layer, for one sample of `inputs`.

        Args:
            inputs: as for `forward`, N > 0.
            repeat: how often to run; the median counts.

        Raises:
            InputError: wrong shape, dtype or range.
            UsageError: this backend cannot tell layers apart.
        """
        x = self._model.check_input(inputs)
        if not isinstance(repeat, (int, np.integer)):
            raise UsageError(f"repeat must be an integer, got {repeat!r:.80}")
        if not len(x) or repeat < 1:
            raise UsageError("profile needs at least one sample and one repetition")
        outputs = self._backend.layer_outputs(x)
        times = [self._backend.layer_times(x) for _ in range(repeat)]
        if outputs is None or times[0] is None:
            raise UsageError(f"backend '{self.backend}' cannot be profiled by layer")
        medians = np.median(np.array(times, dtype=np.float64), axis=0) / len(x) / 1e3
        return [
            LayerProfile(
                node.layer.name,
                node.layer.kind,
                node.output_shape,
                float(medians[i]),
                node.macs,
                float(np.mean(outputs[i] == 0)),
            )
            for i, node in enumerate(self._model.nodes)
        ]

    def summary(self) -> str:
        """Print a table of the layers and what runs them, as `akida.Model.summary` does its own.

        Returns:
            What it printed.
        """
        facts = ", ".join(f"{k} {v}" for k, v in self._backend.describe().items())
        backend = f"backend {self.backend}" + (f": {facts}" if facts else "")
        return print_text(f"{self._model.layer_text()}\n{backend}\ncomputed by {self.computed_by}")

    def close(self) -> None:
        """Free what the backend holds; calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._finalizer.detach()
            self._backend.close()

    def __reduce__(self) -> tuple[Any, ...]:
        backend, options = self._made
        if self._closed:
            raise UsageError("this runtime is closed and cannot be copied: make a new one")
        if self._backend.exclusive:
            raise UsageError(
                "this runtime holds a chip, which has one owner: it cannot be copied or sent to "
                "another process; make the Runtime in the process that is to use the chip"
            )
        return _made_anew, (type(self), self._model, backend, options)

    def __enter__(self) -> Runtime:
        self._backend.keep(True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<akrt.Runtime {self._model.name!r} on {self.computed_by}>"

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError("this runtime is closed: make a new one")

    def _run(self, x: npt.NDArray[Any], compute: Compute | None = None) -> Output:
        start = perf_counter_ns()
        y = (compute or self._compute)(x)
        self._recorder.record(perf_counter_ns() - start, len(x))
        return y


def _made_anew(kind: type[Runtime], model: Model, backend: str, options: dict[str, Any]) -> Runtime:
    return kind(model, backend, **options)


def _never(inputs: object) -> TypeGuard[npt.NDArray[np.uint8]]:
    return False


def _add_earlier(error: DeviceLostError, parts: list[Output], start: int) -> None:
    """Add the batches before sample `start` to the error of the batch that starts there."""
    if error.finished is not None and error.outputs is not None:
        error.finished = np.concatenate([np.arange(start), error.finished + start])
        error.outputs = np.concatenate([*map(np.asarray, parts), error.outputs])
