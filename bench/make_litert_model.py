"""Writes the DS-CNN of the keyword-spotting tutorial as an int8 LiteRT file.

    python bench/make_litert_model.py ds_cnn_int8.tflite        (extra: train)

The weights are random: the time an int8 kernel takes does not depend on them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np


def main(path: str) -> None:
    import tensorflow as tf
    from akida_models import ds_cnn_kws
    from cnn2snn import AkidaVersion, set_akida_version

    with set_akida_version(AkidaVersion.v1):
        model = ds_cnn_kws()
    rng = np.random.default_rng(1)
    weights = [rng.normal(0, 0.3, w.shape).astype(np.float32) for w in model.get_weights()]
    model.set_weights([np.abs(w) if w.ndim == 1 else w for w in weights])
    # LiteRT quantises its float input itself: leave out the cast from uint8 and the division.
    body = tf.keras.Sequential(
        [tf.keras.layers.InputLayer((49, 10, 1)), *model.layers[2:-1]], name="ds_cnn"
    )

    def samples() -> Iterator[list[np.ndarray]]:
        for _ in range(64):
            yield [rng.uniform(0, 1, (1, 49, 10, 1)).astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(body)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with open(path, "wb") as file:
        file.write(converter.convert())


if __name__ == "__main__":
    main(sys.argv[1])
