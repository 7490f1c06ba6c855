"""Which Keras layers make one Akida layer: a neural layer, at most one pooling, an activation."""

from __future__ import annotations

from typing import NamedTuple

from akrt.errors import ModelFileError, UnsupportedLayerError
from akrt.importers.batch_normalization import NEURAL
from akrt.importers.keras_config import KerasLayer

__all__ = ["ACTIVATIONS", "Block", "group", "pool_first"]

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
