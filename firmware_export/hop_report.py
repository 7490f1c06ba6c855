"""What a hop of a listener costs, computed whole and with rows kept, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["hop_lines", "hop_share"]


def hop_lines(stream: Mapping[str, Any]) -> list[str]:
    """Markdown, from the facts of a memory report."""
    hop = stream["hop"]
    way = "--incremental" if hop["incremental"] else "--whole"
    if hop["incremental"] or hop["kept_bytes"]:
        used = f"This export has {way}."
    else:
        used = "No rows are worth keeping here: both are the same."
    lines = [
        f"A hop of {stream['hop_ms']} ms, every window computed whole (`--whole`) or rows kept "
        f"that consecutive windows share (`--incremental`): the words are the same. {used}",
        "",
        "| layer | rows | computed with rows kept | multiplications | with rows kept | bytes kept "
        "| why whole |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in hop["layers"]:
        lines.append(
            f"| {row['name']} | {row['rows']} | {row['computed_rows']} | "
            f"{row['multiplications']} | {row['hop_multiplications']} | {row['kept_bytes']} | "
            f"{row['whole_because'] or '-'} |"
        )
    return [
        *lines,
        f"| all | | | {hop['multiplications']} | {hop['hop_multiplications']} "
        f"({hop_share(hop)} %) | {hop['kept_bytes']} | |",
        "",
        f"RAM of the whole spotter: {hop['whole_ram_bytes']} bytes with `--whole`, "
        f"{hop['incremental_ram_bytes']} with `--incremental`.",
    ]


def hop_share(hop: Mapping[str, Any]) -> int:
    """Percent of the multiplications of a whole window that are left with rows kept."""
    return round(100 * int(hop["hop_multiplications"]) / max(1, int(hop["multiplications"])))
