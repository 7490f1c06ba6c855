"""A batch that one or several chips compute in chunks."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from akrt.backends.base import Output
from akrt.errors import DeviceError
from akrt.provenance import Span

if TYPE_CHECKING:
    from akrt.driver.session import Session

__all__ = ["Job"]


class Job:
    """One batch: chunks that wait, and where the finished ones ran."""

    def __init__(self, inputs: npt.NDArray[np.uint8], chunk: int, outputs: Output) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.waiting = deque(
            (start, min(start + chunk, len(inputs))) for start in range(0, len(inputs), chunk)
        )
        self.spans: list[Span] = []
        self.failures: list[DeviceError] = []
        self.crash: BaseException | None = None
        """What no chip is to blame for, in a thread that cannot raise it."""

    def serve(self, session: Session) -> None:
        """Hand chunks to one chip until none is left or it fails; a failed chunk waits again."""
        while session.ready:
            try:
                start, stop = self.waiting.popleft()
            except IndexError:
                return
            try:
                answer = session.forward(self.inputs[start:stop])
            except DeviceError as error:
                self.failures.append(error)
                self.waiting.appendleft((start, stop))
                return
            except BaseException as error:
                self.crash = error
                raise
            self.finish(start, stop, answer, session.name)

    def finish(self, start: int, stop: int, answer: Output, where: str) -> None:
        """Keep an answer."""
        self.outputs[start:stop] = answer
        self.spans.append(Span(start, stop, where))
