# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Python's view of src_c: checks what it is given, releases the GIL, calls C."""

cimport numpy as cnp
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint16_t, uint32_t, uintptr_t

from typing import NamedTuple

import numpy as np

cnp.import_array()


cdef extern from *:
    """
    #ifndef AKRT_SOURCES
    #define AKRT_SOURCES ""
    #endif
    """
    const char *AKRT_SOURCES

SOURCES = AKRT_SOURCES.decode()
"""SHA-256 of what this was compiled from: `akrt.kernels.sources`."""

cdef extern from "akrt/network.h" nogil:
    enum: AKRT_WIDE_DEPTH
    ctypedef enum akrt_op:
        AKRT_CONV
        AKRT_SEPARABLE
        AKRT_DENSE
    ctypedef enum akrt_pool:
        AKRT_POOL_NONE
        AKRT_POOL_MAX
        AKRT_POOL_SUM
    ctypedef enum akrt_act:
        AKRT_ACT_NONE
        AKRT_ACT_LEVELS
        AKRT_ACT_BISECT
        AKRT_ACT_SCALE
        AKRT_ACT_SHORT
        AKRT_ACT_LANES
    ctypedef struct akrt_scale:
        const int32_t *threshold
        const int32_t *top
        const uint32_t *mul
        const uint32_t *add
        const uint32_t *fine
        uint32_t shift
    ctypedef struct akrt_short_scale:
        const int16_t *factor
        const uint16_t *mul
        uint32_t shift
        uint8_t top
    ctypedef struct akrt_lanes:
        const int16_t *weights
        const int16_t *start
        const int16_t *top
        const uint16_t *factor
        const uint16_t *offset
        const uint16_t *mul
        uint16_t unit
        int32_t depth, filters, limit
        const int16_t *low_start
        const uint16_t *step
        const uint16_t *sixteenths
        int16_t count
    ctypedef struct akrt_product:
        const int8_t *weights
        const int16_t *rest_weights
        const int32_t *start
        int32_t depth, filters, chain
    ctypedef struct akrt_window:
        int32_t in_x, in_y, channels, out_x, out_y
        int32_t size_x, size_y, stride_x, stride_y, pad_x, pad_y
    ctypedef struct akrt_arch:
        const char *name
        int32_t filter_block, byte_block, byte_pair, lanes, walks
    const akrt_arch *akrt_arch_at(int32_t index)
    int akrt_arch_usable(const akrt_arch *arch)
    ctypedef struct akrt_layer:
        const akrt_arch *arch
        akrt_op op
        akrt_pool pool
        akrt_act act
        akrt_window conv
        akrt_window max_pool
        int32_t filters, depth, act_bits, activates_first, wide_depthwise
        int16_t border
        const int16_t *weights
        const int16_t *depthwise
        const int16_t *magnitudes
        int32_t bytes
        akrt_product product
        int32_t walks
        const int8_t *byte_depthwise
        const int32_t *offset
        const int32_t *threshold
        const int32_t *step
        akrt_lanes lanes
        akrt_scale scale
        akrt_short_scale short_scale
        const int32_t *levels
    ctypedef struct akrt_network:
        const akrt_layer *layers
        int32_t count
    size_t akrt_layer_input_size(const akrt_layer *layer)
    size_t akrt_layer_output_size(const akrt_layer *layer)
    size_t akrt_layer_scratch_bytes(const akrt_layer *layer)
    void akrt_layer_run(const akrt_layer *layer, const uint8_t *input, void *output, void *scratch)
    size_t akrt_network_arena_bytes(const akrt_network *network)
    void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                          void *output, void *arena)


_OPS = {"conv": AKRT_CONV, "separable": AKRT_SEPARABLE, "dense": AKRT_DENSE}
_POOLS = {None: AKRT_POOL_NONE, "max": AKRT_POOL_MAX, "sum": AKRT_POOL_SUM}
_ACTS = {
    None: AKRT_ACT_NONE,
    "levels": AKRT_ACT_LEVELS,
    "bisect": AKRT_ACT_BISECT,
    "scale": AKRT_ACT_SCALE,
    "short": AKRT_ACT_SHORT,
    "lanes": AKRT_ACT_LANES,
}


class Architecture(NamedTuple):
    """A kernel set: how it wants weights (src_c/include/akrt/arch.h), whether this CPU runs it."""

    name: str
    filter_block: int
    byte_block: int
    byte_pair: int
    lanes: bool
    walks: bool
    usable: bool


def architectures():
    """The kernel sets built in, best first."""
    found = []
    cdef int32_t i = 0
    while akrt_arch_at(i) != NULL:
        arch = akrt_arch_at(i)
        found.append(
            Architecture(
                arch.name.decode(),
                arch.filter_block,
                arch.byte_block,
                arch.byte_pair,
                bool(arch.lanes),
                bool(arch.walks),
                bool(akrt_arch_usable(arch)),
            )
        )
        i += 1
    return found


cdef const akrt_arch *_arch(str name) except NULL:
    cdef int32_t i = 0
    while akrt_arch_at(i) != NULL:
        if akrt_arch_at(i).name.decode() == name and akrt_arch_usable(akrt_arch_at(i)):
            return akrt_arch_at(i)
        i += 1
    raise ValueError(f"this CPU has no kernels '{name}'")


cdef const void *_pointer(array, dtype, shape) except? NULL:
    """Address of an array that must be exactly what the kernels will read."""
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(f"expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")
    return cnp.PyArray_DATA(<cnp.ndarray>array)


cdef const void *_weights(dict layer, str name, dtype) except? NULL:
    """Address of packed weights, NULL for None."""
    weights = layer[name]
    if weights is None:
        return NULL
    if weights.size < layer["filters"] * layer["depth"]:
        raise ValueError(
            f"{weights.size} weights for {layer['filters']} filters of {layer['depth']}"
        )
    return _pointer(weights, dtype, weights.shape)


cdef akrt_window _window(fields):
    cdef akrt_window window = fields
    return window


cdef class Network:
    """A planned network: packed layers, and the arenas of the calls in flight.

    Args:
        layers: one dict a layer, as `akrt.backends.native` packs it. Arrays are kept alive here.
        arch: the kernel set to use, one of `architectures`.

    `run` may be called from many threads at once; each call has an arena of its own.
    """

    cdef akrt_layer *_layers
    cdef akrt_network _network
    cdef size_t _arena_bytes
    cdef list _arrays
    cdef list _shapes
    cdef list _arenas

    def __cinit__(self, list layers, str arch):
        self._layers = NULL
        if not layers:
            raise ValueError("a network needs at least one layer")
        self._layers = <akrt_layer *>PyMem_Calloc(len(layers), sizeof(akrt_layer))
        if self._layers == NULL:
            raise MemoryError()
        self._arrays, self._shapes, self._arenas = [], [], []
        cdef const akrt_arch *chosen = _arch(arch)
        for i, layer in enumerate(layers):
            self._layers[i].arch = chosen
            self._fill(&self._layers[i], layer)
        self._network.layers = self._layers
        self._network.count = len(layers)
        self._arena_bytes = akrt_network_arena_bytes(&self._network)

    def __dealloc__(self):
        PyMem_Free(self._layers)

    cdef int _fill(self, akrt_layer *out, dict layer) except -1:
        out.op = _OPS[layer["op"]]
        out.pool = _POOLS[layer["pool"]]
        out.act = _ACTS[layer["act"]]
        out.conv = _window(layer["conv"])
        if out.pool == AKRT_POOL_MAX:
            out.max_pool = _window(layer["max_pool"])
        out.filters, out.depth = layer["filters"], layer["depth"]
        out.act_bits = layer["act_bits"] or 0
        out.activates_first = layer["activates_first"]
        if out.activates_first and (out.pool != AKRT_POOL_MAX or out.act == AKRT_ACT_NONE):
            raise ValueError("only an activation can come before max pooling")
        out.wide_depthwise = layer["wide_depthwise"]
        out.border = layer["border"]
        out.bytes = layer["bytes"] is not None
        out.weights = <const int16_t *>_weights(layer, "weights", np.int16)
        used = out.conv.channels
        if out.op == AKRT_SEPARABLE:
            window = (out.conv.size_x, out.conv.size_y, out.conv.channels)
            out.depthwise = <const int16_t *>_pointer(layer["depthwise"], np.int16, window)
            out.magnitudes = <const int16_t *>_weights(layer, "magnitudes", np.int16)
        elif out.op == AKRT_CONV:
            used = out.conv.size_x * out.conv.size_y * out.conv.channels
        else:
            used = out.conv.in_x * out.conv.in_y * out.conv.channels
        if out.depth < used or out.depth % (4 if out.bytes else 8):
            raise ValueError(f"weights of depth {out.depth} for {used} inputs")
        out.walks = layer["walks"]
        line = -(-out.conv.size_y * out.conv.channels // 4) * 4
        if out.walks and not (
            out.arch.walks
            and out.bytes
            and out.op == AKRT_CONV
            and out.depth == out.conv.size_x * line
        ):
            raise ValueError("only a product of bytes, filled up by lines, walks windows")
        if out.bytes:
            self._fill_bytes(out, layer["bytes"])
        elif out.weights == NULL:
            raise ValueError("no weights")
        channels = (out.filters,)
        if out.act == AKRT_ACT_BISECT:
            out.threshold = <const int32_t *>_pointer(layer["threshold"], np.int32, channels)
            out.step = <const int32_t *>_pointer(layer["step"], np.int32, channels)
        elif out.act == AKRT_ACT_SCALE:
            scale = layer["scale"]
            out.scale.threshold = <const int32_t *>_pointer(
                layer["threshold"], np.int32, channels
            )
            out.scale.top = <const int32_t *>_pointer(scale["top"], np.int32, channels)
            out.scale.mul = <const uint32_t *>_pointer(scale["mul"], np.uint32, channels)
            out.scale.add = <const uint32_t *>_pointer(scale["add"], np.uint32, channels)
            if scale["fine"] is not None:
                out.scale.fine = <const uint32_t *>_pointer(scale["fine"], np.uint32, channels)
            out.scale.shift = scale["shift"]
        elif out.act == AKRT_ACT_SHORT:
            pooled = out.pool != AKRT_POOL_NONE and not out.activates_first
            if not out.bytes or pooled or out.op == AKRT_DENSE:
                raise ValueError("this activation needs a product of bytes, not pooled")
            scale = layer["scale"]
            if scale["factor"] is not None:
                out.short_scale.factor = <const int16_t *>_pointer(
                    scale["factor"], np.int16, channels
                )
            out.short_scale.mul = <const uint16_t *>_pointer(scale["mul"], np.uint16, channels)
            out.short_scale.shift, out.short_scale.top = scale["shift"], scale["top"]
        elif out.act == AKRT_ACT_LANES:
            pooled = out.pool != AKRT_POOL_NONE and not out.activates_first
            if out.bytes or pooled or out.wide_depthwise or out.op == AKRT_DENSE:
                raise ValueError("this activation needs a product of 16 bits, not pooled")
            self._fill_lanes(out, layer["scale"], used)
            if out.lanes.step != NULL and out.op != AKRT_CONV:
                raise ValueError("only a convolution multiplies the halves of bytes")
        elif out.act == AKRT_ACT_LEVELS:
            count = ((1 << out.act_bits) - 1, out.filters)
            out.levels = <const int32_t *>_pointer(layer["levels"], np.int32, count)
        self._arrays.append(layer)
        self._shapes.append(layer["output_shape"])
        x, y, c = layer["output_shape"]
        if x * y * c != akrt_layer_output_size(out):
            raise ValueError(f"output shape {layer['output_shape']} does not match its windows")
        return 0

    cdef int _fill_lanes(self, akrt_layer *out, dict layer, used) except -1:
        cdef akrt_lanes *lanes = &out.lanes
        lanes.depth, lanes.filters = layer["depth"], out.filters
        if lanes.depth != (used if layer["step"] is not None else out.depth):
            raise ValueError(f"weights of depth {lanes.depth} for {used} inputs")
        padded = (-(-out.filters // 16) * 16,)
        packed = (lanes.depth, *padded)
        lanes.weights = <const int16_t *>_pointer(layer["weights"], np.int16, packed)
        lanes.start = <const int16_t *>_pointer(layer["start"], np.int16, padded)
        lanes.top = <const int16_t *>_pointer(layer["top"], np.int16, padded)
        lanes.factor = <const uint16_t *>_pointer(layer["factor"], np.uint16, padded)
        lanes.offset = <const uint16_t *>_pointer(layer["offset"], np.uint16, padded)
        lanes.mul = <const uint16_t *>_pointer(layer["mul"], np.uint16, padded)
        lanes.unit, lanes.limit, lanes.count = layer["unit"], layer["limit"], layer["count"]
        if layer["step"] is not None:
            lanes.low_start = <const int16_t *>_pointer(layer["low_start"], np.int16, padded)
            lanes.step = <const uint16_t *>_pointer(layer["step"], np.uint16, padded)
            lanes.sixteenths = <const uint16_t *>_pointer(layer["sixteenths"], np.uint16, padded)
        return 0

    cdef int _fill_bytes(self, akrt_layer *out, dict layer) except -1:
        cdef akrt_product *product = &out.product
        sizes = {"filters": out.filters, "depth": out.depth}
        product.depth, product.filters, product.chain = out.depth, out.filters, layer["chain"]
        product.weights = <const int8_t *>_weights({**layer, **sizes}, "weights", np.int8)
        product.rest_weights = out.weights
        product.start = <const int32_t *>_pointer(layer["start"], np.int32, (out.filters,))
        wide = product.chain == 0 and out.depth <= AKRT_WIDE_DEPTH
        missing = out.weights == NULL if wide else product.weights == NULL or product.chain < 1
        if missing:
            raise ValueError("no weights")
        if out.op == AKRT_SEPARABLE:
            window = (out.conv.size_x, out.conv.size_y, out.conv.channels)
            padded = (-(-out.conv.channels // 64) * 64,)
            out.byte_depthwise = <const int8_t *>_pointer(layer["depthwise"], np.int8, window)
            out.offset = <const int32_t *>_pointer(layer["offset"], np.int32, padded)
            if out.weights == NULL or out.depth % 8:
                raise ValueError("no 16-bit weights beside the bytes")
        return 0

    @property
    def arena_bytes(self):
        """Bytes of memory one call in flight needs."""
        return self._arena_bytes

    def accepts(self, x):
        """Whether `x` is a plain array of one or more samples that `run` takes as it is."""
        if not cnp.PyArray_CheckExact(x):
            return False
        cdef cnp.ndarray array = <cnp.ndarray>x
        cdef const akrt_window *first = &self._layers[0].conv
        return (
            cnp.PyArray_TYPE(array) == cnp.NPY_UINT8
            and cnp.PyArray_IS_C_CONTIGUOUS(array)
            and cnp.PyArray_NDIM(array) == 4
            and array.shape[0] > 0
            and array.shape[1] == first.in_x
            and array.shape[2] == first.in_y
            and array.shape[3] == first.channels
        )

    def empty(self, Py_ssize_t samples):
        """An array for the outputs of so many samples."""
        cdef int last = self._network.count - 1
        return self._output(&self._layers[last], samples, last)

    def run(self, cnp.ndarray x not None, cnp.ndarray out=None):
        """Outputs (N, X', Y', C') of the last layer for uint8 (N, X, Y, C), written to `out`.

        N is less than 2^31.
        """
        cdef const akrt_layer *last = &self._layers[self._network.count - 1]
        cdef Py_ssize_t samples = self._samples(x, &self._layers[0])
        if samples > 0x7FFFFFFF:
            raise ValueError("too many samples")
        cdef cnp.ndarray y = out
        if out is None:
            y = self._output(last, samples, self._network.count - 1)
        else:
            shape = (samples, *self._shapes[self._network.count - 1])
            _pointer(out, np.int32 if last.act == AKRT_ACT_NONE else np.uint8, shape)
        cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(x)
        cdef void *target = cnp.PyArray_DATA(y)
        cdef cnp.ndarray arena = self._take_arena()
        cdef void *memory = _aligned(arena)
        with nogil:
            akrt_network_run(&self._network, source, <int32_t>samples, target, memory)
        self._arenas.append(arena)
        return y

    def run_layer(self, int index, cnp.ndarray x not None):
        """Output of one layer for its uint8 input (N, X, Y, C)."""
        if not 0 <= index < self._network.count:
            raise IndexError(index)
        cdef const akrt_layer *layer = &self._layers[index]
        cdef Py_ssize_t samples = self._samples(x, layer)
        cdef cnp.ndarray y = self._output(layer, samples, index)
        cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(x)
        cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(y)
        cdef size_t stride = akrt_layer_input_size(layer)
        cdef size_t step = akrt_layer_output_size(layer) * <size_t>cnp.PyArray_ITEMSIZE(y)
        cdef cnp.ndarray arena = self._take_arena()
        cdef void *memory = _aligned(arena)
        cdef Py_ssize_t n
        with nogil:
            for n in range(samples):
                akrt_layer_run(layer, source + n * stride, target + n * step, memory)
        self._arenas.append(arena)
        return y

    cdef Py_ssize_t _samples(self, cnp.ndarray x, const akrt_layer *layer) except -1:
        cdef size_t size = akrt_layer_input_size(layer)
        if cnp.PyArray_TYPE(x) != cnp.NPY_UINT8 or not cnp.PyArray_IS_C_CONTIGUOUS(x):
            raise ValueError("expected a C-contiguous uint8 array")
        if cnp.PyArray_NDIM(x) != 4 or <size_t>cnp.PyArray_SIZE(x) != size * <size_t>x.shape[0]:
            raise ValueError(f"expected {size} values a sample")
        return x.shape[0]

    cdef cnp.ndarray _output(self, const akrt_layer *layer, Py_ssize_t samples, int index):
        cdef cnp.npy_intp shape[4]
        cdef tuple dims = self._shapes[index]
        shape[0] = samples
        shape[1], shape[2], shape[3] = dims[0], dims[1], dims[2]
        cdef int kind = cnp.NPY_INT32 if layer.act == AKRT_ACT_NONE else cnp.NPY_UINT8
        return cnp.PyArray_EMPTY(4, shape, kind, 0)

    cdef cnp.ndarray _take_arena(self):
        try:
            return self._arenas.pop()
        except IndexError:
            return np.empty(self._arena_bytes + 64, np.uint8)


cdef void *_aligned(cnp.ndarray arena):
    cdef uintptr_t address = <uintptr_t>cnp.PyArray_DATA(arena)
    return <void *>((address + 63) & ~<uintptr_t>63)
