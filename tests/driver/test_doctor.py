"""Every cause that the doctor names, on a made-up machine that has it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import need
from device_double import Bench

from akrt.driver import discovery, doctor, link, locks
from akrt.driver.doctor import Diagnosis, diagnose
from akrt.errors import DeviceLostError

ADDRESS = "0000:01:00.0"


def causes(diagnosis: Diagnosis) -> list[str]:
    for finding in diagnosis.findings:
        assert finding.problem
        assert finding.fix
    return [finding.cause for finding in diagnosis.findings]


@pytest.fixture
def answering(double) -> None:
    Bench().install(double)


def test_a_chip_that_answers_is_well(machine, answering) -> None:
    machine.chip()
    diagnosis = diagnose()
    assert diagnosis.usable
    assert causes(diagnosis) == []


def test_no_pci_device(machine, double) -> None:
    diagnosis = diagnose()
    assert not diagnosis.usable
    assert causes(diagnosis) == ["no-pci-device"]
    assert "1e7c:a500" in diagnosis.findings[0].problem
    assert "lspci" in diagnosis.findings[0].fix


def test_no_kernel_module(machine, answering) -> None:
    machine.chip(driver=None, node=None)
    assert causes(diagnose()) == ["no-kernel-module"]


@pytest.mark.parametrize("release", ["6.9.0-generic", "6.12.1", "5.3.0", "7.0.0"])
def test_a_kernel_that_the_vendor_does_not_state(machine, answering, release) -> None:
    machine.write("proc/sys/kernel/osrelease", f"{release}\n")
    machine.chip(driver=None, node=None)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["no-kernel-module", "kernel-unsupported"]
    assert release in diagnosis.findings[1].problem
    assert "5.4 to 6.8" in diagnosis.findings[1].problem


@pytest.mark.parametrize("release", ["5.4.0", "6.8.0-49-generic"])
def test_a_kernel_that_the_vendor_states_is_no_cause(machine, answering, release) -> None:
    machine.write("proc/sys/kernel/osrelease", release)
    machine.chip(driver=None, node=None)
    assert causes(diagnose()) == ["no-kernel-module"]


def test_a_working_chip_on_a_newer_kernel_is_well(machine, answering) -> None:
    machine.write("proc/sys/kernel/osrelease", "6.12.1")
    machine.chip()
    assert causes(diagnose()) == []


def test_module_not_built_for_this_kernel(machine, answering) -> None:
    machine.write("lib/modules/6.2.0-26-generic/updates/dkms/akida-pcie.ko.zst")
    machine.chip(driver=None, node=None)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["module-not-built-for-kernel"]
    assert "6.2.0-26-generic" in diagnosis.findings[0].problem
    assert "6.5.0-41-generic" in diagnosis.findings[0].problem


def test_module_not_loaded(machine, answering) -> None:
    machine.write("lib/modules/6.5.0-41-generic/updates/dkms/akida-pcie.ko")
    machine.chip(driver=None, node=None)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["module-not-loaded"]
    assert "modprobe akida_pcie" in diagnosis.findings[0].fix


def test_driver_not_bound(machine, answering) -> None:
    machine.write("proc/modules", "akida_pcie 28672 0 - Live 0x0\n")
    machine.chip(driver=None, node=None)
    assert causes(diagnose()) == ["driver-not-bound"]


def test_no_node(machine, answering) -> None:
    machine.chip(node=None)
    assert causes(diagnose()) == ["no-node"]


def test_no_permission(machine, double) -> None:
    machine.chip(mode=0o600)
    machine.uid = os.getuid() + 1
    diagnosis = diagnose(machine.host)
    assert causes(diagnosis) == ["no-permission"]
    assert "udev" in diagnosis.findings[0].fix
    assert 'KERNEL=="akida[0-9]*"' in diagnosis.findings[0].fix
    assert not diagnosis.usable


@pytest.mark.parametrize("words", ["does not answer", "does not report", "in use by process 1"])
def test_what_akida_says_decides_nothing(machine, monkeypatch, words) -> None:
    machine.chip()

    def broken(seconds: float) -> list[dict[str, object]]:
        raise DeviceLostError(f"the device failed: RuntimeError: the licence server {words}")

    monkeypatch.setattr(discovery, "probe", broken)
    monkeypatch.setattr(discovery, "akida_present", lambda: True)
    monkeypatch.setattr(link, "SOURCE", "device_double:devices")
    diagnosis = diagnose()
    assert causes(diagnosis) == ["akida-broken"]
    assert words in diagnosis.findings[0].problem


def test_a_chip_that_is_taken_while_the_doctor_looks(machine, answering, monkeypatch) -> None:
    machine.chip()
    held: list[locks.DeviceLock] = []
    listed = discovery.probe

    def meanwhile(seconds: float) -> list[dict[str, object]]:
        held.append(locks.DeviceLock(ADDRESS))
        return listed(seconds)

    monkeypatch.setattr(discovery, "probe", meanwhile)
    diagnosis = diagnose()
    held[0].close()
    assert causes(diagnosis) == ["busy"]
    assert f"in use by process {os.getpid()}" in diagnosis.findings[0].problem


def test_busy_by_an_open_node(machine, answering) -> None:
    machine.chip()
    machine.write("proc/4711/comm", "vision\n")
    (machine.root / "proc/4711/fd").mkdir()
    (machine.root / "proc/4711/fd/3").symlink_to("/dev/akida0")
    (machine.root / "proc/4711/fd/4").symlink_to("/dev/null")
    diagnosis = diagnose()
    assert causes(diagnosis) == ["busy"]
    assert "4711 (vision)" in diagnosis.findings[0].problem


def test_busy_by_a_lock(machine, answering) -> None:
    machine.chip()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from akrt.driver.locks import DeviceLock; lock = DeviceLock('{ADDRESS}'); "
            f"print('held', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        diagnosis = diagnose()
        assert causes(diagnosis) == ["busy"]
        assert str(holder.pid) in diagnosis.findings[0].problem
        assert not diagnosis.usable
    finally:
        holder.communicate(b"\n")
    assert locks.holder(ADDRESS) is None
    assert diagnose().usable


def test_not_answering(machine, double) -> None:
    machine.chip()
    Bench(hang=True).install(double)
    diagnosis = diagnose(seconds=0.8)
    assert causes(diagnosis) == ["not-answering"]
    assert not diagnosis.usable


def test_not_reported(machine, double) -> None:
    machine.chip()
    Bench(chips=[]).install(double)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["not-answering"]
    assert "akida does not report it" in diagnosis.findings[0].problem


def test_no_cma_for_an_akd1500(machine, double) -> None:
    machine.write("proc/meminfo", "MemTotal: 100 kB\n")
    machine.chip(0xA500, node="akd1500_0")
    Bench(chips=["AKD1500"]).install(double)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["no-cma"]
    assert diagnosis.usable  # small programs run


def test_an_akd1000_needs_no_cma(machine, answering) -> None:
    machine.write("proc/meminfo", "MemTotal: 100 kB\n")
    machine.chip()
    assert causes(diagnose()) == []


def test_what_is_in_order_is_told_too(machine, answering) -> None:
    machine.chip()
    told = "; ".join(diagnose().in_order)
    for fact in ("AKD1000 is on the PCI bus", "akida-pcie is bound", "/dev/akida0", "6.5.0", "CMA"):
        assert fact.replace("CMA", "65,536 kB") in told
    machine.write("proc/sys/kernel/osrelease", "6.12.1")
    assert "6.12.1" not in "; ".join(diagnose().in_order)


@pytest.mark.parametrize("policy", ["powersave", "powersupersave"])
def test_links_that_are_sent_to_sleep(machine, answering, policy) -> None:
    machine.chip()
    path = "sys/module/pcie_aspm/parameters/policy"
    machine.write(path, f"default performance [{policy}]\n")
    diagnosis = diagnose()
    assert causes(diagnosis) == ["link-power"]
    assert "pcie_aspm=off" in diagnosis.findings[0].fix
    assert diagnosis.usable
    machine.write("proc/cmdline", "root=/dev/sda1 pcie_aspm=off quiet\n")
    assert causes(diagnose()) == []
    machine.write("proc/cmdline", "quiet\n")
    machine.write(path, f"[default] performance {policy}\n")
    assert causes(diagnose()) == []


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        (".dockerenv", "", "Docker"),
        ("run/.containerenv", "", "Podman"),
        ("proc/1/cgroup", "0::/kubepods.slice/pod\n", "Kubernetes"),
        ("proc/1/cgroup", "11:cpu:/lxc/web\n", "LXC"),
    ],
)
def test_a_container_is_told_what_to_do_outside(machine, answering, path, text, kind) -> None:
    machine.write(path, text)
    machine.chip(node=None)
    diagnosis = diagnose()
    assert diagnosis.container == kind
    assert causes(diagnosis) == ["no-node"]
    assert diagnosis.findings[0].fix.startswith(f"this is a {kind} container; on the machine outs")
    assert ("--device /dev/akida0" in diagnosis.findings[0].fix) is (kind in ("Docker", "Podman"))


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian", "apt install dkms build-essential linux-headers-$(uname -r)"),
        ('ID="fedora"', "dnf install dkms gcc make kernel-devel-$(uname -r)"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "kernel-devel-$(uname -r) (dkms is in EPEL)"),
        ("ID=manjaro\nID_LIKE=arch", "pacman -S dkms base-devel linux-headers"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"', "zypper install dkms"),
        ("ID=raspbian\nID_LIKE=debian", "linux-headers-rpi-v8"),
        ("ID=unheard-of", "or what your distribution calls them"),
    ],
)
def test_kernel_headers_of_every_distribution(machine, answering, release, command) -> None:
    machine.write("etc/os-release", f"NAME=x\n{release}\n")
    machine.chip(driver=None, node=None)
    assert command in diagnose().findings[0].fix


def test_akida_missing(machine, monkeypatch) -> None:
    machine.chip()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["akida-missing"]
    assert "akrt[akida]" in diagnosis.findings[0].fix
    assert not diagnosis.usable


@pytest.mark.parametrize("version", ["2.3.0", "2.18.2", "1.9"])
def test_akida_too_old(machine, monkeypatch, double, version) -> None:
    need("akida")
    monkeypatch.setattr(link, "SOURCE", "akida:devices")
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: version)
    diagnosis = diagnose()
    assert causes(diagnosis) == ["akida-too-old", "no-pci-device"]
    assert version in diagnosis.findings[0].problem


def test_akida_that_cannot_list_its_devices(machine, monkeypatch, double) -> None:
    machine.chip()
    monkeypatch.setattr(link, "SOURCE", "device_double:no_such_function")
    diagnosis = diagnose()
    assert causes(diagnosis) == ["akida-broken"]
    assert "no_such_function" in diagnosis.findings[0].problem
