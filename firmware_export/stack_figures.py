"""Stack of the kernels, measured: written by bench/firmware_stack.py."""

from __future__ import annotations

__all__ = ["FRONT_ENDS", "KERNELS", "MEASURED_WITH", "STREAM"]

MEASURED_WITH: dict[str, str] = {
    "m4": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m4",
    "cortex-m0": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m0",
    "m3": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m3",
    "m7": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m7",
    "m33": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m33",
    "m55": "arm-none-eabi-gcc 12.2.1 -O2 -mcpu=cortex-m55",
    "rv32": "riscv64-unknown-elf-gcc 12.2.0 -O2 -march=rv32imac",
}
KERNELS: dict[str, dict[str, int]] = {
    "akrt_conv_rows": {
        "m4": 352,
        "cortex-m0": 336,
        "m3": 328,
        "m7": 344,
        "m33": 352,
        "m55": 744,
        "rv32": 296,
    },
    "akrt_layer_dense": {
        "m4": 56,
        "cortex-m0": 64,
        "m3": 56,
        "m7": 56,
        "m33": 56,
        "m55": 56,
        "rv32": 32,
    },
    "akrt_layer_max/akrt_conv_potentials": {
        "m4": 208,
        "cortex-m0": 208,
        "m3": 208,
        "m7": 216,
        "m33": 208,
        "m55": 208,
        "rv32": 232,
    },
    "akrt_layer_max/akrt_separable_potentials": {
        "m4": 168,
        "cortex-m0": 168,
        "m3": 168,
        "m7": 176,
        "m33": 168,
        "m55": 168,
        "rv32": 200,
    },
    "akrt_layer_plain/akrt_conv_potentials": {
        "m4": 192,
        "cortex-m0": 184,
        "m3": 192,
        "m7": 200,
        "m33": 192,
        "m55": 192,
        "rv32": 184,
    },
    "akrt_layer_plain/akrt_separable_potentials": {
        "m4": 152,
        "cortex-m0": 160,
        "m3": 152,
        "m7": 152,
        "m33": 152,
        "m55": 152,
        "rv32": 168,
    },
    "akrt_layer_sum/akrt_conv_potentials": {
        "m4": 184,
        "cortex-m0": 160,
        "m3": 184,
        "m7": 184,
        "m33": 184,
        "m55": 184,
        "rv32": 200,
    },
    "akrt_layer_sum/akrt_separable_potentials": {
        "m4": 136,
        "cortex-m0": 136,
        "m3": 136,
        "m7": 136,
        "m33": 136,
        "m55": 136,
        "rv32": 184,
    },
    "akrt_separable_rows": {
        "m4": 336,
        "cortex-m0": 336,
        "m3": 328,
        "m7": 328,
        "m33": 336,
        "m55": 712,
        "rv32": 288,
    },
    "akrt_separable_rows_muladd": {
        "m4": 352,
        "cortex-m0": 320,
        "m3": 304,
        "m7": 344,
        "m33": 352,
        "m55": 744,
        "rv32": 296,
    },
    "akrt_separable_sum_rows": {
        "m4": 352,
        "cortex-m0": 336,
        "m3": 328,
        "m7": 344,
        "m33": 352,
        "m55": 744,
        "rv32": 296,
    },
    "akrt_widen": {"m4": 32, "cortex-m0": 32, "m3": 32, "m7": 32, "m33": 32, "m55": 32, "rv32": 32},
}
"""Bytes that <name>_run takes if it calls this kernel, by core."""
STREAM: dict[str, int] = {
    "m4": 88,
    "cortex-m0": 144,
    "m3": 104,
    "m7": 96,
    "m33": 96,
    "m55": 96,
    "rv32": 96,
}
"""Bytes that <name>_stream_feed takes besides <name>_run."""
FRONT_ENDS: dict[str, dict[str, int]] = {
    "akrt_features": {
        "m4": 352,
        "cortex-m0": 424,
        "m3": 352,
        "m7": 360,
        "m33": 352,
        "m55": 392,
        "rv32": 352,
    },
}
"""Bytes that <name>_stream_feed takes where no inference is due, by core."""
