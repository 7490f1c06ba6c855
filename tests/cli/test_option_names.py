"""Errors name the options that were typed, not the arguments of Python functions."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from conftest import need
from typer.testing import CliRunner

from akrt.cli.commands import VERBS, app
from akrt.cli.option_names import as_options

WRONG = [
    (
        ("stream", "x.wav", "--hop-ms", "30"),
        "--hop-ms must be a multiple of 20 up to 10000, got 30",
    ),
    (("stream", "x.wav", "--window-ms", "10"), "--window-ms must be 80 (--hop-ms) to"),
    (("stream", "x.wav", "--min-count", "0"), "--min-count must be 1"),
    (("stream", "x.wav", "--threshold", "99"), "--threshold must be 0..8"),
    (("stream", "x.wav", "--refractory-ms", "-1"), "--refractory-ms must be 0..3600000"),
    (("export", "-o", "out", "--stream", "--hop-ms", "30"), "--hop-ms must be"),
    (("run", "--demo", "--backend", "nsoc"), "--device virtual:akd1000 simulates one, --fallback"),
    (("run", "--demo", "--device", "x"), "there is no device"),
    (("run", "--demo", "--device", "virtual:x"), "virtual"),
    (("check", "--map-mode", "x"), "--map-mode must be one of"),
    (("program", "--map-mode", "x"), "--map-mode must be one of"),
    (("kws", "prepare", "nowhere", "-o", "x.npz", "--per-class", "0"), "'--per-class'"),
    (("kws", "prepare", "nowhere", "-o", "x.npz", "--seed", "-1"), "'--seed'"),
    (("convert", "x.h5", "x.akrt", "--input-scaling", "1"), "--input-scaling takes"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=lambda a: " ".join(a)[:40])
def test_wrong_values(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments[0] in ("check", "program"):
        need("akida")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code != 0
    text = f"{done.output}{done.exception}"
    assert message in text
    told = text.partition(" must be one of ")[0]  # values may have underscores
    assert not re.search(r"\b[a-z]+_[a-z_]+\b", told), text
    assert not re.search(r"\b(device|fallback|backend)=", text), text


def test_only_names_are_replaced() -> None:
    class Parameter:
        def __init__(self, name: str, *opts: str) -> None:
            self.name, self.opts = name, opts

    known = [Parameter("hop_ms", "--hop-ms"), Parameter("threshold", "--threshold"),
             Parameter("device", "--device"), Parameter("folder", "folder")]  # fmt: skip
    for text, told in {
        "hop_ms must be 1": "--hop-ms must be 1",
        "'a_hop_ms.wav' is bad": "'a_hop_ms.wav' is bad",
        "a threshold must be": "a threshold must be",
        "bad: threshold must be 1": "bad: --threshold must be 1",
        "use device='virtual:akd1000'": "use --device virtual:akd1000",
        "the device is lost": "the device is lost",
        "folder must exist": "folder must exist",
    }.items():
        assert as_options(text, known) == told


def test_every_verb_is_wrapped() -> None:
    from typer.main import get_command

    group = get_command(app)
    for name in VERBS:
        command = group.get_command(None, name)
        inner = getattr(command, "commands", {name: command})
        assert all("tell" in inspect.getsource(c.invoke) for c in inner.values()), name
