"""What several verbs take is one option everywhere: its names, its default, its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import typer

from akrt.cli.commands import VERBS, app
from akrt.decision import StreamSettings


def verbs(command: Any = None, name: str = "akrt") -> Iterator[tuple[str, Any]]:
    """Every verb with its click command, those of groups among them."""
    command = command or typer.main.get_command(app)
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(None):
            yield from verbs(command.get_command(None, inner), f"{name} {inner}")
    else:
        yield name, command


def options(command: Any) -> dict[str, Any]:
    return {option: p for p in command.params for option in p.opts if option.startswith("-")}


SETTINGS = {f"--{f.name.replace('_', '-')}": f.default for f in fields(StreamSettings)}


@pytest.mark.parametrize(
    ("verb", "names"),
    [
        ("akrt stream", list(SETTINGS)),
        ("akrt kws eval-stream", list(SETTINGS)),
        ("akrt export", list(SETTINGS)),
        ("akrt page", ["--threshold"]),
    ],
)
def test_the_settings_of_a_stream_are_options_with_their_own_defaults(
    verb: str, names: list[str]
) -> None:
    there = options(dict(verbs())[verb])
    assert {n: there[n].default for n in there if n in SETTINGS} == {n: SETTINGS[n] for n in names}
    assert all(there[name].help.startswith("Stream: ") for name in names)


def test_all_verbs_are_looked_at() -> None:
    names = [name for name, _ in verbs()]
    assert {name.split()[1] for name in names} == set(VERBS)
    assert len(names) > len(VERBS)
