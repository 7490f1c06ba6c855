# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Python's view of src_c: checks what it is given, releases the GIL, calls C."""

cimport numpy as cnp
from cpython.bytearray cimport PyByteArray_AsString, PyByteArray_Size
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.string cimport memcpy

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

include "_layout.pxi"

cdef extern from "akrt/network.h" nogil:
    enum:
        AKRT_ALIGNMENT
        AKRT_FINE_SHIFT
        AKRT_WIDE_DEPTH
    const size_t AKRT_CALLER
    const akrt_arch *akrt_arch_at(int32_t index)
    int akrt_arch_usable(const akrt_arch *arch)
    size_t akrt_layer_prepare(akrt_layer *layer)
    void akrt_layer_run(const akrt_layer *layer, const uint8_t **inputs, void *output,
                        void *memory, void *scratch)
    void akrt_network_run(const akrt_network *network, const uint8_t *input, int32_t samples,
                          void *output, void *memory, void *arena)
    void akrt_hops_run(const akrt_hops *hops, const uint8_t *input, int32_t samples, void *output,
                       void *kept, void *arena)

ALIGNMENT = AKRT_ALIGNMENT
FINE_SHIFT = AKRT_FINE_SHIFT
WIDE_DEPTH = AKRT_WIDE_DEPTH
CALLER = AKRT_CALLER
"""The offset of a tensor that is not in the arena but the caller's."""


_TYPES = {
    "uint8": cnp.NPY_UINT8,
    "int8": cnp.NPY_INT8,
    "int16": cnp.NPY_INT16,
    "int32": cnp.NPY_INT32,
    "float32": cnp.NPY_FLOAT32,
}


class Architecture(NamedTuple):
    """A kernel set: how it wants weights (src_c/include/akrt/arch.h), whether this CPU runs it."""

    name: str
    usable: bool
    filter_block: int
    byte_block: int
    byte_pair: int
    lanes: int
    walks: int
    scales: int

    @classmethod
    def of(cls, name, usable, data):
        """The kernel set of an `akrt_arch`, given by its bytes."""
        return cls(name, usable, **LAYOUT.numbers("akrt_arch", data))


def architectures():
    """The kernel sets built in, best first."""
    found = []
    cdef int32_t i = 0
    cdef const akrt_arch *arch = akrt_arch_at(0)
    while arch != NULL:
        data = (<const char *>arch)[:sizeof(akrt_arch)]
        found.append(Architecture.of(arch.name.decode(), bool(akrt_arch_usable(arch)), data))
        i += 1
        arch = akrt_arch_at(i)
    return found


cdef const akrt_arch *_arch(str name) except NULL:
    cdef int32_t i = 0
    while akrt_arch_at(i) != NULL:
        if akrt_arch_at(i).name.decode() == name and akrt_arch_usable(akrt_arch_at(i)):
            return akrt_arch_at(i)
        i += 1
    raise ValueError(f"this CPU has no kernels '{name}'")


cdef int _place(object image, void *memory) except -1:
    """Copies an `Image` to `memory`, its pointers set. The caller keeps its arrays alive."""
    cdef const char *data = PyByteArray_AsString(image.data)
    memcpy(memory, data, PyByteArray_Size(image.data))
    for offset, array in image.arrays.items():
        (<const void **>(<char *>memory + <size_t>offset))[0] = cnp.PyArray_DATA(<cnp.ndarray>array)
    return 0


def scratch_bytes(layer):
    """Bytes of scratch that a `LayerPlan` needs."""
    cdef akrt_layer made
    _place(layer.image, &made)
    return akrt_layer_prepare(&made)


cdef class Network:
    """A planned network, and the arenas of the calls in flight.

    Args:
        nodes: `akrt.backends.native.plan.NodePlan` of every layer; these have checked what their
            arrays hold. Arrays are kept alive here.
        arch: the kernel set to use, one of `architectures`.
        arena_bytes: bytes of memory that one call in flight needs.

    `run` may be called from many threads at once; each call has an arena of its own.
    """

    cdef akrt_node *_nodes
    cdef akrt_network _network
    cdef size_t _arena_bytes, _memory_bytes
    cdef list _plans
    cdef list _given
    cdef list _arenas
    cdef Py_ssize_t _x, _y, _channels
    cdef int _type
    cdef size_t _elements

    def __cinit__(self, list nodes, str arch, size_t arena_bytes):
        self._nodes = NULL
        if not nodes:
            raise ValueError("a network needs at least one layer")
        self._nodes = <akrt_node *>PyMem_Calloc(len(nodes), sizeof(akrt_node))
        if self._nodes == NULL:
            raise MemoryError()
        self._plans, self._arenas, self._arena_bytes = nodes, [], arena_bytes
        self._memory_bytes = max(node.memory + node.memory_bytes for node in nodes)
        entry = nodes[0].takes[0]
        self._x, self._y, self._channels = entry.shape
        self._type, self._elements = _TYPES[entry.dtype], entry.elements
        self._given = [(*node.gives.shape, _TYPES[node.gives.dtype]) for node in nodes]
        cdef const akrt_arch *chosen = _arch(arch)
        for i, node in enumerate(nodes):
            _place(LAYOUT.image("akrt_node", node), &self._nodes[i])
            self._nodes[i].layer.kernels = chosen.kernels
            if self._walks(i) and not chosen.walks:
                raise ValueError(f"the kernels '{arch}' do not walk windows")
            self._check(i, akrt_layer_prepare(&self._nodes[i].layer))
        self._network.nodes = self._nodes
        self._network.count = len(nodes)
        self._network.input_bytes = nodes[0].input_bytes[0]
        self._network.output_bytes = nodes[len(nodes) - 1].output_bytes

    def __dealloc__(self):
        PyMem_Free(self._nodes)

    cdef int _check(self, int index, size_t scratch) except -1:
        """Whether what a node uses lies in the arena."""
        plan = self._plans[index]
        used = [(plan.scratch, scratch)]
        used += [(at, size) for at, size in zip(plan.inputs, plan.input_bytes) if at != CALLER]
        if plan.output != CALLER:
            used.append((plan.output, plan.output_bytes))
        for at, size in used:
            if at % AKRT_ALIGNMENT or at + size > self._arena_bytes:
                raise ValueError(f"{size} bytes at {at} are not in {self._arena_bytes}")
        return 0

    cdef bint _walks(self, int index):
        cdef const akrt_operation *does = &self._nodes[index].layer.operation
        return (
            does.kind == AKRT_OP_SPATIAL and does.of.spatial.multiply.kind == AKRT_PATH_LINES
        )

    @property
    def arena_bytes(self):
        """Bytes of memory one call in flight needs."""
        return self._arena_bytes

    def memory(self):
        """What the network remembers before the first sample: bytes, none where no layer does."""
        return np.zeros(self._memory_bytes, np.uint8)

    def accepts(self, x):
        """Whether `x` is a plain array of one or more samples that `run` takes as it is."""
        if not cnp.PyArray_CheckExact(x):
            return False
        cdef cnp.ndarray array = <cnp.ndarray>x
        return (
            cnp.PyArray_TYPE(array) == cnp.NPY_UINT8
            and cnp.PyArray_IS_C_CONTIGUOUS(array)
            and cnp.PyArray_NDIM(array) == 4
            and array.shape[0] > 0
            and array.shape[1] == self._x
            and array.shape[2] == self._y
            and array.shape[3] == self._channels
        )

    def empty(self, Py_ssize_t samples):
        """An array for the outputs of so many samples."""
        return self._output(samples, self._network.count - 1)

    def run(self, cnp.ndarray x not None, cnp.ndarray out=None, cnp.ndarray memory=None):
        """Outputs (N, X', Y', C') of the last layer for (N, X, Y, C), written to `out`.

        N is less than 2^31. `memory`, as of the method, which no other call uses meanwhile, is
        carried on; None: nothing is remembered.
        """
        cdef int last = self._network.count - 1
        cdef Py_ssize_t samples = self._samples(x, self._type, self._elements)
        if samples > 0x7FFFFFFF:
            raise ValueError("too many samples")
        cdef cnp.ndarray y = out
        if out is None:
            y = self._output(samples, last)
        else:
            shape = (samples, *self._plans[last].gives.shape)
            dtype = self._plans[last].gives.dtype
            if out.dtype != dtype or (<object>out).shape != shape or not out.flags.c_contiguous:
                raise ValueError(
                    f"expected {np.dtype(dtype)} {shape}, got {out.dtype} {(<object>out).shape}"
                )
        cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(x)
        cdef void *target = cnp.PyArray_DATA(y)
        cdef cnp.ndarray arena = self._take_arena()
        cdef void *tensors = _aligned(arena)
        cdef cnp.ndarray remembered = memory
        if memory is None and self._memory_bytes:
            remembered = self.memory()
        cdef void *kept = NULL if remembered is None else _memory(remembered, self._memory_bytes)
        with nogil:
            akrt_network_run(&self._network, source, <int32_t>samples, target, kept, tensors)
        self._arenas.append(arena)
        return y

    def run_layer(self, int index, cnp.ndarray x not None, cnp.ndarray second=None):
        """Output of one layer for its inputs (N, X, Y, C): what joins two has two.

        One that remembers begins anew.
        """
        if not 0 <= index < self._network.count:
            raise IndexError(index)
        cdef const akrt_node *node = &self._nodes[index]
        plan = self._plans[index]
        if (second is not None) != (len(plan.takes) == 2):
            raise ValueError("only an addition has a second input")
        cdef cnp.ndarray other = x if second is None else second
        first, last = plan.takes[0], plan.takes[len(plan.takes) - 1]
        cdef Py_ssize_t samples = self._samples(x, _TYPES[first.dtype], first.elements)
        if self._samples(other, _TYPES[last.dtype], last.elements) != samples:
            raise ValueError("expected as many samples of both inputs")
        cdef cnp.ndarray y = self._output(samples, index)
        cdef const uint8_t *inputs[2]
        inputs[0] = <const uint8_t *>cnp.PyArray_DATA(x)
        inputs[1] = <const uint8_t *>cnp.PyArray_DATA(other)
        cdef size_t stride = plan.input_bytes[0], second_stride = plan.input_bytes[len(plan.takes) - 1]
        cdef uint8_t *target = <uint8_t *>cnp.PyArray_DATA(y)
        cdef size_t step = plan.output_bytes
        cdef cnp.ndarray arena = self._take_arena()
        cdef void *scratch = <char *>_aligned(arena) + node.scratch
        cdef cnp.ndarray remembered = np.zeros(plan.memory_bytes, np.uint8)
        cdef void *kept = _memory(remembered, plan.memory_bytes)
        cdef Py_ssize_t n
        with nogil:
            for n in range(samples):
                akrt_layer_run(&node.layer, inputs, target + n * step, kept, scratch)
                inputs[0] += stride
                inputs[1] += second_stride
        self._arenas.append(arena)
        return y

    cdef Py_ssize_t _samples(self, cnp.ndarray x, int kind, size_t size) except -1:
        if cnp.PyArray_TYPE(x) != kind or not cnp.PyArray_IS_C_CONTIGUOUS(x):
            dtype = next(name for name, number in _TYPES.items() if number == kind)
            raise ValueError(f"expected a C-contiguous {dtype} array")
        if cnp.PyArray_NDIM(x) != 4 or <size_t>cnp.PyArray_SIZE(x) != size * <size_t>x.shape[0]:
            raise ValueError(f"expected {size} values a sample")
        return x.shape[0]

    cdef cnp.ndarray _output(self, Py_ssize_t samples, int index):
        cdef cnp.npy_intp shape[4]
        cdef tuple given = self._given[index]
        shape[0] = samples
        shape[1], shape[2], shape[3] = given[0], given[1], given[2]
        cdef int kind = given[3]
        return cnp.PyArray_EMPTY(4, shape, kind, 0)

    cdef cnp.ndarray _take_arena(self):
        try:
            return self._arenas.pop()
        except IndexError:
            return np.empty(self._arena_bytes + AKRT_ALIGNMENT, np.uint8)


cdef class Hops:
    """A network whose input moves on along X: rows that windows share are kept.

    Args:
        network: the same network, whose windows are computed whole.
        nodes: `akrt.backends.native.hops.HopNode` of every node of it.
        arena_bytes: bytes of memory that one call in flight needs.
        kept_bytes: bytes of memory of one stream.
        moved_bytes: by which the input moves from one window to the next.

    `run` may be called from many threads at once, each with the `memory` of another stream.
    """

    cdef akrt_hop_node *_nodes
    cdef akrt_hops _hops
    cdef Network _network
    cdef size_t _kept_bytes
    cdef list _plans
    cdef list _arenas

    def __cinit__(self, Network network not None, list nodes, size_t arena_bytes,
                  size_t kept_bytes, size_t moved_bytes):
        self._nodes = NULL
        if len(nodes) != network._network.count:
            raise ValueError("expected the nodes of the network")
        self._nodes = <akrt_hop_node *>PyMem_Calloc(len(nodes), sizeof(akrt_hop_node))
        if self._nodes == NULL:
            raise MemoryError()
        self._network, self._plans, self._arenas = network, nodes, []
        self._kept_bytes = kept_bytes
        self._hops.nodes = self._nodes
        self._hops.count = len(nodes)
        self._hops.input_bytes = network._network.input_bytes
        self._hops.output_bytes = network._network.output_bytes
        self._hops.moved_bytes = moved_bytes
        self._hops.arena_bytes = arena_bytes
        if moved_bytes > self._hops.input_bytes or arena_bytes % AKRT_ALIGNMENT:
            raise ValueError("a hop beyond the window, or an arena that is not aligned")
        self._check(arena_bytes, AKRT_ALIGNMENT + self._hops.input_bytes)
        for i, node in enumerate(nodes):
            _place(LAYOUT.image("akrt_hop_node", node), &self._nodes[i])
            self._nodes[i].node.layer.kernels = network._nodes[i].layer.kernels
            self._check_node(i, akrt_layer_prepare(&self._nodes[i].node.layer))

    def __dealloc__(self):
        PyMem_Free(self._nodes)

    cdef int _check_node(self, int index, size_t scratch) except -1:
        """Whether what a node uses lies in the arena or in what a stream keeps."""
        plan, kept = self._plans[index].node, self._plans[index].kept
        if plan.layer is not self._network._plans[index].layer:
            raise ValueError("expected the layers of the network")
        for at in plan.inputs:
            if at != CALLER:
                self._check(at, plan.layer.input_elements)
        if plan.output != CALLER:
            self._check(plan.output, self._plans[index].output_bytes)
        if plan.scratch + scratch > self._hops.arena_bytes or plan.scratch % AKRT_ALIGNMENT:
            raise ValueError(f"{scratch} bytes of scratch at {plan.scratch} are not in the arena")
        if kept.rows:
            self._check(kept.at, kept.rows * kept.row_bytes)
            if kept.at < self._hops.arena_bytes:
                raise ValueError("what is kept must not lie in the arena")
        return 0

    cdef int _check(self, size_t at, size_t size) except -1:
        cdef size_t end = self._hops.arena_bytes
        if at >= end:
            end += self._kept_bytes
        if at % AKRT_ALIGNMENT or at + size > end:
            raise ValueError(f"{size} bytes at {at} are beyond {end}")
        return 0

    def memory(self):
        """What a new stream keeps."""
        return np.zeros(self._kept_bytes + AKRT_ALIGNMENT, np.uint8)

    def run(self, cnp.ndarray x not None, cnp.ndarray kept not None, cnp.ndarray out not None):
        """The windows of a stream, as `Network.accepts` them, to `out`, as of `Network.empty`.

        kept: `memory` of this stream, which no other call uses meanwhile.
        """
        if not self._network.accepts(x) or x.shape[0] > 0x7FFFFFFF:
            raise ValueError(f"expected windows of the network, got {x.dtype} {(<object>x).shape}")
        cdef size_t size = <size_t>x.shape[0] * self._hops.output_bytes
        if <size_t>cnp.PyArray_NBYTES(out) != size or not cnp.PyArray_IS_C_CONTIGUOUS(out):
            raise ValueError(f"expected {size} bytes for outputs")
        if <size_t>cnp.PyArray_NBYTES(kept) != self._kept_bytes + AKRT_ALIGNMENT:
            raise ValueError("expected the memory of a stream")
        cdef const uint8_t *source = <const uint8_t *>cnp.PyArray_DATA(x)
        cdef void *target = cnp.PyArray_DATA(out)
        cdef int32_t samples = <int32_t>x.shape[0]
        cdef cnp.ndarray arena
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = np.empty(self._hops.arena_bytes + AKRT_ALIGNMENT, np.uint8)
        cdef void *memory = _aligned(arena)
        cdef void *rows = _aligned(kept)
        with nogil:
            akrt_hops_run(&self._hops, source, samples, target, rows, memory)
        self._arenas.append(arena)


cdef void *_memory(cnp.ndarray memory, size_t size) except? NULL:
    """Where what is remembered lies: as many bytes, aligned as int32."""
    cdef uintptr_t address = <uintptr_t>cnp.PyArray_DATA(memory)
    if (
        cnp.PyArray_TYPE(memory) != cnp.NPY_UINT8
        or not cnp.PyArray_IS_C_CONTIGUOUS(memory)
        or not memory.flags.writeable
        or <size_t>cnp.PyArray_NBYTES(memory) != size
        or address % sizeof(int32_t)
    ):
        raise ValueError(f"expected {size} bytes of what the network remembers")
    return <void *>address


cdef void *_aligned(cnp.ndarray arena):
    cdef uintptr_t address = <uintptr_t>cnp.PyArray_DATA(arena)
    return <void *>((address + AKRT_ALIGNMENT - 1) & ~<uintptr_t>(AKRT_ALIGNMENT - 1))
