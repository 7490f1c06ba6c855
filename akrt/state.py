"""What a network remembers from one call to the next; the caller has it, not the runtime."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.errors import InputError, UsageError
from akrt.files import StrPath, read_arrays
from akrt.forking import renew_after_fork
from akrt.model import Model
from akrt.model.encoding import content_hash

__all__ = ["State"]

_NETWORK = "network"


class State:
    """What the layers of a network with memory keep from one sample for the next.

    `akrt.Runtime.initial_state` makes one that remembers nothing, and ``forward(x, state=state)``
    carries it on, if it ends well. One network may have many at once, each for a time of its own;
    calls from several threads with the same one take turns.

    Args:
        model: the network; `Model.stateful` says whether it has memory.
        arrays: what `arrays` of an earlier one gave, also as ``numpy.load`` of an ``.npz`` file
            gives them, or the path of such a file; None: it remembers nothing yet.

    Raises:
        UsageError: the network has no memory.
        InputError: the arrays or their file are damaged, or of another network.
    """

    def __init__(
        self, model: Model, arrays: Mapping[str, npt.NDArray[Any]] | StrPath | None = None
    ) -> None:
        if not isinstance(model, Model):
            raise UsageError(f"a state needs an akrt.Model, got {type(model).__name__}")
        if not model.stateful:
            raise UsageError(f"the network '{model.name}' has no layers that remember: no state")
        self._model = model
        self._memory: Any = None
        """Arrays by layer and name; None: nothing yet; or what `_holder` alone can read."""
        self._holder: Any = None
        if isinstance(arrays, (str, os.PathLike)):
            arrays = read_arrays(arrays)
        if arrays is not None:
            self._memory = _read(model, arrays)
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock is not there."""
        self._turn = threading.Lock()

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all that it remembers, by ``<index of the layer>.<name>``, and as `network` the
        hash of the network: ``numpy.savez(path, **state.arrays)`` saves it.

        Raises:
            UsageError: a backend holds what is remembered and cannot tell it: the simulator.
        """
        with self._turn:
            memory = self._told()
        found = {_NETWORK: _hash_of(self._model)}
        for i, node in enumerate(self._model.nodes):
            for name, kept in node.memory.items():
                blank = np.zeros(kept.shape, kept.dtype)
                found[f"{i}.{name}"] = (
                    blank if memory is None else memory[node.layer.name][name].copy()
                )
        return found

    def copy(self) -> State:
        """Another one that remembers the same.

        Raises:
            UsageError: as of `arrays`.
        """
        other = State(self._model)
        with self._turn:
            other._memory = self._told()
        return other

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> State:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return State, (self._model, self.arrays)

    def reset(self) -> None:
        """Forget everything: the next sample is the first."""
        with self._turn:
            self._memory = None

    def carry_on(self, model: Model, holder: Any, run: Callable[[Any], tuple[Any, Any]]) -> Any:
        """What `run` gives for what is remembered; it gives what is remembered then, too.

        Args:
            model: the network that runs.
            holder: what can read all that `run` gives: a backend.
            run: takes and gives what `akrt.backends.base.Backend.run_on` does.

        Raises:
            UsageError: `model` is another network, or another backend holds what is remembered.
        """
        if model is not self._model and content_hash(model) != content_hash(self._model):
            raise UsageError(
                f"this state is of another network than '{model.name}': make one with "
                f"Runtime.initial_state()"
            )
        with self._turn:
            if not self._is_told and self._holder is not holder:
                raise UsageError(
                    f"this state is held by the backend '{self._holder.name}' of another runtime, "
                    f"which alone can carry it on: go on there, or reset it"
                )
            output, self._memory = run(self._memory)
            self._holder = None if self._is_told else holder
        return output

    @property
    def _is_told(self) -> bool:
        return self._memory is None or isinstance(self._memory, dict)

    def _told(self) -> Any:
        """What is remembered, never changed in place."""
        if self._is_told:
            return self._memory
        raise UsageError(
            f"this state is held by the backend '{self._holder.name}', which cannot tell it: it "
            f"can only be carried on and reset; those of 'native' and 'reference' can be copied "
            f"and saved"
        )

    def __repr__(self) -> str:
        return f"<akrt.State of {self._model.name!r}>"


def _hash_of(model: Model) -> npt.NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(content_hash(model)), np.uint8).copy()


def _read(
    model: Model, arrays: Mapping[str, npt.NDArray[Any]]
) -> dict[str, dict[str, npt.NDArray[Any]]]:
    if not isinstance(arrays, Mapping):
        raise InputError(f"a state's arrays must be arrays by name, got {type(arrays).__name__}")
    wanted = {
        f"{i}.{name}": (node.layer.name, name, kept)
        for i, node in enumerate(model.nodes)
        for name, kept in node.memory.items()
    }
    try:
        given = {str(name): np.asarray(arrays[name]) for name in arrays}
    except Exception as error:  # an .npz file that is read by and by fails as it likes
        raise InputError(f"a state of '{model.name}' cannot be read: {error!r}") from None
    hashed = given.get(_NETWORK, np.empty(0))
    if hashed.dtype != np.uint8 or not np.array_equal(hashed, _hash_of(model)):
        raise InputError(f"these arrays are no state of the network '{model.name}'")
    if set(given) != {_NETWORK, *wanted}:
        raise InputError(
            f"a state of '{model.name}' has the arrays {', '.join(wanted)}, got "
            f"{', '.join(sorted(set(given) - {_NETWORK})):.200}"
        )
    memory: dict[str, dict[str, npt.NDArray[Any]]] = {}
    for key, (layer, name, kept) in wanted.items():
        array = given[key]
        if array.dtype != kept.dtype or array.shape != kept.shape:
            raise InputError(
                f"'{key}' of a state must be {kept.dtype} {kept.shape}, got {array.dtype} "
                f"{array.shape}"
            )
        if array.size and (array.min() < kept.low or array.max() > kept.high):
            raise InputError(f"'{key}' of a state must lie in {kept.low}..{kept.high}")
        memory.setdefault(layer, {})[name] = np.array(array, order="C")
    return memory
