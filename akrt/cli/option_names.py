"""Errors of the Python interface in the words of the command line: ``--hop-ms`` for hop_ms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from akrt.errors import AkrtError

__all__ = ["as_options", "tell_options"]


def as_options(message: str, parameters: Iterable[Any]) -> str:
    """`message` with the names of Python arguments replaced by the options that set them.

    A name with an underscore is replaced wherever it stands. One that is an English word too is
    replaced where it is an argument for certain: as the subject of "must" or "takes", and before
    an equals sign.

    Args:
        message: of an error.
        parameters: of the click command that was running.
    """
    for parameter in parameters:
        option = next((o for o in parameter.opts if o.startswith("--")), None)
        if option is None:
            continue
        name = re.escape(parameter.name)
        message = re.sub(rf"(?<![\w.-]){name}='?([\w:.-]+)'?", rf"{option} \1", message)
        if "_" in parameter.name:
            message = re.sub(rf"(?<![\w.-]){name}(?!\w)", option, message)
        else:
            message = re.sub(rf"(^|[:;] ){name} (must|takes)\b", rf"\1{option} \2", message)
    return message


def tell_options(command: Any) -> Any:
    """The same click command or group, whose errors name options instead of arguments."""
    for inner in getattr(command, "commands", {}).values():
        tell_options(inner)
    if not hasattr(command, "commands"):
        invoke = command.invoke

        def invoke_and_tell(context: Any) -> Any:
            try:
                return invoke(context)
            except AkrtError as error:
                if error.args and isinstance(error.args[0], str):
                    error.args = (as_options(error.args[0], command.params), *error.args[1:])
                raise

        command.invoke = invoke_and_tell
    return command
