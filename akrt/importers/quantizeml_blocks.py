"""Which Keras layers of QuantizeML's make one layer of Akida 2.0, and what feeds it.

A block is a convolution, a dense layer or a joint with its pooling and activation. It ends with the
output quantiser of its last layer; without one it gives what is in its accumulators.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from akrt.errors import ModelFileError
from akrt.importers import quantizeml_settings as settings
from akrt.importers.keras_config import KerasLayer

__all__ = ["CONVOLUTIONS", "JOINTS", "TRANSPOSED", "QuantizedBlock", "group"]

CONVOLUTIONS = ("QuantizedConv2D", "QuantizedDepthwiseConv2D")
TRANSPOSED = ("QuantizedConv2DTranspose", "QuantizedDepthwiseConv2DTranspose")
JOINTS = ("QuantizedAdd", "QuantizedConcatenate")
_RESHAPES = ("QuantizedReshape", "QuantizedFlatten")
_PARTS = {
    "QuantizedMaxPool2D": "max pooling",
    "QuantizedGlobalAveragePooling2D": "global average pooling",
    "QuantizedReLU": "activation",
    "QuantizedActivation": "activation",
}
_ORDERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "QuantizedConv2D": (
        ("activation",),
        ("max pooling", "activation"),
        ("activation", "global average pooling"),
        ("global average pooling",),
    ),
    "QuantizedDepthwiseConv2D": (("activation",), ("max pooling", "activation")),
    "QuantizedConv2DTranspose": (("activation",),),
    "QuantizedDepthwiseConv2DTranspose": (("activation",),),
    "QuantizedDense": (("activation",),),
}
"""What may follow a layer besides nothing."""
_IN_LUT_BITS = 11
_FOR_AKIDA_2 = (
    "Akida 2.0 has QuantizedConv2D, QuantizedDepthwiseConv2D, both transposed, QuantizedDense, "
    "QuantizedAdd and QuantizedConcatenate, with QuantizedMaxPool2D, QuantizedReLU, "
    "QuantizedActivation and QuantizedGlobalAveragePooling2D behind them"
)


@dataclass
class QuantizedBlock:
    """The Keras layers that become one layer of Akida 2.0."""

    root: KerasLayer
    sources: tuple[int, ...]
    """Places of the blocks that feed it; -1: the entrance."""
    reshapes: tuple[KerasLayer, ...] = ()
    """Between them and it."""
    parts: list[KerasLayer] = field(default_factory=list)
    """What follows the root, in order."""

    @property
    def last(self) -> KerasLayer:
        """The layer whose output quantiser ends the block."""
        return self.parts[-1] if self.parts else self.root

    @property
    def activation(self) -> KerasLayer | None:
        """A QuantizedReLU or QuantizedActivation."""
        return self._part("activation")

    @property
    def pooling(self) -> KerasLayer | None:
        """A pooling of either kind."""
        return self._part("max pooling") or self._part("global average pooling")

    def _part(self, what: str) -> KerasLayer | None:
        return next((layer for layer in self.parts if _PARTS[layer.kind] == what), None)

    @property
    def is_open(self) -> bool:
        """Whether its values are still those of its accumulators, or on their way to a table."""
        if self.root.kind in JOINTS:
            return False
        quantiser = settings.quantiser(self.last, "output_quantizer")
        bits = settings.setting(self.last, quantiser, "bitwidth", 8) if quantiser else 32
        return bits > 8


def group(layers: list[KerasLayer], model: str) -> list[QuantizedBlock]:
    """The blocks, each after those that feed it; the last may be a Dequantizer.

    Args:
        layers: without those in front of the first block.
        model: a name, for messages.

    Raises:
        UnsupportedLayerError: a layer that Akida 2.0 has not, or not at its place.
        ModelFileError: no layer has weights.
    """
    blocks: list[QuantizedBlock] = []
    owner: dict[str, int] = {}
    last: dict[str, bool] = {}
    reshapes: dict[str, tuple[KerasLayer, ...]] = {}
    uses = Counter(name for layer in layers for name in layer.sources)
    for layer in layers:
        fed = [name for name in layer.sources if name in owner]
        kind = layer.kind
        if kind in settings.IGNORED or kind in _RESHAPES:
            gone = reshapes.get(layer.sources[0] if layer.sources else "", ())
            reshapes[layer.name] = (*gone, layer) if kind in _RESHAPES else gone
            if fed:
                owner[layer.name] = owner[fed[0]]
                last[layer.name] = uses[fed[0]] == 1 and last[fed[0]]
        elif kind in _PARTS:
            block = blocks[owner[fed[0]]] if fed else None
            before = fed and not reshapes.get(fed[0]) and last[fed[0]] and uses[fed[0]] == 1
            if block is None or not before:
                raise layer.fail("does not follow a convolution or a dense layer alone")
            _append(block, layer)
            owner[layer.name], last[layer.name] = owner[fed[0]], True
        elif kind in (*_ORDERS, *JOINTS, "Dequantizer"):
            gone = tuple(one for name in layer.sources for one in reshapes.get(name, ()))
            places = tuple(owner.get(name, -1) for name in layer.sources) or (-1,)
            block = QuantizedBlock(layer, places, gone)
            _check_sources(block, blocks)
            owner[layer.name], last[layer.name] = len(blocks), True
            blocks.append(block)
            if kind == "Dequantizer":
                break
        elif not (kind in ("Activation", "Softmax") and not layer.by_quantizeml):
            told = "is not supported by Akida 2.0" if layer.by_quantizeml else "is not quantised"
            raise layer.fail(f"{told}: {_FOR_AKIDA_2}")
    if not any(block.root.kind in _ORDERS for block in blocks):
        raise ModelFileError(f"the model '{model}' has no quantised neural layer")
    return blocks


def _append(block: QuantizedBlock, layer: KerasLayer) -> None:
    """A pooling or an activation behind the others of a block."""
    order = tuple(_PARTS[part.kind] for part in (*block.parts, layer))
    orders = _ORDERS.get(block.root.kind, ())
    if not any(order == whole[: len(order)] for whole in orders):
        raise layer.fail(
            f"does not run behind '{block.last.name}': Akida 2.0 takes "
            f"{' or '.join(' and '.join(whole) for whole in orders) or 'nothing'} behind a "
            f"{block.root.kind}"
        )
    if not block.is_open:
        raise layer.fail(f"follows '{block.last.name}', whose output is quantised already")
    if layer.kind == "QuantizedActivation":
        quantiser = settings.quantiser(block.root, "output_quantizer")
        if block.root.kind == "QuantizedDense":
            raise layer.fail("is a look-up table: Akida 2.0 has none behind a dense layer")
        if settings.setting(block.root, quantiser, "bitwidth", 8) != _IN_LUT_BITS:
            raise layer.fail(f"needs {_IN_LUT_BITS} bits from '{block.root.name}'")
    block.parts.append(layer)


def _check_sources(block: QuantizedBlock, blocks: list[QuantizedBlock]) -> None:
    root = block.root
    wanted = 2 if root.kind in JOINTS else 1
    if len(block.sources) != wanted:
        raise root.fail(f"has {len(block.sources)} inputs, Akida 2.0 takes {wanted}")
    for place in block.sources:
        if place < 0:
            continue
        if blocks[place].root.kind == "Dequantizer":
            raise root.fail("follows a Dequantizer")
        if blocks[place].is_open and root.kind != "Dequantizer":
            raise root.fail(
                f"follows '{blocks[place].last.name}', which has no output quantiser of up to 8 "
                f"bits: quantise the whole model with quantizeml.models.quantize"
            )
