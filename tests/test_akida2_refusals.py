"""What runs Akida 1.0 only refuses networks of Akida 2.0 by name."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import need
from test_akida2_model import DATA, DENSE, FLOATS, IMAGE, OUT

import akrt
from akrt.decision import StreamSettings, decision_rule
from akrt.driver.limits import violations
from akrt.errors import BackendUnavailableError, UnsupportedLayerError, UsageError
from akrt.model import Model
from akrt.peers.quantised import quantise

MODEL = Model((DATA, DENSE, OUT))
IN_FRONT = Model((FLOATS, IMAGE))
ALONE = Model((DATA,))
WORDS = (
    r"(a layer of Akida 2\.0|an entrance of floats), "
    r"which the backends 'native', 'reference' and 'simulator' run"
)


@pytest.mark.parametrize("model", [MODEL, IN_FRONT, ALONE], ids=["chain", "floats", "alone"])
def test_auto_takes_native(model: Model) -> None:
    with akrt.Runtime(model) as runtime:
        assert runtime.backend == "native"


def test_chips() -> None:
    need("akida")
    words = r"cannot run 'model', a network of Akida 2\.0, on a chip of .* 'reference' and 'simul"
    with pytest.raises(BackendUnavailableError, match=words):
        akrt.Runtime(MODEL, backend="nsoc", device="virtual:akd1000")


@pytest.mark.parametrize("model", [MODEL, IN_FRONT, ALONE], ids=["chain", "floats", "alone"])
def test_the_version_violates_the_limits_of_a_chip(model: Model) -> None:
    (found,) = violations(model)
    assert (found.rule, found.limit) == ("version", "Akida 1.0")
    assert found.value.startswith("Akida 2.0: for ")


def test_mappings_and_checks() -> None:
    need("akida")
    from akrt.driver.check import check
    from akrt.driver.mapping import map_model, virtual_device

    report = check(MODEL)
    assert not report.fits
    assert len(report.violations) == 1
    with pytest.raises(
        BackendUnavailableError, match=r"of Akida 2\.0, which x, of Akida 1\.0, does"
    ):
        map_model(MODEL, virtual_device("AKD1000"), "x")


@pytest.mark.parametrize("model", [MODEL, IN_FRONT, ALONE], ids=["chain", "floats", "alone"])
def test_other_runtimes(model: Model) -> None:
    with pytest.raises(UnsupportedLayerError, match=WORDS):
        quantise(model, np.zeros((1, *model.input_shape), np.uint8))


def test_streams() -> None:
    with pytest.raises(UsageError, match=r"network of Akida 2\.0.*'akrt run'"):
        decision_rule(MODEL, StreamSettings())
