"""Pieces of any shape become columns that give back exactly the events that went in."""

import math
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.schema import Column, Columns, Rows
from mldash_ingest.documents.columns import events_of_columns, pack
from mldash_ingest.fetch.lines import PackedHere
from mldash_ingest.plan.joining import columns_of, events_of, times_of
from mldash_ingest.plan.pieces import Piece

SESSION = b"x" * 16
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
names = st.lists(st.sampled_from(["a", "b", "c", "", "$x", "a.b"]), unique=True, max_size=4)


@st.composite
def rows_blocks(draw: st.DrawFn) -> Rows:
    fields = draw(names)
    count = draw(st.integers(1, 5))
    column = st.lists(values, min_size=count, max_size=count) | st.lists(st.floats(), min_size=count, max_size=count)
    columns = [draw(column) for _ in fields]
    return Rows(fields, [float(row) for row in range(count)], [[one[row] for one in columns] for row in range(count)])


@st.composite
def column_blocks(draw: st.DrawFn) -> Columns:
    fields = draw(names)
    count = draw(st.integers(1, 5))
    return Columns(fields, count, array("d", range(count)).tobytes(), [draw(wire_columns(count)) for _ in fields])


@st.composite
def packed_blocks(draw: st.DrawFn) -> PackedHere:
    """As a worker packs rows; two of the same fields are often of the same types."""
    fields = draw(st.sampled_from([["a", "b"], ["a"]]))
    count = draw(st.integers(1, 5))
    column = st.sampled_from([st.floats(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=3)])
    columns = [pack("", draw(st.lists(draw(column), min_size=count, max_size=count))) for _ in fields]
    wire = [Column(one.type, one.data) for one in columns if one.type != "events"]
    return PackedHere(fields, count, array("d", range(count)).tobytes(), wire, tuple(one.type for one in wire))


def wire_columns(count: int) -> st.SearchStrategy[Column]:
    def numbers(typecode: str, name: Any, element: st.SearchStrategy[Any]) -> st.SearchStrategy[Column]:
        return st.lists(element, min_size=count, max_size=count).map(
            lambda v: Column(name, array(typecode, v).tobytes())
        )

    return st.one_of(
        numbers("d", "float64", st.floats()),
        numbers("f", "float32", st.floats(width=32)),
        numbers("q", "int64", st.integers(-(2**63), 2**63 - 1)),
        st.lists(st.booleans(), min_size=count, max_size=count).map(lambda v: Column("bool", bytes(v))),
        st.lists(st.floats(), min_size=2 * count, max_size=2 * count).map(
            lambda v: Column("float64", array("d", v).tobytes(), (2,))
        ),
        st.lists(values, min_size=count, max_size=count).map(lambda v: Column("values", msgspec.msgpack.encode(v))),
    )


def plain_events(block: Rows | Columns) -> list[dict[str, Any]]:
    if isinstance(block, Rows):
        return [dict(zip(block.fields, row, strict=True)) for row in block.rows]
    columns = [plain_column(column, block.count) for column in block.columns]
    return [dict(zip(block.fields, row, strict=True)) for row in zip(*columns, strict=True)] or [{}] * block.count


def plain_column(column: Column, count: int) -> list[Any]:
    if column.type == "values":
        decoded: list[Any] = msgspec.msgpack.decode(column.data)
        return decoded
    if column.type == "bool":
        return [byte == 1 for byte in column.data]
    numbers = array({"float64": "d", "float32": "f", "int64": "q"}[column.type])
    numbers.frombytes(column.data)
    flat = numbers.tolist()
    return [flat[2 * row : 2 * row + 2] for row in range(count)] if column.shape else flat


def exact(value: Any) -> Any:
    """The value in a form in which NaN equals NaN and 1, 1.0, True and -0.0 differ."""
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value.hex()
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return type(value).__name__, value


@given(
    st.lists(rows_blocks() | column_blocks(), min_size=1, max_size=5)
    | st.lists(packed_blocks(), min_size=1, max_size=5),
    st.data(),
)
def test_columns_give_back_every_value_with_its_type(blocks: Sequence[Rows | Columns], data: st.DataObject) -> None:
    pieces, expected = list[Piece](), list[dict[str, Any]]()
    for block in blocks:
        start = data.draw(st.integers(0, block.count - 1))
        stop = data.draw(st.integers(start + 1, block.count))
        pieces.append(Piece(SESSION, 0, block, start, stop))
        expected += plain_events(block)[start:stop]
    count = sum(piece.size for piece in pieces)
    assert exact(events_of_columns(columns_of(pieces), count)) == exact(expected)
    assert exact(events_of(pieces)) == exact(expected)
    assert len(times_of(pieces)) == 8 * count
