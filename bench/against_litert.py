"""One sample through the bundled network: akrt's native backend against LiteRT int8.

    python bench/against_litert.py ds_cnn_int8.tflite [--json out.json]     (extra: bench)

Both run in this process on one core and one thread, in turns; the figure to read is the ratio of
the medians. `make_litert_model.py` writes the LiteRT file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from importlib import resources

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import akrt
from akrt.audio import features_from_file
from akrt.model import Mfcc

ROUNDS, CALLS = 60, 100


def litert(path: str) -> Callable[[], object]:
    interpreter = Interpreter(path, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    target = interpreter.get_output_details()[0]
    x = np.random.default_rng(1).integers(-128, 128, source["shape"]).astype(np.int8)

    def run() -> object:
        interpreter.set_tensor(source["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return run


def native(model: str | None) -> Callable[[], object]:
    runtime = akrt.Runtime(model, backend="native")
    # A real word: on noise the last layer may have to take its slower, saturating path.
    clip = resources.files("akrt") / "data" / "clips" / "yes" / "espeak_f5.flac"
    with resources.as_file(clip) as path:
        x = features_from_file(path, runtime.model.preprocessing or Mfcc())[None]
    return lambda: runtime.forward(x)


def medians(runners: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median microseconds of a call, the runners taking turns."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    for round_ in range(ROUNDS):
        for name, run in runners.items():
            for _ in range(CALLS):
                start = time.perf_counter_ns()
                run()
                if round_ >= ROUNDS // 10:
                    times[name].append((time.perf_counter_ns() - start) / 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("litert_file")
    parser.add_argument("--model", help="another model file for akrt")
    parser.add_argument("--json", help="write the figures here")
    arguments = parser.parse_args()
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    found = medians({"LiteRT int8": litert(arguments.litert_file), "akrt": native(arguments.model)})
    facts = akrt.Runtime(arguments.model).summary().splitlines()[-1]
    ratio = found["akrt"] / found["LiteRT int8"]
    print(f"{cpu_name()}, one core, batch 1, median of a call from Python")
    for name, value in found.items():
        print(f"  {name:<12} {value:8.1f} us")
    print(f"  akrt takes {ratio:.2f}x the time of LiteRT int8 ({facts})")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"cpu": cpu_name(), "median_us": found, "ratio": ratio}, file, indent=2)


if __name__ == "__main__":
    main()
