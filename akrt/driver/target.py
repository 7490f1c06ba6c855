"""The `akida.Device` that a user's ``device=`` stands for when a network is to be mapped."""

from __future__ import annotations

from typing import Any

from akrt.driver import discovery
from akrt.driver.link import Link
from akrt.driver.mapping import twin_device, virtual_chip, virtual_device

__all__ = ["mapping_target"]


def mapping_target(device: str | None, seconds: float = discovery.PROBE_SECONDS) -> tuple[Any, str]:
    """A virtual device to map on, and its name.

    Args:
        device: ``virtual:akd1000``, ``virtual:akd1500``; or an index or PCI address, for a virtual
            twin of that chip; None for the first usable chip.
        seconds: how long the chip may take to answer.

    Raises:
        DeviceNotFoundError, DeviceLostError: no such chip, or it does not answer.
        MissingExtraError: akida is not installed.
        UsageError: no such virtual device, or `seconds` is no time.
    """
    chip = None if device is None else virtual_chip(device)
    if device is not None and chip is not None:
        return virtual_device(chip), device.lower()
    info = discovery.find(device, discovery.devices(seconds=seconds))
    connection = Link(seconds)
    try:
        connection.ask("open", seconds, desc=info.desc, clock_mode=None, power=False)
        layout = connection.ask("mesh", seconds)[0]
    finally:
        connection.close()
    return twin_device(layout), f"{info.model} at {info.name}"
