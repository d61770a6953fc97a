"""Rows of a part are what its events are, whatever is cut off and whichever fields are left out."""

from array import array
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.shapes import iso_time
from mldash_api.seam.rows import Rows, events_of, rows_of_indices, rows_of_times
from mldash_api.times import iso_or_none, iso_times
from mldash_ingest.documents.columns import WIDE, Column, pack_times

from .parts import part_of

values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=3) | st.binary()
names = st.sampled_from(["a", "b", "", "a.b", "$x"])
events = st.lists(st.dictionaries(names, values | st.lists(values, max_size=2), max_size=4), min_size=1, max_size=30)


def packed(found: list[dict[str, Any]]) -> list[dict[str, bytes]]:
    """Compared as bytes: 1, 1.0 and True differ, NaN is itself. The order of an event's fields is the columns'."""
    return [{name: msgspec.msgpack.encode(value) for name, value in sorted(event.items())} for event in found]


@given(events, st.data())
def test_any_rows_and_any_fields_are_those_of_the_events(drawn: list[dict[str, Any]], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(drawn)))
    stop = data.draw(st.integers(start, len(drawn)))
    fields = data.draw(st.none() | st.lists(names, max_size=3))
    want = [{n: v for n, v in event.items() if fields is None or n in fields} for event in drawn[start:stop]]
    assert packed(events_of(Rows(part_of(drawn), start, stop), fields)) == packed(want)


def test_whole_events_are_cut_as_columns_are() -> None:
    wide = [{f"f{row}.{number}": number for number in range(WIDE)} for row in range(3)]
    part = part_of(wide)
    assert part.columns[0].type == "events"
    assert events_of(Rows(part, 1, 3)) == wide[1:]
    assert events_of(Rows(part, 1, 3), ["f2.7"]) == [{}, {"f2.7": 7}]


def test_numbers_of_fixed_length_lists_are_cut_between_lists() -> None:
    column = Column("pose", "float64", array("d", range(12)).tobytes(), bytes([0b1011]), (2, 2))
    part = msgspec.structs.replace(part_of([{}] * 4), columns=[column])
    assert events_of(Rows(part, 1, 4)) == [{"pose": [[4.0, 5.0], [6.0, 7.0]]}, {}, {"pose": [[8.0, 9.0], [10.0, 11.0]]}]


@pytest.mark.parametrize(
    ("first", "end", "want"), [(0, 99, (0, 5)), (12, 14, (2, 4)), (15, 20, (5, 5)), (0, 10, (0, 0)), (0, 11, (0, 1))]
)
def test_indices_are_rows_of_a_part_that_begins_at_its_first_index(first: int, end: int, want: tuple[int, int]) -> None:
    rows = rows_of_indices(part_of([{}] * 5, first_index=10), first, end)
    assert (rows.start, rows.stop) == want


def test_both_times_are_inclusive() -> None:
    part = part_of([{}] * 4, [1.0, 2.0, 2.5, 4.0])
    assert rows_of_times(part, 2.0, 2.5) == Rows(part, 1, 3)
    assert rows_of_times(part, float("-inf"), float("inf")).count == 4
    assert rows_of_times(part, 5.0, 9.0).count == 0


@given(st.lists(st.floats(-6e10, 2.5e11), max_size=20))
def test_times_are_written_as_local_mode_writes_them(times: list[float]) -> None:
    def padded(text: str) -> str:
        return text.zfill(27)  # years below 1000: strftime leaves their zeros out

    assert iso_times(array("d", times)) == [padded(iso_time(time)) for time in times]
    assert [iso_or_none(time) for time in times] == iso_times(array("d", times))


def test_a_time_beyond_the_calendar_is_its_end_and_no_error() -> None:
    assert iso_times(array("d", [1e300, 0.0, float("-inf")])) == [
        "9999-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00.000000Z",
        "0001-01-01T00:00:00.000000Z",
    ]
    assert iso_times(array("d")) == []
    assert iso_or_none(None) is None


def test_times_of_rows_are_theirs_alone() -> None:
    part = part_of([{}] * 4, [1.0, 2.0, 3.0, 4.0])
    assert Rows(part, 1, 3).times().tolist() == [2.0, 3.0]
    assert Rows(part, 1, 3).first_index == 1
    assert pack_times(Rows(part, 0, 4).times()) == part.times
