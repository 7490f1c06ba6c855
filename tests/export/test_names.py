"""Names of exports and labels, from whatever people call their models and classes."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import firmware_export
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.model import FullyConnected, InputData, Model
from akrt.runtime import bundled_model
from firmware_export.identifiers import check_name, constant_names, mend_name
from firmware_export.packages import PACKAGES

from .chip_programs import chip_program
from .compiled_export import WARNINGS, tool
from .row_networks import row_network

EVIL = (
    "*/ int evil; /*", "/* open", "back\\", "??/", "tri ??/\n graph", 'quo"te', "new\nline",
    "nul\0", "\x01\x1b[31m", "\u202eright", "{name}", "%s", "#define X", "\r", "", "  ", "'", "//",
)  # fmt: skip


def classifier(labels: tuple[str, ...], name: str = "net") -> Model:
    count = len(labels)
    layer = FullyConnected(
        name=labels[0] or "out",
        weights=np.ones((4, count), np.int8),
        weights_bits=4,
        act_bits=None,
        threshold=np.arange(count, dtype=np.int32),
        act_step=np.ones(count, np.float32),
    )
    return Model((InputData("in", (1, 1, 4), 4), layer), name=name, labels=labels)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (("_silence_", "left"), ("SILENCE", "LEFT")),
        (("größe", "Ærø", "naïve", "Łódź", "ﬁ"), ("GROSSE", "AERO", "NAIVE", "LODZ", "FI")),
        (("да", "yes", "はい", "नहीं", "yesはい"), ("0", "YES", "2", "3", "4")),
        (("a b", "a-b", "c"), ("A_B_0", "A_B_1", "C")),
        (("a", "a!", "a_1"), ("0", "1", "2")),
        (("はい", "0", "x"), ("0_0", "0_1", "X")),
        (("*/", "", "+"), ("0", "1", "2")),
        (("🦉", "7", "left 🦉"), ("0", "7", "LEFT")),
    ],
)
def test_macros_of_labels(labels: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert constant_names(labels) == wanted


def test_labels_in_any_script_keep_their_macros(tmp_path: Path) -> None:
    """The compiler's view: every macro is its class's index."""
    labels = ("да", "はい", "größe", "no", "no", "H", "2", *EVIL)
    firmware_export.export(classifier(labels), tmp_path / "net", name="net")
    names = [f"NET_CLASS_{name}" for name in constant_names(labels)]
    source = tmp_path / "main.c"
    checks = " && ".join(f"{name} == {i}" for i, name in enumerate(names))
    source.write_text(f'#include "net.h"\nint main(void) {{ return !({checks}); }}\n')
    command = [tool("gcc"), "-std=c99", *WARNINGS, f"-I{tmp_path / 'net'}", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "main")], check=True)
    assert subprocess.run([str(tmp_path / "main")]).returncode == 0


@pytest.mark.parametrize("compiler", ["gcc", "g++", "clang"])
@pytest.mark.parametrize("name", ["net */ int evil; /*", "net\n#error", "tri??/", "back\\"])
def test_no_text_breaks_the_c(compiler: str, name: str, tmp_path: Path) -> None:
    """Names of models, layers and labels; with trigraphs, in every file, and the labels return."""
    folder = tmp_path / "out"
    model = classifier(EVIL, name)
    report = firmware_export.export(
        model, folder, program=chip_program(model), packages=["cmake", "zephyr"]
    )
    language = ["-std=c++17", "-x", "c++"] if compiler == "g++" else ["-std=c99"]
    library = tmp_path / "net.so"
    command = [tool(compiler), *language, "-trigraphs", *WARNINGS, "-shared", "-fPIC"]
    sources = [str(folder / f"{report.name}.c"), str(folder / f"{report.name}_selftest.c")]
    subprocess.run([*command, *sources, "-o", str(library)], check=True)
    label = ctypes.CDLL(str(library))[f"{report.name}_label"]
    label.restype = ctypes.c_char_p
    returned = [label(i).decode() for i in range(len(EVIL))]
    assert returned == [text.replace("\0", "") for text in EVIL]
    macro = f"-D{report.name.upper()}_SELFTEST_MAIN"
    program = tmp_path / "selftest"
    command = [tool(compiler), *language, "-trigraphs", *WARNINGS, macro, sources[1]]
    subprocess.run([*command, "-o", str(program)], check=True)
    assert subprocess.run([str(program)]).returncode == 0


@pytest.mark.parametrize("labels", [("yes", "no"), None, EVIL])
def test_no_placeholder_is_left(labels: tuple[str, ...] | None, tmp_path: Path) -> None:
    """In every text of networks of all kinds, with every option."""
    clean = tuple(label for label in labels or () if "{" not in label) or None
    exports = [(row_network(seed)[0], None) for seed in range(8)]
    if clean is not None:
        exports.append((classifier(clean), None))
    exports.append((bundled_model(), StreamSettings()))
    for i, (model, stream) in enumerate(exports):
        folder = tmp_path / str(i)
        firmware_export.export(
            model, folder, program=chip_program(model), packages=[*PACKAGES], stream=stream
        )
        for path in filter(Path.is_file, folder.rglob("*")):
            text = path.read_text()
            found = re.findall(r"(?<!\$)\{[a-z_]+(?:[.(][^{}]*)?\}|\}\}\n", text)
            assert not found, (path.name, found)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((n, "header") for n in ("signal", "stdint", "strings", "math", "time", "wire", "task")),
        *((n, "Windows") for n in ("con", "nul", "prn", "aux", "com1", "lpt9")),
        *((n, "target") for n in ("test", "all", "install", "clean", "help", "package", "m")),
        *((n, "reserved") for n in ("float", "assert", "string", "register")),
        *((f"net_{n}", "another") for n in ("stream", "weights", "kernels", "chip", "program")),
    ],
)
def test_names_that_clash_are_refused_with_a_proposal(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        firmware_export.export(row_network(3)[0], tmp_path / "out", name=name)
    assert f"try '{mend_name(name)}'" in str(caught.value)
    assert check_name(mend_name(name))
    report = firmware_export.export(row_network(3)[0].replace(name=name), tmp_path / "out")
    assert report.name == mend_name(name) != name


def test_no_header_of_the_system_is_hidden(tmp_path: Path) -> None:
    """Every header that cross compilers find by a bare name, and those of the host's own."""
    headers = set()
    for compiler in ("gcc", "arm-none-eabi-gcc", "avr-gcc"):
        command = [tool(compiler), "-E", "-v", "-x", "c", "/dev/null"]
        words = subprocess.run(command, capture_output=True, text=True).stderr
        listed = words[words.index("#include <...>") :].splitlines()[1:]
        for line in listed[: listed.index("End of search list.")]:
            if "/gcc" not in line:
                continue  # what else is installed on this host
            headers |= {p.stem.lower() for p in Path(line.strip()).glob("*.h")}
    assert len(headers) > 100
    hidden = []
    for header in sorted(headers):
        try:
            check_name(header)
        except UsageError:
            continue
        hidden.append(header)
    assert not hidden


def test_names_are_taken_apart_not_dropped() -> None:
    assert mend_name("Größe Łódź") == "grosse_lodz"
    assert mend_name("はい") == "model"
    assert mend_name("audio stream") == "audio_stream_net"
    assert check_name(mend_name("x" * 38 + "_stream"))
    assert check_name(mend_name("_".join(["a" * 35, "chip"])))
