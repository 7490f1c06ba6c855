"""Results that say where their samples were computed."""

from __future__ import annotations

import numpy as np

from akrt.provenance import Span, TracedArray, join, trace


def test_neighbours_in_one_place_are_one_span() -> None:
    spans = [Span(0, 2, "a"), Span(2, 5, "a"), Span(5, 6, "b"), Span(6, 9, "b", True)]
    traced = trace(np.arange(9), spans)
    assert traced.ran_on == (Span(0, 5, "a"), Span(5, 6, "b"), Span(6, 9, "b", True))
    assert traced.simulated is True
    np.testing.assert_array_equal(traced, np.arange(9))


def test_joined_parts_keep_their_places() -> None:
    parts = [trace(np.arange(2), [Span(0, 2, "a")]), trace(np.arange(3), [Span(0, 3, "b")])]
    whole = join(parts)
    assert isinstance(whole, TracedArray)
    assert whole.ran_on == (Span(0, 2, "a"), Span(2, 5, "b"))
    assert whole.tolist() == [0, 1, 0, 1, 2]
    assert type(join([np.arange(2), np.arange(3)])) is np.ndarray


def test_what_is_made_of_a_simulated_result_says_so_but_claims_no_places() -> None:
    simulated = trace(np.arange(6), [Span(0, 6, "virtual:akd1000", True)])
    for made in (simulated[::-1], simulated + 1, simulated.astype(np.float32), simulated[:2]):
        assert made.simulated is True
        assert made.ran_on == ()
    real = trace(np.arange(6), [Span(0, 6, "native")])
    assert real[1:].simulated is False
