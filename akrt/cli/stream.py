"""``akrt stream``: words in a recording, a pipe or a microphone, as they are heard."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy.typing as npt
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from akrt.audio import load_audio, microphone
from akrt.cli import recordings
from akrt.cli.options import (
    STREAM_DEFAULTS,
    BackendOption,
    DeviceOption,
    FallbackOption,
    JsonOption,
    ModelOption,
    stream_options,
)
from akrt.cli.output import json_text, print_line
from akrt.cli.standard_input import standard_input
from akrt.decision import StreamSettings
from akrt.errors import UsageError
from akrt.stream import Detection, Stream

__all__ = ["stream"]

RATE = 16000
BLOCK = RATE // 10
"""Samples handed on at a time."""

BAR = 24
FULL_BAR = 4.0
"""Average margin, in logits, that fills the bar of the live line."""

Pcm = npt.NDArray[Any]


@stream_options()
def stream(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-|mic",
            help="A sound file; - for standard input, raw 16-bit little-endian mono samples at "
            "16 kHz as they come, or a sound file; mic for a microphone.",
        ),
    ],
    model: ModelOption = None,
    backend: BackendOption = "auto",
    device: DeviceOption = None,
    fallback: FallbackOption = None,
    settings: StreamSettings = STREAM_DEFAULTS,
    incremental: Annotated[
        bool,
        typer.Option(
            "--incremental/--whole",
            help="Keep rows that consecutive windows share, where the backend can and that pays, "
            "or compute every window whole: the same words.",
        ),
    ] = True,
    input_device: Annotated[
        str | None, typer.Option("--input", help="mic: name or number of the microphone.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Name the words in a stream of sound, each with its time and score, until it ends.

    With --json a word is a line of JSON.
    """
    if input_device is not None and source != "mic":
        raise UsageError("--input chooses a microphone: it goes with the source mic")
    with recordings.open_runtime(model, backend, device, fallback) as runtime:
        listener = Stream(runtime, settings, incremental)
        words, spent = 0, 0.0
        shown = _LiveLine(not as_json and sys.stdout.isatty())
        with shown.live, contextlib.suppress(KeyboardInterrupt):
            for block in _blocks(source, input_device):
                started = time.perf_counter()
                found = listener.push(block)
                spent += time.perf_counter() - started
                words += _report(found, as_json)
                shown.update(listener)
        seconds = listener.seconds
        words += _report(listener.finish(), as_json)
        if not as_json:
            factor = f", {spent / seconds:.4f} of it spent computing" if seconds else ""
            way = "rows kept" if listener.incremental else "windows whole"
            who = f"computed by {runtime.computed_by}, {way}"
            print_line(f"{words} words in {seconds:.1f} s of sound, {who}{factor}")


def _report(found: list[Detection], as_json: bool) -> int:
    for word in found:
        if as_json:
            print_line(json_text(word.as_dict()))
        else:
            print_line(f"{word.time:9.2f} s  {word.word:<12} {word.score:5.2f}")
    if found:
        sys.stdout.flush()
    return len(found)


class _LiveLine:
    """What leads at present, on the last line of a terminal."""

    def __init__(self, wanted: bool) -> None:
        self._live = Live(console=Console(), refresh_per_second=10, transient=True)
        self._wanted = wanted

    @property
    def live(self) -> contextlib.AbstractContextManager[Any]:
        """To be open while words are printed: they appear above the line."""
        return self._live if self._wanted else contextlib.nullcontext()

    def update(self, listener: Stream) -> None:
        """Show the state of `listener`."""
        if not self._wanted or listener.leader is None:
            return
        name, score = listener.leader
        filled = max(0, min(round(BAR * score / FULL_BAR), BAR))
        bar = "#" * filled + "." * (BAR - filled)
        self._live.update(Text(f"{listener.seconds:9.2f} s  {name:<12} {score:5.2f}  {bar}"))


def _blocks(source: str, input_device: str | None) -> Iterator[Pcm]:
    if source == "mic":
        return microphone(input_device, RATE, BLOCK)
    if source == "-":
        return standard_input(RATE, BLOCK)
    return _file_blocks(Path(source))


def _file_blocks(path: Path) -> Iterator[Pcm]:
    samples = load_audio(path, RATE)
    for start in range(0, len(samples), BLOCK):
        yield samples[start : start + BLOCK]
