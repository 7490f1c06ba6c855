"""The contract that every backend keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from akrt.model import Model, Node
from akrt.provenance import ComputedBy

__all__ = ["Backend", "Hops", "Output", "QuickCheck"]

Output = npt.NDArray[Any]
QuickCheck = Callable[[object], TypeGuard[npt.NDArray[np.uint8]]]


class Hops(Protocol):
    """Computes the windows of one stream, and keeps what one has in common with the next."""

    def run(self, x: npt.NDArray[Any]) -> Output:
        """As `Backend.run`, with the same outputs for any windows, from any thread."""


class Backend(ABC):
    """Runs one prepared model.

    A backend class says whether it can run here (`probe`), what it can run (`supports`) and how
    much it is preferred (`rank`); an instance is made for one model by the constructor, runs it
    (`run`) and is closed once. Threads may call `run` at once, and `close` meanwhile: a call then
    ends with its answer or an `AkrtError`.
    """

    name: ClassVar[str]
    rank: ClassVar[int] = 0
    """How much `auto` prefers it: of those that can run here it takes the highest. 0: never chosen
    unasked. The CPU's kernels have 100, a chip of this machine has 200."""
    options: ClassVar[frozenset[str]] = frozenset()
    """Names of the keyword arguments that the constructor takes besides the model."""
    exclusive: bool = False
    """Whether this instance holds what no second one can have, here or in another process."""

    optional_here: ClassVar[bool] = False
    """Whether options can do without what `probe` looks for, such as a virtual device or a
    fallback. The constructor of such a backend says itself what is wrong."""

    @classmethod
    def probe(cls) -> str | None:
        """None when the backend can run here, else the reason and what to do about it.

        It is asked before every use, and by `auto` unasked: it is to be quick, and to import no
        more than it must.

        Raises:
            AkrtError: what it runs on is here but cannot be used. `auto` tells that as a warning
                before it passes over the backend; a reason it does not tell.
        """
        return None

    @classmethod
    def supports(cls, node: Node) -> str | None:
        """None when the backend can run this layer in its place, else the reason.

        What only the network as a whole shows is the constructor's to refuse.
        """
        return None

    @classmethod
    def unasked(cls, options: dict[str, Any]) -> dict[str, Any] | None:
        """The options with which `auto` makes one, from those that the caller gave.

        None: with these it is not to be chosen unasked.
        """
        return options

    @abstractmethod
    def __init__(self, model: Model, **options: Any) -> None:
        """Prepare `model`: plan memory, pack weights, claim devices.

        Raises:
            BackendUnavailableError: this model cannot run on this backend.
        """

    @abstractmethod
    def run(self, x: npt.NDArray[Any]) -> Output:
        """Outputs of the last layer.

        Args:
            x: C-contiguous (N, X, Y, C) of the input's type, already checked against the model.

        Returns:
            (N, X', Y', C') of the type of the last layer's output: int32 potentials or uint8
            activations of Akida 1.0.
        """

    def run_on(self, x: npt.NDArray[Any], memory: Any) -> tuple[Output, Any]:
        """As `run`, of a network with memory: the samples of `x` are steps in time, in order.

        A backend that does not have this method gets no such network. `run` and `layer_outputs` of
        those that have it begin with an empty memory.

        Args:
            x: as of `run`.
            memory: what this method returned earlier; None: nothing is remembered yet; or
                arrays by name, by name of the layer, as of `akrt.model.Node.memory`. It is not to
                be changed.

        Returns:
            The outputs, and what is remembered then: such arrays, or what this instance alone can
            read.

        Raises:
            UsageError: this instance cannot carry on this memory.
        """
        raise NotImplementedError

    def quick_check(self) -> QuickCheck | None:
        """A function that says quickly of most inputs that `run` takes them as they are.

        Where it says False, or is None, `Model.check_input` takes a closer look.
        """
        return None

    def hops(self, rows: int) -> Hops | None:
        """For the windows of a new stream, each `rows` rows on X after the one before.

        None: it computes every window whole, where nothing is worth keeping or always.
        """
        return None

    def layer_outputs(self, x: npt.NDArray[Any]) -> list[Output] | None:
        """The output of every layer, or None where the backend cannot tell."""
        return None

    def layer_times(self, x: npt.NDArray[Any]) -> list[int] | None:
        """Nanoseconds spent in every layer for the batch, or None where it cannot tell."""
        return None

    def describe(self) -> dict[str, str]:
        """Facts for the user: the device, the kernels chosen."""
        return {}

    def measurements(self) -> dict[str, Any]:
        """What the backend measured of its own, as plain types: devices, clocks, energy."""
        return {}

    def computed_by(self, samples: int) -> ComputedBy:
        """What computed the `samples` of all calls so far."""
        return ComputedBy(self.name, samples_by_place={self.name: samples} if samples else {})

    def keep(self, wanted: bool) -> None:  # noqa: B027 - most backends hold nothing
        """Told when its runtime enters or leaves a ``with`` block, inside which what an
        `exclusive` backend holds must not be taken over by a later one.
        """

    def close(self) -> None:  # noqa: B027 - most backends hold nothing
        """Free what the backend holds; it is not used afterwards."""
