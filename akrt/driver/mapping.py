"""Where a network goes on a chip's mesh, through akida's documented mapping API.

A map is made on a virtual device, the twin of a chip: it needs no hardware, computes nothing, and
gives the program, the bytes that configure the chip.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from akrt.driver.chips import CHIP_NAMES, chips_of
from akrt.driver.limits_akida2 import broken_branches
from akrt.errors import (
    BackendUnavailableError,
    MissingExtraError,
    UnsupportedLayerError,
    UsageError,
)
from akrt.importers.akida_model import to_akida
from akrt.lowering.operations import beyond_akida_1
from akrt.model import Model

__all__ = [
    "MAP_MODES",
    "VIRTUAL",
    "LayerMap",
    "Mapping",
    "Processor",
    "Sequence",
    "is_virtual",
    "map_mode",
    "map_model",
    "twin_device",
    "virtual_chip",
    "virtual_device",
]

VIRTUAL = tuple(f"virtual:{name.lower()}" for name in CHIP_NAMES)
"""Names of the virtual devices."""

MAP_MODES = {"all_nps": "AllNps", "hw_pr": "HwPr", "minimal": "Minimal"}
"""Our names of akida's `MapMode`s: most processors, most passes, fewest processors."""


@dataclass(frozen=True)
class Processor:
    """A neural processor that a layer takes, and its place on the mesh."""

    type: str
    """``HRC``, ``CNP1``, ``CNP2``, ``FNP2`` or ``FNP3``."""
    column: int
    row: int
    id: int
    filters: int
    input_bytes: int
    weight_bytes: int
    external_bytes: int


@dataclass(frozen=True)
class LayerMap:
    """Where one layer went; no processors where akida's software computes it."""

    name: str
    kind: str
    sequence: int
    run: int
    """The pass, of the passes of its sequence."""
    processors: tuple[Processor, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Processors by type."""
        return dict(Counter(p.type for p in self.processors))

    @property
    def external_bytes(self) -> int:
        """Memory outside of the mesh that the layer needs."""
        return sum(p.external_bytes for p in self.processors)


@dataclass(frozen=True)
class Sequence:
    """Layers that run without software between them."""

    name: str
    backend: str
    """``Hardware`` or ``Software``."""
    passes: int
    program_bytes: int


@dataclass(frozen=True)
class Mapping:
    """A network on a mesh."""

    device: str
    mode: str
    sequences: tuple[Sequence, ...]
    layers: tuple[LayerMap, ...]
    mesh: tuple[Processor, ...] = field(repr=False)
    """Every processor of the chip; `type` lists what it can be, with slashes."""
    programs: tuple[bytes, ...] = field(repr=False)
    """The program of each hardware sequence."""

    @property
    def in_hardware(self) -> bool:
        """Whether the chip computes all of it in one sequence."""
        return len(self.sequences) == 1 and self.sequences[0].backend == "Hardware"

    @property
    def counts(self) -> dict[str, int]:
        """Processors by type, over all layers."""
        total: Counter[str] = Counter()
        for layer in self.layers:
            total.update(layer.counts)
        return dict(total)

    @property
    def program_bytes(self) -> int:
        """Size of all programs."""
        return sum(s.program_bytes for s in self.sequences)

    @property
    def external_bytes(self) -> int:
        """Memory outside of the mesh that the network needs."""
        return sum(layer.external_bytes for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """The facts as plain types, for JSON: without the mesh and the programs."""
        return {
            "device": self.device,
            "mode": self.mode,
            "in_hardware": self.in_hardware,
            "processors": self.counts,
            "program_bytes": self.program_bytes,
            "external_bytes": self.external_bytes,
            "sequences": [asdict(s) for s in self.sequences],
            "layers": [
                {
                    "name": layer.name,
                    "type": layer.kind,
                    "sequence": layer.sequence,
                    "pass": layer.run,
                    "processors": layer.counts,
                    "external_bytes": layer.external_bytes,
                }
                for layer in self.layers
            ],
        }


def map_model(
    model: Model, device: Any, name: str, mode: str = "all_nps", hybrid: bool = False
) -> Mapping:
    """Map a network on an `akida.Device`.

    Args:
        model: the network.
        device: a virtual device or the twin of a chip.
        name: what to call it.
        mode: one of `MAP_MODES`.
        hybrid: whether layers may be left to akida's software.

    Raises:
        UnsupportedLayerError: akida cannot map a layer, the message gives its words; an entrance of
            floats in front of layers of Akida 1.0; branches that would end akida's process.
        BackendUnavailableError: device and network are of different versions; or akida cannot map
            the network and names no layer.
        MissingExtraError: akida is not installed.
        UsageError: there is no such mode.
    """
    _check_version(model, device, name)
    # A model is mapped once only: akida forgets the layers' places when it is mapped again.
    twin = to_akida(model)
    try:
        twin.map(device, hw_only=not hybrid, mode=map_mode(mode))
    except (RuntimeError, ValueError) as error:
        raise _refusal(model, name, str(error)) from None
    sequences, layers, programs = [], [], []
    kinds = {layer.name: layer.kind for layer in model.layers}
    for i, sequence in enumerate(twin.sequences):
        program = sequence.program
        if program is not None:
            programs.append(bytes(program))
        passes = list(sequence.passes)
        sequences.append(
            Sequence(
                sequence.name,
                sequence.backend.name,
                len(passes),
                0 if program is None else len(program),
            )
        )
        for j, run in enumerate(passes):
            layers += [
                LayerMap(mapped.name, kinds[mapped.name], i, j, _processors(mapped.mapping))
                for mapped in run.layers
            ]
    placed = {layer.name for layer in layers}
    layers = [
        LayerMap(layer.name, layer.kind, 0, 0, ())
        for layer in model.layers
        if layer.name not in placed
    ] + layers
    return Mapping(name, mode, tuple(sequences), tuple(layers), _mesh(device.mesh), tuple(programs))


def _check_version(model: Model, device: Any, name: str) -> None:
    version = 2 if device.ip_version.name == "v2" else 1
    if model.version != version:
        raise BackendUnavailableError(
            f"'{model.name}' is a network of Akida {model.version}.0, which {name}, of Akida "
            f"{version}.0, does not run: choose {chips_of(model.version)}"
        )
    for node in model.nodes if version == 1 else ():
        if beyond_akida_1(node) is not None:
            problem = f"is no layer that a chip of Akida 1.0 runs, which {name} is"
            raise UnsupportedLayerError(node.layer.name, node.layer.kind, problem)
    for node, (rule, limit, value) in broken_branches(model) if version == 2 else ():
        problem = f"cannot map on {name}: {rule} must be {limit}, is {value}"
        raise UnsupportedLayerError(node.layer.name, node.layer.kind, problem)


def map_mode(name: str) -> Any:
    """akida's `MapMode` of that name.

    Raises:
        UsageError: there is none.
    """
    if not isinstance(name, str) or name not in MAP_MODES:
        raise UsageError(f"map_mode must be one of {', '.join(MAP_MODES)}, got {name!r}")
    return getattr(_akida().MapMode, MAP_MODES[name])


def is_virtual(device: object) -> bool:
    """Whether ``device=`` asks for a virtual device, existing or not."""
    return isinstance(device, str) and device.lower().startswith("virtual")


def virtual_chip(device: str) -> str | None:
    """``AKD1000`` for ``virtual:akd1000``; None for what is no virtual device.

    Raises:
        UsageError: a virtual device that does not exist.
    """
    if not is_virtual(device):
        return None
    for name, chip in zip(VIRTUAL, CHIP_NAMES, strict=True):
        if device.lower() == name:
            return chip
    raise UsageError(f"there is no device {device!r}; virtual devices are {', '.join(VIRTUAL)}")


def virtual_device(chip: str) -> Any:
    """akida's virtual device of a chip: one of `akrt.driver.chips.CHIP_NAMES`.

    Raises:
        MissingExtraError: akida is not installed.
    """
    return getattr(_akida(), chip)()


def twin_device(layout: dict[str, Any]) -> Any:
    """A virtual device with the version and mesh that a worker read from a chip."""
    akida = _akida()
    hw = akida.HwVersion(*layout["version"])
    ident = akida.NP.Ident
    nps = [
        akida.NP.Info(ident(*where), {getattr(akida.NP.Type, t) for t in types}, has_lut)
        for where, types, has_lut in layout["nps"]
    ]
    hrc = None if layout["hrc"] is None else akida.NP.Info.hrc(layout["hrc"])
    mesh = akida.NP.Mesh(
        akida.IpVersion.v1, ident(*layout["dma_event"]), ident(*layout["dma_conf"]), hrc, nps
    )
    return akida.Device(hw, mesh)


def _akida() -> Any:
    try:
        return importlib.import_module("akida")
    except ImportError as error:
        raise MissingExtraError("akida", "akida", "mapping a network on a chip") from error


def _processors(mapping: Any) -> tuple[Processor, ...]:
    if mapping is None:
        return ()
    return tuple(
        Processor(
            np_.type.name,
            int(np_.ident.col),
            int(np_.ident.row),
            int(np_.ident.id),
            int(np_.filters),
            int(np_.mem_info.input_size),
            int(np_.mem_info.weight_size),
            int(np_.mem_info.external_size),
        )
        for np_ in mapping.nps
    )


def _mesh(mesh: Any) -> tuple[Processor, ...]:
    infos = [mesh.hrc, *mesh.nps] if mesh.hrc is not None else list(mesh.nps)
    return tuple(
        Processor(
            "/".join(sorted(t.name for t in info.types)),
            int(info.ident.col),
            int(info.ident.row),
            int(info.ident.id),
            0,
            0,
            0,
            0,
        )
        for info in infos
    )


def _refusal(model: Model, name: str, words: str) -> Exception:
    """akida's refusal as an error that names the layer: one may be named by an empty name first."""
    named = re.findall(r"[Ll]ayer '([^']+)'", words)
    for layer in model.layers:
        if named and layer.name == named[0]:
            told = re.sub(r"^Cannot map layer '[^']*'[.:]\s*", "", words)
            told = re.sub(r"\s+", " ", told)
            return UnsupportedLayerError(layer.name, layer.kind, f"cannot map on {name}: {told}")
    return BackendUnavailableError(f"the network cannot be mapped on {name}: {words}")
