"""Why there is no usable Akida device, by name, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from akrt.driver import discovery, link, locks
from akrt.driver.discovery import DeviceInfo
from akrt.driver.host import CHIPS, MODULE, VENDOR, Host, PciChip

__all__ = ["Diagnosis", "Finding", "diagnose"]

OLDEST_KERNEL, NEWEST_KERNEL = (5, 4), (6, 8)
"""The range that the vendor's driver states; from 6.9 on it does not build."""
OLDEST_AKIDA = (2, 19)
DRIVER_SOURCE = "https://github.com/Brainchip-Inc/akida_dw_edma"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and its remedy."""

    cause: str
    """Its name: ``no-pci-device``, ``no-kernel-module``, ``module-not-built-for-kernel``,
    ``module-not-loaded``, ``driver-not-bound``, ``kernel-unsupported``, ``no-node``,
    ``no-permission``, ``akida-missing``, ``akida-too-old``, ``akida-broken``, ``busy``,
    ``not-answering``, ``no-cma``."""
    where: str
    """The device's address, or what is concerned."""
    problem: str
    fix: str
    blocking: bool = True
    """Whether it keeps the device from being used at all."""


@dataclass(frozen=True)
class Diagnosis:
    """The findings about a machine, and the devices that answered."""

    kernel: str
    findings: tuple[Finding, ...]
    devices: tuple[DeviceInfo, ...]

    @property
    def usable(self) -> bool:
        """Whether at least one chip can be used now."""
        return any(info.usable for info in self.devices)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return {"usable": self.usable, **asdict(self)}


def diagnose(host: Host | None = None, seconds: float = discovery.PROBE_SECONDS) -> Diagnosis:
    """Look at everything between the PCI slot and an answer from the chip.

    Args:
        host: the machine; default: this one.
        seconds: how long the chips may take to answer.
    """
    host = host or Host()
    on_bus = host.chips()
    findings = list(_akida())
    if not on_bus:
        findings.append(_no_pci_device())
    for chip in on_bus:
        findings += _kernel_side(host, chip)
    infos: list[DeviceInfo] = []
    if discovery.akida_present():
        infos = discovery.devices(host, seconds)
        stopped = {f.where for f in findings if f.blocking}
        findings += [
            _silent(info, seconds) for info in infos if not info.usable and info.name not in stopped
        ]
    return Diagnosis(host.kernel, tuple(findings), tuple(infos))


def _akida() -> Iterator[Finding]:
    package = link.SOURCE.partition(":")[0]
    if package != "akida":  # a stand-in for akida
        return
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not discovery.akida_present():
        yield Finding(
            "akida-missing",
            "akida",
            f"the package 'akida' is not installed for Python {here}",
            "pip install 'akrt[akida]'; if pip finds no version, there is no akida for this "
            "Python: make an environment with Python 3.10, 3.11 or 3.12",
        )
        return
    try:
        version = importlib.metadata.version("akida")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_AKIDA:
        yield Finding(
            "akida-too-old",
            "akida",
            f"akida {version} is installed; akrt needs {'.'.join(map(str, OLDEST_AKIDA))} or newer",
            f"pip install -U 'akrt[akida]'; if pip keeps the old one, newer versions have no "
            f"wheel for Python {here}: make an environment with a newer Python",
        )


def _no_pci_device() -> Finding:
    ids = " or ".join(f"{VENDOR:04x}:{c.pci_device:04x} ({c.name})" for c in CHIPS)
    return Finding(
        "no-pci-device",
        "PCI bus",
        f"the PCI bus shows no {ids}",
        f"power off, reseat the card and boot; check that the slot is enabled in the firmware; "
        f"'lspci -d {VENDOR:04x}:' must list it; 'echo 1 | sudo tee /sys/bus/pci/rescan' looks "
        f"again. Without a card use backend='native' or device='virtual:akd1000'",
    )


def _kernel_side(host: Host, chip: PciChip) -> Iterator[Finding]:
    where, name = chip.address, chip.chip.name
    if chip.driver is None:
        yield from _unbound(host, chip)
        return
    if chip.node is None:
        strays = ", ".join(host.stray_nodes(chip.chip))
        yield Finding(
            "no-node",
            where,
            f"the driver {chip.driver} is bound to {name}, but there is no /dev/{chip.chip.node}<N>"
            + (f" of it ({strays} belong to no known device)" if strays else ""),
            "'dmesg | grep -i akida' says why the driver gave up; then 'sudo modprobe -r "
            f"{MODULE} && sudo modprobe {MODULE}'. In a container: pass the node in with --device",
        )
    elif not host.may_open(chip.node):
        yield Finding(
            "no-permission",
            where,
            f"{chip.node} exists, but this user may not read and write it",
            f"a udev rule, in /etc/udev/rules.d/99-akida.rules: "
            f'KERNEL=="{chip.chip.node}[0-9]*", MODE="0660", GROUP="plugdev" '
            f"then 'sudo udevadm control --reload-rules && sudo udevadm trigger' and "
            f"'sudo usermod -aG plugdev $USER', and log in again",
        )
    else:
        yield from _busy(host, chip)
    if chip.chip.needs_cma and not host.cma_kilobytes:
        yield Finding(
            "no-cma",
            where,
            f"this kernel reserves no contiguous memory (CMA), which {name} needs for large "
            f"programs and for a full pipeline",
            "boot with the kernel parameter cma=64M; where that changes nothing the kernel was "
            f"built without CMA: build_kernel_w_cma.sh of {DRIVER_SOURCE} builds one with it",
            blocking=False,
        )


def _unbound(host: Host, chip: PciChip) -> Iterator[Finding]:
    where, name, kernel = chip.address, chip.chip.name, host.kernel
    built_for = host.kernels_with_module()
    version = host.kernel_version
    unsupported = version is not None and not OLDEST_KERNEL <= version <= NEWEST_KERNEL
    if host.module_loaded:
        yield Finding(
            "driver-not-bound",
            where,
            f"the module {MODULE} is loaded but has not taken {name}",
            f"'dmesg | grep -i akida' says why; 'echo {where} | sudo tee "
            f"/sys/bus/pci/drivers/akida-pcie/bind' tries again; an AKD1500 needs a driver "
            f"release that knows {VENDOR:04x}:{chip.chip.pci_device:04x}",
        )
    elif kernel in built_for:
        yield Finding(
            "module-not-loaded",
            where,
            f"the module {MODULE} is built for this kernel but not loaded",
            f"sudo modprobe {MODULE}; if it is refused, 'dmesg' says why (with Secure Boot the "
            f"module must be signed)",
        )
    elif built_for:
        yield Finding(
            "module-not-built-for-kernel",
            where,
            f"the module {MODULE} is built for {', '.join(built_for)}, but the kernel that runs "
            f"is {kernel}",
            f"build it again: sudo apt install dkms linux-headers-$(uname -r), then ./install.sh "
            f"of {DRIVER_SOURCE}; or boot {built_for[-1]}",
        )
    else:
        yield Finding(
            "no-kernel-module",
            where,
            f"{name} is on the bus, but the vendor's module {MODULE} is not installed",
            f"git clone {DRIVER_SOURCE} && cd akida_dw_edma && ./install.sh (needs dkms, "
            f"build-essential and linux-headers-$(uname -r))",
        )
    if unsupported and not host.module_loaded and kernel not in built_for:
        low, high = (".".join(map(str, v)) for v in (OLDEST_KERNEL, NEWEST_KERNEL))
        yield Finding(
            "kernel-unsupported",
            where,
            f"the kernel is {kernel}; the vendor states {low} to {high} for its module",
            f"boot a kernel from {low} to {high} (Ubuntu: sudo apt install linux-generic of "
            f"22.04 or 24.04's GA series), or use a driver that its author states for {kernel}",
        )


def _busy(host: Host, chip: PciChip) -> Iterator[Finding]:
    assert chip.node is not None
    owner = locks.holder(chip.address)
    owners = dict(host.holders(chip.node))
    if owner is not None:
        owners.setdefault(owner, "akrt")
    if owners:
        named = ", ".join(f"{pid} ({command})" for pid, command in sorted(owners.items()))
        yield Finding(
            "busy",
            chip.address,
            f"{chip.node} is in use by process {named}",
            "close that program, or choose another device with device=; one process owns a "
            "device at a time",
            blocking=owner is not None,
        )


def _silent(info: DeviceInfo, seconds: float) -> Finding:
    problem = info.problem or ""
    if "does not report" in problem or "does not answer" in problem:
        return Finding(
            "not-answering",
            info.name,
            f"{info.model} is on the bus and its driver is bound, but: {problem}",
            "power-cycle the machine (a reboot does not always reset the card); update the "
            f"driver from {DRIVER_SOURCE}; 'dmesg | grep -i akida' shows its time-outs",
        )
    return Finding(
        "akida-broken",
        info.name,
        f"akida cannot list its devices: {problem}",
        "run 'python -c \"import akida; print(akida.devices())\"' and see what it says; "
        "reinstall with pip install --force-reinstall 'akrt[akida]'",
    )
