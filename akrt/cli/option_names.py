"""Names of options: in errors, ``--hop-ms`` for hop_ms; and those that options had before."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from akrt.errors import AkrtError

__all__ = ["as_options", "tell_options"]

_EARLIER = {"--out": "--output"}
"""Names that options had, which are still taken and no longer shown."""


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
        invoke, parse = command.invoke, command.parse_args

        def invoke_and_tell(context: Any) -> Any:
            try:
                return invoke(context)
            except AkrtError as error:
                if error.args and isinstance(error.args[0], str):
                    error.args = (as_options(error.args[0], command.params), *error.args[1:])
                raise

        def parse_today(context: Any, arguments: list[str]) -> Any:
            return parse(context, _renamed(arguments, command.params))

        command.invoke, command.parse_args = invoke_and_tell, parse_today
    return command


def _renamed(arguments: list[str], parameters: Iterable[Any]) -> list[str]:
    """The arguments with today's names of options in place of earlier ones."""
    known = {option for parameter in parameters for option in parameter.opts}
    renamed: list[str] = []
    for i, argument in enumerate(arguments):
        if argument == "--":  # what follows are no options
            return renamed + arguments[i:]
        name, equals, value = argument.partition("=")
        today = _EARLIER.get(name)
        taken = today in known and name not in known
        renamed.append(f"{today}{equals}{value}" if taken else argument)
    return renamed
