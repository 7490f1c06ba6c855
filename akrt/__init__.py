"""akrt runs quantised convolutional networks with the same integers everywhere."""

from akrt import errors
from akrt.driver.discovery import DeviceInfo, devices
from akrt.errors import AkrtError
from akrt.loading import load
from akrt.measurement import LayerProfile, Statistics
from akrt.model import Model
from akrt.runtime import Runtime
from akrt.stream import Detection, Stream

__version__ = "0.1.0"

__all__ = [
    "AkrtError",
    "Detection",
    "DeviceInfo",
    "LayerProfile",
    "Model",
    "Runtime",
    "Statistics",
    "Stream",
    "devices",
    "errors",
    "load",
]
