"""Akida's own software backend, through its documented API (extra ``akida``)."""

from __future__ import annotations

import importlib.util
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Backend, Output
from akrt.errors import BackendUnavailableError, UsageError
from akrt.forking import renew_after_fork
from akrt.importers.akida_model import AKIDA_MISSING, beyond_akida, to_akida
from akrt.model import Model, Node
from akrt.provenance import ComputedBy

__all__ = ["SimulatorBackend"]

_MACS_AT_ONCE = 20_000_000
"""Between two looks at whether the user interrupts."""


class _Software:
    """Whether akida's software can compute in this process.

    It computes with threads of its own: a child that is forked after its first use would wait for
    them for ever.
    """

    used = lost = False

    def after_fork(self) -> None:
        self.lost = self.used


_software = _Software()
renew_after_fork(_software)


class _Held:
    """A network in akida's software, which neither shows nor resets what it remembers."""

    def __init__(self, twin: Any) -> None:
        self.twin = twin
        self.at, self.lost = 0, False


@dataclass(frozen=True)
class _Memory:
    """What a network remembered after so many samples; only the newest can be carried on."""

    held: _Held
    samples: int


class SimulatorBackend(Backend):
    """Runs a model in akida's software. Calls from several threads take turns.

    Akida keeps what a network with memory remembers in its own model. Each state has such a model
    here, made when it begins, and only the runtime that began it carries it on.

    In a process forked after akida's software was used, a call raises BackendUnavailableError.
    """

    name = "simulator"

    @classmethod
    def probe(cls) -> str | None:
        if importlib.util.find_spec("akida") is None:
            return AKIDA_MISSING
        return None

    @classmethod
    def supports(cls, node: Node) -> str | None:
        return beyond_akida(node.layer)

    def __init__(self, model: Model) -> None:
        self._model = model
        self._akida = to_akida(model)
        self._piece = max(1, _MACS_AT_ONCE // max(model.macs, 1))
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In a forked child: the thread that held the lock is not there."""
        self._turn = threading.Lock()

    def run(self, x: npt.NDArray[Any]) -> Output:
        return self._forward(to_akida(self._model) if self._model.stateful else self._akida, x)

    def run_on(self, x: npt.NDArray[Any], memory: Any) -> tuple[Output, Any]:
        if memory is None:
            memory = _Memory(_Held(to_akida(self._model)), 0)
        if not isinstance(memory, _Memory):
            raise UsageError(
                "akida's software carries on only what it began itself: reset the state, or "
                "use the backend 'reference'"
            )
        held = memory.held
        if held.lost or held.at != memory.samples:
            raise UsageError(
                "a call with this state was interrupted, and akida's software cannot go back: "
                "reset the state"
            )
        held.lost = True
        outputs = self._forward(held.twin, x)
        held.lost, held.at = False, held.at + len(x)
        return outputs, _Memory(held, held.at)

    def _forward(self, twin: Any, x: npt.NDArray[Any]) -> Output:
        if _software.lost:
            raise BackendUnavailableError(
                "akida's software was used before this process was forked, and would wait for "
                "ever here: start processes with multiprocessing.get_context('spawn'), or use the "
                "backend 'native', which computes the same"
            )
        _software.used = True
        with self._turn:
            pieces = [
                twin.forward(x[start : start + self._piece])
                for start in range(0, len(x), self._piece)
            ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def describe(self) -> dict[str, str]:
        import akida

        return {"akida": str(akida.__version__)}

    def computed_by(self, samples: int) -> ComputedBy:
        return replace(super().computed_by(samples), detail="akida's software")
