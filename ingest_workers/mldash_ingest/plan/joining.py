"""Pieces → columns. Where all pieces have the same fields of the same types, packed bytes are only put end to end."""

from array import array
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

import msgspec

from mldash.events.column_types import WIDTHS
from mldash.events.messagepack import join_arrays
from mldash.events.schema import Column as WireColumn
from mldash.events.schema import Columns, Rows
from mldash_ingest.documents.columns import ABSENT, WIDE, Column, pack, pack_events, pack_sparse, value_width
from mldash_ingest.fetch.lines import PackedHere

from .pieces import Piece

_decode = msgspec.msgpack.Decoder(list[Any]).decode


def times_of(pieces: Sequence[Piece]) -> bytes:
    """The events' times, float64."""
    parts = list[bytes]()
    for piece in pieces:
        block = piece.block
        if isinstance(block, Columns):
            parts.append(block.times[piece.start * 8 : piece.stop * 8])
        elif isinstance(block, Rows):
            parts.append(array("d", block.times[piece.start : piece.stop]).tobytes())
        else:
            parts.append(array("d", [event.time for event in block.events[piece.start : piece.stop]]).tobytes())
    return b"".join(parts)


def columns_of(pieces: Sequence[Piece]) -> list[Column]:
    """A column a field, in the order in which the fields first appear; whole events where there are too many."""
    if (alike := _columns_alike(pieces)) is not None:
        return alike
    groups = [_columns_of_group(group) for group in _same_fields(pieces)]
    if len(groups) == 1 and len(groups[0][1]) <= WIDE:
        return [*groups[0][1].values()]
    names = dict.fromkeys(chain.from_iterable(columns for _, columns in groups))
    if len(names) > WIDE:
        return [pack_events(events_of(pieces))]
    return [_join(name, [(count, columns.get(name)) for count, columns in groups]) for name in names]


def _columns_alike(pieces: Sequence[Piece]) -> list[Column] | None:
    """Where all pieces have the same fields of the same types, as nearly always: their bytes end to end."""
    first = pieces[0].block
    if not isinstance(first, PackedHere) or len(first.fields) > WIDE:
        return None
    for piece in pieces:
        block = piece.block
        if not isinstance(block, PackedHere) or block.types != first.types or block.fields != first.fields:
            return None
        if piece.size != block.count and "values" in block.types:
            return None
    return [
        Column(name, kind, _put_together(kind, [_bytes_of(piece, at) for piece in pieces]))
        for at, (name, kind) in enumerate(zip(first.fields, first.types, strict=True))
    ]


def _bytes_of(piece: Piece, at: int) -> bytes:
    """Of a column of a block in columns; not for a part of `values`."""
    assert isinstance(piece.block, PackedHere)
    column = piece.block.columns[at]
    if piece.size == piece.block.count:
        return column.data
    width = WIDTHS[column.type]
    return column.data[piece.start * width : piece.stop * width]


def events_of(pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """The events as maps."""
    events = list[dict[str, Any]]()
    for group in _same_fields(pieces):
        count, columns = _columns_of_group(group)
        if columns:
            rows = zip(*(column.packed() for column in columns.values()), strict=True)
            events.extend(dict(zip(columns, row, strict=True)) for row in rows)
        else:
            events.extend({} for _ in range(count))
    return events


def _same_fields(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Neighbouring pieces of rows with the same fields together: they are packed at once."""
    groups = list[list[Piece]]()
    for piece in pieces:
        last = groups[-1][-1].block if groups else None
        if isinstance(piece.block, Rows) and isinstance(last, Rows) and last.fields == piece.block.fields:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _columns_of_group(group: list[Piece]) -> tuple[int, dict[str, Column]]:
    first = group[0]
    count = sum(piece.size for piece in group)
    if isinstance(first.block, Columns):
        fields = zip(first.block.fields, first.block.columns, strict=True)
        if count == first.block.count:
            packed_here = isinstance(first.block, PackedHere)
            return count, {name: _whole(name, column, packed_here=packed_here) for name, column in fields}
        return count, {name: _cut(name, column, first.start, first.stop) for name, column in fields}
    rows = list[list[Any]]()
    for piece in group:
        assert isinstance(piece.block, Rows)
        rows += islice(piece.block.rows, piece.start, piece.stop)
    assert isinstance(first.block, Rows)
    return count, {
        name: pack(name, values) for name, values in zip(first.block.fields, zip(*rows, strict=True), strict=True)
    }


def _whole(name: str, column: WireColumn, *, packed_here: bool) -> Column:
    if column.type == "values" and not packed_here:
        return pack(name, _decode(column.data))  # whoever sent it may not have seen that these are all numbers
    return Column(name, column.type, column.data, None, tuple(column.shape))


def _cut(name: str, column: WireColumn, start: int, stop: int) -> Column:
    if column.type == "values":
        return pack(name, _decode(column.data)[start:stop])
    stored = Column(name, column.type, b"", None, tuple(column.shape))
    width = value_width(stored)
    return msgspec.structs.replace(stored, data=column.data[start * width : stop * width])


def _join(name: str, parts: list[tuple[int, Column | None]]) -> Column:
    there = [column for _, column in parts if column is not None]
    first = there[0]
    if len(there) == len(parts) == 1:
        return first
    if not all(column.type == first.type and column.shape == first.shape for column in there):
        return pack_sparse(name, list(chain.from_iterable(_values(count, column) for count, column in parts)))
    joined = Column(name, first.type, _put_together(first.type, [column.data for column in there]), None, first.shape)
    if len(there) == len(parts):
        return joined
    return msgspec.structs.replace(joined, present=_presence(parts))


def _put_together(kind: str, data: Sequence[bytes]) -> bytes:
    """The data of one column of several."""
    if len(data) == 1:
        return data[0]
    # Values that are packed as such in each part are so together: they are not all numbers of one type in any.
    return b"".join(data) if kind in WIDTHS else join_arrays(data)


def _values(count: int, column: Column | None) -> Sequence[Any]:
    return [ABSENT] * count if column is None else column.packed()


def _presence(parts: list[tuple[int, Column | None]]) -> bytes:
    bits = at = 0
    for count, column in parts:
        if column is not None:
            bits |= ((1 << count) - 1) << at
        at += count
    return bits.to_bytes(-(-at // 8), "little")
