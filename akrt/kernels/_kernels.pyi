from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

Output = npt.NDArray[Any]
SOURCES: str

class Architecture(NamedTuple):
    name: str
    filter_block: int
    byte_block: int
    byte_pair: int
    lanes: bool
    walks: bool
    usable: bool

def architectures() -> list[Architecture]: ...

class Network:
    def __init__(self, layers: list[dict[str, Any]], arch: str) -> None: ...
    @property
    def arena_bytes(self) -> int: ...
    def accepts(self, x: object) -> TypeGuard[npt.NDArray[np.uint8]]: ...
    def empty(self, samples: int) -> Output: ...
    def run(self, x: npt.NDArray[np.uint8], out: Output | None = None) -> Output: ...
    def run_layer(self, index: int, x: npt.NDArray[np.uint8]) -> Output: ...
