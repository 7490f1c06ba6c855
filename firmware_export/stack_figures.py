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
    "akrt_add_lines": {
        "m4": 272,
        "cortex-m0": 280,
        "m3": 264,
        "m7": 272,
        "m33": 272,
        "m55": 272,
        "rv32": 272,
    },
    "akrt_bytes_lines": {
        "m4": 664,
        "cortex-m0": 680,
        "m3": 552,
        "m7": 680,
        "m33": 672,
        "m55": 912,
        "rv32": 792,
    },
    "akrt_conv_lines": {
        "m4": 664,
        "cortex-m0": 680,
        "m3": 552,
        "m7": 680,
        "m33": 672,
        "m55": 912,
        "rv32": 792,
    },
    "akrt_conv_rows": {
        "m4": 336,
        "cortex-m0": 344,
        "m3": 312,
        "m7": 336,
        "m33": 336,
        "m55": 736,
        "rv32": 408,
    },
    "akrt_dense_line": {
        "m4": 328,
        "cortex-m0": 352,
        "m3": 336,
        "m7": 336,
        "m33": 328,
        "m55": 568,
        "rv32": 328,
    },
    "akrt_layer_dense": {
        "m4": 40,
        "cortex-m0": 56,
        "m3": 40,
        "m7": 40,
        "m33": 40,
        "m55": 96,
        "rv32": 32,
    },
    "akrt_layer_max/akrt_conv_potentials": {
        "m4": 200,
        "cortex-m0": 192,
        "m3": 200,
        "m7": 200,
        "m33": 200,
        "m55": 192,
        "rv32": 232,
    },
    "akrt_layer_max/akrt_separable_potentials": {
        "m4": 160,
        "cortex-m0": 176,
        "m3": 160,
        "m7": 160,
        "m33": 160,
        "m55": 208,
        "rv32": 200,
    },
    "akrt_layer_plain/akrt_separable_potentials": {
        "m4": 144,
        "cortex-m0": 168,
        "m3": 144,
        "m7": 152,
        "m33": 144,
        "m55": 144,
        "rv32": 168,
    },
    "akrt_layer_sum/akrt_separable_potentials": {
        "m4": 136,
        "cortex-m0": 136,
        "m3": 136,
        "m7": 136,
        "m33": 136,
        "m55": 152,
        "rv32": 184,
    },
    "akrt_separable_lines": {
        "m4": 664,
        "cortex-m0": 680,
        "m3": 552,
        "m7": 680,
        "m33": 672,
        "m55": 912,
        "rv32": 792,
    },
    "akrt_separable_rows": {
        "m4": 320,
        "cortex-m0": 344,
        "m3": 312,
        "m7": 320,
        "m33": 320,
        "m55": 712,
        "rv32": 408,
    },
    "akrt_separable_rows_muladd": {
        "m4": 336,
        "cortex-m0": 344,
        "m3": 304,
        "m7": 336,
        "m33": 336,
        "m55": 736,
        "rv32": 408,
    },
    "akrt_separable_sum_rows": {
        "m4": 336,
        "cortex-m0": 344,
        "m3": 312,
        "m7": 336,
        "m33": 336,
        "m55": 736,
        "rv32": 408,
    },
    "akrt_widen": {"m4": 32, "cortex-m0": 32, "m3": 32, "m7": 32, "m33": 32, "m55": 32, "rv32": 32},
}
"""Bytes that <name>_run takes if it calls this kernel, by core."""
STREAM: dict[str, int] = {
    "m4": 120,
    "cortex-m0": 144,
    "m3": 104,
    "m7": 128,
    "m33": 128,
    "m55": 128,
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
    }
}
"""Bytes that <name>_stream_feed takes where no inference is due, by core."""
