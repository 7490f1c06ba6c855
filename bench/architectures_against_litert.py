"""One sample through a whole architecture: akrt's native backend against LiteRT int8.

    python bench/architectures_against_litert.py mobilenet_imagenet [--json out.json] [--keep DIR]

The architectures are those of akida_models, at 96 x 96 and alpha 0.25 where there is a choice
(extras: bench, train). LiteRT runs the float network quantised to int8, akrt the one that cnn2snn
quantises to 4 bits, 8 in the first layer. Both run in this process on one core and one thread, in
turns; the figure to read is the ratio of the medians.

The networks are untrained. The time of an int8 kernel does not depend on the weights; akrt's does a
little, on how many depthwise results fit a byte. So thresholds and steps are set from the
potentials of random images such that half the activations are zero, as a ReLU after batch
normalisation leaves them, and the others use the whole range.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURES = ("mobilenet_imagenet", "akidanet_imagenet", "vgg_utk_face")
SECONDS, ROUNDS = 6.0, 40


def build(name: str, folder: Path) -> None:
    """Writes the network as NAME.h5 (4 bits) and NAME.tflite (int8). In a process of its own."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import akida_models
    import tensorflow as tf
    from cnn2snn import AkidaVersion, quantize, set_akida_version

    rng = np.random.default_rng(1)
    settings = {} if name == "vgg_utk_face" else {"input_shape": (96, 96, 3), "alpha": 0.25}
    with set_akida_version(AkidaVersion.v1):
        model = getattr(akida_models, name)(**settings)
        for layer in model.layers:
            if type(layer).__name__ == "BatchNormalization":
                gamma, beta, mean, variance = layer.get_weights()
                gamma, variance = (v * rng.uniform(0.5, 2, v.shape) for v in (gamma, variance))
                layer.set_weights([gamma, beta + rng.normal(0, 0.2, beta.shape), mean, variance])
        quantize(model, 4, 4, input_weight_quantization=8).save(folder / f"{name}.h5")
        # LiteRT quantises its float input itself: leave out the scaling, and the softmax for both.
        kept = [
            layer
            for layer in model.layers
            if type(layer).__name__ not in ("InputLayer", "Rescaling", "Softmax", "Activation")
        ]
        shape = model.input_shape[1:]
        value = entry = tf.keras.Input(shape)
        for layer in kept:
            value = layer(value)

        def samples() -> Iterator[list[np.ndarray]]:
            for _ in range(32):
                yield [rng.uniform(-1, 1, (1, *shape)).astype(np.float32)]

        converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(entry, value))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        (folder / f"{name}.tflite").write_bytes(converter.convert())


def calibrated(model: Any, x: np.ndarray) -> Any:
    """The same network with thresholds and steps that leave half of the activations at zero."""
    from akrt.backends.reference import run_stage
    from akrt.model import InputData, Model

    done: list[Any] = []
    value: Any = x
    for layer in model.layers:
        if not isinstance(layer, InputData):
            bare = Model((*done, replace(layer, act_bits=None)))
            potentials = run_stage(bare.stages[-1], value)
            flat = potentials.reshape(-1, potentials.shape[-1]).astype(np.float64)
            middle, high = np.quantile(flat, [0.5, 0.995], axis=0)
            step = np.maximum((high - middle) / 15, 1 / 16).astype(np.float32)
            layer = replace(layer, threshold=np.floor(middle).astype(np.int32), act_step=step)
        done.append(layer)
        value = run_stage(Model(tuple(done)).stages[-1], value)
    return model.replace(layers=tuple(done))


def litert(path: Path) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    target = interpreter.get_output_details()[0]
    x = np.random.default_rng(1).integers(-128, 128, source["shape"]).astype(np.int8)

    def run() -> object:
        interpreter.set_tensor(source["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(target["index"])

    return run


def medians(runners: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median microseconds of a call, the runners taking turns for about SECONDS."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    start = time.perf_counter_ns()
    for run in runners.values():
        run()
        run()
    once = (time.perf_counter_ns() - start) / 2e9
    calls = max(1, int(SECONDS / ROUNDS / once))
    for round_ in range(ROUNDS):
        for name, run in runners.items():
            for _ in range(calls):
                begin = time.perf_counter_ns()
                run()
                if round_ >= ROUNDS // 10:
                    times[name].append((time.perf_counter_ns() - begin) / 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def compare(name: str, folder: Path, layers: bool) -> dict[str, Any]:
    import akrt

    rng = np.random.default_rng(2)
    imported = akrt.load(folder / f"{name}.h5")
    images = rng.integers(0, 256, (2, *imported.input_shape)).astype(np.uint8)
    runtime = akrt.Runtime(calibrated(imported, images), backend="native", threads=1)
    x = images[:1]
    found = medians(
        {
            "LiteRT int8": litert(folder / f"{name}.tflite"),
            "akrt": lambda: runtime.forward(x),
        }
    )
    ratio = found["akrt"] / found["LiteRT int8"]
    print(f"{name}, {runtime.model.macs / 1e6:.1f} M MACs; {cpu_name()}, one core, batch 1")
    for who, value in found.items():
        print(f"  {who:<12} {value:8.1f} us")
    print(f"  akrt takes {ratio:.2f}x the time of LiteRT int8")
    print(f"  {runtime.summary().splitlines()[-1]}")
    if layers:
        for row in runtime.profile(x, 50):
            rate = row.macs / max(row.time_us, 1e-9) / 1e3
            print(
                f"  {row.name:<16} {row.output_shape!s:<14} {row.time_us:8.1f} us "
                f"{rate:6.1f} GMAC/s, {row.sparsity:.0%} zeros"
            )
    return {"architecture": name, "cpu": cpu_name(), "median_us": found, "ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("name", choices=ARCHITECTURES)
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--keep", type=Path, help="keep the networks in this directory")
    parser.add_argument("--layers", action="store_true", help="show the time of each layer")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.name, arguments.build)
        return
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / f"{arguments.name}.tflite").exists():
            command = [sys.executable, __file__, arguments.name, "--build", str(folder)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        figures = compare(arguments.name, folder, arguments.layers)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
