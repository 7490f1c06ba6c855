"""Rows that are kept from one window of a stream to the next change no integer."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from akrt.backends.reference import ReferenceBackend
from akrt.model import Model
from akrt.runtime import bundled_model
from firmware_export.incremental import HopPlan, plan_hop
from firmware_export.lowered import lower

from .compiled_export import SANITIZERS, build
from .hop_networks import Listening, hop_driver, hop_network, saturating_listener

NETWORKS = 80
COMPILERS = [
    ("gcc", "-std=c99", "-O1", "-g0", *SANITIZERS),
    ("clang", "-std=c99", "-O2"),
    ("g++", "-x", "c++", "-std=c++17", "-O2"),
]


@cache
def listeners() -> tuple[Listening, ...]:
    loud = [saturating_listener(seed) for seed in range(8)]
    return (*(hop_network(seed) for seed in range(NETWORKS)), *loud)


def heard(
    some: tuple[Listening, ...], folder: Path, compiler: tuple[str, ...]
) -> list[tuple[Listening, HopPlan, np.ndarray]]:
    """Outputs of every window of the networks that keep anything."""
    source, plans = hop_driver(some, folder)
    build(source, folder / "driver", *compiler[1:], compiler=compiler[0])
    keep = [(one, plan) for one, plan in zip(some, plans, strict=True) if plan.kept]
    data = b"".join(
        bytes([first]) + window.tobytes()
        for one, _ in keep
        for first, window in zip(one.first, one.windows, strict=True)
    )
    done = subprocess.run([str(folder / "driver")], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[:4000]
    flat, found, at = np.frombuffer(done.stdout, "<i4"), [], 0
    for one, plan in keep:
        shape = (len(one.windows), *one.model.output_shape)
        size = int(np.prod(shape))
        found.append((one, plan, flat[at : at + size].reshape(shape)))
        at += size
    assert at == flat.size
    return found


@pytest.mark.parametrize(
    ("part", "of", "compiler"),
    [(0, 2, COMPILERS[0]), (1, 2, COMPILERS[0]), (0, 4, COMPILERS[1]), (1, 4, COMPILERS[2])],
)
def test_every_hop_equals_the_reference(
    part: int, of: int, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    """Streams begin anew in the middle; in the last networks some sums saturate, others do not."""
    for one, plan, outputs in heard(listeners()[part::of], tmp_path, compiler):
        wanted = ReferenceBackend(one.model).run(one.windows)
        np.testing.assert_array_equal(outputs, wanted, f"{one.model.layers}, {plan.kept}")


def test_the_networks_try_everything() -> None:
    """Strides, hops that are refused, sums that are kept, whole layers behind kept ones."""
    plans = [plan_hop(lower(one.model, "net"), one.moved) for one in listeners()]
    kept = [plan for plan in plans if plan.kept]
    assert len(kept) > NETWORKS / 2
    kernels = {plan.lowered.steps[i].kernel for plan in kept for i in plan.kept}
    assert kernels == {
        "akrt_conv_rows",
        "akrt_separable_rows",
        "akrt_separable_rows_muladd",
        "akrt_separable_sum_rows",
    }
    assert {
        one.model.layers[0].stride[0] for one, p in zip(listeners(), plans, strict=True) if p.kept
    } == {1, 2, 3}
    reasons = " ".join(reason for plan in plans for reason in plan.whole.values())
    for reason in (
        "its stride is",
        "rows would be computed",
        "computes no part",
        "is computed whole",
    ):
        assert reason in reasons
    assert any(one.first == 0 for plan in kept for one in plan.kept.values()), "no border above"
    assert any(p.kept and 0 not in p.whole and len(p.whole) > 1 for p in plans)


def test_loud_windows_saturate_and_others_do_not() -> None:
    """Of networks whose sums are kept; else their exact path would not be tried."""
    some = listeners()[NETWORKS:]
    for one in some:
        assert any(k.sums for k in plan_hop(lower(one.model, "net"), one.moved).kept.values())
    odd = [one for one in some if one.model.layers[-1].act_bits is None]
    assert len(odd) >= 3
    differ = []
    for one in odd:
        saturated = ReferenceBackend(one.model).run(one.windows)
        differ += list((saturated != unsaturated(one.model, one.windows)).any(axis=(1, 2, 3)))
    assert 0.1 < np.mean(differ) < 0.9


def unsaturated(model: Model, windows: np.ndarray) -> np.ndarray:
    """The last layer's sums over all positions, in 64 bits."""
    first = Model(model.layers[:1])
    x = ReferenceBackend(first).run(windows).astype(np.int64)
    last = model.layers[-1]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    mid = sum(
        padded[:, i : i + height, j : j + width] * last.depthwise[i, j].astype(np.int64)
        for i in range(3)
        for j in range(3)
    )
    return (mid.sum(axis=(1, 2)) @ last.pointwise.astype(np.int64))[:, None, None, :]


def test_the_shipped_network_at_80_ms() -> None:
    """On paper 4 of 25 rows of the first layer are new, and 12 of the last, of which two leave."""
    facts = plan_hop(lower(bundled_model(), "net"), 4).facts()
    rows = [(row["computed_rows"], row["rows"]) for row in facts["layers"]]
    assert rows == [(4, 25), (6, 25), (8, 25), (10, 25), (12 + 2, 25), (1, 1)]
    assert facts["hop_multiplications"] < 0.33 * facts["multiplications"]
    assert facts["kept_bytes"] == 4 * 25 * 160 + 2 * 4 * 64


@pytest.mark.parametrize(
    ("moved", "reason"),
    [(0, "no whole number"), (3, "its stride is 2"), (40, "22 of its 25"), (48, "25 of its 25")],
)
def test_a_hop_that_allows_nothing(moved: int, reason: str) -> None:
    plan = plan_hop(lower(bundled_model(), "net"), moved)
    assert not plan.kept
    assert reason in plan.whole[0]
    assert plan.facts()["hop_multiplications"] == plan.facts()["multiplications"]
