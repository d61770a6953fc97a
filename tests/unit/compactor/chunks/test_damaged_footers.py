"""A footer of any bytes is a footer or damage: no other error, and no depth or length that its bytes do not hold."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.parquet import footer, thrift
from mldash_compactor.chunks.parquet.thrift import List, Value


def _file() -> bytes:
    out = io.BytesIO()
    nested = [{"a": [1, 2], "b": "x"}]
    pq.write_table(pa.table({"index": [1, 2], "text": ["a", "b"], "nested": nested * 2}), out)
    return out.getvalue()


FILE = _file()


@given(st.binary(max_size=300))
def test_arbitrary_bytes_before_the_magic_are_a_footer_or_damage(data: bytes) -> None:
    for some in (data, data + b"PAR1", data + len(data).to_bytes(4, "little") + b"PAR1"):
        try:
            footer.read_footer(some)
        except ChunkDamaged:
            continue


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_file_with_changed_bytes_in_its_footer_has_a_footer_or_is_damaged(changes: list[tuple[int, int]]) -> None:
    data = bytearray(FILE)
    for back, byte in changes:
        data[-9 - back % (len(data) - 20)] = byte
    try:
        found = footer.read_footer(bytes(data))
    except ChunkDamaged:
        return
    assert isinstance(found.columns, dict)


@pytest.mark.parametrize("children", [1, 5, 2**62])
def test_a_schema_that_says_it_is_longer_or_deeper_than_it_is_is_damaged(children: int) -> None:
    """Five thousand branches in one another, of which the last one lacks its own."""
    name, count = 4, 5
    element: Any = {name: Value(thrift.BINARY, b"x"), count: Value(thrift.I32, children)}
    fields = {2: Value(thrift.LIST, List(thrift.STRUCT, [element] * 5_000))}
    data = thrift.encode(fields)
    with pytest.raises(ChunkDamaged, match="schema"):
        footer.read_footer(data + len(data).to_bytes(4, "little") + b"PAR1")


def test_an_undamaged_file_is_read() -> None:
    assert list(footer.read_footer(FILE).columns) == ["index", "text", "nested"]
