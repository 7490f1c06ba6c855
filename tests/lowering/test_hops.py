"""Rows that a window shares with the next, against rows that are followed one by one."""

from __future__ import annotations

from export.hop_networks import pooled_hop_network

from akrt.lowering.geometry import Window
from akrt.lowering.hops import MovedRows, input_rows, kept_rows
from akrt.lowering.operations import Addition, Pass, Spatial, operation
from akrt.model import Model
from akrt.runtime import bundled_model

Names = dict[object, int]


def named(names: Names, thing: object) -> int:
    """The same number for the same thing."""
    return names.setdefault(thing, len(names))


def moved_over(what: str, window: Window, rows: list[int], names: Names) -> list[int]:
    """What each row of the output is made of; -1: what is beyond an edge."""
    made = []
    for x in range(window.target[0]):
        at = [x * window.stride[0] - window.before[0] + i for i in range(window.size[0])]
        taken = tuple(rows[i] if 0 <= i < len(rows) else -1 for i in at)
        made.append(named(names, (what, taken)))
    return made


def rows_of(model: Model, start: int, names: Names) -> dict[str, list[int]]:
    """By layer, its rows in the window that begins at row `start` of the stream."""
    made: dict[str, list[int]] = {}
    shape = model.input_shape
    stream = [named(names, ("input", start + i)) for i in range(shape[0])]
    for node in model.nodes:
        does, name = operation(node), node.layer.name
        sources = [made[source] for source in node.sources] or [stream]
        if isinstance(does, Pass):
            made[name] = stream
        elif isinstance(does, Addition):
            made[name] = [named(names, ("sum", *pair)) for pair in zip(*sources, strict=True)]
        elif isinstance(does, Spatial):
            made[name] = moved_over(name, does.window, sources[0], names)
            if does.pooling is not None:
                made[name] = moved_over(f"{name} pooled", does.pooling, made[name], names)
        else:
            made[name] = [named(names, (name, *map(tuple, sources)))]
    return made


def test_rows_that_are_kept_are_those_that_are_the_same() -> None:
    """None of another content, and none left out between the edges that touch."""
    kept = 0
    for seed in range(120):
        one = pooled_hop_network(seed)
        names: Names = {}
        before, after = (rows_of(one.model, start, names) for start in (0, one.moved))
        known: dict[str, MovedRows] = {}
        given = MovedRows(one.model.input_shape[0], 0, one.model.input_shape[0], one.moved)
        for node in one.model.nodes:
            sources = [known.get(source) for source in node.sources] or [given]
            found = kept_rows(operation(node), sources)
            if isinstance(found, str):
                continue
            name = node.layer.name
            old, new = before[name], after[name]
            assert found.rows == len(new) == node.output_shape[0] or node.output_shape[0] == 1
            same = [
                r + found.moved < len(old) and new[r] == old[r + found.moved]
                for r in range(len(new))
            ]
            assert all(same[found.first : found.come]), (seed, name)
            assert not any(same[: found.first]), (seed, name)
            assert not any(same[found.come :]), (seed, name)
            kept += 1
            if node.output_shape[0] > 1:
                known[name] = found
    assert kept > 200


def test_what_is_no_whole_number_of_rows_moves_none() -> None:
    assert input_rows((49, 10, 1), 40) == MovedRows(49, 0, 49, 4)
    assert input_rows((49, 10, 1), 45).moved == 0
    first = operation(bundled_model().nodes[0])
    for new, reason in ((45, "no whole number"), (30, "its stride is 2"), (480, "of its 25 rows")):
        assert reason in kept_rows(first, [input_rows((49, 10, 1), new)])
    assert kept_rows(first, [None]) == "its input is computed whole"
    dense = operation(bundled_model().nodes[-1])
    assert kept_rows(dense, [MovedRows(1, 0, 1, 1)]) == "it has one row"


def test_a_row_that_has_to_be_computed_to_leave_counts() -> None:
    layer = operation(bundled_model().nodes[1])
    source = MovedRows(25, 4, 23, 6)
    found = kept_rows(layer, [source])
    assert isinstance(found, MovedRows)
    assert found.computed + found.moved > 0.75 * found.rows >= found.computed
    assert kept_rows(layer, [source], leaving=True) == "20 of its 25 rows would be computed"
