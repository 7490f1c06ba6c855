"""What several verbs take is one option everywhere: its names, its default, its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

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


def test_the_list_of_verbs_tells_the_first_sentence_of_each() -> None:
    group = typer.main.get_command(app)
    for name, (_, told) in VERBS.items():
        verb: Any = group.get_command(None, name)  # type: ignore[attr-defined, arg-type]
        assert " ".join(verb.help.split("\n\n")[0].split()) == told
    shown = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert all(name in shown and told[:40] in shown for name, (_, told) in VERBS.items())


def test_what_is_written_is_named_by_output_everywhere() -> None:
    seen = 0
    for verb, command in verbs():
        there = options(command)
        assert "--out" not in there, verb
        if "-o" in there or "--output" in there:
            seen += 1
            assert there["--output"] is there["-o"], verb
    assert seen == 8


@pytest.mark.parametrize("short", ["--json", "--model"])
def test_an_option_has_one_help_text(short: str) -> None:
    helps = {options(command)[short].help for _, command in verbs() if short in options(command)}
    assert len(helps) == 1


def test_the_argument_for_a_model_is_told_as_its_option_is() -> None:
    helps = {p.help for _, command in verbs() for p in command.params if p.name == "model"}
    helps.discard(None)  # older click does not keep that of an argument
    assert helps == {"An .akrt, .h5 or .fbz file; default: the bundled one."}


@pytest.mark.parametrize("given", [["--out", "DIR"], ["--out=DIR"], ["--output", "DIR"]])
def test_the_earlier_name_of_output_is_still_taken(tmp_path: Path, given: list[str]) -> None:
    folder = tmp_path / "firmware"
    arguments = [part.replace("DIR", str(folder)) for part in given]
    done = CliRunner().invoke(app, ["export", "--name", "net", *arguments])
    assert done.exit_code == 0, done.output
    assert (folder / "net.h").is_file()
    shown = CliRunner().invoke(app, ["export", "--help"]).output
    assert "--output" in shown
    assert "--out " not in shown


def test_a_file_may_be_called_like_an_earlier_option() -> None:
    done = CliRunner().invoke(app, ["export", "-o", "unused", "--", "--out"])
    assert str(done.exception).startswith("cannot read '--out'")
