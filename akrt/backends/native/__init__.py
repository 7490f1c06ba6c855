"""The project's own kernels on any CPU: a model is planned once, then C runs it."""

from akrt.backends.native.backend import NativeBackend, choose_arch, usable_archs

__all__ = ["NativeBackend", "choose_arch", "usable_archs"]
