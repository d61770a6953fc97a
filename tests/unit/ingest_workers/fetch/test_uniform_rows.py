"""Rows that become columns without an object a value hold exactly what decoding and packing them gives."""

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from mldash_ingest.documents.columns import pack
from mldash_ingest.fetch import uniform_rows

encode = msgspec.msgpack.encode
of_one_width = st.sampled_from(
    [
        st.floats(),
        st.booleans(),
        st.integers(-32, 127),
        st.integers(128, 255),
        st.integers(256, 65_535),
        st.integers(65_536, 2**32 - 1),
        st.integers(2**32, 2**63 - 1),
        st.integers(-128, -33),
        st.integers(-32_768, -129),
        st.integers(-(2**31), -32_769),
        st.integers(-(2**63), -(2**31) - 1),
    ]
)
any_value = st.floats() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.none() | st.text(max_size=3)


@st.composite
def uniform(draw: st.DrawFn) -> list[list[Any]]:
    kinds = draw(st.lists(of_one_width, min_size=1, max_size=20))
    return draw(st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=20))


def packed(rows: list[list[Any]]) -> list[tuple[str, bytes]]:
    return [(one.type, one.data) for one in (pack("", column) for column in zip(*rows, strict=True))]


def found(rows: list[list[Any]]) -> list[tuple[str, bytes]] | None:
    columns = uniform_rows.columns(memoryview(encode(rows)), len(rows[0]), len(rows))
    return None if columns is None else [(column.type, column.data) for column in columns]


@given(uniform())
def test_rows_of_the_same_numbers_become_columns(rows: list[list[Any]]) -> None:
    assert found(rows) == packed(rows)


@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(any_value, min_size=width, max_size=width), min_size=1))
)
@example([[1, 0.5], [300, 0.5]])
@example([[2**63], [2**63]])
@example([[True], [0]])
def test_other_rows_are_left_alone_or_become_the_same(rows: list[list[Any]]) -> None:
    """Rows whose bytes happen to have one length must not be taken for what they are not."""
    columns = found(rows)
    assert columns is None or columns == packed(rows)


@given(st.binary(max_size=60), st.integers(1, 3), st.integers(1, 4))
def test_bytes_that_are_no_rows_are_left_alone(encoded: bytes, fields: int, count: int) -> None:
    columns = uniform_rows.columns(memoryview(encoded), fields, count)
    if columns is not None:
        assert packed(msgspec.msgpack.decode(encoded)) == [(column.type, column.data) for column in columns]


def test_rows_of_unequal_length_are_left_alone() -> None:
    assert uniform_rows.columns(memoryview(encode([[1, 2], [3], [4, 5, 6]])), 2, 3) is None
    assert uniform_rows.columns(memoryview(encode([[1, 2], [3, 4]])), 2, 3) is None


@given(st.lists(st.floats() | st.integers(-5, 5)))
def test_times_that_are_all_floats_are_packed_at_once(times: list[float]) -> None:
    packed_times = uniform_rows.floats(memoryview(encode(times)))
    expected = all(type(time) is float for time in times)
    assert (packed_times is not None) == expected
    if packed_times is not None:
        assert packed_times == pack("", times or [0.0]).data[: 8 * len(times)]
