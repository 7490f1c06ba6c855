"""Builds a web page that hears words: the exported C as WebAssembly in one HTML file.

    python examples/web_page/build.py OUT.html [MODEL]

Needs clang and wasm-ld (on Debian: apt-get install clang lld), no other toolchain. The page works
from a file or any web server; browsers want https, or this machine, for the microphone.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import tempfile
from pathlib import Path

import akrt
import firmware_export
from akrt.decision import StreamSettings
from akrt.model import Model
from akrt.runtime import bundled_model

HERE = Path(__file__).parent
FLAGS = ("--target=wasm32", "-std=c99", "-O3", "-ffreestanding", "-nostdlib", "-fvisibility=hidden")
LINK = ("-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,--strip-all")


def build(model: Model, out: Path, settings: StreamSettings | None = None) -> int:
    """Write the page; returns the size of the WebAssembly in bytes."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        firmware_export.export(
            model, folder / "kws", name="kws", stream=settings or StreamSettings()
        )
        memory, wasm = folder / "memory.o", folder / "kws.wasm"
        clang = ("clang", *FLAGS, f"-I{HERE}", f"-I{folder / 'kws'}")
        source = str(HERE / "memory.c")
        subprocess.run([*clang, "-fno-builtin", "-c", source, "-o", str(memory)], check=True)
        sources = [str(HERE / "listener.c"), str(memory)]
        subprocess.run([*clang, *LINK, *sources, "-o", str(wasm)], check=True)
        code = wasm.read_bytes()
    page = (HERE / "page.html").read_text()
    script = (HERE / "listener.js").read_text()
    page = page.replace("@SCRIPT@", script).replace("@WASM@", base64.b64encode(code).decode())
    out.write_text(page)
    return len(code)


def main() -> None:
    """Build the page of a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("model", nargs="?", help="default: the bundled one")
    arguments = parser.parse_args()
    model = bundled_model() if arguments.model is None else akrt.load(arguments.model)
    size = build(model, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes, WebAssembly {size:,}")


if __name__ == "__main__":
    main()
