"""What an export takes over from the one of its name that is in the folder.

Options that are not given now are those of the earlier export, so that nothing of it is lost and
everything in the folder fits together. What was given as a file, the chip's program and the inputs
of the test vectors, is kept as it is, and only for the same model and version of akrt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from akrt import __version__
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.files import read_bytes
from akrt.model import Model
from firmware_export.lowered import Optimise
from firmware_export.manifest import ChipFacts, Entry, file_state
from firmware_export.stream import check_spotter

__all__ = ["Earlier"]


class Earlier:
    """The export that is in the folder, and what is taken over from it."""

    def __init__(
        self, folder: Path, name: str, entry: Entry | None, model_sha256: str, force: bool
    ) -> None:
        self._folder, self._name, self._entry, self._force = folder, name, entry, force
        self._same = entry is not None and (entry.model_sha256, entry.akrt_version) == (
            model_sha256,
            __version__,
        )
        self.kept: list[str] = []
        """Options that were taken over."""

    def stream(self, asked: StreamSettings | None, model: Model) -> StreamSettings | None:
        """The settings asked for, or the earlier ones.

        Raises:
            UsageError: there are earlier ones, and `model` is no keyword spotter.
        """
        if asked is not None or self._entry is None or self._entry.stream is None:
            return asked
        try:
            check_spotter(model, self._entry.stream)
        except UsageError as error:
            raise UsageError(
                f"'{self._folder}' holds an export with --stream, which is kept. {error}; or "
                f"choose another folder, or drop what was there with --anew"
            ) from None
        self.kept.append("--stream")
        return self._entry.stream

    def optimise(self, asked: Optimise | None) -> Optimise:
        """What was asked for, or the earlier export was made for."""
        if asked is not None or self._entry is None:
            return asked or "speed"
        if self._entry.optimise != "speed":
            self.kept.append(f"--optimise {self._entry.optimise}")
        return self._entry.optimise

    def incremental(self, asked: bool | None) -> bool:
        """What is asked for, or what the earlier stream did; true where there was none."""
        if asked is not None or self._entry is None or self._entry.stream is None:
            return asked is not False
        if not self._entry.incremental:
            self.kept.append("--whole")
        return self._entry.incremental

    def packages(self, asked: Sequence[str]) -> tuple[str, ...]:
        """The packages asked for, and the earlier ones."""
        earlier = () if self._entry is None else self._entry.packages
        missing = [kind for kind in earlier if kind not in asked]
        if missing:
            self.kept.append(f"--pkg {','.join(missing)}")
        return tuple(dict.fromkeys([*asked, *missing]))

    def vectors(self) -> tuple[dict[str, str], int] | None:
        """The test vectors that were given, and how many; None: there were none.

        Raises:
            UsageError: they are of another model or were changed.
        """
        if self._entry is None or not self._entry.given_vectors:
            return None
        files = self._texts([f"{self._name}_vectors.h"], "--vectors", "test vectors")
        return None if files is None else (files, self._entry.vectors)

    def program(self) -> tuple[dict[str, str], ChipFacts] | None:
        """The files of the chip's program; None: there was none.

        Raises:
            UsageError: it is of another model, or its files were changed.
        """
        if self._entry is None or self._entry.program is None:
            return None
        parts = (f"{self._name}_chip.", f"{self._name}_program.")
        names = [file for file in self._entry.files if file.startswith(parts)]
        files = self._texts(names, "--program", "the chip's program")
        return None if files is None else (files, self._entry.program)

    def _texts(self, names: list[str], option: str, what: str) -> dict[str, str] | None:
        assert self._entry is not None
        changed = [f for f in names if file_state(self._folder, f) != self._entry.files.get(f)]
        if self._same and not changed:
            self.kept.append(option)
            return {file: read_bytes(self._folder / file).decode() for file in names}
        if self._force:
            return None
        reason = "were changed since" if changed else "are of another model or version of akrt"
        raise UsageError(
            f"'{self._folder}' holds {what} of an earlier export, {', '.join(changed or names)}, "
            f"which {reason}: give {option} again, choose another folder, or drop them with "
            f"--force"
        )
