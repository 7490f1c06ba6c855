"""Which backends there are, and the one a caller asked for.

Third parties add theirs through the entry-point group ``akrt.backends``: the entry's name is the
backend's, its object a subclass of `akrt.backends.base.Backend`. It is imported, and its errors
are raised, only when that backend is asked for.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from akrt.backends.base import Backend
from akrt.errors import (
    AkrtError,
    BackendNotFoundError,
    BackendUnavailableError,
    DeviceError,
    FallbackWarning,
    UnsupportedLayerError,
    UsageError,
)
from akrt.model import Model

__all__ = ["ENTRY_POINT_GROUP", "backend_class", "backend_names", "create"]

ENTRY_POINT_GROUP = "akrt.backends"

_BUILT_IN = {
    "nsoc": ("akrt.backends.nsoc", "NsocBackend"),
    "native": ("akrt.backends.native", "NativeBackend"),
    "simulator": ("akrt.backends.simulator", "SimulatorBackend"),
    "reference": ("akrt.backends.reference", "ReferenceBackend"),
}


def backend_names() -> list[str]:
    """Names of all backends, those of akrt first."""
    return [*_BUILT_IN, *sorted(set(_plugins()) - set(_BUILT_IN))]


def backend_class(name: str) -> type[Backend]:
    """The class of the backend `name`.

    Raises:
        BackendNotFoundError: there is none of that name.
        BackendUnavailableError: a plugin that cannot be imported or is no backend.
    """
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        cls: type[Backend] = getattr(importlib.import_module(module), attribute)
        return cls
    plugin = _plugins().get(name)
    if plugin is None:
        known = ", ".join(["auto", *backend_names()])
        raise BackendNotFoundError(f"there is no backend '{name}'; known are {known}")
    try:
        loaded = plugin.load()
    except AkrtError:
        raise
    except Exception as error:
        raise BackendUnavailableError(
            f"the plugin backend '{name}' ({plugin.value}) cannot be imported: {error!r}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise BackendUnavailableError(
            f"the plugin backend '{name}' ({plugin.value}) is not a subclass of "
            f"akrt.backends.base.Backend"
        )
    return loaded


def _automatic(model: Model, options: dict[str, Any]) -> Backend | None:
    """A chip with native as its fallback, where one is plugged in; None where none is usable.

    Without a chip on the PCI bus this costs a look into /sys and imports nothing of akida, and of
    the driver layer only what looks. Chips have drivers for Linux alone.
    """
    if sys.platform != "linux":
        return None
    from akrt.driver.host import Host

    if not Host().chips():
        return None
    from akrt.driver.discovery import akida_present
    from akrt.driver.mapping import is_virtual

    if not akida_present():
        return None
    if set(options) - backend_class("nsoc").options or is_virtual(options.get("device")):
        return None  # options of another backend; and a virtual chip is never chosen unasked
    try:
        return create("nsoc", model, {"fallback": "native", "require": True, **options})
    except (DeviceError, UnsupportedLayerError, BackendUnavailableError) as error:
        warnings.warn(f"using the CPU: {error}", FallbackWarning, stacklevel=4)
        return None


def create(name: str, model: Model, options: dict[str, Any]) -> Backend:
    """A backend of that name, prepared for `model`; "auto" is the best one here.

    Raises:
        BackendNotFoundError: there is none of that name.
        BackendUnavailableError: it cannot run here, or cannot run a layer; the reason is told.
        UsageError: an option that this backend does not have.
    """
    if not isinstance(name, str):
        raise UsageError(f"backend must be the name of one, got {name!r:.80}")
    if name == "auto":
        chip = _automatic(model, options)
        if chip is not None:
            return chip
    cls = backend_class("native" if name == "auto" else name)
    reason = cls.probe()
    if reason is not None:
        raise BackendUnavailableError(f"backend '{cls.name}' cannot run here: {reason}")
    unknown = sorted(set(options) - cls.options)
    if unknown:
        allowed = ", ".join(sorted(cls.options)) or "none"
        raise UsageError(f"backend '{cls.name}' has no option '{unknown[0]}'; it has: {allowed}")
    problems = [
        f"layer '{layer.name}' ({layer.kind}): {why}"
        for layer in model.layers
        if (why := cls.supports(layer)) is not None
    ]
    if problems:
        raise BackendUnavailableError(f"backend '{cls.name}' cannot run " + "; ".join(problems))
    return cls(model, **options)


def _plugins() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
