"""Writers that are killed, and disks that are full: the old file stays, and nothing else does.

AKRT_KILLS is how many writers are killed, and how many disks fill up: 20 where it is not given.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from networks import placeholder

import akrt
import firmware_export
from akrt.errors import OutputError
from akrt.model import FullyConnected, InputData, Model, encoding
from firmware_export import verify
from firmware_export.manifest import MANIFEST, read_manifest

resource = pytest.importorskip("resource", reason="limits and fork are those of Unix")

KILLS = int(os.environ.get("AKRT_KILLS", "20"))


def network(seed: int) -> Model:
    """Some 60 kB of weights: a file that takes a while."""
    weights = np.random.default_rng(seed).integers(-128, 128, (600, 100)).astype(np.int8)
    layer = FullyConnected(
        name="out", weights=weights, weights_bits=8, act_bits=4, **placeholder(100)
    )
    return Model((InputData("in", (30, 20, 1), 4), layer), name=f"network {seed}")


ONE, TWO = network(1), network(2)


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Run `work` in a forked process that is killed after so long; False: it was done before."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def duration(work: Callable[[], object]) -> float:
    """Seconds that `work` takes in a forked process."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    os.waitpid(child, 0)
    return time.perf_counter() - start


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_savers_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "m.akrt"
    ONE.save(path)
    whole = {encoding.to_bytes(model) for model in (ONE, TWO)}
    lasts = duration(lambda: TWO.save(path))
    r, seen = random.Random(1), Counter[str]()
    for i in range(KILLS):
        model = (ONE, TWO)[i % 2]
        seen["killed"] += killed(lambda model=model: model.save(path), r.uniform(0, lasts))
        assert path.read_bytes() in whole
        seen["left over"] += len(names(tmp_path)) > 1
        if i % 4 == 3:
            ONE.save(path)
            assert names(tmp_path) == ["m.akrt"]
    ONE.save(path)
    assert names(tmp_path) == ["m.akrt"]
    print(f"{KILLS} savers: {dict(seen)}")
    assert seen["killed"] > KILLS // 20


def test_exporters_are_killed(tmp_path: Path) -> None:
    """After a kill the folder holds the old export, the new one, or one that says it is half."""
    out = tmp_path / "out"

    def export(model: Model) -> None:
        firmware_export.export(model, out, name="net")

    export(ONE)
    expected = names(out)
    lasts = duration(lambda: export(TWO))
    r, seen = random.Random(2), Counter[str]()
    with mock.patch.object(verify, "_run_parts", return_value=("network",)):
        for i in range(KILLS):
            model = (ONE, TWO)[i % 2]
            seen["killed"] += killed(
                lambda model=model: export(model), lasts * r.choice([r.random(), 0.9, 0.95, 1])
            )
            manifest = read_manifest(out)
            assert manifest is not None
            if manifest.writing:
                seen["interrupted"] += 1
            else:
                verify.verify(out)
            if i % 3 == 2 or manifest.writing:
                seen["left over"] += names(out) != expected
                export((ONE, TWO)[r.randrange(2)])
                verify.verify(out)
                assert names(out) == expected
    print(f"{KILLS} exporters: {dict(seen)}")
    assert seen["killed"] > 0


def test_an_exporter_that_is_killed_at_every_rename(tmp_path: Path) -> None:
    """The next one repairs what was left, without being forced."""
    out = tmp_path / "out"

    def export(model: Model, renames: int) -> None:
        done = []

        def replace(source: object, target: object) -> None:
            if len(done) == renames:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(rename(source, target))

        rename = os.replace
        with mock.patch("os.replace", replace):
            firmware_export.export(model, out, name="net")

    firmware_export.export(ONE, out, name="net")
    expected = names(out)
    interrupted = renames = 0
    with mock.patch.object(verify, "_run_parts", return_value=("network",)):
        while killed_at(lambda n=renames: export(TWO, n)):
            manifest = read_manifest(out)
            interrupted += bool(manifest and manifest.writing)
            assert names(out) != expected
            firmware_export.export(ONE, out, name="net")
            assert names(out) == expected
            verify.verify(out)
            renames += 1
    assert renames >= 5
    assert interrupted == renames - 1  # the first of them is that of the journal


def killed_at(work: Callable[[], object]) -> bool:
    """Whether `work`, in a forked process, kills itself."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@contextlib.contextmanager
def room(most: int) -> Iterator[None]:
    """No file may have more than so many bytes: what a full disk is to its writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    path, out = tmp_path / "m.akrt", tmp_path / "out"
    ONE.save(path)
    firmware_export.export(ONE, out, name="net")
    whole = encoding.to_bytes(ONE)
    before = {name: (out / name).read_bytes() for name in names(out)}
    largest = max(map(len, before.values()))
    r = random.Random(3)
    for i in range(KILLS):
        if i % 2:
            with room(r.randrange(len(whole))), pytest.raises(OutputError, match="File too large"):
                TWO.save(path)
        else:
            with room(r.randrange(largest - 100)), pytest.raises(OutputError, match="cannot write"):
                firmware_export.export(TWO, out, name="net")
        assert path.read_bytes() == whole
        assert names(tmp_path) == ["m.akrt", "out", *(f"out/{name}" for name in before)]
        assert before == {name: (out / name).read_bytes() for name in names(out)}


FULL = """
import sys
import akrt, firmware_export
from akrt.errors import OutputError
model = akrt.load(sys.argv[1])
for write in (
    lambda: model.save(f"{sys.argv[2]}/m.akrt"),
    lambda: firmware_export.export(model, f"{sys.argv[2]}/out", name="net"),
):
    try:
        write()
        print("written")
    except OutputError as error:
        assert "No space left" in str(error), error
        print("full")
"""


def test_full_disks(tmp_path: Path) -> None:
    """A small file system that fills up at every size."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        TWO.save(tmp_path / "two.akrt")
        ONE.save(disk / "m.akrt")
        firmware_export.export(ONE, disk / "out", name="net")
        before = {n: (disk / n).read_bytes() for n in names(disk) if (disk / n).is_file()}
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        r, seen = random.Random(4), Counter[str]()
        for _ in range(max(KILLS // 10, 2)):
            filler = disk / "filler"
            with open(filler, "wb") as file:
                file.write(bytes(free - r.randrange(0, 60_000)))
            done = subprocess.run(
                [sys.executable, "-c", FULL, tmp_path / "two.akrt", disk],
                capture_output=True,
                text=True,
            )
            assert done.stdout.split() == ["full", "full"], done.stderr
            seen["full"] += 2
            filler.unlink()
            assert before == {
                n: (disk / n).read_bytes() for n in names(disk) if (disk / n).is_file()
            }
        print(dict(seen))
        TWO.save(disk / "m.akrt")
        assert akrt.load(disk / "m.akrt").name == "network 2"
        assert (disk / "out" / MANIFEST).is_file()
    finally:
        subprocess.run(["umount", disk], check=True)
