"""Front ends: what turns a recording into a network's input. One entry for each kind."""

from __future__ import annotations

from typing import Any

from akrt.errors import UsageError
from akrt.frontends.base import CFrontEnd, FrontEnd, Listener
from akrt.frontends.mfcc import MfccFrontEnd
from akrt.model import Model, Preprocessing

__all__ = ["FRONT_ENDS", "CFrontEnd", "FrontEnd", "Listener", "front_end", "front_end_of"]

FRONT_ENDS: dict[str, type[FrontEnd[Any]]] = {
    entry.settings_type.kind: entry for entry in (MfccFrontEnd,)
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


def front_end_of(model: Model, otherwise: str = "") -> FrontEnd[Any]:
    """The front end of a model.

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
    return front_end(model.preprocessing)
