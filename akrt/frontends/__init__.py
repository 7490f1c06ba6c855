"""Front ends: what makes a network's input of a recording or a picture. An entry for each kind."""

from __future__ import annotations

from typing import Any

from akrt.errors import UsageError
from akrt.frontends.base import CFrontEnd, FrontEnd, Listener, SoundFrontEnd
from akrt.frontends.mfcc import MfccFrontEnd
from akrt.frontends.picture import PictureFrontEnd
from akrt.model import Model, Preprocessing

__all__ = [
    "FRONT_ENDS",
    "CFrontEnd",
    "FrontEnd",
    "Listener",
    "PictureFrontEnd",
    "SoundFrontEnd",
    "front_end",
    "picture_front_end_of",
    "sound_front_end",
    "sound_front_end_of",
]

FRONT_ENDS: dict[str, type[FrontEnd[Any]]] = {
    entry.settings_type.kind: entry for entry in (MfccFrontEnd, PictureFrontEnd)
}
"""Every front end, by the kind of its parameters."""


def front_end(settings: Preprocessing) -> FrontEnd[Any]:
    """The front end of these parameters.

    Raises:
        UsageError: akrt has none of this kind.
    """
    entry = FRONT_ENDS.get(settings.kind)
    if entry is None:
        raise UsageError(
            f"akrt has no front end of the kind '{settings.kind}', only {', '.join(FRONT_ENDS)}: "
            f"upgrade akrt, or give arrays of the network's input"
        )
    return entry(settings)


def sound_front_end(settings: Preprocessing) -> SoundFrontEnd[Any]:
    """The front end of sound of these parameters.

    Raises:
        UsageError: akrt has none of this kind, or it takes something else.
    """
    found = front_end(settings)
    if not isinstance(found, SoundFrontEnd):
        raise UsageError(f"the network takes {found.takes}, not sound: {settings.text}")
    return found


def sound_front_end_of(model: Model, otherwise: str = "") -> SoundFrontEnd[Any]:
    """The front end of a model that hears.

    Args:
        model: the network.
        otherwise: what else can be done where it has none, for the message.

    Raises:
        UsageError: the model does not say how sound becomes its input, or akrt cannot do it.
    """
    if model.preprocessing is None:
        raise UsageError(
            f"the model '{model.name}' does not say how sound becomes its input: convert it with "
            f"'akrt convert IN OUT --mfcc'{otherwise}"
        )
    return sound_front_end(model.preprocessing)


def picture_front_end_of(model: Model, otherwise: str = "") -> PictureFrontEnd:
    """The front end of a model that sees.

    Args:
        model: the network.
        otherwise: what else can be done where it has none, for the message.

    Raises:
        UsageError: the model does not say how a picture becomes its input, or takes none.
    """
    if model.preprocessing is None:
        x, y, channels = model.input_shape
        if channels not in (1, 3) or model.entry.dtype != "uint8" or model.input_bits != 8:
            raise UsageError(
                f"the model '{model.name}' takes {x}x{y}x{channels}, {model.entry.text}: no picture"
            )
        raise UsageError(
            f"the model '{model.name}' does not say how a picture becomes its input: convert it "
            f"with 'akrt convert IN OUT --image {y}x{x}'{otherwise}"
        )
    found = front_end(model.preprocessing)
    if not isinstance(found, PictureFrontEnd):
        raise UsageError(
            f"the network takes {found.takes}, no pictures: {model.preprocessing.text}"
        )
    return found
