"""The model: layers, the graph they make, its file and its table; integers only."""

from akrt.model.graph import Model
from akrt.model.layers import (
    MAX_TENSOR_ELEMENTS,
    POTENTIAL_MAX,
    POTENTIAL_MIN,
    WEIGHT_RANGES,
    AnyLayer,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    InputData,
    IntArray,
    NeuralLayer,
    Padding,
    Pair,
    Pooling,
    SeparableConvolutional,
    Shape,
    SpatialLayer,
)
from akrt.model.node import Node
from akrt.model.preprocessing import PREPROCESSING, Mfcc, Preprocessing

__all__ = [
    "MAX_TENSOR_ELEMENTS",
    "POTENTIAL_MAX",
    "POTENTIAL_MIN",
    "PREPROCESSING",
    "WEIGHT_RANGES",
    "AnyLayer",
    "Convolutional",
    "FullyConnected",
    "InputConvolutional",
    "InputData",
    "IntArray",
    "Mfcc",
    "Model",
    "NeuralLayer",
    "Node",
    "Padding",
    "Pair",
    "Pooling",
    "Preprocessing",
    "SeparableConvolutional",
    "Shape",
    "SpatialLayer",
]
