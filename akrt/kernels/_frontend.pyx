# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Python's view of the fixed-point front end that firmware exports carry too, in src_c: frontend, decision, stream."""

cimport numpy as cnp
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

cnp.import_array()


cdef extern from "frontend/akrt_features.h" nogil:
    enum:
        AKRT_MFCC_WINDOW
        AKRT_MFCC_HOP
        AKRT_MFCC_COEFFICIENTS
        AKRT_MFCC_SCRATCH_WORDS
        AKRT_FEATURES_FRAMES
        AKRT_FEATURES_BYTES
    ctypedef struct akrt_features:
        int32_t filled
        uint8_t frames[490]
    void akrt_mfcc(const int16_t *samples, int32_t *scratch, uint8_t *coefficients)
    void akrt_features_start(akrt_features *features)
    int32_t akrt_features_push(void *state, const int16_t *samples, int32_t count,
                               int32_t *scratch)


cdef extern from "stream/akrt_listen.h" nogil:
    ctypedef struct akrt_hops:
        uint32_t frames
        int32_t wait
    ctypedef int32_t akrt_front_end_push(void *front_end, const int16_t *samples, int32_t count,
                                         int32_t *scratch)
    void akrt_listen_start(akrt_hops *hops, int32_t every)
    int32_t akrt_listen(akrt_front_end_push *push, void *front_end, akrt_hops *hops, int32_t every,
                        const int16_t *samples, int32_t count, int32_t *scratch)


cdef extern from "decision/akrt_decision.h" nogil:
    ctypedef struct akrt_decision_rule:
        const int32_t *threshold
        const int32_t *factor
        const uint8_t *is_word
        int32_t classes, shift, window, least, score, refractory
    ctypedef struct akrt_decision:
        int32_t leader, average
    void akrt_decision_start(akrt_decision *state, int32_t *sums, int16_t *margins)
    int32_t akrt_decide(const akrt_decision_rule *rule, akrt_decision *state,
                        const int32_t *potentials)


def mfcc_frames(const int16_t[::1] samples not None):
    """uint8 (n, 10): every whole frame of 640 samples, 320 apart."""
    cdef Py_ssize_t count = 0
    if samples.shape[0] >= AKRT_MFCC_WINDOW:
        count = (samples.shape[0] - AKRT_MFCC_WINDOW) // AKRT_MFCC_HOP + 1
    out = np.empty((count, AKRT_MFCC_COEFFICIENTS), np.uint8)
    cdef uint8_t[:, ::1] view = out
    cdef int32_t scratch[1024]
    cdef Py_ssize_t i
    with nogil:
        for i in range(count):
            akrt_mfcc(&samples[i * AKRT_MFCC_HOP], scratch, &view[i, 0])
    return out


cdef class Features:
    """The last 49 frames of a stream of samples. One thread at a time may push.

    Args:
        every: frames from one feature map that `push` returns to the next.
    """

    cdef akrt_features _state
    cdef akrt_hops _hops
    cdef int32_t _every
    cdef bint _busy  # read and written with the GIL held

    def __cinit__(self, int32_t every):
        if every < 1:
            raise ValueError("every must be at least 1")
        akrt_features_start(&self._state)
        akrt_listen_start(&self._hops, every)
        self._every = every
        self._busy = False

    def push(self, const int16_t[::1] samples not None):
        """Feature maps uint8 (n, 49, 10, 1) at every hop of 320 samples whose number `every`
        divides.
        """
        # before anything is planned: the plan holds only if nobody pushes meanwhile
        if self._busy:
            raise RuntimeError("another thread pushes into these features: use a lock")
        self._busy = True
        try:
            return self._push(samples)
        finally:
            self._busy = False

    cdef object _push(self, const int16_t[::1] samples):
        cdef Py_ssize_t at = 0, total = samples.shape[0], row = 0
        cdef Py_ssize_t hops = (self._state.filled + total) // AKRT_MFCC_HOP
        cdef int32_t wait = self._hops.wait if self._hops.wait else self._every
        cdef Py_ssize_t rows = (hops - wait + self._every) // self._every
        maps = np.empty((rows, AKRT_FEATURES_FRAMES, AKRT_MFCC_COEFFICIENTS, 1), np.uint8)
        cdef uint8_t[:, :, :, ::1] view = maps
        cdef int32_t scratch[1024]
        with nogil:
            while at < total:
                at += akrt_listen(akrt_features_push, &self._state, &self._hops, self._every,
                                  &samples[at], <int32_t>min(total - at, <Py_ssize_t>1 << 30),
                                  scratch)
                if self._hops.wait == 0:
                    memcpy(&view[row, 0, 0, 0], self._state.frames, AKRT_FEATURES_BYTES)
                    row += 1
        return maps


cdef class Decision:
    """Words in a stream of potentials. `step` holds the GIL, so that threads take turns.

    Args:
        threshold, factor: int32 (classes,).
        is_word: uint8 (classes,).
        shift, window, least, score, refractory: as in akrt_decision_rule.
    """

    cdef akrt_decision_rule _rule
    cdef akrt_decision _state
    cdef list _arrays

    def __cinit__(self, const int32_t[::1] threshold not None, const int32_t[::1] factor not None,
                  const uint8_t[::1] is_word not None, int32_t shift, int32_t window,
                  int32_t least, int32_t score, int32_t refractory):
        classes = threshold.shape[0]
        if not classes or factor.shape[0] != classes or is_word.shape[0] != classes:
            raise ValueError("one threshold, factor and flag for every class")
        if window < 1 or not 0 <= shift < 63:
            raise ValueError("window must be at least 1 and shift 0..62")
        sums, margins = np.zeros(classes, np.int32), np.zeros((window, classes), np.int16)
        cdef int32_t[::1] sums_view = sums
        cdef int16_t[:, ::1] margins_view = margins
        self._arrays = [threshold, factor, is_word, sums, margins]
        self._rule.threshold, self._rule.factor = &threshold[0], &factor[0]
        self._rule.is_word = &is_word[0]
        self._rule.classes, self._rule.shift = classes, shift
        self._rule.window, self._rule.least = window, least
        self._rule.score, self._rule.refractory = score, refractory
        akrt_decision_start(&self._state, &sums_view[0], &margins_view[0, 0])

    @property
    def leader(self):
        """Class with the largest average; -1 before the first inference."""
        return self._state.leader

    @property
    def average(self):
        """Its average margin in 1/256 logits."""
        return self._state.average

    def step(self, const int32_t[::1] potentials not None):
        """The class detected by this inference, or -1."""
        if potentials.shape[0] != self._rule.classes:
            raise ValueError(f"expected {self._rule.classes} potentials")
        return akrt_decide(&self._rule, &self._state, &potentials[0])
