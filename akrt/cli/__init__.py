"""The ``akrt`` command.

Exit codes: 0 done, 2 usage, 3 bad input or a file that cannot be written, 4 no device, 5 mismatch,
6 a program that akrt calls is missing or failed.
Facts go to standard output, as a table or with ``--json`` as JSON; errors, warnings and progress go
to standard error.
"""

from __future__ import annotations

import io
import os
import sys
import warnings

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from akrt.cli.output import print_error, print_warning
    from akrt.errors import OutputError

    if sys.stderr is None:  # closed: there is nobody to tell
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    if sys.stdout is None:
        print_error("standard output is closed: there is no place for the answer")
        sys.exit(OutputError.exit_code)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = print_warning
    status = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        # what is left cannot be written when Python flushes at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if status != OutputError.exit_code:  # else something was told already
            told = _told(error)
            status = status or told
    sys.exit(status)


def _run() -> int | str | None:
    from akrt.cli.output import print_error, print_line
    from akrt.errors import AkrtError

    try:
        if sys.argv[1:] == ["--version"]:  # scripts ask often: nothing else is loaded for it
            from akrt import __version__

            print_line(f"akrt {__version__}")
            return 0
        from akrt.cli.commands import app

        _refuse_blanks(sys.argv[1:])
        app()
    except SystemExit as ended:
        return ended.code
    except AkrtError as error:
        print_error(error)
        return error.exit_code
    except OSError as error:
        return _told(error)
    return 0


def _refuse_blanks(arguments: list[str]) -> None:
    """Most often a variable of the shell that is not set: a path would be the current folder.

    Raises:
        UsageError: an argument or the value of an option is empty or nothing but spaces.
    """
    from akrt.errors import UsageError

    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, equals, value = argument.partition("=")
        if argument.startswith("--") and equals:
            if not value.strip():
                raise UsageError(f"{option} has an empty value: is a variable of the shell unset?")
        elif not argument.strip():
            what = (  # it may be the option's value, or an argument behind a flag
                f"what follows {before} is empty"
                if before.startswith("-")
                else "an argument is empty"
            )
            raise UsageError(f"{what}: is a variable of the shell unset?")


def _told(error: OSError) -> int:
    """The exit code for what the system refused; a reader who left is not told."""
    from akrt.cli.output import print_error
    from akrt.errors import OutputError

    if isinstance(error, BrokenPipeError):
        return 1
    named = "standard output" if error.filename is None else f"'{error.filename}'"
    print_error(f"cannot write {named}: {error.strerror or error}")
    return OutputError.exit_code
