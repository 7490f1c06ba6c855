"""The ``akrt`` command.

Exit codes: 0 done, 2 usage, 3 bad input, 4 no device, 5 mismatch. Facts go to standard output,
as a table or with ``--json`` as JSON; errors and progress go to standard error.
"""

from __future__ import annotations

import io
import os
import sys
import warnings

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    from akrt.cli.commands import app
    from akrt.cli.output import print_error, show_warning
    from akrt.errors import AkrtError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    warnings.showwarning = show_warning
    try:
        app()
    except AkrtError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has left: say nothing, also not when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
