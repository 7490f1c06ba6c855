"""Names of what can keep a chip from use: set where it is found out, read elsewhere."""

from __future__ import annotations

from enum import Enum

__all__ = ["OF_AKIDA", "Cause"]


class Cause(str, Enum):
    """Why a chip cannot be used, or what threatens its use. In JSON it is its value."""

    NO_PCI_DEVICE = "no-pci-device"
    NO_KERNEL_MODULE = "no-kernel-module"
    MODULE_NOT_BUILT_FOR_KERNEL = "module-not-built-for-kernel"
    MODULE_NOT_LOADED = "module-not-loaded"
    DRIVER_NOT_BOUND = "driver-not-bound"
    KERNEL_UNSUPPORTED = "kernel-unsupported"
    NO_NODE = "no-node"
    NO_PERMISSION = "no-permission"
    AKIDA_MISSING = "akida-missing"
    AKIDA_TOO_OLD = "akida-too-old"
    AKIDA_BROKEN = "akida-broken"
    BUSY = "busy"
    NOT_ANSWERING = "not-answering"
    NO_CMA = "no-cma"
    LINK_POWER = "link-power"

    def __str__(self) -> str:
        return self.value


OF_AKIDA = frozenset({Cause.AKIDA_MISSING, Cause.AKIDA_TOO_OLD, Cause.AKIDA_BROKEN})
"""What is wrong with the package of this Python, whichever machine it runs on."""
