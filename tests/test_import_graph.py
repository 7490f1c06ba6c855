"""Dependencies between the rooms run one way, and heavy packages are imported lazily."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import akrt

ROOT = Path(akrt.__file__).parent.parent

# What a module, named by its path without .py, may import from akrt at its top level.
ALLOWED = {
    "akrt/printable": set(),
    "akrt/errors": {"akrt.printable"},
    "akrt/files": {"akrt.errors", "akrt.system"},
    "akrt/system": {"akrt.system"},
    "akrt/timing": {"akrt.errors", "akrt.system"},
    "akrt/model": {"akrt.errors", "akrt.files", "akrt.model", "akrt.printable"},
    "akrt/cpus": {"akrt.system"},
    "akrt/measurement": {"akrt.forking", "akrt.provenance"},
    "akrt/kernels": set(),
    "akrt/lowering": {"akrt.errors", "akrt.lowering", "akrt.model"},
    "akrt/folders": set(),
    "akrt/audio": {
        "akrt.audio",
        "akrt.errors",
        "akrt.files",
        "akrt.folders",
        "akrt.kernels",
        "akrt.model",
    },
    "akrt/vision": {"akrt.errors", "akrt.files", "akrt.folders", "akrt.model", "akrt.vision"},
    "akrt/frontends": {
        "akrt.audio",
        "akrt.errors",
        "akrt.frontends",
        "akrt.kernels",
        "akrt.model",
        "akrt.vision",
    },
    "akrt/importers": {"akrt.importers", "akrt.errors", "akrt.files", "akrt.model"},
    "akrt/backends": {
        "akrt.backends",
        "akrt.cpus",
        "akrt.driver",
        "akrt.errors",
        "akrt.kernels",
        "akrt.lowering",
        "akrt.model",
        "akrt.importers.akida_model",
        "akrt.forking",
        "akrt.provenance",
    },
    "akrt/outputs": {"akrt.errors", "akrt.model", "akrt.outputs"},
    "akrt/decision": {"akrt.errors", "akrt.model", "akrt.outputs"},
    "akrt/backends/native": {
        "akrt.backends.base",
        "akrt.backends.native",
        "akrt.cpus",
        "akrt.errors",
        "akrt.forking",
        "akrt.kernels",
        "akrt.lowering",
        "akrt.model",
        "akrt.provenance",
    },
    "akrt/stream": {
        "akrt.audio",
        "akrt.decision",
        "akrt.errors",
        "akrt.forking",
        "akrt.frontends",
        "akrt.kernels",
        "akrt.lowering",
        "akrt.model",
        "akrt.outputs",
        "akrt.provenance",
        "akrt.runtime",
    },
    "akrt/provenance": set(),
    "akrt/forking": set(),
    "akrt/driver": {
        "akrt.driver",
        "akrt.errors",
        "akrt.forking",
        "akrt.files",
        "akrt.importers.akida_model",
        "akrt.lowering",
        "akrt.model",
        "akrt.system",
    },
    "akrt/loading": {"akrt.errors", "akrt.files", "akrt.model"},
    "firmware_export": {
        "akrt.__version__",
        "akrt.decision",
        "akrt.errors",
        "akrt.files",
        "akrt.frontends",
        "akrt.lowering",
        "akrt.model",
        "akrt.outputs",
        "akrt.printable",
        "akrt.system",
    },
    "akrt/__init__": set(),
    "akrt/__main__": {"akrt.cli"},
    "akrt/benchmark": {
        "akrt.__version__",
        "akrt.backends",
        "akrt.cpus",
        "akrt.frontends",
        "akrt.model",
        "akrt.peers",
        "akrt.runtime",
        "akrt.timing",
    },
    "akrt/cli": {
        "akrt.__version__",
        "akrt.audio",
        "akrt.backends",
        "akrt.cli",
        "akrt.cpus",
        "akrt.decision",
        "akrt.driver",
        "akrt.errors",
        "akrt.files",
        "akrt.folders",
        "akrt.frontends",
        "akrt.loading",
        "akrt.model",
        "akrt.outputs",
        "akrt.printable",
        "akrt.runtime",
        "akrt.stream",
        "akrt.vision",
    },
    "akrt/kws": {
        "akrt.audio",
        "akrt.decision",
        "akrt.errors",
        "akrt.files",
        "akrt.frontends",
        "akrt.importers",
        "akrt.kws",
        "akrt.model",
        "akrt.printable",
        "akrt.runtime",
        "akrt.stream",
    },
    "akrt/peers": {"akrt.errors", "akrt.lowering", "akrt.model", "akrt.peers"},
    "akrt/runtime": {
        "akrt.backends",
        "akrt.errors",
        "akrt.loading",
        "akrt.measurement",
        "akrt.model",
        "akrt.printable",
        "akrt.provenance",
        "akrt.state",
    },
    "akrt/state": {"akrt.errors", "akrt.files", "akrt.forking", "akrt.model"},
}
# Where a package may be imported at all, and nowhere at the top level.
ONLY_IN = {
    "akida": (
        "akrt/backends/nsoc",
        "akrt/backends/simulator",
        "akrt/driver/",
        "akrt/importers/akida_model",
        "akrt/importers/read_fbz",
    ),
    "tensorflow": ("akrt/kws/",),
    "tf_keras": ("akrt/kws/",),
    "cnn2snn": ("akrt/kws/",),
    "akida_models": ("akrt/kws/",),
    "quantizeml": (),
    "PIL": ("akrt/vision/",),
}


def modules() -> list[Path]:
    return sorted(p for room in ("akrt", "firmware_export") for p in (ROOT / room).rglob("*.py"))


def imports(path: Path, top_level: bool) -> list[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else list(ast.walk(tree))
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{a.name}" for a in node.names]
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    room = name if name in ALLOWED else name.rsplit("/", 1)[0]
    assert room in ALLOWED, f"{name} lies in a room whose imports nobody has thought of"
    for imported in imports(path, top_level=True):
        if imported.split(".")[0] == "akrt":
            assert any(imported == a or imported.startswith(f"{a}.") for a in ALLOWED[room]), (
                f"{name} must not import {imported}"
            )
    for package, places in ONLY_IN.items():
        everywhere = {i for i in imports(path, top_level=False) if i.split(".")[0] == package}
        if everywhere:
            assert name.startswith(places), f"{name} must not import {package}"
        assert not any(i.split(".")[0] == package for i in imports(path, top_level=True)), (
            f"{name} must import {package} where it needs it, not at the top"
        )


def needed(path: Path) -> set[Path]:
    """The modules of the project that a module imports anywhere but for its annotations."""
    found = set()
    pending = list(ast.parse(path.read_text()).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names]
        for name in names:
            parts = name.split(".")
            places = [ROOT.joinpath(*parts[:n]) for n in (len(parts), len(parts) - 1) if n]
            files = [f for p in places for f in (p.with_suffix(".py"), p / "__init__.py")]
            found |= set([f for f in files if f.is_file()][:1])
        pending += ast.iter_child_nodes(node)
    return found - {path, ROOT / "akrt" / "__init__.py"}


def test_no_circle_of_imports() -> None:
    left = {path: needed(path) for path in modules()}
    while free := {path for path, needs in left.items() if not needs & left.keys()}:
        left = {path: needs for path, needs in left.items() if path not in free}
    assert not left, sorted(p.relative_to(ROOT).as_posix() for p in left)


def test_what_only_some_systems_have_stands_in_one_room() -> None:
    # the reader of untrusted files runs as a script, without akrt
    elsewhere = {"akrt/importers/reader_process.py": {"resource"}}
    calls = {"setitimer", "alarm", "sched_getaffinity", "sched_setaffinity", "flock", "lockf"}
    found: dict[str, set[str]] = {}
    for path in modules():
        name = path.relative_to(ROOT).as_posix()
        names = {i.split(".")[0] for i in imports(path, top_level=False)}
        here = names & {"fcntl", "resource", "termios", "msvcrt", "winreg"}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                here |= {node.attr} & calls
        if here and not name.startswith("akrt/system/"):
            found[name] = here
    assert found == elsewhere


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        (
            "akrt.kernels._kernels",
            {f"akrt/backends/native/{m}.py" for m in ("arena", "backend", "hops", "lines", "pack")}
            | {f"akrt/backends/native/{m}.py" for m in ("plan", "scaled_pack", "temporal_pack")}
            | {f"akrt/backends/native/{m}.py" for m in ("products", "scales", "weights")},
        ),
        (
            "akrt.kernels._frontend",
            {"akrt/audio/integer.py", "akrt/frontends/mfcc.py", "akrt/stream.py"},
        ),
    ],
)
def test_who_touches_the_extensions(extension: str, expected: set[str]) -> None:
    users = {
        p.relative_to(ROOT).as_posix()
        for p in modules()
        if any(extension in i for i in imports(p, top_level=False))
    }
    assert users == expected


def test_importing_akrt_loads_nothing_heavy() -> None:
    names = "[getattr(akrt, name) for name in akrt.__all__]"  # each is loaded when it is used
    code = f"import sys, akrt; {names}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "numpy" in loaded
    heavy = {"akida", "tensorflow", "tf_keras", "cnn2snn", "h5py", "scipy", "soundfile", "soxr"}
    assert not loaded & (heavy | {"rich", "typer", "matplotlib", "sklearn", "pooch", "PIL"})


LOADED = (
    "import atexit, sys; atexit.register(lambda: print('loaded:', *sorted("
    "m for m in sys.modules if (m + '.').startswith(('akrt.driver.', 'akida.')))));"
)
DEMO = "sys.argv = ['akrt', 'run', '--demo'{}]; from akrt.cli import main; main()"
RUN = "import numpy as np; rt.forward(np.zeros((1, 49, 10, 1), np.uint8))"


@pytest.mark.parametrize(
    "code",
    [
        f"import akrt; rt = akrt.Runtime(backend='native'); {RUN}",
        f"import akrt; rt = akrt.Runtime(backend='reference'); {RUN}",
        f"sys.platform = 'win32'; import akrt; rt = akrt.Runtime(); {RUN}",
        DEMO.format(", '--backend', 'native'"),
        "sys.argv = ['akrt', 'summary']; from akrt.cli import main; main()",
        "sys.argv = ['akrt', 'convert', '--help']; from akrt.cli import main; main()",
    ],
)
def test_the_driver_layer_is_not_loaded_where_no_chip_is_asked_for(code: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOADED + code], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize("code", [f"import akrt; rt = akrt.Runtime(); {RUN}", DEMO.format("")])
def test_auto_loads_of_the_driver_layer_what_looks_for_chips(code: str, tmp_path: Path) -> None:
    bare = (
        f"import pathlib; from akrt.driver import host;host.ROOT = pathlib.Path({str(tmp_path)!r});"
    )
    run = subprocess.run(
        [sys.executable, "-c", LOADED + bare + code], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "loaded: akrt.driver akrt.driver.host"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        (
            f"import akrt; rt = akrt.Runtime(backend='native'); {RUN}",
            "akrt.importers akrt.backends.native.scaled_pack akrt.backends.native.hops zipfile",
        ),
        ("sys.argv = ['akrt', '--help']; from akrt.cli import main; main()", "numpy akrt.runtime"),
        ("sys.argv = ['akrt', '--version']; from akrt.cli import main; main()", "typer numpy"),
    ],
)
def test_a_start_loads_no_more_than_it_needs(code: str, absent: str) -> None:
    told = "import atexit, sys; atexit.register(lambda: print('loaded:', *sys.modules));"
    run = subprocess.run(
        [sys.executable, "-c", told + code], capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "akrt" in loaded
    assert not loaded & set(absent.split())


def test_public_names() -> None:
    assert akrt.__all__ == sorted(akrt.__all__, key=lambda n: (n[0].islower(), n))
    for name in akrt.__all__:
        assert getattr(akrt, name) is not None
    assert set(akrt.__all__) == {
        "Add",
        "AkrtError",
        "BufferTempConv",
        "ClassTask",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Convolutional",
        "Dense1D",
        "DepthwiseBufferTempConv",
        "DepthwiseConv2D",
        "DepthwiseConv2DTranspose",
        "Dequantizer",
        "Detection",
        "DeviceInfo",
        "FomoTask",
        "FullyConnected",
        "InputConv2D",
        "InputConvolutional",
        "InputData",
        "LayerProfile",
        "Mfcc",
        "Model",
        "PicoPostProcessing",
        "Picture",
        "Pooling",
        "Quantizer",
        "RawTask",
        "RegressionTask",
        "Runtime",
        "SeparableConvolutional",
        "ShiftedAdd",
        "SignedInputData",
        "State",
        "StatefulRecurrent",
        "Statistics",
        "Stream",
        "StreamSettings",
        "YoloTask",
        "devices",
        "errors",
        "load",
    }


def picture() -> list[set[str]]:
    """The rooms in each row of docs/architecture.svg, the highest first; the last one is C."""
    rows: dict[int, set[str]] = {}
    docs = Path(__file__).resolve().parents[1] / "docs"
    for text in ElementTree.parse(docs / "architecture.svg").iter():
        if text.get("font-weight") == "600":
            rows.setdefault(int(text.get("y", "")) // 88, set()).update(
                (text.text or "").split(" · ")
            )
    return [rows[y] for y in sorted(rows)][:-1]


def test_the_picture_of_the_rooms_shows_what_may_be_imported() -> None:
    rows = picture()
    height = {room: -place for place, row in enumerate(rows) for room in row}
    rooms = {name.split("/")[-1]: allowed for name, allowed in ALLOWED.items()}
    assert len(rows) == 5
    assert height.keys() <= rooms.keys()
    for room in height:
        for name in rooms[room]:
            below = name.split(".")[1]
            assert height.get(below, -len(rows)) <= height[room], f"{room} imports {below}"
