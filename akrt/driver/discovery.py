"""Which Akida chips are here: the PCI bus joined with what akida reports."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from akrt.driver import link, locks
from akrt.driver.causes import Cause
from akrt.driver.host import CHIPS, VENDOR, Host, PciChip
from akrt.errors import (
    DeviceBusyError,
    DeviceError,
    DeviceLostError,
    DeviceNotFoundError,
    DevicePermissionError,
    UsageError,
)
from akrt.importers.akida_model import AKIDA_MISSING

__all__ = ["PROBE_SECONDS", "DeviceInfo", "akida_present", "devices", "find", "looked_for", "probe"]

PROBE_SECONDS = 20.0
"""How long a probe may take, the start of a process and the import of akida included."""


@dataclass(frozen=True)
class DeviceInfo:
    """One chip. What only akida can tell is None when the chip does not answer."""

    index: int
    """Position in `devices()`; ``device=`` takes it."""
    model: str
    """``AKD1000``, ``AKD1500``, or ``unknown``."""
    address: str | None
    """PCI address; None for a device that akida reports but the PCI bus does not show."""
    node: str | None
    driver: str | None
    usable: bool
    problem: str | None
    """Why it is not usable; `akrt doctor` says more."""
    cause: Cause | None = None
    """The same as a name, for programs."""
    desc: str | None = None
    hw_version: str | None = None
    ip_version: str | None = None
    memory: tuple[int, ...] | None = None
    """Bytes in use, and the most that were."""
    clock_mode: str | None = None
    program_bytes: int | None = None
    """Size of the program that it holds; 0 for none."""
    program_sha256: str | None = None

    @property
    def name(self) -> str:
        """The address, or akida's description where there is none: unique on this machine."""
        return self.address or self.desc or str(self.index)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain types, for JSON."""
        return asdict(self)


class _Trouble(NamedTuple):
    """What is wrong with a chip."""

    cause: Cause
    words: str


def akida_present() -> bool:
    """Whether there is anything to ask for devices. Imports nothing of akida."""
    return importlib.util.find_spec(link.SOURCE.partition(":")[0]) is not None


def probe(seconds: float = PROBE_SECONDS) -> list[dict[str, Any]]:
    """Facts of every device that akida reports, asked for in a process of its own.

    Raises:
        UsageError: `seconds` is no time.
        DeviceLostError: no answer within `seconds`, or akida failed.
    """
    connection = link.Link(seconds)
    try:
        found: list[dict[str, Any]] = connection.ask("describe", seconds)[0]["devices"]
    finally:
        connection.close()
    return found


def devices(host: Host | None = None, seconds: float = PROBE_SECONDS) -> list[DeviceInfo]:
    """All Akida chips of this machine, those that do not work among them.

    Args:
        host: the machine; default: this one.
        seconds: how long a chip may take to answer. One that is stuck costs that long.

    Raises:
        UsageError: `seconds` is no time, or `host` no `Host`. What is wrong with a chip is in its
            `problem`.
    """
    link.check_seconds("seconds", seconds)
    if not isinstance(host, Host | None):
        raise UsageError(f"host must be a Host, got {host!r:.80}")
    host = host or Host()
    on_bus = host.chips()
    facts: list[dict[str, Any]] = []
    silence = _Trouble(Cause.NOT_ANSWERING, "akida does not report it")
    if not akida_present():
        silence = _Trouble(Cause.AKIDA_MISSING, AKIDA_MISSING)
    else:
        try:
            facts = probe(seconds)
        except link.StalledError as error:
            silence = _Trouble(Cause.NOT_ANSWERING, str(error))
        except DeviceLostError as error:
            silence = _Trouble(Cause.AKIDA_BROKEN, str(error))
    return _join(host, on_bus, facts, silence)


def find(wanted: int | str | None, found: list[DeviceInfo]) -> DeviceInfo:
    """The device that `wanted` names: an index, a PCI address, or None for the first usable one.

    Raises:
        DeviceNotFoundError: it is not here, or not usable; the message says what was looked for.
        UsageError: `wanted` is neither.
    """
    if wanted is None:
        for info in found:
            if info.usable:
                return info
        if len(found) == 1:
            raise _unusable(found[0])
        raise DeviceNotFoundError(_nothing(found))
    if isinstance(wanted, str) and re.fullmatch(r"\d{1,3}", wanted):
        wanted = int(wanted)
    if isinstance(wanted, bool) or not isinstance(wanted, (int, str)):
        raise UsageError(
            f"device must be an index, a PCI address, 'all' or 'virtual:akd1000', got {wanted!r}"
        )
    for info in found:
        if wanted in (info.index, info.name) or (info.address == f"0000:{wanted}"):
            if info.usable:
                return info
            raise _unusable(info)
    raise DeviceNotFoundError(
        f"there is no device {wanted!r}; "
        + (
            "here are " + ", ".join(f"{i.index} ({i.model} at {i.name})" for i in found)
            if found
            else _nothing(found)
        )
    )


def _unusable(info: DeviceInfo) -> DeviceError:
    kinds = {Cause.BUSY: DeviceBusyError, Cause.NO_PERMISSION: DevicePermissionError}
    kind = DeviceNotFoundError if info.cause is None else kinds.get(info.cause, DeviceNotFoundError)
    return kind(
        f"device {info.index} ({info.model} at {info.name}) is not usable: {info.problem}. "
        f"'akrt doctor' says what to do"
    )


def looked_for() -> str:
    """What discovery looks for, in words."""
    ids = " or ".join(f"{VENDOR:04x}:{c.pci_device:04x} ({c.name})" for c in CHIPS)
    nodes = " or ".join(f"/dev/{c.node}<N>" for c in CHIPS)
    return f"a PCI device {ids} with a node {nodes}, and akida.devices()"


def _nothing(found: list[DeviceInfo]) -> str:
    if not found:
        missing = "" if akida_present() else " (the package 'akida' is not installed)"
        return (
            f"no Akida device found: looked for {looked_for()}{missing}. "
            f"'akrt doctor' says why and what to do; device='virtual:akd1000' simulates one, "
            f"fallback='native' goes on without"
        )
    causes = "; ".join(f"{i.model} at {i.name}: {i.problem}" for i in found)
    return f"no usable Akida device: {causes}. 'akrt doctor' says what to do"


def _join(
    host: Host, on_bus: list[PciChip], facts: list[dict[str, Any]], silence: _Trouble
) -> list[DeviceInfo]:
    """Pairs every PCI chip with akida's device of the same kind and number.

    `silence`: why akida reports none for a chip that nothing else is wrong with.
    """
    left = list(facts)
    joined = []
    for chip, trouble in _paired_first(host, on_bus):
        same = [fact for fact in left if fact["product_id"] == chip.chip.product_id]
        info = DeviceInfo(0, chip.chip.name, chip.address, chip.node, chip.driver, False, None)
        if same:
            left.remove(same[0])
            info = _known(info, same[0])
            owner = locks.holder(info.name)
            if owner is not None:
                info = _troubled(info, _Trouble(Cause.BUSY, f"in use by process {owner}"))
        else:
            info = _troubled(info, trouble or silence)
        joined.append(info)
    joined.sort(key=lambda info: info.address or "")
    names = {c.product_id: c.name for c in CHIPS}
    for fact in left:
        name = names.get(fact["product_id"], "unknown")
        joined.append(_known(DeviceInfo(0, name, None, None, None, False, None), fact))
    return [replace(info, index=i) for i, info in enumerate(joined)]


def _paired_first(host: Host, on_bus: list[PciChip]) -> list[tuple[PciChip, _Trouble | None]]:
    """Chips with what is wrong with them, in the order in which akida's devices are given out.

    Those without trouble first, by the number of their node, as akida counts; what akida still
    has after them proves that a chip works in spite of what it looks like.
    """

    def order(pair: tuple[PciChip, _Trouble | None]) -> tuple[bool, int, str]:
        chip, trouble = pair
        digits = (chip.node or "").rpartition(chip.chip.node)[2]
        return (trouble is not None, int(digits or 0), chip.address)

    return sorted(((chip, _trouble(host, chip)) for chip in on_bus), key=order)


def _trouble(host: Host, chip: PciChip) -> _Trouble | None:
    if chip.driver is None:
        return _Trouble(Cause.DRIVER_NOT_BOUND, "no kernel driver is bound to it")
    if chip.node is None:
        nodes = f"/dev/{chip.chip.node}<N>"
        return _Trouble(Cause.NO_NODE, f"the driver {chip.driver} made no node {nodes}")
    if not host.may_open(chip.node):
        return _Trouble(Cause.NO_PERMISSION, f"no permission to open {chip.node}")
    return None


def _troubled(info: DeviceInfo, trouble: _Trouble) -> DeviceInfo:
    return replace(info, usable=False, problem=trouble.words, cause=trouble.cause)


def _known(info: DeviceInfo, fact: dict[str, Any]) -> DeviceInfo:
    return replace(
        info,
        usable=True,
        problem=None,
        cause=None,
        desc=fact["desc"],
        hw_version=fact["hw_version"],
        ip_version=fact["ip_version"],
        memory=tuple(fact["memory"]),
        clock_mode=fact["clock_mode"],
        program_bytes=fact["program_bytes"],
        program_sha256=fact["program_sha256"],
    )
