"""Which Keras layers make one Akida layer: a neural layer, at most one pooling, an activation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from akrt.errors import ModelFileError, UnsupportedLayerError
from akrt.importers.batch_normalization import NEURAL
from akrt.importers.keras_config import KerasLayer
from akrt.model import MAX_TENSOR_ELEMENTS, Padding, Pooling

__all__ = [
    "ACTIVATIONS",
    "Block",
    "check_reshape",
    "group",
    "kernels_and_bias",
    "max_pooling",
    "padding",
    "pool_first",
    "pooling",
]

ACTIVATIONS = ("QuantizedReLU", "ActivationDiscreteRelu")
_FLOAT_LAYERS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Dense", "ReLU")


class Block(NamedTuple):
    """The Keras layers that become one Akida layer."""

    neural: KerasLayer
    reshapes: tuple[KerasLayer, ...] = ()
    pooling: KerasLayer | None = None
    activation: KerasLayer | None = None


def pool_first(layers: list[KerasLayer]) -> list[KerasLayer]:
    """Swaps each activation and the max pooling after it, which commute."""
    swapped: list[KerasLayer] = []
    for layer in layers:
        if layer.kind == "MaxPooling2D" and swapped and swapped[-1].kind in ACTIVATIONS:
            swapped.insert(-1, layer)
        else:
            swapped.append(layer)
    return swapped


def group(layers: list[KerasLayer], model: str) -> list[Block]:
    """Groups the layers; checks their order."""
    blocks: list[Block] = []
    pending: Block | None = None
    reshapes: tuple[KerasLayer, ...] = ()
    previous: KerasLayer | None = None
    for i, layer in enumerate(layers):
        kind = layer.kind
        if kind in NEURAL:
            if pending is not None:
                raise layer.fail(f"needs a quantised activation between it and {_of(pending)}")
            pending, reshapes = Block(layer, reshapes), ()
        elif kind in ("MaxPooling2D", "GlobalAveragePooling2D"):
            if previous is None or previous.kind not in NEURAL[:2] or pending is None:
                raise layer.fail(
                    "must directly follow a convolution (a global average pooling before its "
                    "activation, a max pooling before or after it)"
                )
            pending = pending._replace(pooling=layer)
        elif kind in ACTIVATIONS:
            if pending is None:
                raise layer.fail("does not follow a quantised neural layer")
            blocks.append(pending._replace(activation=layer))
            pending = None
        elif kind in ("Flatten", "Reshape"):
            if kind == "Flatten" and i + 1 < len(layers) and layers[i + 1].kind != "QuantizedDense":
                raise layer.fail("is only supported before a dense layer")
            if kind == "Reshape":
                reshapes = (*reshapes, layer)
        elif kind in ("Activation", "Softmax"):
            if any(later.kind in NEURAL for later in layers[i + 1 :]):
                raise layer.fail(
                    "is only supported after the last neural layer; use QuantizedReLU before"
                )
        else:
            raise _unsupported(layer)
        previous = layer
    if pending is not None:
        blocks.append(pending)
    if not blocks:
        raise ModelFileError(f"the model '{model}' has no quantised neural layer")
    return blocks


def check_reshape(layer: KerasLayer, shape: tuple[int, ...]) -> None:
    """Only (1, 1, N) to (N,), the reverse, or no change."""
    target = layer.config.get("target_shape")
    flat = shape[0] == shape[1] == 1
    allowed = [list(shape), [-1, *shape[1:]], [shape[0], -1, shape[2]], [*shape[:2], -1]]
    if flat:
        allowed += [[shape[2]], [-1]]
    if target not in allowed:
        raise layer.fail(f"can only turn (1, 1, N) into (N,) and back, got {shape} to {target}")


def padding(layer: KerasLayer) -> Padding:
    """The padding of a convolution or pooling layer."""
    value = layer.config.get("padding")
    if value == "same":
        return "same"
    if value == "valid":
        return "valid"
    raise layer.fail(f"padding must be 'same' or 'valid', got {value!r}")


def pooling(block: Block) -> Pooling | None:
    """The pooling of a block; a max pooling pads as the convolution before it."""
    layer = block.pooling
    if layer is None:
        return None
    if layer.kind == "GlobalAveragePooling2D":
        return Pooling("average")
    return max_pooling(layer, padding(block.neural), block.neural.name)


def max_pooling(layer: KerasLayer, padded: Padding, convolution: str) -> Pooling:
    """A max pooling, which pads as the convolution before it."""
    if padding(layer) != padded:
        raise layer.fail(f"must have the same padding as '{convolution}'")
    key = "strides" if layer.config.get("strides") is not None else "pool_size"
    return Pooling("max", layer.pair("pool_size"), layer.pair(key))


def kernels_and_bias(
    layer: KerasLayer, shape: tuple[int, ...]
) -> tuple[list[npt.NDArray[np.float32]], npt.NDArray[np.float32] | None]:
    """The kernels (depthwise and pointwise, if separable) and the bias of a layer.

    Args:
        layer: a dense layer or a convolution of either quantiser.
        shape: (X, Y, C) of its input.

    Raises:
        UnsupportedLayerError: other shapes than its settings ask for, or numbers that are not
            finite.
    """
    channels = shape[2]
    if layer.kind == "QuantizedDense":
        filters = layer.integer("units")
        shapes: list[tuple[int, ...]] = [(shape[0] * shape[1] * channels, filters)]
    else:
        depthwise = layer.kind.startswith("QuantizedDepthwise")
        filters = channels if depthwise else layer.integer("filters")
        size = layer.pair("kernel_size")
        for key in ("dilation_rate", "groups", "depth_multiplier"):
            if layer.config.get(key, 1) not in (1, [1, 1]):
                raise layer.fail(f"{key} must be 1, got {layer.config[key]!r}")
        if layer.kind == "QuantizedSeparableConv2D":
            shapes = [(*size, channels, 1), (1, 1, channels, filters)]
        elif depthwise:
            shapes = [(*size, channels, 1)]
        elif layer.kind == "QuantizedConv2DTranspose":
            shapes = [(*size, filters, channels)]
        else:
            shapes = [(*size, channels, filters)]
    count = len(shapes)
    if layer.flag("use_bias"):
        shapes.append((filters,))
    # ranges that QuantizeML recorded follow
    arrays = layer.weights[: len(shapes)] if layer.by_quantizeml else layer.weights
    found = [w.shape for w in arrays]
    if found != shapes:
        raise layer.fail(
            f"weights of shapes {shapes} are expected, the file holds {found or 'none'}"
        )
    if not all(np.isfinite(w).all() for w in arrays):
        raise layer.fail("has weights that are not finite")
    if sum(w.size for w in arrays) > MAX_TENSOR_ELEMENTS:
        raise layer.fail(f"has more than {MAX_TENSOR_ELEMENTS:,} weights")
    return list(arrays[:count]), arrays[count] if len(arrays) > count else None


def _of(block: Block) -> str:
    return f"'{block.neural.name}'"


def _unsupported(layer: KerasLayer) -> UnsupportedLayerError:
    if layer.kind in _FLOAT_LAYERS:
        return layer.fail("is not quantised: quantise the model with cnn2snn.quantize first")
    if layer.kind == "BatchNormalization":
        return layer.fail("does not follow a neural layer that it could be folded into")
    if layer.kind == "Rescaling":
        return layer.fail("must be the first layer")
    return layer.fail(
        "is not supported; Akida 1.0 has convolutions, separable convolutions, dense layers, max "
        "and global average pooling, and quantised activations"
    )
