"""Why there is no usable Akida device, by name, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from akrt.driver import discovery, link, locks
from akrt.driver.causes import OF_AKIDA, Cause
from akrt.driver.discovery import DeviceInfo
from akrt.driver.host import CHIPS, MODULE, VENDOR, Host, PciChip

__all__ = ["Diagnosis", "Finding", "diagnose"]

OLDEST_KERNEL, NEWEST_KERNEL = (5, 4), (6, 8)
"""The range that the vendor's driver states; from 6.9 on it does not build."""
OLDEST_AKIDA = (2, 19)
_SLEEPING = ("powersave", "powersupersave")
_HEADERS = {
    "debian": "sudo apt install dkms build-essential linux-headers-$(uname -r)",
    "ubuntu": "sudo apt install dkms build-essential linux-headers-$(uname -r)",
    "raspbian": "sudo apt install dkms build-essential linux-headers-rpi-v8",
    "fedora": "sudo dnf install dkms gcc make kernel-devel-$(uname -r)",
    "rhel": "sudo dnf install dkms gcc make kernel-devel-$(uname -r) (dkms is in EPEL)",
    "arch": "sudo pacman -S dkms base-devel linux-headers",
    "suse": "sudo zypper install dkms gcc make kernel-default-devel",
    "opensuse": "sudo zypper install dkms gcc make kernel-default-devel",
    "alpine": "doas apk add akms build-base linux-lts-dev",
    "gentoo": "sudo emerge sys-kernel/dkms sys-kernel/linux-headers",
    "void": "sudo xbps-install dkms base-devel linux-headers",
}
"""By the id of os-release."""
DRIVER_SOURCE = "https://github.com/Brainchip-Inc/akida_dw_edma"
_CLOSE = (
    "close that program, or choose another device with device=; one process owns a device at a time"
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and its remedy."""

    cause: Cause
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
    in_order: tuple[str, ...]
    """What was looked at and is as it should be."""
    container: str | None
    """The kind of container that this is, where it is one."""

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

    Raises:
        UsageError: `seconds` is no time.
    """
    link.check_seconds("seconds", seconds)
    host = host or Host()
    on_bus = host.chips()
    findings = list(_akida())
    if not on_bus:
        findings.append(_no_pci_device())
    for chip in on_bus:
        findings += _kernel_side(host, chip)
    if on_bus and host.link_power_policy in _SLEEPING:
        findings.append(_link_power(str(host.link_power_policy)))
    infos: list[DeviceInfo] = []
    if discovery.akida_present():
        infos = discovery.devices(host, seconds)
        stopped = {f.where for f in findings if f.blocking}
        findings += [
            _silent(info) for info in infos if not info.usable and info.name not in stopped
        ]
    if host.container is not None:
        findings = [_from_a_container(finding, host.container) for finding in findings]
    order = tuple(_in_order(host, on_bus, {f.cause for f in findings}))
    return Diagnosis(host.kernel, tuple(findings), tuple(infos), order, host.container)


def _in_order(host: Host, on_bus: list[PciChip], causes: set[Cause]) -> Iterator[str]:
    """What is as it should be, from the slot to the answer."""
    for chip in on_bus:
        yield f"{chip.chip.name} is on the PCI bus at {chip.address}"
        if chip.driver is not None:
            yield f"the driver {chip.driver} is bound to it"
        if chip.node is not None:
            yield f"its node is {chip.node}"
            if host.may_open(chip.node):
                yield f"this user may open {chip.node}"
    if not causes & {Cause.AKIDA_MISSING, Cause.AKIDA_TOO_OLD} and discovery.akida_present():
        yield f"akida {_akida_version()} is installed for Python {_python()}"
    version = host.kernel_version
    if version is not None and OLDEST_KERNEL <= version <= NEWEST_KERNEL:
        yield f"the kernel {host.kernel} is one that the vendor states"
    if host.cma_kilobytes:
        yield f"the kernel reserves {host.cma_kilobytes:,} kB of contiguous memory"
    if on_bus and Cause.LINK_POWER not in causes:
        yield "PCIe links are not sent to sleep by a saving policy"


def _from_a_container(finding: Finding, kind: str) -> Finding:
    """The same finding, where kernel and devices are those of the machine outside."""
    if finding.cause in OF_AKIDA:
        return finding
    fix = finding.fix
    if finding.cause in (Cause.NO_NODE, Cause.NO_PCI_DEVICE, Cause.NO_PERMISSION):
        nodes = " or ".join(f"/dev/{c.node}0" for c in CHIPS)
        given = {
            "Docker": "docker run --device /dev/akida0 ...",
            "Podman": "podman run --device /dev/akida0 ...",
            "LXC": "lxc config device add NAME akida unix-char path=/dev/akida0",
        }.get(kind, "a device mount of it")
        fix = f"if the machine outside has {nodes}, give it to the container: {given}; else {fix}"
    return replace(finding, fix=f"this is a {kind} container; on the machine outside: {fix}")


def _link_power(policy: str) -> Finding:
    return Finding(
        Cause.LINK_POWER,
        "PCIe",
        f"the kernel sends PCIe links to sleep (policy {policy}), which chips may not survive",
        "boot with the kernel parameter pcie_aspm=off, or for now: echo performance | sudo tee "
        "/sys/module/pcie_aspm/parameters/policy",
        blocking=False,
    )


def _akida() -> Iterator[Finding]:
    package = link.SOURCE.partition(":")[0]
    if package != "akida":  # a stand-in for akida
        return
    here = _python()
    if not discovery.akida_present():
        yield Finding(
            Cause.AKIDA_MISSING,
            "akida",
            f"the package 'akida' is not installed for Python {here}",
            "pip install 'akrt[akida]'; if pip finds no version, there is no akida for this "
            "Python: make an environment with Python 3.10, 3.11 or 3.12",
        )
        return
    version = _akida_version()
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_AKIDA:
        yield Finding(
            Cause.AKIDA_TOO_OLD,
            "akida",
            f"akida {version} is installed; akrt needs {'.'.join(map(str, OLDEST_AKIDA))} or newer",
            f"pip install -U 'akrt[akida]'; if pip keeps the old one, newer versions have no "
            f"wheel for Python {here}: make an environment with a newer Python",
        )


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _akida_version() -> str:
    try:
        return importlib.metadata.version("akida")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _no_pci_device() -> Finding:
    ids = " or ".join(f"{VENDOR:04x}:{c.pci_device:04x} ({c.name})" for c in CHIPS)
    return Finding(
        Cause.NO_PCI_DEVICE,
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
            Cause.NO_NODE,
            where,
            f"the driver {chip.driver} is bound to {name}, but there is no /dev/{chip.chip.node}<N>"
            + (f" of it ({strays} belong to no known device)" if strays else ""),
            "'dmesg | grep -i akida' says why the driver gave up; then 'sudo modprobe -r "
            f"{MODULE} && sudo modprobe {MODULE}'",
        )
    elif not host.may_open(chip.node):
        yield Finding(
            Cause.NO_PERMISSION,
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
            Cause.NO_CMA,
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
            Cause.DRIVER_NOT_BOUND,
            where,
            f"the module {MODULE} is loaded but has not taken {name}",
            f"'dmesg | grep -i akida' says why; 'echo {where} | sudo tee "
            f"/sys/bus/pci/drivers/akida-pcie/bind' tries again; an AKD1500 needs a driver "
            f"release that knows {VENDOR:04x}:{chip.chip.pci_device:04x}",
        )
    elif kernel in built_for:
        yield Finding(
            Cause.MODULE_NOT_LOADED,
            where,
            f"the module {MODULE} is built for this kernel but not loaded",
            f"sudo modprobe {MODULE}; if it is refused, 'dmesg' says why (with Secure Boot the "
            f"module must be signed)",
        )
    elif built_for:
        yield Finding(
            Cause.MODULE_NOT_BUILT_FOR_KERNEL,
            where,
            f"the module {MODULE} is built for {', '.join(built_for)}, but the kernel that runs "
            f"is {kernel}",
            f"build it again: {_headers(host)}, then ./install.sh of {DRIVER_SOURCE}; or boot "
            f"{built_for[-1]}",
        )
    else:
        yield Finding(
            Cause.NO_KERNEL_MODULE,
            where,
            f"{name} is on the bus, but the vendor's module {MODULE} is not installed",
            f"{_headers(host)}; then git clone {DRIVER_SOURCE} && cd akida_dw_edma && ./install.sh",
        )
    if unsupported and not host.module_loaded and kernel not in built_for:
        low, high = (".".join(map(str, v)) for v in (OLDEST_KERNEL, NEWEST_KERNEL))
        yield Finding(
            Cause.KERNEL_UNSUPPORTED,
            where,
            f"the kernel is {kernel}; the vendor states {low} to {high} for its module",
            f"boot a kernel from {low} to {high} (Ubuntu: sudo apt install linux-generic of "
            f"22.04 or 24.04's GA series), or use a driver that its author states for {kernel}",
        )


def _headers(host: Host) -> str:
    """The command that installs what a kernel module is built with."""
    for name in host.distributions:
        if name in _HEADERS:
            return _HEADERS[name]
    return _HEADERS["debian"] + " (or what your distribution calls them)"


def _busy(host: Host, chip: PciChip) -> Iterator[Finding]:
    assert chip.node is not None
    owner = locks.holder(chip.address)
    owners = dict(host.holders(chip.node))
    if owner is not None:
        owners.setdefault(owner, "akrt")
    if owners:
        named = ", ".join(f"{pid} ({command})" for pid, command in sorted(owners.items()))
        yield Finding(
            Cause.BUSY,
            chip.address,
            f"{chip.node} is in use by process {named}",
            _CLOSE,
            blocking=owner is not None,
        )


def _silent(info: DeviceInfo) -> Finding:
    if info.cause is Cause.AKIDA_BROKEN:
        return Finding(
            Cause.AKIDA_BROKEN,
            info.name,
            f"akida cannot list its devices: {info.problem}",
            "run 'python -c \"import akida; print(akida.devices())\"' and see what it says; "
            "reinstall with pip install --force-reinstall 'akrt[akida]'",
        )
    if info.cause is Cause.BUSY:  # since the look at who has its node open
        return Finding(Cause.BUSY, info.name, f"{info.model} is {info.problem}", _CLOSE)
    return Finding(
        Cause.NOT_ANSWERING,
        info.name,
        f"{info.model} is on the bus and its driver is bound, but: {info.problem}",
        "power-cycle the machine (a reboot does not always reset the card); boot with "
        f"pcie_aspm=off, where its PCIe link was sent to sleep; update the driver from "
        f"{DRIVER_SOURCE}; 'dmesg | grep -i akida' shows its time-outs",
    )
