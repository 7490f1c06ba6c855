"""One step of training: how far weights move, and what teaching means."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import need

from akrt.kws.optimise import USUAL_SIZE, Arrays, Hyper, Trainer


@pytest.fixture(scope="module")
def keras() -> Any:
    for package in ("tensorflow", "tf_keras", "cnn2snn", "akida_models"):
        need(package)
    from akrt.kws import network

    return network.keras_modules()[1]


def tiny(keras: Any, scale: float) -> Any:
    """A linear classifier with weights of one size."""
    image = keras.Input((4, 3, 1), dtype="uint8")
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    logits = keras.layers.Dense(3, name="dense")(flat)
    model = keras.Model(image, keras.layers.Softmax()(logits))
    kernel = scale * np.random.default_rng(0).choice([-1.0, 1.0], (12, 3))
    model.get_layer("dense").set_weights([kernel, np.zeros(3)])
    return model


LESSON = Hyper(12, 0.05, batch=16, average=0.98)


def arrays(rows: int = 64) -> Arrays:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (rows, 4, 3, 1)).astype(np.uint8)
    y = x.reshape(rows, -1)[:, :3].argmax(1).astype(np.int64)
    return Arrays(x, y, x, y)


def moved(keras: Any, scale: float, relative: bool) -> float:
    model = tiny(keras, scale)
    before = model.get_layer("dense").get_weights()[0]
    hyper = Hyper(1, 1e-3, batch=64, relative=relative, decay=0.0, offset=0, jitter=0, mask=0)
    Trainer(model, arrays(), hyper, seed=3).run_epoch()
    return float(np.abs(model.get_layer("dense").get_weights()[0] - before).mean())


def test_steps_in_proportion_to_large_weights(keras: Any) -> None:
    """Adam's first step is the learning rate, whatever the gradient; relative steps grow."""
    assert moved(keras, 2.0, relative=False) == pytest.approx(1e-3, rel=0.05)
    assert moved(keras, 2.0, relative=True) == pytest.approx(1e-3 * 2.0 / USUAL_SIZE, rel=0.05)
    assert moved(keras, USUAL_SIZE / 2, relative=True) == pytest.approx(1e-3, rel=0.05)


def test_learns(keras: Any) -> None:
    trainer = Trainer(tiny(keras, 0.05), arrays(640), LESSON, seed=3)
    at_first = trainer.best[0]
    while not trainer.done:
        trainer.run_epoch()
    trainer.finish()
    assert at_first < 0.6
    assert trainer.best[0] > 0.85


def test_the_student_follows_the_teacher_not_the_labels(keras: Any) -> None:
    data = arrays(640)
    wrong = Arrays(data.x, (data.y + 1) % 3, data.x, data.y)
    teacher = tiny(keras, 0.05)
    lesson = Trainer(teacher, data, LESSON, seed=3)
    while not lesson.done:
        lesson.run_epoch()
    student = Trainer(
        tiny(keras, 0.05), wrong, replace(LESSON, distil=1.0), seed=3, teacher=teacher
    )
    while not student.done:
        student.run_epoch()
    assert student.best[0] > 0.85


def test_the_teacher_answers_what_the_student_sees(keras: Any) -> None:
    """A few jittered copies, each with the teacher's softened answer to that very copy."""
    data, teacher = arrays(70), tiny(keras, 2.0)
    hyper = replace(LESSON, distil=1.0, copies=2)
    trainer = Trainer(tiny(keras, 0.05), data, hyper, seed=3, teacher=teacher)
    lessons = []
    for _ in range(4):
        lessons.append(trainer._lesson(trainer.teacher))
        trainer.run_epoch()
    (x, told), (other, _) = lessons[:2]
    assert x.shape == data.x.shape
    assert 0 < np.abs(x.astype(int) - data.x).mean() < 40
    assert (x != other).mean() > 0.5
    assert all(a is b for a, b in zip(lessons[0], lessons[2], strict=True))
    assert all(a is b for a, b in zip(lessons[1], lessons[3], strict=True))
    kernel, bias = teacher.get_layer("dense").get_weights()
    logits = (x.reshape(70, -1) / 255 @ kernel + bias) / hyper.temperature
    soft = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(told, soft / soft.sum(1, keepdims=True), atol=1e-5)


def test_what_made_things_worse_is_not_kept(keras: Any) -> None:
    """Trained on wrong labels, chosen by right ones: it ends with the weights it began with."""
    good = tiny(keras, 0.05)
    lesson = Trainer(good, arrays(640), LESSON, seed=3)
    while not lesson.done:
        lesson.run_epoch()
    lesson.finish()
    kept = good.get_weights()
    data = arrays(640)
    wrong = Arrays(data.x, (data.y + 1) % 3, data.x, data.y)
    spoilt = Trainer(good, wrong, LESSON, seed=3)
    while not spoilt.done:
        spoilt.run_epoch()
    spoilt.finish()
    for ours, theirs in zip(good.get_weights(), kept, strict=True):
        assert (ours == theirs).all()
