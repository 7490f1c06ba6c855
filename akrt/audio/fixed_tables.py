"""Writes ``src_c/frontend/akrt_mfcc_tables.h``, the constants of the fixed-point front end.

    python -m akrt.audio.fixed_tables > src_c/frontend/akrt_mfcc_tables.h

The mel bands are those of `akrt.audio.mfcc`, so that both front ends share one definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, log2, pi, sin, sqrt

import numpy as np

from akrt.audio.mfcc import LOG_FLOOR, mel_slopes
from akrt.model import Mfcc

__all__ = ["header"]

GAIN = 4 * sqrt(2 / 40) / log2(np.e)
"""From a sum of base-2 logarithms to four times a coefficient of natural logarithms."""


def window() -> list[int]:
    """Rising half of the periodic Hann window of 640, 65536 being 1 (and 65535 its largest)."""
    return [min(round(65536 * sin(pi * n / 640) ** 2), 65535) for n in range(321)]


def sines() -> list[int]:
    """-sin over a quarter of 1024 steps, -2^31 being -1: negative, or 1 would not fit.

    With 16 bits of it the front end would still be within 1 of the floating-point one, but the
    network decides otherwise on one clip in 200 instead of one in 400.
    """
    return [-round(2**31 * sin(2 * pi * i / 1024)) for i in range(257)]


def roots() -> list[int]:
    """Square roots of (32 + i) * 2^24 to interpolate between: on average neither low nor high.

    A chord of a concave function lies below it, on average by a twelfth of its curvature times
    the square of the step: the points are raised by that.
    """
    return [round(4096 * (sqrt(u) + u**-1.5 / 48)) for u in range(32, 129)]


def logarithms() -> list[int]:
    """log2(1 + i / 64), 65536 being 1, raised as `roots` are; modulo 65536."""
    points = [1 + i / 64 for i in range(65)]
    return [round(65536 * (log2(m) + log2(np.e) / (12 * 64**2 * m**2))) & 0xFFFF for m in points]


def mel() -> tuple[list[int], list[int]]:
    """First bin of every band's rising slope, and each bin's share of it, 32768 being 1."""
    first, rising, falling_share = mel_slopes(Mfcc())
    starts = [first + int(np.searchsorted(rising, band)) for band in range(41)]
    shares = [min(round(32768 * (1 - float(share))), 32767) for share in falling_share]
    return [*starts, first + len(rising)], shares


def cosines() -> list[int]:
    """(10, 20): half of every row of the DCT-II, with the gain; 32768 is 1."""
    return [
        round(32768 * GAIN * cos(pi / 40 * (b + 0.5) * j)) for j in range(10) for b in range(20)
    ]


def header() -> str:
    """Text of the header."""
    starts, shares = mel()
    arrays = [
        _array("uint16_t", "window", window(), "Hann, rising half"),
        _array("int32_t", "sine", sines(), "-sin(2 pi i / 1024) * 2^31"),
        _array("uint16_t", "root", roots(), "square roots of (32 + i) * 2^24"),
        _array("uint16_t", "log2_table", logarithms(), "log2(1 + i / 64) * 2^16, modulo 2^16"),
        _array("uint16_t", "mel_start", starts, "first bin of every slope"),
        _array("int16_t", "mel_share", shares, "of a bin's magnitude to its rising slope"),
        _array("int16_t", "cosine", cosines(), "rows of the DCT with its gain, first halves"),
    ]
    return f"""\
#ifndef AKRT_MFCC_TABLES_H
#define AKRT_MFCC_TABLES_H
/* Constants of akrt_mfcc.h, written by akrt/audio/fixed_tables.py. */
#include <stdint.h>

/* clang-format off */

#define AKRT_MFCC_FIRST_BIN {starts[0]}
#define AKRT_MFCC_END_BIN {starts[-1]}
#define AKRT_MFCC_FLOOR {round(65536 * log2(LOG_FLOOR))} /* log2(1e-12) * 2^16 */

{"".join(arrays)}
#define AKRT_MFCC_TABLES_BYTES \\
    (sizeof akrt_mfcc_window + sizeof akrt_mfcc_sine + sizeof akrt_mfcc_root + \\
     sizeof akrt_mfcc_log2_table + sizeof akrt_mfcc_mel_start + sizeof akrt_mfcc_mel_share + \\
     sizeof akrt_mfcc_cosine)
/* clang-format on */

#endif
"""


def _array(c_type: str, name: str, values: Sequence[int], note: str) -> str:
    lines, line = [], "   "
    for value in values:
        # -2147483648 is, in C, the negation of a number that is no int32_t
        word = " (-2147483647 - 1)," if value == -(1 << 31) else f" {value},"
        if len(line) + len(word) > 100:
            lines.append(line)
            line = "   "
        line += word
    body = "\n".join([*lines, line])
    return (
        f"/* {note} */\nstatic const {c_type} akrt_mfcc_{name}[{len(values)}] = {{\n{body}\n}};\n"
    )


if __name__ == "__main__":
    print(header(), end="")
