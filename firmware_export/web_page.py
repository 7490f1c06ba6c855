"""A network as one HTML file: the exported C compiled to WebAssembly, and a page around it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import tempfile
from importlib.resources import files
from pathlib import Path

from akrt import __version__
from akrt.decision import StreamSettings
from akrt.files import check_replaceable, write_file
from akrt.model import Model
from akrt.outputs import classes_of
from firmware_export.exporter import export
from firmware_export.stream import check_spotter
from firmware_export.toolchain import WARNINGS, need_program, run_compiler

__all__ = ["write_page"]

_MARK = b"<!-- akrt page, SHA-256 of what stands before: %s -->\n"

FLAGS = (
    "--target=wasm32", "-std=c99", "-O2", "-msimd128", "-mbulk-memory", "-ffreestanding",
    "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=32768", *WARNINGS,
)  # fmt: skip


def write_page(
    model: Model,
    path: str | os.PathLike[str],
    settings: StreamSettings | None = None,
    force: bool = False,
) -> int:
    """Write a page that recognises words of a recording or a microphone in the browser.

    The file holds everything and loads nothing; its integers are those of every other backend.

    Args:
        model: a keyword spotter with the standard MFCC features.
        path: the ``.html`` file; written under a temporary name, then renamed.
        settings: when a stream's inferences become a word.
        force: overwrite a file that akrt did not write, or that was changed since.

    Returns:
        Size of the file in bytes.

    Raises:
        UsageError: the model is no keyword spotter, or the file is there and not a page as akrt
            wrote it.
        ToolError: clang or lld is not installed, or failed.
        OutputError: the file cannot be written.
    """
    check_replaceable(path, _is_page, force)
    settings = settings or StreamSettings()
    check_spotter(model, settings)
    data = _page(model, settings, _compile(model, settings)).encode()
    data += _MARK % hashlib.sha256(data).hexdigest().encode()
    write_file(path, data)
    return len(data)


def _is_page(data: bytes) -> bool:
    """Whether akrt wrote a page, and nobody changed it."""
    size = len(_MARK % (b"0" * 64))
    return data[-size:] == _MARK % hashlib.sha256(data[:-size]).hexdigest().encode()


def _compile(model: Model, settings: StreamSettings) -> bytes:
    clang = need_program(["clang"], "clang lld")
    need_program(["wasm-ld"], "lld")
    with tempfile.TemporaryDirectory(prefix="akrt-page-") as folder:
        source = Path(folder) / "source"
        report = export(model, source, stream=settings)
        own = Path(folder) / "page.c"
        own.write_text(_fill(_asset("page.c"), name=report.name, NAME=report.name.upper()))
        (Path(folder) / "string.h").write_text(_asset("string.h"))
        program = Path(folder) / "page.wasm"
        sources = [own, source / f"{report.name}.c", source / f"{report.name}_stream.c"]
        run_compiler(
            [clang, *FLAGS, f"-I{folder}", f"-I{source}", *map(str, sources), "-o", str(program)]
        )
        return program.read_bytes()


def _page(model: Model, settings: StreamSettings, program: bytes) -> str:
    final = model.final_step
    assert final is not None  # check_spotter has refused it otherwise
    threshold, step = final
    classes = classes_of(model)
    words = [name for name, said in zip(classes.names, classes.is_word, strict=True) if said]
    x, y, c = model.input_shape
    facts = {
        "labels": list(classes.names),
        "features": x * y * c,
        "every": settings.every,
        "lead": settings.threshold,
        "threshold": threshold.tolist(),
        "step": [float(value) for value in step],
    }
    return _fill(
        _asset("page.html"),
        title=html.escape(model.name),
        words=str(len(words)),
        known=html.escape(", ".join(words)),
        footer=html.escape(f"Made by akrt {__version__}; {len(program):,} bytes of WebAssembly."),
        model=json.dumps(facts).replace("<", "\\u003c"),
        wasm=base64.b64encode(program).decode(),
        script=_asset("page.js"),
    )


def _asset(name: str) -> str:
    return files("firmware_export").joinpath("page", name).read_text(encoding="utf-8")


def _fill(template: str, **values: str) -> str:
    """Every ``{{name}}`` replaced, in one pass: what is put in is not looked at again."""

    def value(match: re.Match[str]) -> str:
        return values[match[1]]

    return re.sub(r"\{\{(\w+)\}\}", value, template)
