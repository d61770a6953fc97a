"""Thrift of any bytes: values or ChunkDamaged, at a cost that the bytes bound; what is written is read back."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.parquet import thrift
from mldash_compactor.chunks.parquet.thrift import List, Value

INT64 = st.integers(-(2**63), 2**63 - 1)


def values(depth: int = 3) -> st.SearchStrategy[tuple[int, Any]]:
    plain = st.one_of(
        st.tuples(st.sampled_from([thrift.I16, thrift.I32, thrift.I64]), INT64),
        st.tuples(st.just(thrift.BINARY), st.binary(max_size=50)),
        st.tuples(st.just(thrift.BYTE), st.integers(0, 255)),
        st.tuples(st.just(thrift.DOUBLE), st.floats(allow_nan=False)),
    )
    if not depth:
        return plain
    lists = st.lists(INT64, max_size=20).map(lambda items: (thrift.LIST, List(thrift.I64, items)))
    return st.one_of(plain, lists, structs(depth - 1).map(lambda fields: (thrift.STRUCT, fields)))


def structs(depth: int = 3) -> st.SearchStrategy[dict[int, Value]]:
    pairs = st.tuples(st.integers(1, 200), values(depth))
    return st.lists(pairs, max_size=6, unique_by=lambda pair: pair[0]).map(
        lambda found: {number: Value(*value) for number, value in sorted(found)}
    )


@given(structs())
def test_what_is_written_is_read_back(fields: dict[int, Value]) -> None:
    data = thrift.encode(fields)
    assert thrift.decode(data) == (fields, len(data))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_values_or_damage(data: bytes) -> None:
    try:
        _, end = thrift.decode(data)
    except ChunkDamaged:
        return
    assert 0 < end <= len(data)


@given(structs(), st.data())
def test_a_struct_with_a_byte_changed_or_cut_short_is_values_or_damage(fields: dict[int, Value], data: Any) -> None:
    encoded = bytearray(thrift.encode(fields))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    for some in (encoded, encoded[:at]):
        try:
            thrift.decode(bytes(some))
        except ChunkDamaged:
            continue


@pytest.mark.parametrize(
    "data",
    [
        bytes([0x16]) + b"\xff" * 100_000 + b"\x00\x00",  # a number of 700,000 bits
        bytes([0x19, 0xF0 | thrift.STRUCT]) + b"\xff\xff\xff\x07" + b"\x00" * 10,  # 16 million structs in 10 bytes
        bytes([0x1C]) * 100_000,  # structs in structs
        bytes([0x19]) + bytes([0x19]) * 100_000,  # lists in lists
    ],
    ids=["a number without end", "a list without contents", "structs without end", "lists without end"],
)
def test_lengths_are_bounded_by_what_is_there(data: bytes) -> None:
    with pytest.raises(ChunkDamaged, match="footer"):
        thrift.decode(data)


def test_numbers_of_64_bits_are_read_whole() -> None:
    fields = {1: Value(thrift.I64, -(2**63)), 2: Value(thrift.I64, 2**63 - 1), 3: Value(thrift.DOUBLE, 0.5)}
    assert thrift.decode(thrift.encode(fields))[0] == fields
    assert struct.calcsize("<d") == 8
