"""The model: layers, the graph they make, its file and its table; integers only."""

from akrt.model.families import (
    WEIGHT_RANGES,
    NeuralLayer,
    Padding,
    Pooling,
    SpatialLayer,
    WeightedLayer,
)
from akrt.model.graph import Model
from akrt.model.joining_layers import (
    Concatenate,
    Dequantizer,
    Quantizer,
    ShiftedAdd,
    SignedInputData,
)
from akrt.model.layers import (
    Add,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    SeparableConvolutional,
)
from akrt.model.node import Node
from akrt.model.preprocessing import PREPROCESSING, Mfcc, Picture, Preprocessing
from akrt.model.scaled import ScaledLayer, ScaledSpatialLayer
from akrt.model.scaled_layers import (
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    InputConv2D,
)
from akrt.model.task import (
    TASKS,
    ClassTask,
    FomoTask,
    RawTask,
    RegressionTask,
    Task,
    YoloTask,
)
from akrt.model.temporal_layers import (
    BufferTempConv,
    DepthwiseBufferTempConv,
    PicoPostProcessing,
    StatefulRecurrent,
)
from akrt.model.value import (
    MAX_TENSOR_ELEMENTS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    IntArray,
    Pair,
    Remembered,
    Shape,
    Value,
)

__all__ = [
    "MAX_TENSOR_ELEMENTS",
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "PREPROCESSING",
    "TASKS",
    "WEIGHT_RANGES",
    "Add",
    "AnyLayer",
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
    "FomoTask",
    "FullyConnected",
    "InputConv2D",
    "InputConvolutional",
    "InputData",
    "IntArray",
    "Mfcc",
    "Model",
    "NeuralLayer",
    "Node",
    "Padding",
    "Pair",
    "PicoPostProcessing",
    "Picture",
    "Pooling",
    "Preprocessing",
    "Quantizer",
    "RawTask",
    "RegressionTask",
    "Remembered",
    "ScaledLayer",
    "ScaledSpatialLayer",
    "SeparableConvolutional",
    "Shape",
    "ShiftedAdd",
    "SignedInputData",
    "SpatialLayer",
    "StatefulRecurrent",
    "Task",
    "Value",
    "WeightedLayer",
    "YoloTask",
]
