"""Made-up machines and the device double, for every test of the driver layer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import device_double
import pytest

from akrt.driver import host, link
from akrt.driver.host import Host


@dataclass
class Machine:
    """A folder that looks like a machine: /sys, /dev, /proc, /lib."""

    root: Path
    uid: int = os.getuid()

    @property
    def host(self) -> Host:
        return Host(self.root, uid=self.uid, gids=frozenset())

    def write(self, path: str, text: str = "") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def chip(
        self,
        device: int = 0xBCA1,
        address: str = "0000:01:00.0",
        node: str | None = "akida0",
        driver: str | None = "akida-pcie",
        mode: int = 0o666,
        vendor: int = 0x1E7C,
    ) -> None:
        folder = f"sys/bus/pci/devices/{address}"
        self.write(f"{folder}/vendor", f"0x{vendor:04x}\n")
        self.write(f"{folder}/device", f"0x{device:04x}\n")
        if driver:
            self.write(f"sys/bus/pci/drivers/{driver}/new_id")
            link_path = self.root / folder / "driver"
            link_path.symlink_to(f"../../../../bus/pci/drivers/{driver}")
        if node:
            self.write(f"{folder}/misc/{node}/dev", "10:120\n")
            self.write(f"dev/{node}").chmod(mode)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without chips, Linux 6.5, CMA there; discovery looks at it."""
    made = Machine(tmp_path / "machine")
    made.write("sys/bus/pci/devices/0000:00:00.0/vendor", "0x8086\n")
    made.write("sys/bus/pci/devices/0000:00:00.0/device", "0x1237\n")
    made.write("proc/sys/kernel/osrelease", "6.5.0-41-generic\n")
    made.write("proc/modules", "snd 1 0 - Live 0x0\n")
    made.write("proc/meminfo", "MemTotal: 100 kB\nCmaTotal:  65536 kB\n")
    monkeypatch.setenv("AKRT_LOCK_FOLDER", str(tmp_path))
    monkeypatch.setattr(host, "ROOT", made.root)
    return made


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The device double in akida's place: `Bench(...).install(double)` says what is plugged in."""
    folder = tmp_path / "double"
    monkeypatch.syspath_prepend(str(Path(device_double.__file__).parent))
    monkeypatch.setattr(link, "SOURCE", "device_double:devices")
    monkeypatch.setenv("AKRT_DOUBLE", str(folder))
    device_double.Bench(chips=[]).install(folder)
    return folder


def children() -> list[str]:
    """Process ids of this process's children, the dead that nobody waited for among them."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
