"""The chips that a network can be mapped on, by akida's names, and whose layers they run."""

from __future__ import annotations

from akrt.driver.host import CHIPS
from akrt.errors import BackendUnavailableError
from akrt.lowering.operations import beyond_akida_1
from akrt.model import Model

__all__ = ["CHIPS_OF_2", "CHIP_NAMES", "akida_version", "check_version", "chips_of"]

CHIPS_OF_2 = ("TwoNodesIPv2", "FourNodesIPv2", "SixNodesIPv2", "TwelveNodesIPv2")
"""Of Akida 2.0: designs, of which akida has virtual devices alone."""

CHIP_NAMES = (*(chip.name for chip in CHIPS), *CHIPS_OF_2)


def akida_version(chip: str) -> int:
    """1 or 2: whose layers a chip runs."""
    return 2 if chip in CHIPS_OF_2 else 1


def chips_of(version: int) -> str:
    """The chips of one version, as options name them."""
    names = [name.lower() for name in CHIP_NAMES if akida_version(name) == version]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def check_version(model: Model, virtual: str | None) -> None:
    """Refuse a network that no chip of this machine can run, before one is looked for.

    Args:
        model: the network.
        virtual: the virtual chip that is to run it; None: a chip.

    Raises:
        BackendUnavailableError: the network is of Akida 2.0, or takes floats, and the chip is not.
    """
    if virtual is not None and akida_version(virtual) == 2:
        return  # the mapper judges
    if model.version == 2:
        raise BackendUnavailableError(
            f"backend 'nsoc' cannot run '{model.name}', a network of Akida 2.0, on a chip of Akida "
            f"1.0: the backends 'native', 'reference' and 'simulator' run such networks, and "
            f"device='virtual:{CHIPS_OF_2[2].lower()}' simulates a chip of Akida 2.0"
        )
    problems = [
        f"layer '{node.layer.name}' ({node.layer.kind}): {why}"
        for node in model.nodes
        if (why := beyond_akida_1(node)) is not None
    ]
    if problems:
        raise BackendUnavailableError(f"backend 'nsoc' cannot run {'; '.join(problems)}")
