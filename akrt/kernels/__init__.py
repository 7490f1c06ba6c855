"""The C kernels, compiled: `_kernels.Network` runs a planned network."""
