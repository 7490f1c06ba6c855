"""Compares two saved runs of bench/run.py and fails where a ratio of times got worse.

    python bench/compare.py OLD.json NEW.json [--limit 1.10]

Times of two runs differ with the machine and its clock; ratios of configurations that took turns
in one run hardly do, so ratios are what is compared. Exit code 0: none got worse than the limit
times its old value; 1: some did, or are missing; 2: a file is no saved run.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

LIMIT = 1.10
QUIET = 0.95


def ratios(run: dict[str, Any]) -> dict[str, float]:
    """All ratios of a run by name.

    Raises:
        ValueError: the run has none, or one is not a positive number.
    """
    found: dict[str, float] = run["ratios"]
    if not found:
        raise ValueError("it has no ratios")
    for name, value in found.items():
        if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
            raise ValueError(f"the ratio '{name}' is {value!r}")
    return found


def compare(old: dict[str, Any], new: dict[str, Any], limit: float) -> tuple[list[str], bool]:
    """Lines to print, and whether the new run is good enough."""
    before, after = ratios(old), ratios(new)
    lines, good = [], True
    if old.get("cpu") != new.get("cpu"):
        lines.append(f"other CPUs: {old.get('cpu')}, {new.get('cpu')}: ratios differ between them")
    for which, run in (("old", old), ("new", new)):
        shares = [each.get("cpu_share", 1.0) for each in run.get("networks", [])]
        if shares and min(shares) < QUIET:
            lines.append(f"the {which} run had its core for {min(shares):.0%} of the time only")
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            lines.append(f"new      {'':>7} {after[name]:7.3f}  {name}")
            continue
        if name not in after:
            lines.append(f"MISSING  {before[name]:7.3f} {'':>7}  {name}")
            good = False
            continue
        change = after[name] / before[name]
        verdict = "WORSE" if change > limit else "better" if change < 1 / limit else "same"
        good &= verdict != "WORSE"
        lines.append(f"{verdict:<8} {before[name]:7.3f} {after[name]:7.3f}  {name} ({change:.2f}x)")
    return lines, good


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--limit", type=float, default=LIMIT, help="1.10: ten percent worse")
    options = parser.parse_args(arguments)
    if not options.limit >= 1:
        parser.error("--limit must be at least 1")
    runs = []
    for path in (options.old, options.new):
        try:
            runs.append(json.loads(path.read_text()))
            ratios(runs[-1])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"compare: '{path}' is no saved run of bench/run.py: {error}", file=sys.stderr)
            return 2
    lines, good = compare(*runs, options.limit)
    print("verdict      old     new")
    print("\n".join(lines))
    if not good:
        print(f"a ratio got worse by more than {options.limit:.2f}x, or is missing")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
