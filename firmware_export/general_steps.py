"""Any layer to a step with the general kernels: every type, shape and bit width."""

from __future__ import annotations

from akrt.lowering.operations import Addition, Dense, NeuralOperation, Separable
from firmware_export.layer_constants import constant, layer_constants
from firmware_export.packing import pack_bits, pack_rows
from firmware_export.sizes import MCU_LAYER, layer_scratch
from firmware_export.step import Step, Tensor

__all__ = ["general_step"]


def general_step(
    prefix: str,
    index: int,
    does: NeuralOperation,
    sources: tuple[Tensor, ...],
    target: Tensor,
    because: tuple[str, ...] = (),
) -> Step:
    """A layer with the general kernels; tensors are bytes, potentials int32.

    Args:
        prefix: of the C names of the layer's constants.
        index: of the layer in the model.
        does: what the layer does.
        sources: tensors of layout ``bytes``.
        target: tensor of layout ``bytes``, or ``words`` if the layer has no activation.
        because: what keeps the layer from faster kernels, for people.
    """
    weights, depthwise, row_bytes = None, None, 0
    if not isinstance(does, Addition):
        bits = does.layer.weights_bits
        packed = pack_rows(does.weights.T, bits)
        weights = constant(f"{prefix}_weights", "uint8_t", packed, f"{bits} bits, by filter")
        row_bytes = packed.shape[1]
    mids, potentials = 0, ""
    if isinstance(does, Addition):
        driver = "akrt_layer_add"
    elif isinstance(does, Dense):
        driver = "akrt_layer_dense"
    else:
        driver, potentials = f"akrt_layer_{does.pool or 'plain'}", "akrt_conv_potentials"
    if isinstance(does, Separable):
        potentials, mids = "akrt_separable_potentials", does.node.input_shape[2]
        bits = does.layer.weights_bits
        note = f"{bits} bits, (kernel_x, kernel_y, channels)"
        packed = pack_bits(does.depthwise, bits)
        depthwise = constant(f"{prefix}_depthwise", "uint8_t", packed, note)
    scratch = layer_scratch(driver, mids, does.layer.filters)

    def call(*memory: str) -> str:
        how = (potentials, str(mids)) if potentials else ()
        return f"{driver}({', '.join((f'&{prefix}', *how, *memory))});"

    kernels = (driver, potentials) if potentials else (driver,)
    return Step(
        layer=index,
        kernel="/".join(kernels),
        sources=sources,
        target=target,
        call=call,
        kernels=kernels,
        constants=layer_constants(prefix, does, weights, depthwise, row_bytes),
        scratch_bytes=scratch.bytes,
        sizes={"layer": MCU_LAYER, "scratch": scratch},
        general_because=because,
    )
