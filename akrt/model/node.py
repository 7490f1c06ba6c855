"""A layer in its place in a network: what it takes and gives, and the integers it can meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from akrt.errors import ModelError, UnsupportedLayerError
from akrt.model.families import Extent, Layer
from akrt.model.value import MAX_TENSOR_ELEMENTS, POTENTIAL_MAX, Remembered, Shape, Value

__all__ = ["Node", "connect"]

INT32_MAX = (1 << 31) - 1


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """A layer in its place in a network."""

    layer: Layer
    sources: tuple[str, ...]
    """Names of the layers whose outputs it takes; none: it takes what the caller gives."""
    inputs: tuple[Value, ...]
    """What it takes: of each source, or of the caller."""
    output: Value
    extent: Extent

    @property
    def input_shape(self) -> Shape:
        """(X, Y, C) of the first input."""
        return self.inputs[0].shape

    @property
    def input_max(self) -> int:
        """Largest value of any input; the smallest is 0 in networks of Akida 1.0."""
        return max(value.high for value in self.inputs)

    @property
    def output_shape(self) -> Shape:
        """(X, Y, C)."""
        return self.output.shape

    @property
    def output_max(self) -> int | None:
        """Largest activation; None where the output is a potential."""
        return None if self.output.is_potential else self.output.high

    @property
    def conv_shape(self) -> Shape:
        """Shape of the potentials before pooling."""
        return self.extent.conv_shape

    @property
    def max_potential(self) -> int:
        """Bound of the magnitude of every potential and of every partial sum of one."""
        return self.extent.max_potential

    @property
    def max_depthwise(self) -> int:
        """The same of what is between depthwise and pointwise; 0 where there is no depthwise."""
        return self.extent.max_depthwise

    @property
    def max_activated(self) -> int:
        """Bound of the magnitude of every potential that meets the activation."""
        return self.layer.max_activated(self.extent)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return self.extent.macs

    @cached_property
    def memory(self) -> dict[str, Remembered]:
        """What it keeps from one sample for the next, by name; mostly nothing."""
        return self.layer.memory(self.inputs)

    @property
    def beyond_20_bits(self) -> bool:
        """Whether potentials that do not saturate can leave the chip's range.

        In akida's software backend they do, which is then no reference for the chip.
        """
        if self.layer.sums_wrap:  # no chip of such layers has 20 bits
            return False
        return not self.layer.saturates and self.max_potential > POTENTIAL_MAX


def connect(layers: Sequence[Layer], sources: Mapping[str, tuple[str, ...]]) -> Iterator[Node]:
    """The nodes of a network, in the order of its layers.

    Args:
        layers: each after those whose outputs it takes.
        sources: names of the layers whose outputs a layer takes, by its own name.

    Raises:
        ModelError: they do not fit together.
        UnsupportedLayerError: a layer whose tensors or potentials would be too large.
    """
    made: dict[str, Node] = {}
    for layer in layers:
        named = sources[layer.name]
        follows = layer.arity == 0 and _follows_entrance(named, made)
        if layer.arity == 0 and made and not follows:
            raise ModelError(f"layer '{layer.name}' ({layer.kind}) must be the first")
        arity = 1 if follows else layer.arity
        if len(named) != arity:
            raise ModelError(
                f"layer '{layer.name}' ({layer.kind}) takes {arity} inputs, "
                f"{len(named)} are named: Model(..., inputs={{'{layer.name}': (...)}})"
            )
        for name in named:
            if name not in made:
                raise ModelError(
                    f"layer '{layer.name}' takes the output of '{name}', "
                    f"which is no layer before it"
                )
            _check_follows(layer, made[name])
        inputs = tuple(made[name].output for name in named)
        if layer.entry is not None:
            wanted = layer.entry
            if follows and inputs[0] != wanted:
                raise ModelError(
                    f"layer '{layer.name}' ({layer.kind}) takes {wanted.text} {wanted.shape}, "
                    f"but gets {inputs[0].text} {inputs[0].shape}"
                )
            inputs = inputs or (layer.entry,)
        made[layer.name] = _node(layer, named, inputs)
        yield made[layer.name]


def _follows_entrance(named: tuple[str, ...], made: Mapping[str, Node]) -> bool:
    """Whether an entrance has one of floats before it, which makes its integers."""
    return len(named) == 1 and named[0] in made and made[named[0]].layer.feeds_entrance


def _check_follows(layer: Layer, before: Node) -> None:
    """Refuse what `before` gives where `layer` cannot take it, whatever its range."""
    given = before.output
    if given.dtype == "float32":
        problem = "gives floats"
    elif not given.is_potential or layer.takes_potentials:
        return
    elif before.layer.sums_wrap or before.layer.entry is not None:
        problem = "gives values of more than 8 bits"
    else:
        problem = "has no activation"
    raise ModelError(
        f"layer '{before.layer.name}' {problem} but is followed by '{layer.name}': "
        f"only the last layer may output {'floats' if given.dtype == 'float32' else 'potentials'}"
    )


def _node(layer: Layer, sources: tuple[str, ...], inputs: tuple[Value, ...]) -> Node:
    reach = max(value.high for value in inputs)
    if reach > layer.input_high:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"takes values of at most {layer.input_high.bit_length()} bits, "
            f"but its input reaches {reach}",
        )
    least = min(value.low for value in inputs)
    if least < layer.input_low:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"takes values from {layer.input_low} on, but its input reaches {least}",
        )
    extent = layer.extent(inputs)
    largest = max(extent.max_potential, extent.max_depthwise)
    if largest > INT32_MAX - (1 << 20) and not layer.sums_wrap:
        raise UnsupportedLayerError(
            layer.name,
            layer.kind,
            f"potentials can reach {largest:,}, beyond 32 bits: use fewer inputs or narrower "
            f"weights",
        )
    for shape in (*(value.shape for value in inputs), extent.conv_shape, extent.output_shape):
        if shape[0] * shape[1] * shape[2] > MAX_TENSOR_ELEMENTS:
            raise UnsupportedLayerError(
                layer.name,
                layer.kind,
                f"a tensor of shape {shape} has more than {MAX_TENSOR_ELEMENTS:,} elements",
            )
    return Node(layer, sources, inputs, layer.output(extent), extent)
