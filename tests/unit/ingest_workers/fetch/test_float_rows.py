"""Rows of floats that are decoded at once, over many blocks, are what decoding each block alone gives."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.encoding import RawRows
from mldash_ingest.documents.columns import pack, pack_times
from mldash_ingest.fetch.float_rows import packed

encode = msgspec.msgpack.encode
times = st.floats(allow_nan=False, allow_infinity=False)


def raw(fields: list[str], stamps: list[Any], rows: list[list[Any]]) -> RawRows:
    return RawRows(fields, msgspec.Raw(encode(stamps)), msgspec.Raw(encode(rows)))


@st.composite
def blocks(draw: st.DrawFn, values: st.SearchStrategy[Any], stamps: st.SearchStrategy[Any] = times) -> RawRows:
    width, count = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    rows = draw(st.lists(st.lists(values, min_size=width, max_size=width), min_size=count, max_size=count))
    fields = [f"field-{at}" for at in range(width)]
    return raw(fields, draw(st.lists(stamps, min_size=count, max_size=count)), rows)


def slowly(block: RawRows) -> tuple[bytes, list[tuple[str, bytes]]]:
    rows = block.decoded()
    columns = [pack("", column) for column in zip(*rows.rows, strict=True)]
    return pack_times(rows.times), [(column.type, column.data) for column in columns]


@given(st.lists(blocks(st.floats()), max_size=8))
def test_every_block_of_floats_becomes_its_own_columns(given_blocks: list[RawRows]) -> None:
    for block, found in zip(given_blocks, packed(given_blocks), strict=True):
        assert found is not None
        assert found.fields == block.fields
        assert found.types == tuple(column.type for column in found.columns)
        assert (found.times, [(column.type, column.data) for column in found.columns]) == slowly(block)


nine_bytes_too = st.floats() | st.integers(2**32, 2**63 - 1) | st.integers(-(2**63), -(2**31) - 1)


@given(st.lists(blocks(st.floats()) | blocks(nine_bytes_too) | blocks(st.floats(), st.floats()), max_size=8))
def test_a_block_of_another_make_keeps_no_other_from_being_packed(given_blocks: list[RawRows]) -> None:
    """Integers of 64 bits have the same width as floats, and times that are not finite are seen only in the end."""
    alone = [packed([block])[0] for block in given_blocks]
    assert packed(given_blocks) == alone
    for block, found in zip(given_blocks, alone, strict=True):
        stamps = msgspec.msgpack.decode(block.times)
        floats = all(type(value) is float for row in msgspec.msgpack.decode(block.rows) for value in row)
        assert (found is not None) == (floats and all(abs(stamp) < float("inf") for stamp in stamps))


@given(st.binary(max_size=60), st.binary(max_size=30), st.integers(0, 3))
def test_bytes_that_are_no_rows_are_left_alone(rows: bytes, stamps: bytes, width: int) -> None:
    block = RawRows(["a", "b", "c"][:width], msgspec.Raw(stamps), msgspec.Raw(rows))
    (found,) = packed([block])
    if found is not None:
        assert (found.times, [(column.type, column.data) for column in found.columns]) == slowly(block)


def test_times_that_are_fewer_than_the_rows_are_left_alone() -> None:
    assert packed([raw(["a"], [1.0], [[1.0], [2.0]])]) == [None]
    assert packed([raw(["a"], [1.0, 2.0], [[1.0]])]) == [None]
    assert packed([raw(["a"], [], [])]) == [None]
