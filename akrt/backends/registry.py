"""Which backends there are, the one a caller asked for, and the best one here.

Third parties add theirs through one of two groups of entry points: the entry's name is the
backend's, its object a subclass of `akrt.backends.base.Backend`.

* ``akrt.backends``: imported, and its errors raised, only when it is asked for by name.
* ``akrt.backends.auto``: takes part in ``auto`` too, by its `rank`. A group of its own says so, for
  a rank cannot be read without importing the class: what is not in it costs ``auto`` nothing and
  cannot harm it. A plug-in that raises while ``auto`` looks at it is told of by a warning and
  passed over.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akrt.backends.base import Backend
from akrt.errors import (
    AkrtError,
    BackendNotFoundError,
    BackendUnavailableError,
    FallbackWarning,
    MissingExtraError,
    UsageError,
)
from akrt.model import Model

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["AUTO_GROUP", "ENTRY_POINT_GROUP", "backend_class", "backend_names", "create"]

ENTRY_POINT_GROUP = "akrt.backends"
AUTO_GROUP = "akrt.backends.auto"

_AUTOMATIC = {
    "nsoc": ("akrt.backends.nsoc", "NsocBackend"),
    "native": ("akrt.backends.native", "NativeBackend"),
}
"""Those of akrt that take part in ``auto``."""
_BUILT_IN = {
    **_AUTOMATIC,
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
    return _loaded(plugin)


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
        return _automatic(model, options)
    cls = backend_class(name)
    reason = None if cls.optional_here else cls.probe()
    if reason is not None:
        raise BackendUnavailableError(f"backend '{cls.name}' cannot run here: {reason}")
    return _made(cls, model, options)


def _automatic(model: Model, options: dict[str, Any]) -> Backend:
    """The backend of the highest rank that can run here, with these options and this model.

    One that is here and fails, or that raises while it is looked at, is told of by a warning. What
    the last one raises is raised. Where no chip is plugged in this costs a look into /sys, and of
    the driver layer only what looks is imported.
    """
    told: list[Exception] = []
    refusal: Exception = BackendUnavailableError("there is no backend that can run here")
    for cls in _ranked(told):
        try:
            if cls.probe() is not None:
                continue
            chosen = cls.unasked(options)
        except Exception as error:
            told.append(error)
            continue
        if chosen is None:
            continue
        try:
            backend = _made(cls, model, chosen)
        except UsageError as error:
            if isinstance(error, (BackendUnavailableError, MissingExtraError)):
                told.append(error)
            elif set(chosen) <= cls.options:
                raise
            refusal = error  # or an option of another backend
            continue
        except Exception as error:
            told.append(error)
            refusal = error
            continue
        for failure in told:
            words = str(failure) if isinstance(failure, AkrtError) else repr(failure)
            warnings.warn(f"'{cls.name}' computes: {words}", FallbackWarning, stacklevel=4)
        return backend
    raise refusal


def _ranked(told: list[Exception]) -> list[type[Backend]]:
    """Those that may be chosen unasked, best first; what a plug-in raised is added to `told`."""
    found = [backend_class(name) for name in _AUTOMATIC]
    for entry in entry_points(group=AUTO_GROUP):
        if entry.name in _BUILT_IN:
            continue
        try:
            plugin = _loaded(entry)
            if plugin.rank > 0:
                found.append(plugin)
        except Exception as error:
            told.append(error)
    return sorted(found, key=lambda cls: -cls.rank)


def _made(cls: type[Backend], model: Model, options: dict[str, Any]) -> Backend:
    unknown = sorted(set(options) - cls.options)
    if unknown:
        allowed = ", ".join(sorted(cls.options)) or "none"
        raise UsageError(f"backend '{cls.name}' has no option '{unknown[0]}'; it has: {allowed}")
    problems = [
        f"layer '{node.layer.name}' ({node.layer.kind}): {why}"
        for node in model.nodes
        if (why := cls.supports(node)) is not None
    ]
    if problems:
        raise BackendUnavailableError(f"backend '{cls.name}' cannot run " + "; ".join(problems))
    if model.stateful and cls.run_on is Backend.run_on:
        raise BackendUnavailableError(
            f"backend '{cls.name}' cannot run networks with memory, as '{model.name}' is: use "
            f"'native', 'reference' or 'simulator'"
        )
    return cls(model, **options)


def _loaded(plugin: EntryPoint) -> type[Backend]:
    try:
        loaded = plugin.load()
    except AkrtError:
        raise
    except (Exception, SystemExit) as error:
        raise BackendUnavailableError(
            f"the plugin backend '{plugin.name}' ({plugin.value}) cannot be imported: {error!r}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise BackendUnavailableError(
            f"the plugin backend '{plugin.name}' ({plugin.value}) is not a subclass of "
            f"akrt.backends.base.Backend"
        )
    return loaded


def _plugins() -> dict[str, EntryPoint]:
    groups = (ENTRY_POINT_GROUP, AUTO_GROUP)
    return {entry.name: entry for group in groups for entry in entry_points(group=group)}


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of the packages that are installed."""
    return _installed(group, tuple(sys.path))


@lru_cache
def _installed(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """All files of all packages are looked at for it: once for a module path."""
    if not any(_names(group, place) for place in path):
        return ()  # what would read it properly takes longer to load than the kernels
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def _names(group: str, place: str) -> bool:
    """Whether a package in a folder of the module path names the group; an archive may."""
    try:
        packages = [entry for entry in os.scandir(place or ".") if entry.name.endswith("-info")]
    except OSError:
        return os.path.isfile(place)
    for package in packages:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if f"[{group}]" in Path(package.path, "entry_points.txt").read_text("utf-8"):
                return True
    return False
