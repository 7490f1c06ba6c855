from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

from akrt.kernels.layout import Layout

Output = npt.NDArray[Any]
SOURCES: str
LAYOUT: Layout
ALIGNMENT: int
FINE_SHIFT: int
WIDE_DEPTH: int
CALLER: int

class Architecture(NamedTuple):
    name: str
    usable: bool
    filter_block: int
    byte_block: int
    byte_pair: int
    lanes: int
    walks: int
    scales: int

    @classmethod
    def of(cls, name: str, usable: bool, data: bytes) -> Architecture: ...

def architectures() -> list[Architecture]: ...
def scratch_bytes(layer: Any) -> int: ...

class Network:
    def __init__(self, nodes: list[Any], arch: str, arena_bytes: int) -> None: ...
    @property
    def arena_bytes(self) -> int: ...
    def accepts(self, x: object) -> TypeGuard[npt.NDArray[np.uint8]]: ...
    def empty(self, samples: int) -> Output: ...
    def memory(self) -> npt.NDArray[np.uint8]: ...
    def run(
        self,
        x: Output,
        out: Output | None = None,
        memory: npt.NDArray[np.uint8] | None = None,
    ) -> Output: ...
    def run_layer(self, index: int, x: Output, second: Output | None = None) -> Output: ...

class Hops:
    def __init__(
        self,
        network: Network,
        nodes: list[Any],
        arena_bytes: int,
        kept_bytes: int,
        moved_bytes: int,
    ) -> None: ...
    def memory(self) -> npt.NDArray[np.uint8]: ...
    def run(self, x: npt.NDArray[np.uint8], kept: npt.NDArray[np.uint8], out: Output) -> None: ...
