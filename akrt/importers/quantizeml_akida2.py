"""Converts Keras layers that QuantizeML quantised for Akida 2.0, without TensorFlow.

The integers are those of ``cnn2snn.convert``: rules from the Apache-2.0 sources of cnn2snn 2.19
(``cnn2snn/quantizeml``) and quantizeml 1.2. An Akida layer is a block of Keras layers; where these
know that values mean ``integer * scale / 2**fraction``, Akida has integers that shift and scale
them: an output quantiser becomes ``output_scales`` and ``output_shift``, a bias the same units as
the sums it joins, divided by ``2**bias_shift``.
"""

from __future__ import annotations

import numpy as np

from akrt.importers import quantizeml_numbers as numbers
from akrt.importers import quantizeml_settings as settings
from akrt.importers.keras_config import Architecture, KerasLayer
from akrt.importers.quantizeml_blocks import QuantizedBlock, group
from akrt.importers.quantizeml_numbers import Units
from akrt.importers.quantizeml_scaled import (
    Given,
    check_reshapes,
    is_signed,
    output_ranges,
    plain,
    scaled,
    small,
)
from akrt.model import (
    AnyLayer,
    Concatenate,
    Dequantizer,
    InputData,
    Quantizer,
    ShiftedAdd,
    SignedInputData,
)

__all__ = ["convert"]


def convert(
    architecture: Architecture,
) -> tuple[list[AnyLayer], dict[str, tuple[str, ...]]]:
    """The Akida layers of a network that QuantizeML quantised, and the names of what feeds them.

    Raises:
        UnsupportedLayerError: a layer that Akida 2.0 has not; the message names it and the remedy.
        ModelFileError: the layers make no network.
    """
    layers = list(architecture.layers)
    quantizer, shape, units = None, architecture.spatial_shape, Units()
    if layers and layers[0].kind == "InputQuantizer":
        try:
            quantizer, units = settings.entrance(layers[0], shape)
        except numbers.NearPowerOfTwo:
            raise layers[0].fail(settings.NEAR_POWER) from None
        layers = layers[1:]
    if layers and layers[0].kind == "QuantizedRescaling":
        units, layers = settings.rescaled(layers[0], units), layers[1:]
    blocks = group(layers, architecture.name)
    image = _is_image(architecture, quantizer, blocks)
    made: list[AnyLayer] = [] if quantizer is None else [quantizer]
    if not image:
        made.append(_input_data(architecture, quantizer, blocks[0].root))
    entrance = Given(made[-1].name if made else "", shape, units)
    names: dict[str, tuple[str, ...]] = {}
    given: list[Given] = []
    for block in blocks:
        fed = [given[place] if place >= 0 else entrance for place in block.sources]
        try:
            layer, gives = _layer(block, fed, image and not given)
        except numbers.NearPowerOfTwo:
            raise block.last.fail(settings.NEAR_POWER) from None
        if made:
            names[layer.name] = tuple(one.name for one in fed)
        made.append(layer)
        given.append(gives)
    return made, names


def _is_image(
    architecture: Architecture, quantizer: Quantizer | None, blocks: list[QuantizedBlock]
) -> bool:
    """Whether the first block becomes an InputConv2D."""
    first = blocks[0]
    pooling = first.pooling
    return (
        first.root.kind == "QuantizedConv2D"
        and first.activation is not None
        and (pooling is None or pooling.kind == "QuantizedMaxPool2D")
        and len(architecture.input_shape) == 3
        and architecture.input_shape[-1] in (1, 3)
        and architecture.input_dtype not in ("int8", "int16", "int32")
        and (quantizer is None or (quantizer.output_bits == 8 and not quantizer.output_signed))
        and not any(-1 in block.sources for block in blocks[1:])
    )


def _input_data(
    architecture: Architecture, quantizer: Quantizer | None, first: KerasLayer
) -> InputData | SignedInputData:
    """The entrance of whole numbers, behind a Quantizer or not."""
    name = f"{architecture.name}_input"
    bits = 8 if quantizer is None else quantizer.output_bits
    unsigned = architecture.input_dtype.startswith("uint")
    if quantizer is not None:
        unsigned = not quantizer.output_signed
    elif architecture.input_dtype.endswith(("int16", "int32")):
        raise first.fail(f"takes {architecture.input_dtype} input: Akida 2.0 takes 8 bits")
    if unsigned != (bits <= 4):
        raise first.fail(
            f"takes {'un' if unsigned else ''}signed input of {bits} bits, is no convolution of 1 "
            f"or 3 channels, or has no activation: Akida 2.0 takes signed input of 8 bits there; "
            f"quantise with input_dtype='int8' and give the Keras model an int8 or float32 input"
        )
    return (InputData if bits <= 4 else SignedInputData)(name, architecture.spatial_shape, bits)


def _layer(block: QuantizedBlock, fed: list[Given], image: bool) -> tuple[AnyLayer, Given]:
    """The Akida layer of a block, and what it gives."""
    root, first = block.root, fed[0]
    if root.kind == "QuantizedConcatenate":
        return _concatenated(block, fed)
    if root.kind == "QuantizedAdd":
        return _added(block, fed)
    if root.kind == "Dequantizer":
        check_reshapes(block, first)
        scales = first.units.scale / np.exp2(first.units.fraction)
        scales = np.broadcast_to(scales.astype(np.float32), first.shape[2:]).copy()
        return Dequantizer(name=root.name, scales=scales), first._replace(name=root.name)
    return scaled(block, first, image)


def _concatenated(block: QuantizedBlock, fed: list[Given]) -> tuple[AnyLayer, Given]:
    root = block.root
    for one in fed:
        check_reshapes(block, one)
    if root.config.get("axis", -1) not in (-1, 3):
        raise root.fail(f"joins along axis {root.config.get('axis')!r:.40}, expected the last")
    if any(np.any(one.units.scale != 1) for one in fed):
        raise root.fail("joins values that are not quantised")
    fractions = [np.broadcast_to(one.units.fraction, one.shape[2:]) for one in fed]
    shape = (*fed[0].shape[:2], fed[0].shape[2] + fed[1].shape[2])
    units = Units(fraction=plain(np.concatenate(fractions)))
    return Concatenate(root.name), Given(root.name, shape, units)


def _added(block: QuantizedBlock, fed: list[Given]) -> tuple[AnyLayer, Given]:
    root, shape = block.root, fed[0].shape
    for one in fed:
        check_reshapes(block, one)
        if np.any(one.units.scale != 1):
            raise root.fail("adds values that are not quantised")
    if fed[1].shape != shape:
        raise root.fail(f"adds {fed[0].shape} and {fed[1].shape}, expected one shape")
    first, second = (one.units.fraction for one in fed)
    fraction = np.maximum(first, second)
    shifts = [small(root, fraction - one, np.uint8, shape[2]) for one in (first, second)]
    if root.config.get("average", False) not in (False, 0):
        fraction = fraction + np.float32(1)
    buffer = settings.buffer_bits(root)
    quantiser = settings.quantiser(root, "output_quantizer")
    output_bits, shift = buffer, np.zeros((), np.float32)
    if quantiser:
        output_bits, largest, _ = output_ranges(root, shape[2])
        made = numbers.fraction_of(largest, output_bits - is_signed(quantiser))
        shift, fraction = np.maximum(made - fraction, 1 - buffer), made
    layer = ShiftedAdd(
        name=root.name,
        a_shift=shifts[0],
        b_shift=shifts[1],
        output_shift=small(root, shift, np.int8, shape[2]),
        output_bits=output_bits,
        buffer_bits=buffer,
    )
    return layer, Given(root.name, shape, Units(fraction=fraction))
