"""Sizes that are facts of C: each is computed here as the macro of src_c/mcu named in it does.

Python plans memory and counts flash with them; every export asserts them (`assertions.py`), so that
a kernel that needs more than was planned stops the compilation.
"""

from __future__ import annotations

from dataclasses import dataclass

from akrt.frontends import CFrontEnd

__all__ = [
    "AKIDA2_ADDITION",
    "AKIDA2_FILTER",
    "AKIDA2_LAYER",
    "AKIDA2_RECURRENCE",
    "BYTES_MOST",
    "CONV_ROWS_LAYER",
    "DECISION_RULE",
    "GROUPS",
    "LINES_MOST",
    "LINE_TENSOR",
    "LONG_TAPS",
    "MCU_LAYER",
    "PIPELINE",
    "ROWS_LAYER",
    "ROW_WIDTH",
    "STAGE",
    "Size",
    "add_lines_scratch",
    "akida2_dwlines_scratch",
    "akida2_products_scratch",
    "akida2_recurrent_scratch",
    "akida2_scratch",
    "bytes_lines_scratch",
    "conv_lines_scratch",
    "conv_rows_scratch",
    "dense_line_scratch",
    "layer_scratch",
    "line_words",
    "padded_channels",
    "requant_array",
    "requant_octets",
    "rows_tensor",
    "separable_lines_scratch",
    "separable_rows_muladd_scratch",
    "separable_rows_scratch",
    "separable_sum_rows_scratch",
    "stream_state",
    "wide_lines_scratch",
]

ROW_WIDTH = 5
"""AKRT_ROW_WIDTH: positions on Y that a row of nibbles holds."""
RUN = 6
"""AKRT_RUN, where it is more: positions that are computed at once."""
LONG_TAPS = 144
"""AKRT_PRODUCT_TAPS."""
BYTES_MOST = 28
"""AKRT_BYTES_MOST."""
_TRIPLE_FILTERS = 24
"""AKRT_TRIPLE_FILTERS, AKRT_DENSE_FILTERS."""
_PART, _BYTES_PART, _MID_TAPS = 320, 160, 19
"""AKRT_PART, AKRT_BYTES_PART, AKRT_MID_TAPS."""
GROUPS = 4
"""AKRT_GROUPS: the most that akrt_separable_rows_muladd takes."""
_PAIR_BYTES = 5
_PAIR_WORDS = 7
_SUM_CHANNELS = 16
_TAP_WORDS = 4
_RING_WORDS = 3 * 2 + _TAP_WORDS
_WINDOW_WORDS = 11
_POINTER = 4


@dataclass(frozen=True)
class Size:
    """Bytes that the exporter counts on, and the C expression that must give them."""

    bytes: int
    c: str
    pointers: bool = False
    """Of a struct with pointers, which have 4 bytes here."""
    most: bool = False
    """Of what some cores need less of."""


MCU_LAYER = Size(4 * (2 * _WINDOW_WORDS + 6) + 4 * _POINTER, "sizeof(akrt_mcu_layer)", True)
CONV_ROWS_LAYER = Size(4 * (_WINDOW_WORDS + 3) + 2 * _POINTER, "sizeof(akrt_conv_rows_layer)", True)
AKIDA2_LAYER = Size(4 * (2 * _WINDOW_WORDS + 11) + 9 * _POINTER, "sizeof(akrt_akida2_layer)", True)
AKIDA2_FILTER = Size(12, "sizeof(akrt_akida2_filter)")
AKIDA2_ADDITION = Size(4 * 7 + 3 * _POINTER, "sizeof(akrt_akida2_addition)", True)
AKIDA2_RECURRENCE = Size(4 * 8 + 7 * _POINTER, "sizeof(akrt_akida2_recurrence)", True)
ROWS_LAYER = Size(2 * 6 + 4 + 4 + 5 * _POINTER, "sizeof(akrt_rows_layer)", True)

LINES_MOST = 16
"""AKRT_LINES_MOST: lines that a kernel of lines reads."""
LINE_TENSOR = Size(4 * 3, "sizeof(akrt_line_tensor)")
STAGE = Size(2 * _POINTER + 4 * 8, "sizeof(akrt_stage)", True)
PIPELINE = Size(2 * _POINTER + 4 * 2, "sizeof(akrt_pipeline)", True)
DECISION_RULE = Size(3 * _POINTER + 4 * 6, "sizeof(akrt_decision_rule)", True)


def padded_channels(channels: int) -> int:
    """AKRT_PADDED_CHANNELS: channels in a row, a multiple of 4."""
    return -(-channels // 4) * 4


def _row_bytes(channels: int) -> int:
    """AKRT_ROW_BYTES: of `channels`, an even number, at the positions of one row."""
    return channels * _PAIR_BYTES // 2


def rows_tensor(rows: int, channels: int) -> Size:
    """A tensor of layout ``rows``."""
    row = f"AKRT_ROW_BYTES(AKRT_PADDED_CHANNELS({channels}))"
    return Size(rows * _row_bytes(padded_channels(channels)), f"(int32_t){rows} * {row}")


def _requant_filters(filters: int) -> int:
    """AKRT_REQUANT_FILTERS: as some cores read three filters at a time, some eight."""
    return max(-(-filters // 3) * 3, -(-filters // 8) * 8)


def requant_array(narrow: bool, filters: int, separable: bool) -> Size:
    """The akrt_requant16 or akrt_requant of a layer of `filters` filters.

    Args:
        narrow: akrt_requant16.
        filters: padded.
        separable: as many as its kernels read.
    """
    of_one, c_type = (4, "akrt_requant16") if narrow else (8, "akrt_requant")
    count, macro = filters, "AKRT_PADDED_CHANNELS"
    if separable:
        count, macro = _requant_filters(filters), "AKRT_REQUANT_FILTERS"
    return Size(of_one * count, f"{macro}({filters}) * (int32_t)sizeof({c_type})")


def requant_octets(filters: int) -> Size:
    """The akrt_requant of a layer, filled up to words of eight filters, as some cores read them."""
    words = f"AKRT_LINE_WORDS({filters})"
    return Size(64 * line_words(filters), f"8 * {words} * (int32_t)sizeof(akrt_requant)")


def layer_scratch(driver: str, mids: int, filters: int) -> Size:
    """AKRT_LAYER_ADD_, _DENSE_, _PLAIN_, _MAX_ or _SUM_SCRATCH_WORDS, by the kernel's name."""
    macro = f"{driver.upper()}_SCRATCH_WORDS"
    if driver in ("akrt_layer_add", "akrt_layer_dense"):
        return _words(filters, f"{macro}({filters})")
    each = 1 if driver == "akrt_layer_plain" else 2
    return _words(mids + each * filters, f"{macro}({mids}, {filters})")


def conv_rows_scratch(taps: int) -> Size:
    """AKRT_CONV_ROWS_SCRATCH_WORDS."""
    words = max(ROW_WIDTH * taps, _PAIR_WORDS * ((taps + 1) // 2))
    return _words(words, f"AKRT_CONV_ROWS_SCRATCH_WORDS({taps})")


def separable_rows_scratch(channels: int, groups: int) -> Size:
    """AKRT_SEPARABLE_ROWS_SCRATCH_WORDS."""
    words = _mid_words(channels) + _RING_WORDS * channels + ROW_WIDTH * groups
    return _words(
        max(words, _dsp_words(channels)), f"AKRT_SEPARABLE_ROWS_SCRATCH_WORDS({channels}, {groups})"
    )


def separable_rows_muladd_scratch(channels: int) -> Size:
    """AKRT_SEPARABLE_ROWS_MULADD_SCRATCH_WORDS."""
    words = _mid_words(channels) + _RING_WORDS * channels + 3 * ROW_WIDTH * GROUPS
    return _words(
        max(words, _dsp_words(channels)), f"AKRT_SEPARABLE_ROWS_MULADD_SCRATCH_WORDS({channels})"
    )


def separable_sum_rows_scratch(channels: int, groups: int, pairs: int) -> Size:
    """AKRT_SEPARABLE_SUM_ROWS_SCRATCH_WORDS."""
    some = max(_mid_words(_SUM_CHANNELS), _mid_pair_words(_SUM_CHANNELS))
    exact = max(_mid_words(channels) + ROW_WIDTH * groups, _mid_pair_words(channels))
    words = max((2 + _RING_WORDS) * channels + some, _RING_WORDS * channels + exact)
    return _words(
        2 * pairs + words, f"AKRT_SEPARABLE_SUM_ROWS_SCRATCH_WORDS({channels}, {groups}, {pairs})"
    )


def line_words(channels: int) -> int:
    """AKRT_LINE_WORDS: of eight channels, at a position of a line."""
    return -(-channels // 8)


def conv_lines_scratch(taps: int, channels: int, filters: int) -> Size:
    """AKRT_CONV_LINES_SCRATCH_WORDS."""
    inputs = taps * (-(-channels // 4) * 4)
    long = RUN // 2 * min(inputs + 4, LONG_TAPS)
    short = max(_strip_words(inputs, 2, 96), _strip_words(inputs, 8, 32))
    packed = min(-(-taps * line_words(channels) * 4 // 16) * 16, _PART)
    words = max(max(long, short) + _potentials(filters), 5 * packed // 4 + _group_sums(filters))
    return _most(words, f"AKRT_CONV_LINES_SCRATCH_WORDS({taps}, {channels}, {filters})")


def bytes_lines_scratch(inputs: int, filters: int) -> Size:
    """AKRT_BYTES_LINES_SCRATCH_WORDS."""
    quads = -(-inputs // 4)
    short = 4 * min(4 * quads, BYTES_MOST) + 32
    words = max(short, RUN * min(2 * quads, 36)) + _potentials(filters)
    vectors = 3 * min(-(-inputs // 16) * 16, _BYTES_PART) // 4 + _group_sums(filters)
    macro = f"AKRT_BYTES_LINES_SCRATCH_WORDS({inputs}, {filters})"
    return _most(max(words, vectors), macro)


def wide_lines_scratch(inputs: int, filters: int, size_x: int, line: int) -> Size:
    """AKRT_WIDE_LINES_SCRATCH_WORDS; `line`: bytes of a line of the input."""
    words = bytes_lines_scratch(inputs, filters).bytes // 4 + size_x * (-(-line // 4))
    macro = f"AKRT_WIDE_LINES_SCRATCH_WORDS({inputs}, {filters}, {size_x}, {line})"
    return _most(words, macro)


def separable_lines_scratch(channels: int, size: tuple[int, int], stride: int, groups: int) -> Size:
    """AKRT_SEPARABLE_LINES_SCRATCH_WORDS."""
    filled = -(-channels // 8) * 8
    windows = 2 * size[0] * ((RUN - 2) * stride + size[1])
    dsp = RUN // 2 * filled + max(windows, RUN * _TRIPLE_FILTERS + filled)
    long = RUN * filled + max(windows, RUN * (8 + groups))
    columns = 2 * ((RUN // 2 - 1) * stride + size[1])
    short = RUN * filled + max(size[0] * columns, RUN * (12 + groups))
    octets = line_words(channels)
    mid = {1: 112, 2: 96}.get(octets, 128 * -(-octets // 4))
    parts = 2 if size[0] * size[1] > _MID_TAPS else 1
    at_once = 8 if octets < 4 else 12 * -(-octets // 4)
    vectors = parts * mid // 4 + 8 * at_once
    arguments = f"{channels}, {size[0]}, {size[1]}, {stride}, {groups}"
    return _most(max(dsp, long, short, vectors), f"AKRT_SEPARABLE_LINES_SCRATCH_WORDS({arguments})")


def dense_line_scratch() -> Size:
    """AKRT_DENSE_LINE_SCRATCH_WORDS."""
    return _most(_TRIPLE_FILTERS, "AKRT_DENSE_LINE_SCRATCH_WORDS")


def add_lines_scratch() -> Size:
    """AKRT_ADD_LINES_SCRATCH_WORDS."""
    return _words(8, "AKRT_ADD_LINES_SCRATCH_WORDS")


def _strip_words(inputs: int, row_words: int, rows: int) -> int:
    """AKRT_PRODUCT_WORDS where there is no long multiplication: of strips and of their taps.

    Args:
        inputs: of a window.
        row_words: AKRT_STRIP_ROW_WORDS.
        rows: AKRT_STRIP_ROWS.
    """
    return row_words * min(2 * inputs, rows) + min((inputs + 1) // 2 + 1, 6 * rows // 8 + 1)


def _potentials(filters: int) -> int:
    """AKRT_RUN_POTENTIALS."""
    return RUN * (-(-filters // 2) * 2)


def _group_sums(filters: int) -> int:
    """AKRT_GROUP_SUMS of AKRT_FILTER_GROUPS."""
    return 8 * -(-filters // 4)


def akida2_scratch(driver: str, filters: int) -> Size:
    """AKRT_AKIDA2_PLAIN_SCRATCH_WORDS, and those of the other drivers."""
    words = filters if driver == "akrt_akida2_plain" else 2 * filters
    return _words(words, f"{driver.upper()}_SCRATCH_WORDS({filters})")


def akida2_products_scratch(driver: str, inputs: int, filters: int, tap_bytes: int) -> Size:
    """AKRT_AKIDA2_PRODUCTS_SCRATCH_WORDS, and those of the drivers that pool."""
    words = (2 if driver == "akrt_akida2_products" else 3) * filters
    words += 2 * tap_bytes * -(-inputs // 4)
    return _words(words, f"{driver.upper()}_SCRATCH_WORDS({inputs}, {filters}, {tap_bytes})")


def akida2_recurrent_scratch(channels: int) -> Size:
    """AKRT_AKIDA2_RECURRENT_SCRATCH_WORDS."""
    return _words(channels, f"AKRT_AKIDA2_RECURRENT_SCRATCH_WORDS({channels})")


def akida2_dwlines_scratch(channels: int, kept: int, line: int) -> Size:
    """AKRT_AKIDA2_DWLINES_SCRATCH_WORDS."""
    words = channels + kept * -(-line // 4)
    return _words(words, f"AKRT_AKIDA2_DWLINES_SCRATCH_WORDS({channels}, {kept}, {line})")


def stream_state(name: str, front_end: CFrontEnd, classes: int, window: int, kept: int = 0) -> Size:
    """The struct ``<name>_stream``; `kept`: bytes of rows that it keeps."""
    decision = 2 * _POINTER + 4 * 6
    margins = -(-2 * window * classes // 4) * 4
    state = front_end.state_bytes + decision + 2 * 4 * classes + margins + 2 * 4 + kept
    return Size(state, f"sizeof({name}_stream)", True)


def _most(words: int, c: str) -> Size:
    return Size(4 * words, f"4 * {c}", most=True)


def _words(words: int, c: str) -> Size:
    return Size(4 * words, f"4 * {c}")


def _mid_words(channels: int) -> int:
    """AKRT_MID_WORDS."""
    return ROW_WIDTH * channels


def _mid_pair_words(channels: int) -> int:
    """AKRT_MID_PAIR_WORDS."""
    return _PAIR_WORDS * (channels // 2)


def _dsp_words(channels: int) -> int:
    """AKRT_SEPARABLE_ROWS_DSP_SCRATCH_WORDS."""
    return 4 * _PAIR_WORDS * ((channels + 7) // 8) + _RING_WORDS * channels
