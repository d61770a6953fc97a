"""The short way to text gives the very bytes of the long one."""

import array
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.schema import Column, Columns
from mldash.local import entries, points
from mldash.local.blocks import events_of
from mldash.local.column_text import entry_pieces, point_pieces
from mldash.local.row_text import json_ready, pieces_of
from tests.unit.producer.strategies import texts

COUNT = st.integers(1, 600)


def column(type_: str, count: int, draw: Any) -> Column:
    if type_ == "float64":
        values = draw(st.lists(st.floats(), min_size=4, max_size=4))
        return Column("float64", array.array("d", (values * count)[:count]).tobytes())
    if type_ == "float32":
        values = draw(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
        return Column("float32", array.array("f", (values * count)[:count]).tobytes())
    if type_ == "int64":
        values = draw(st.lists(st.integers(MIN_INT, MAX_INT), min_size=4, max_size=4))
        return Column("int64", array.array("q", (values * count)[:count]).tobytes())
    return Column("bool", bytes(draw(st.lists(st.booleans(), min_size=count, max_size=count))))


@given(st.data(), COUNT, st.integers(0, 600))
def test_blocks_of_numbers_become_the_same_lines_either_way(data: Any, count: int, first: int) -> None:
    fields = data.draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    types = [data.draw(st.sampled_from(["float64", "float32", "int64", "bool"])) for _ in fields]
    times = data.draw(st.lists(st.floats(0, 4e9), min_size=3, max_size=3))
    packed = array.array("d", (times * count)[:count]).tobytes()
    block = Columns(fields, count, packed, [column(type_, count, data.draw) for type_ in types])
    short = point_pieces(first, block)
    if short is not None:
        events = events_of([block])
        assert short == list(pieces_of(first, points.lines_of(first, events), points.values_of, points.ready))
    short = entry_pieces(first, block)
    if short is not None:
        events = events_of([block])
        assert short == list(pieces_of(first, entries.lines_of(events), dict.values, json_ready))


def test_what_is_more_than_finite_numbers_goes_the_long_way() -> None:
    times = array.array("d", [1.0]).tobytes()
    one = array.array("d", [1.0]).tobytes()
    for odd in (
        Columns(["x"], 1, times, [Column("float64", array.array("d", [math.nan]).tobytes())]),
        Columns(["x"], 1, times, [Column("float64", array.array("d", [math.inf]).tobytes())]),
        Columns(["x"], 1, times, [Column("values", b"\x91\x01")]),
        Columns(["x"], 1, times, [Column("float64", one, (1,))]),
        Columns([], 1, times, []),
    ):
        assert point_pieces(0, odd) is None
        assert entry_pieces(0, odd) is None
    assert point_pieces(0, Columns(["$x"], 1, times, [Column("float64", one)])) is None
    assert entry_pieces(0, Columns(["timestamp"], 1, times, [Column("float64", one)])) is None
