"""akrt runs quantised convolutional networks with the same integers everywhere."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from akrt import errors
    from akrt.decision import StreamSettings
    from akrt.driver.discovery import DeviceInfo, devices
    from akrt.errors import AkrtError
    from akrt.loading import load
    from akrt.measurement import LayerProfile, Statistics
    from akrt.model import (
        ClassTask,
        FomoTask,
        Mfcc,
        Model,
        Picture,
        Pooling,
        RawTask,
        RegressionTask,
        YoloTask,
    )
    from akrt.model.layers import (
        Add,
        BufferTempConv,
        Concatenate,
        Conv2D,
        Conv2DTranspose,
        Convolutional,
        Dense1D,
        DepthwiseBufferTempConv,
        DepthwiseConv2D,
        DepthwiseConv2DTranspose,
        Dequantizer,
        FullyConnected,
        InputConv2D,
        InputConvolutional,
        InputData,
        PicoPostProcessing,
        Quantizer,
        SeparableConvolutional,
        ShiftedAdd,
        SignedInputData,
        StatefulRecurrent,
    )
    from akrt.runtime import Runtime
    from akrt.state import State
    from akrt.stream import Detection, Stream

__version__ = "0.1.0"

__all__ = [
    "Add",
    "AkrtError",
    "BufferTempConv",
    "ClassTask",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Convolutional",
    "Dense1D",
    "DepthwiseBufferTempConv",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "Dequantizer",
    "Detection",
    "DeviceInfo",
    "FomoTask",
    "FullyConnected",
    "InputConv2D",
    "InputConvolutional",
    "InputData",
    "LayerProfile",
    "Mfcc",
    "Model",
    "PicoPostProcessing",
    "Picture",
    "Pooling",
    "Quantizer",
    "RawTask",
    "RegressionTask",
    "Runtime",
    "SeparableConvolutional",
    "ShiftedAdd",
    "SignedInputData",
    "State",
    "StatefulRecurrent",
    "Statistics",
    "Stream",
    "StreamSettings",
    "YoloTask",
    "devices",
    "errors",
    "load",
]

_HOMES = {
    "akrt.decision": ("StreamSettings",),
    "akrt.driver.discovery": ("DeviceInfo", "devices"),
    "akrt.errors": ("AkrtError",),
    "akrt.model.layers": (
        "Add",
        "BufferTempConv",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Convolutional",
        "Dense1D",
        "DepthwiseBufferTempConv",
        "DepthwiseConv2D",
        "DepthwiseConv2DTranspose",
        "Dequantizer",
        "FullyConnected",
        "InputConv2D",
        "InputConvolutional",
        "InputData",
        "PicoPostProcessing",
        "Quantizer",
        "SeparableConvolutional",
        "ShiftedAdd",
        "SignedInputData",
        "StatefulRecurrent",
    ),
    "akrt.loading": ("load",),
    "akrt.measurement": ("LayerProfile", "Statistics"),
    "akrt.model": (
        "ClassTask",
        "FomoTask",
        "Mfcc",
        "Model",
        "Picture",
        "Pooling",
        "RawTask",
        "RegressionTask",
        "YoloTask",
    ),
    "akrt.runtime": ("Runtime",),
    "akrt.state": ("State",),
    "akrt.stream": ("Detection", "Stream"),
}


def __getattr__(name: str) -> Any:
    """A public name, loaded when it is first used: a program may need only some."""
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    if name == "errors":
        return import_module("akrt.errors")
    raise AttributeError(f"module 'akrt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
