"""What the kernel says of Akida chips: PCI, driver modules, device nodes, who has them open.

Everything is read below one root folder, so that a made-up tree can stand in for a machine.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CHIPS", "MODULE", "VENDOR", "Chip", "Host", "PciChip"]

VENDOR = 0x1E7C
"""BrainChip's PCI vendor id."""

ROOT = Path("/")
"""Where this machine's /sys, /dev, /proc and /lib are."""

MODULE = "akida_pcie"
"""The vendor's kernel module, as /proc/modules spells it; the file is akida-pcie.ko."""


_CONTAINERS = {
    "docker": "Docker",
    "podman": "Podman",
    "libpod": "Podman",
    "kubepods": "Kubernetes",
    "lxc": "LXC",
    "systemd-nspawn": "systemd-nspawn",
}


@dataclass(frozen=True)
class Chip:
    """A kind of chip."""

    name: str
    pci_device: int
    product_id: int
    """`akida.HwVersion.product_id`."""
    node: str
    """Name of its device nodes below /dev, without the number."""
    needs_cma: bool
    """Whether its driver takes contiguous memory from the kernel's CMA."""


CHIPS = (
    Chip("AKD1000", 0xBCA1, 0x00, "akida", needs_cma=False),
    Chip("AKD1500", 0xA500, 0xA1, "akd1500_", needs_cma=True),
)


@dataclass(frozen=True)
class PciChip:
    """A chip on the PCI bus."""

    chip: Chip
    address: str
    """Domain, bus, device and function: ``0000:01:00.0``."""
    driver: str | None
    """The kernel driver bound to it."""
    node: str | None
    """Its device node, such as ``/dev/akida0``."""


@dataclass(frozen=True)
class Host:
    """One machine, or a folder that looks like one.

    Args:
        root: where /sys, /dev, /proc and /lib are.
        uid: the user who wants to open devices.
        gids: that user's groups.
    """

    root: Path = field(default_factory=lambda: ROOT)
    uid: int = field(default_factory=lambda: getattr(os, "getuid", int)())
    gids: frozenset[int] = field(
        default_factory=lambda: frozenset(
            {getattr(os, "getgid", int)(), *getattr(os, "getgroups", list)()}
        )
    )

    def chips(self) -> list[PciChip]:
        """All Akida chips on the PCI bus, by address."""
        found = []
        for folder in sorted(_entries(self.root / "sys/bus/pci/devices")):
            if _hex(folder / "vendor") != VENDOR:
                continue
            device = _hex(folder / "device")
            for chip in CHIPS:
                if chip.pci_device == device:
                    found.append((chip, folder))
        return [
            PciChip(chip, folder.name, _link_name(folder / "driver"), self._node(chip, folder))
            for chip, folder in found
        ]

    def _node(self, chip: Chip, folder: Path) -> str | None:
        """The node that the driver registered for this PCI device (a misc device of its own)."""
        for parent in [folder / "misc", *_entries(folder)]:
            for entry in _entries(parent):
                if _numbered(chip.node, entry.name) and (self.root / "dev" / entry.name).exists():
                    return f"/dev/{entry.name}"
        return None

    def stray_nodes(self, chip: Chip) -> list[str]:
        """All nodes of this kind of chip, whichever device they belong to."""
        nodes = [e.name for e in _entries(self.root / "dev") if _numbered(chip.node, e.name)]
        return [f"/dev/{name}" for name in sorted(nodes)]

    def may_open(self, node: str) -> bool:
        """Whether the user may read and write the node, by its owner, group and mode."""
        try:
            found = os.stat(self._at(node))
        except OSError:
            return False
        if self.uid == 0:
            return True
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid in self.gids else 0
        return (stat.S_IMODE(found.st_mode) >> shift) & 0o6 == 0o6

    def shuts_out(self, node: str) -> bool:
        """Whether this user may not open the node for certain: nor by the system's own answer,
        which knows access lists.
        """
        readable_and_writable = os.R_OK | os.W_OK
        return not self.may_open(node) and not os.access(self._at(node), readable_and_writable)

    def holders(self, node: str) -> list[tuple[int, str]]:
        """Processes, other than this one, that have the node open: (process id, command).

        Another user's open files are hidden unless this one is root.
        """
        found = []
        for folder in _entries(self.root / "proc"):
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            for entry in _entries(folder / "fd"):
                try:
                    target = os.readlink(entry)
                except OSError:
                    continue
                if target == node:
                    found.append((int(folder.name), _text(folder / "comm") or "?"))
                    break
        return sorted(found)

    @property
    def kernel(self) -> str:
        """The running kernel's release."""
        return _text(self.root / "proc/sys/kernel/osrelease") or "unknown"

    @property
    def kernel_version(self) -> tuple[int, int] | None:
        """(major, minor) of the running kernel."""
        match = re.match(r"(\d+)\.(\d+)", self.kernel)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def module_loaded(self) -> bool:
        """Whether the vendor's module is in the running kernel."""
        lines = (_text(self.root / "proc/modules") or "").splitlines()
        return any(line.split(" ")[0] == MODULE for line in lines)

    def kernels_with_module(self) -> list[str]:
        """Releases of the installed kernels that the vendor's module has been built for."""
        name = MODULE.replace("_", "-")
        found = []
        for folder in _entries(self.root / "lib/modules"):
            for pattern in (f"{name}.ko*", f"{MODULE}.ko*"):
                if any(folder.rglob(pattern)):
                    found.append(folder.name)
                    break
        return sorted(found)

    @property
    def cma_kilobytes(self) -> int:
        """Contiguous memory that the kernel reserved; 0 where it was built without."""
        match = re.search(r"^CmaTotal:\s+(\d+) kB", _text(self.root / "proc/meminfo") or "", re.M)
        return int(match[1]) if match else 0

    @property
    def container(self) -> str | None:
        """The kind of container that this is: ``Docker``, ``Podman``, ``LXC``...; None for none."""
        if (self.root / ".dockerenv").exists():
            return "Docker"
        if (self.root / "run/.containerenv").exists():
            return "Podman"
        told = _text(self.root / "run/systemd/container") or ""
        groups = _text(self.root / "proc/1/cgroup") or ""
        for word, name in _CONTAINERS.items():
            if word in told or word in groups:
                return name
        return None

    @property
    def distributions(self) -> tuple[str, ...]:
        """Ids of the Linux distribution, then of those that it is like (os-release)."""
        text = _text(self.root / "etc/os-release") or ""
        found = [re.search(rf"^{key}=\"?([^\"\n]*)", text, re.M) for key in ("ID", "ID_LIKE")]
        return tuple(word for match in found if match for word in match[1].lower().split())

    @property
    def link_power_policy(self) -> str | None:
        """The policy by which PCIe links sleep (ASPM); None where they do not or it is unknown."""
        if re.search(r"\bpcie_aspm=off\b", _text(self.root / "proc/cmdline") or ""):
            return None
        policies = _text(self.root / "sys/module/pcie_aspm/parameters/policy") or ""
        match = re.search(r"\[(\w+)\]", policies)
        return match[1] if match else None

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def _hex(path: Path) -> int | None:
    try:
        return int(_text(path) or "", 16)
    except ValueError:
        return None


def _link_name(path: Path) -> str | None:
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return None


def _numbered(prefix: str, name: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()
