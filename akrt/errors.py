"""Every exception a user of akrt can meet.

All of them derive from `AkrtError`. A message says what was wrong, where, and what to do;
`exit_code` is what the command line returns for it: 2 usage, 3 bad input or what cannot be written,
4 no device, 5 mismatch, 6 another program that akrt calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from akrt.printable import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "AkrtError",
    "AudioError",
    "AudioWarning",
    "BackendNotFoundError",
    "BackendUnavailableError",
    "DatasetError",
    "DeviceBusyError",
    "DeviceError",
    "DeviceLostError",
    "DeviceNotFoundError",
    "DevicePermissionError",
    "DownloadError",
    "FallbackWarning",
    "InputError",
    "MismatchError",
    "MissingExtraError",
    "ModelError",
    "ModelFileError",
    "OutputError",
    "PictureError",
    "PictureWarning",
    "ToolError",
    "UnsupportedLayerError",
    "UsageError",
]


class AkrtError(Exception):
    """Base of every error that akrt raises on purpose.

    As text, control characters of file names and the like are written as escapes.
    """

    exit_code = 3
    detail: str = ""
    """Lines of another program that belong to the message: a compiler's complaint."""

    def __str__(self) -> str:
        message = printable(super().__str__())
        return f"{message}\n{printable(self.detail, lines=True)}" if self.detail else message

    def __reduce__(self) -> tuple[Any, ...]:
        """Worker processes send errors back: all of them survive that, with what they carry."""
        return _remade, (type(self), self.args, dict(self.__dict__))


def _remade(
    kind: type[AkrtError], arguments: tuple[Any, ...], carried: dict[str, Any]
) -> AkrtError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(carried)
    return error


class UsageError(AkrtError):
    """The call itself makes no sense: an option that does not exist or contradicts another."""

    exit_code = 2


class BackendNotFoundError(UsageError):
    """No backend of that name is registered."""


class BackendUnavailableError(UsageError):
    """The backend exists but cannot run here, or cannot run this model; the message says why."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed: "
            f"pip install 'akrt[{extra}]'"
        )
        self.package = package
        self.extra = extra


class OutputError(AkrtError):
    """A file cannot be written; what was there before is still there."""


class ToolError(AkrtError):
    """A program that akrt calls (a compiler, an emulator, a speech engine) is missing or failed.

    The message names the package that brings it; `detail` has the program's own words.
    """

    exit_code = 6


class InputError(AkrtError, ValueError):
    """An array has the wrong shape, dtype or range; the message gives expected and got."""


class AudioError(AkrtError):
    """A sound file is missing, truncated, empty or not a sound file."""


class _ReadingWarning(UserWarning):
    """As text, control characters of file names and the like are written as escapes."""

    def __str__(self) -> str:
        return printable(super().__str__())


class AudioWarning(_ReadingWarning):
    """A sound file was read otherwise than its header says, or not all of it was used."""


class PictureError(AkrtError):
    """A picture file is missing, damaged, empty, too large or not a picture."""


class PictureWarning(_ReadingWarning):
    """Not all of a picture file was used, such as the frames behind the first."""


class ModelError(AkrtError, ValueError):
    """A model is inconsistent: layers that do not fit together, values out of their bit width."""


class UnsupportedLayerError(ModelError):
    """A layer, or one of its properties, is outside what akrt can run exactly."""

    def __init__(self, layer: str, kind: str, problem: str) -> None:
        super().__init__(f"layer '{layer}' ({kind}): {problem}")
        self.layer = layer
        self.kind = kind
        self.problem = problem


class ModelFileError(AkrtError):
    """A model file is missing, truncated, altered, of another kind or of a newer version."""


class DatasetError(AkrtError):
    """A folder of recordings or a prepared feature file is unusable."""


class DownloadError(AkrtError):
    """A download failed or did not have the expected hash; nothing was left behind."""


class DeviceError(AkrtError):
    """Something about an Akida device."""

    exit_code = 4


class DeviceNotFoundError(DeviceError):
    """No Akida device of the requested kind is present."""


class DeviceBusyError(DeviceError):
    """The device is held by another process."""


class DevicePermissionError(DeviceError):
    """The device node exists, but this user may not open it."""


class DeviceLostError(DeviceError):
    """The device stopped answering or vanished while working.

    Raised by a runtime, it carries what was finished: `outputs` has one row for each sample of
    `finished`, which are positions in the batch, ascending.
    """

    finished: npt.NDArray[np.int64] | None = None
    """int64 (M,): the samples that were finished; None where no batch was running."""
    outputs: npt.NDArray[Any] | None = None
    """(M, X', Y', C'): their outputs."""


class FallbackWarning(UserWarning):
    """A chip failed and something else computed its samples, with the same result."""


class MismatchError(AkrtError):
    """Two results that must be equal differ."""

    exit_code = 5
