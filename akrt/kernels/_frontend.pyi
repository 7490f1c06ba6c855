import numpy as np
import numpy.typing as npt

def mfcc_frames(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]: ...

class Features:
    def __init__(self, every: int) -> None: ...
    def push(self, samples: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]: ...

class Decision:
    def __init__(
        self,
        threshold: npt.NDArray[np.int32],
        factor: npt.NDArray[np.int32],
        is_word: npt.NDArray[np.uint8],
        shift: int,
        window: int,
        least: int,
        score: int,
        refractory: int,
    ) -> None: ...
    @property
    def leader(self) -> int: ...
    @property
    def average(self) -> int: ...
    def step(self, potentials: npt.NDArray[np.int32]) -> int: ...
