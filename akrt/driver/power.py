"""Power and energy from the events that a chip's power meter logged during its inferences.

akida reports times in milliseconds and powers in milliwatts (`akida.PowerEvent`); the window of an
inference is between its metrics ``inference_start`` and ``inference_end``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["MIN_EVENTS", "MIN_SECONDS", "Meter"]

MIN_EVENTS = 10
MIN_SECONDS = 0.5
"""Below these the average says more of the meter's rhythm than of the chip."""


@dataclass
class Meter:
    """Sums over the batches of one chip."""

    enabled: bool
    """Whether power measurement was asked for."""
    samples: int = 0
    frames: int = 0
    """What akida counted."""
    seconds: float = 0.0
    """Time of inference by akida's own clock."""
    inference_clocks: int = 0
    program_clocks: int | None = None
    events: int = 0
    millijoules: float = 0.0
    least_mw: float = field(default=float("inf"))
    most_mw: float = 0.0
    floor_mw: float | None = None
    _has_soc: bool = True

    def record(self, reply: dict[str, Any], samples: int) -> None:
        """Add one batch: the measurements of a worker's reply."""
        metrics = reply["metrics"]
        self.samples += samples
        self.frames += metrics.get("inference_frames", 0)
        self.inference_clocks += metrics.get("inference_clk", 0)
        self.program_clocks = metrics.get("program_clk", self.program_clocks)
        start, end = metrics.get("inference_start", 0), metrics.get("inference_end", 0)
        seconds = max(end - start, 0) / 1000
        self.seconds += seconds
        self._has_soc = reply["floor_mw"] is not None
        self.floor_mw = reply["floor_mw"]
        powers = [power for ts, power in reply["power_mw"] if start <= ts <= end]
        if powers:
            self.events += len(powers)
            self.millijoules += sum(powers) / len(powers) * seconds
            self.least_mw = min(self.least_mw, *powers)
            self.most_mw = max(self.most_mw, *powers)

    def why_no_energy(self) -> str | None:
        """None when the energy of a frame can be told, else the reason."""
        if not self.enabled:
            return "power measurement is off: power=True turns it on"
        if not self.frames:
            return "nothing has been inferred yet"
        if not self._has_soc:
            return "this device has no power meter"
        if self.seconds < MIN_SECONDS:
            return f"inference took {self.seconds:.3f} s, at least {MIN_SECONDS} s are needed"
        if self.events < MIN_EVENTS:
            return f"{self.events} power events, at least {MIN_EVENTS} are needed"
        return None

    def facts(self) -> dict[str, Any]:
        """Figures as plain types. ``energy_mj_per_frame`` is a number, or ``n/a: <reason>``."""
        reason = self.why_no_energy()
        told = reason is None
        return {
            "samples": self.samples,
            "akida_fps": self.frames / self.seconds if self.seconds else None,
            "clocks_per_frame": self.inference_clocks / self.frames if self.frames else None,
            "program_clocks": self.program_clocks,
            "power_mw": (
                {
                    "average": self.millijoules / self.seconds,
                    "least": self.least_mw,
                    "most": self.most_mw,
                    "floor": self.floor_mw,
                }
                if told
                else f"n/a: {reason}"
            ),
            "energy_mj_per_frame": self.millijoules / self.frames if told else f"n/a: {reason}",
        }
