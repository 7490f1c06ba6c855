"""Stack of the kernels, measured: written by bench/firmware_stack.py."""

from __future__ import annotations

__all__ = ["KERNELS", "MEASURED_WITH", "STREAM"]

MEASURED_WITH: dict[str, str] = {
    "m4": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -O2",
    "cortex-m0": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m0 -mthumb -O2",
    "m3": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m3 -mthumb -O2",
    "m7": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16 -O2",
    "m33": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m33 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16 -O2",
    "m55": "arm-none-eabi-gcc 12.2.1 -mcpu=cortex-m55 -mthumb -mfloat-abi=hard -mfpu=auto -O2",
    "rv32": "riscv64-unknown-elf-gcc 12.2.0 -march=rv32imac -mabi=ilp32 -mcmodel=medany -O2",
}
KERNELS: dict[str, dict[str, int]] = {
    "akrt_conv_rows": {
        "m4": 376,
        "cortex-m0": 344,
        "m3": 328,
        "m7": 376,
        "m33": 368,
        "m55": 752,
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
        "m4": 136,
        "cortex-m0": 144,
        "m3": 136,
        "m7": 144,
        "m33": 136,
        "m55": 136,
        "rv32": 176,
    },
    "akrt_layer_max/akrt_separable_potentials": {
        "m4": 176,
        "cortex-m0": 144,
        "m3": 184,
        "m7": 168,
        "m33": 184,
        "m55": 176,
        "rv32": 152,
    },
    "akrt_layer_plain/akrt_conv_potentials": {
        "m4": 120,
        "cortex-m0": 120,
        "m3": 120,
        "m7": 120,
        "m33": 120,
        "m55": 120,
        "rv32": 152,
    },
    "akrt_layer_plain/akrt_separable_potentials": {
        "m4": 144,
        "cortex-m0": 136,
        "m3": 152,
        "m7": 144,
        "m33": 152,
        "m55": 152,
        "rv32": 128,
    },
    "akrt_layer_sum/akrt_conv_potentials": {
        "m4": 112,
        "cortex-m0": 144,
        "m3": 112,
        "m7": 120,
        "m33": 112,
        "m55": 112,
        "rv32": 136,
    },
    "akrt_layer_sum/akrt_separable_potentials": {
        "m4": 144,
        "cortex-m0": 128,
        "m3": 152,
        "m7": 144,
        "m33": 152,
        "m55": 152,
        "rv32": 104,
    },
    "akrt_separable_rows": {
        "m4": 376,
        "cortex-m0": 344,
        "m3": 328,
        "m7": 376,
        "m33": 368,
        "m55": 720,
        "rv32": 288,
    },
    "akrt_separable_rows_muladd": {
        "m4": 320,
        "cortex-m0": 328,
        "m3": 304,
        "m7": 320,
        "m33": 320,
        "m55": 752,
        "rv32": 296,
    },
    "akrt_separable_sum_rows": {
        "m4": 376,
        "cortex-m0": 344,
        "m3": 328,
        "m7": 376,
        "m33": 368,
        "m55": 752,
        "rv32": 296,
    },
    "akrt_widen": {"m4": 32, "cortex-m0": 32, "m3": 32, "m7": 32, "m33": 32, "m55": 32, "rv32": 32},
}
"""Bytes that <name>_run takes if it calls this kernel, by core."""
STREAM: dict[str, int] = {
    "m4": 304,
    "cortex-m0": 360,
    "m3": 296,
    "m7": 304,
    "m33": 296,
    "m55": 320,
    "rv32": 272,
}
"""Bytes that <name>_stream_feed takes besides <name>_run."""
