"""What rows kept from one window of a stream to the next save on the host.

    python bench/stream_hops.py [MODEL] [--seconds S]

Prints, by kernel set and hop, the time of an inference that keeps rows divided by that of one that
computes its window whole, and the time with rows kept, on the words that ship: on one core, in
turns (`akrt.timing`), without features and decision.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from itertools import cycle
from pathlib import Path

import numpy as np

import akrt
from akrt.audio import load_audio
from akrt.backends.native import usable_archs
from akrt.benchmark import with_arch
from akrt.decision import FRAME_MS
from akrt.frontends import sound_front_end_of
from akrt.lowering.hops import input_rows
from akrt.timing import one_core, ratio, take_turns

HOPS_MS = (40, 80, 120, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", help="a keyword spotter; without: the one that ships")
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, each")
    arguments = parser.parse_args()
    print("kernels   hop ms   kept / whole   kept us")
    for arch in usable_archs():
        with with_arch(arch):
            runtime = akrt.Runtime(arguments.model, backend="native", threads=1)
        for hop_ms in HOPS_MS:
            told = measured(runtime, hop_ms, arguments.seconds)
            print(f"{arch:<10}{hop_ms:>6}   {told}")


def measured(runtime: akrt.Runtime, hop_ms: int, seconds: float) -> str:
    """One line of the table."""
    model, every = runtime.model, hop_ms // FRAME_MS
    front_end = sound_front_end_of(model)
    moved = input_rows(model.input_shape, every * front_end.in_c().newest).moved
    kept = runtime.incremental_forward(moved) if moved else None
    if kept is None:
        return "        1.00   (nothing is worth keeping)"
    windows = front_end.listener(every).push(words())
    with one_core():
        calls = {"whole": caller(runtime.forward, windows), "kept": caller(kept, windows)}
        timings = take_turns(calls, seconds)
    share = ratio(timings["kept"], timings["whole"])
    return f"{share:>12.2f}   {timings['kept'].median:>7.1f}"


def caller(forward: Callable[[np.ndarray], object], windows: np.ndarray) -> Callable[[], object]:
    """The next window each time."""
    singles: Iterator[np.ndarray] = cycle([window[None] for window in windows])
    return lambda: forward(next(singles))


def words() -> np.ndarray:
    """The clips that ship, one after the other: int16."""
    with as_file(files("akrt") / "data" / "clips") as folder:
        paths = sorted(Path(folder).rglob("*.flac"))
        sound = np.concatenate([load_audio(path) for path in paths])
    return np.rint(sound * 32767).clip(-32768, 32767).astype(np.int16)


if __name__ == "__main__":
    main()
