"""One episode of training: batches, jitter, distillation, schedule, weight averaging."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from akrt.kws.network import keras_modules, logits_of

__all__ = ["Arrays", "Hyper", "Trainer", "accuracy", "rate_at"]


LESSON_BATCH = 512
AVERAGE_EVERY = 20
"""Steps between updates of the moving average."""

USUAL_SIZE = 0.2
"""Root mean square of weights that the learning rates are meant for."""


@dataclass(frozen=True)
class Arrays:
    """What a network learns from and is chosen by."""

    x: npt.NDArray[np.uint8]
    """uint8 (N, frames, coefficients, 1): training."""
    y: npt.NDArray[np.int64]
    x_val: npt.NDArray[np.uint8]
    """Unaugmented recordings of validation speakers."""
    y_val: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hyper:
    """How one episode is trained."""

    epochs: int
    rate: float
    """Highest learning rate; it rises over the first twentieth and falls as a cosine to 0."""
    batch: int = 256
    relative: bool = False
    """Steps in proportion to a tensor's size, where that exceeds `USUAL_SIZE`: folding batch
    normalisation makes some weights large, and what a rounded weight needs is a step that is
    not small against itself."""
    smoothing: float = 0.05
    """Label smoothing."""
    distil: float = 0.0
    """Weight of the teacher's answer, to the very input that the student sees, against the
    label's."""
    copies: int = 4
    """Jittered copies of the training rows that a teacher is asked about; epochs take them in turn.
    Without a teacher every step draws its own."""
    temperature: float = 2.0
    decay: float = 1e-4
    """Weight decay per unit of learning rate, on kernels."""
    offset: float = 4.0
    """Standard deviation of a random offset of every coefficient of a clip, in input levels."""
    jitter: float = 2.0
    """Standard deviation of noise on every value, in input levels."""
    mask: int = 6
    """Most consecutive frames that are hidden (in half of the clips)."""
    average: float = 0.998
    """Decay of the moving average of the weights; the average is what is kept."""


def rate_at(step: int, steps: int, highest: float) -> float:
    """Learning rate at a step of one cycle: linear rise over 5 %, then a cosine to zero."""
    rise = max(1, steps // 20)
    if step < rise:
        return highest * (step + 1) / rise
    return highest * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def accuracy(
    model: Any, x: npt.NDArray[np.uint8], y: npt.NDArray[np.int64], batch: int = 500
) -> float:
    """Share of right answers of a Keras model."""
    if not len(x):
        return math.nan
    predicted = model.predict(x, batch_size=batch, verbose=0).argmax(1)
    return float((predicted == y).mean())


class Trainer:
    """Trains one Keras model; the state of an unfinished run can be taken out and put back."""

    def __init__(
        self, model: Any, arrays: Arrays, hyper: Hyper, seed: int, teacher: Any = None
    ) -> None:
        self.tf, keras = keras_modules()
        self.model, self.arrays, self.hyper, self.seed = model, arrays, hyper, seed
        self.logits = logits_of(model)
        self.teacher = logits_of(teacher) if teacher is not None and hyper.distil else None
        self.optimizer = keras.optimizers.Adam(1e-3, jit_compile=False)
        self.optimizer.build(model.trainable_variables)
        self.average = [w.copy() for w in model.get_weights()]
        self.epoch = 0
        self.best = (accuracy(model, arrays.x_val, arrays.y_val), model.get_weights())
        self.steps_per_epoch = max(1, len(arrays.x) // hyper.batch)
        self._decayed = [v for v in model.trainable_variables if len(v.shape) > 1]
        self._reach = [1.0] * len(model.trainable_variables)
        if hyper.relative:
            sizes = (np.sqrt(np.mean(v.numpy() ** 2)) for v in model.trainable_variables)
            self._reach = [max(1.0, float(size) / USUAL_SIZE) for size in sizes]
        self._lessons: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]] = {}
        self._step = self.tf.function(self._train_step, autograph=False)

    @property
    def done(self) -> bool:
        """Whether every epoch was trained."""
        return self.epoch >= self.hyper.epochs

    def run_epoch(self, report: Callable[[int, int, float], None] | None = None) -> float:
        """One pass over the training rows.

        Args:
            report: told about (step, steps, loss) now and then.

        Returns:
            Accuracy of the averaged weights on the validation rows.
        """
        tf, hyper, steps = self.tf, self.hyper, self.steps_per_epoch
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.arrays.x))
        loss = math.nan
        x, told = self.arrays.x, None
        if self.teacher is not None:
            x, told = self._lesson(self.teacher)
        for i in range(steps):
            step = self.epoch * steps + i
            self.optimizer.learning_rate.assign(rate_at(step, hyper.epochs * steps, hyper.rate))
            rows = order[i * hyper.batch : (i + 1) * hyper.batch]
            value = self._step(
                tf.constant(x[rows]),
                tf.constant(self.arrays.y[rows]),
                None if told is None else tf.constant(told[rows]),
                tf.constant([self.seed, step], tf.int32),
            )
            if i % AVERAGE_EVERY == AVERAGE_EVERY - 1 or i == steps - 1:
                self._average_weights(hyper.average**AVERAGE_EVERY, step)
                loss = float(value)
                if report is not None:
                    report(i + 1, steps, loss)
        self.epoch += 1
        score = self._score_average()
        if score >= self.best[0]:
            self.best = (score, [w.copy() for w in self.average])
        return score

    def finish(self) -> None:
        """Give the model the best averaged weights, or those it started with if none beat them."""
        self.model.set_weights(self.best[1])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays from which `restore` continues."""
        groups = {
            "weights": self.model.get_weights(),
            "average": self.average,
            "best": self.best[1],
            "optimizer": [v.numpy() for v in self.optimizer.variables],
        }
        out = {f"{name}{i}": array for name, g in groups.items() for i, array in enumerate(g)}
        return {**out, "epoch": np.array(self.epoch), "best_score": np.array(self.best[0])}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Continue from what `state` gave."""
        count = len(self.average)
        self.model.set_weights([state[f"weights{i}"] for i in range(count)])
        self.average = [state[f"average{i}"] for i in range(count)]
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(state[f"optimizer{i}"])
        self.epoch = int(state["epoch"])
        self.best = (float(state["best_score"]), [state[f"best{i}"] for i in range(count)])

    def _average_weights(self, decay: float, step: int) -> None:
        """Moving average of all weights, batch-normalisation statistics included."""
        decay = min(decay, (step + 1) / (step + 200))
        for kept, now in zip(self.average, self.model.get_weights(), strict=True):
            kept += (1 - decay) * (now - kept)

    def _score_average(self) -> float:
        mine = self.model.get_weights()
        self.model.set_weights(self.average)
        score = accuracy(self.model, self.arrays.x_val, self.arrays.y_val)
        self.model.set_weights(mine)
        return score

    def _lesson(self, teacher: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """This epoch's jittered copy of the training rows, and the teacher's softened answers.

        To ask a wide teacher costs about as much as to train the student, so it is asked about a
        few copies only.
        """
        copy = self.epoch % self.hyper.copies
        if copy not in self._lessons:
            tf, rows = (
                self.tf,
                np.array_split(
                    np.arange(len(self.arrays.x)), -(-len(self.arrays.x) // LESSON_BATCH)
                ),
            )

            @tf.function(autograph=False)  # type: ignore[untyped-decorator]
            def ask(x: Any, seed: Any) -> Any:
                x = self._jitter(x, seed)
                return x, tf.nn.softmax(teacher(x, training=False) / self.hyper.temperature)

            parts = [
                ask(tf.constant(self.arrays.x[r]), tf.constant([self.seed, copy * len(rows) + i]))
                for i, r in enumerate(rows)
            ]
            x, told = (
                np.concatenate([part.numpy() for part in p]) for p in zip(*parts, strict=True)
            )
            self._lessons[copy] = x, told
        return self._lessons[copy]

    def _jitter(self, x: Any, seed: Any) -> Any:
        """uint8 (B, frames, coefficients, 1) with offsets, noise and hidden frames."""
        tf, hyper = self.tf, self.hyper
        if not (hyper.offset or hyper.jitter or hyper.mask):
            return x
        shape = tf.shape(x)
        x = tf.cast(x, tf.float32)
        normal = tf.random.stateless_normal
        x += hyper.offset * normal([shape[0], 1, shape[2], 1], seed)
        x += hyper.jitter * normal(shape, seed + 1)
        if hyper.mask:
            uniform = tf.random.stateless_uniform([3, shape[0], 1, 1, 1], seed + 2)
            length = tf.floor(uniform[0] * (hyper.mask + 1)) * tf.cast(uniform[1] < 0.5, tf.float32)
            start = uniform[2] * (tf.cast(shape[1], tf.float32) - length)
            frame = tf.cast(tf.range(shape[1]), tf.float32)[None, :, None, None]
            hidden = (frame >= start) & (frame < start + length)
            x = tf.where(hidden, tf.reduce_mean(x, 1, keepdims=True), x)
        return tf.cast(tf.clip_by_value(tf.round(x), 0.0, 255.0), tf.uint8)

    def _train_step(self, x: Any, y: Any, told: Any, seed: Any) -> Any:
        tf, hyper = self.tf, self.hyper
        if told is None:
            x = self._jitter(x, seed)
        with tf.GradientTape() as tape:
            logits = self.logits(x, training=True)
            classes = logits.shape[-1]
            target = tf.one_hot(y, classes) * (1 - hyper.smoothing) + hyper.smoothing / classes
            loss = tf.nn.softmax_cross_entropy_with_logits(target, logits)
            if told is not None:
                t = hyper.temperature
                soft = tf.nn.softmax_cross_entropy_with_logits(told, logits / t) * t * t
                loss = (1 - hyper.distil) * loss + hyper.distil * soft
            loss = tf.reduce_mean(loss)
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables)
        before = [tf.identity(v) for v in variables] if hyper.relative else variables
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for variable, start, reach in zip(variables, before, self._reach, strict=True):
            if reach > 1:
                variable.assign(start + reach * (variable - start))
        shrink = 1.0 - hyper.decay * self.optimizer.learning_rate * 100.0
        for variable in self._decayed:
            variable.assign(variable * shrink)
        return loss
