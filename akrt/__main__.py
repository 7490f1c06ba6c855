"""``python -m akrt`` is the ``akrt`` command."""

from akrt.cli import main

main()
