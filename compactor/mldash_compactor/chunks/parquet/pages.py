"""Some rows and some fields of a chunk, from a small part of its object's bytes.

A chunk's tail (page indexes and footer) says where each page of each column lies, and the manifest holds the tail's
CRC32C. With it `plan` names the byte ranges of what is wanted; `decode` makes columns of them. pyarrow reads whole
columns only, so the pages of each column are made into a small Parquet file of their own, with a footer for
these alone.

Rows that are read this way are checked as strictly as a whole object: the tail by its CRC32C; each page's data by the
checksum in its header (pyarrow); each header against what the tail says of the page: its size, encoding and rows.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.rows import Cold

from . import metadata as about
from . import thrift
from .columns import from_arrow, times_of
from .footer import MAGIC, Footer, read_footer
from .mixed_types import Field
from .thrift import BINARY, I32, I64, LIST, STRUCT, Fields, List, Value

_GAP_BYTES: Final = 64 << 10
"""Two ranges that lie no further apart are one request."""

# FileMetaData
_VERSION, _SCHEMA, _ROWS, _ROW_GROUPS, _KEY_VALUES, _CREATED_BY, _COLUMN_ORDERS = 1, 2, 3, 4, 5, 6, 7
# SchemaElement
_CHILDREN = 5
# RowGroup
_COLUMNS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
# ColumnChunk
_CHUNK_OFFSET, _META, _OFFSET_INDEX = 2, 3, 4
# ColumnMetaData
_VALUES, _UNCOMPRESSED, _COMPRESSED, _DATA_PAGE, _DICTIONARY_PAGE, _ENCODING_STATS = 5, 6, 7, 9, 11, 13
_STATS_PAGE_TYPE, _STATS_ENCODING = 1, 2
_META_KEPT: Final = frozenset({1, 2, 3, 4})
# OffsetIndex, PageLocation
_LOCATIONS, _OFFSET, _SIZE, _FIRST_ROW = 1, 1, 2, 3
# PageHeader, and of both its kinds the number of values and the encoding
_PAGE_TYPE, _PAGE_COMPRESSED, _PAGE_CRC, _DATA_HEADER, _DICTIONARY_HEADER = 1, 3, 4, 5, 7
_PAGE_VALUES, _PAGE_ENCODING = 1, 2
_DATA, _DICTIONARY = 0, 2


class Tail(Struct, frozen=True):
    """The bytes behind a chunk's rows: `data`, from `start` on."""

    start: int
    data: bytes
    footer: Footer
    text: Mapping[bytes, bytes]


class Span(NamedTuple):
    """Bytes of a chunk."""

    start: int
    stop: int


class Piece(NamedTuple):
    """Neighbouring pages of one column in one row group."""

    column: str
    schema: Sequence[Fields]
    meta: Fields
    dictionary: Span
    pages: Sequence[Span]
    page_rows: int
    skip: int
    """Rows of the first page that stand before those that are wanted."""

    rows: int

    @property
    def span(self) -> Span:
        return Span(self.pages[0].start, self.pages[-1].stop)


class Plan(Struct, frozen=True):
    """The bytes to fetch, and the columns that they become."""

    first_index: int
    end_index: int
    first_row: int
    fields: Sequence[tuple[Field, str]]
    pieces: Sequence[Piece]
    spans: Sequence[Span]

    @property
    def total_bytes(self) -> int:
        return sum(span.stop - span.start for span in self.spans)


def read_tail(chunk_bytes: int, data: bytes) -> Tail:
    """The tail of a chunk of so many bytes. Raises ChunkDamaged."""
    footer = read_footer(data)
    pairs = footer.fields[_KEY_VALUES].value.items
    return Tail(chunk_bytes - len(data), data, footer, {pair[1].value: pair[2].value for pair in pairs})


def plan(tail: Tail, fields: Collection[str] | None, indices: range | None) -> Plan | None:
    """Of the fields (None: all) the rows with these indices (None: all; else of chunks with a row an event).

    None where a column has more than one part: then the chunk is read whole.
    """
    first, end = about.range_of(tail.text)
    begin, stop = (0, end - first) if indices is None else (max(0, indices.start - first), indices.stop - first)
    stored = about.fields_of(tail.text)
    wanted = [one for one in stored if fields is None or one[0].type == "events" or one[0].name in fields]
    columns = tail.footer.columns
    if any(sum(_CHILDREN not in element for element in column) > 1 for column in columns.values()):
        return None
    pieces = _pieces(tail, ["time", *(column for _, column in wanted)], begin, stop)
    spans = _merged([span for piece in pieces for span in (piece.dictionary, piece.span)])
    if indices is None:
        return Plan(first, end, 0, wanted, pieces, spans)
    return Plan(first + begin, min(end, first + stop), begin, wanted, pieces, spans)


def _pieces(tail: Tail, wanted: Sequence[str], begin: int, stop: int) -> list[Piece]:
    pieces, first = list[Piece](), 0
    for group in tail.footer.row_groups:
        rows = group[_GROUP_ROWS].value
        low, high = max(begin - first, 0), min(stop - first, rows)
        chunks = dict(zip(tail.footer.columns, group[_COLUMNS].value.items, strict=True))
        if low < high:
            pieces += [_piece(tail, name, chunks[name], rows, low, high) for name in dict.fromkeys(wanted)]
        first += rows
    return pieces


def _piece(tail: Tail, name: str, chunk: Fields, rows: int, low: int, high: int) -> Piece:
    index, _ = thrift.decode(tail.data, chunk[_OFFSET_INDEX].value - tail.start)
    places = [(one[_OFFSET].value, one[_SIZE].value, one[_FIRST_ROW].value) for one in index[_LOCATIONS].value.items]
    ends = [*(first for _, _, first in places[1:]), rows]
    chosen = [number for number, (_, _, first) in enumerate(places) if first < high and ends[number] > low]
    pages = [Span(places[number][0], places[number][0] + places[number][1]) for number in chosen]
    first = places[chosen[0]][2]
    meta: Fields = chunk[_META].value
    dictionary = meta[_DICTIONARY_PAGE].value if _DICTIONARY_PAGE in meta else 0
    before = Span(dictionary, meta[_DATA_PAGE].value) if dictionary else Span(0, 0)
    page_rows = ends[chosen[-1]] - first
    return Piece(name, tail.footer.columns[name], meta, before, pages, page_rows, low - first, high - low)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged = list[Span]()
    for span in sorted(span for span in spans if span.stop > span.start):
        if merged and span.start <= merged[-1].stop + _GAP_BYTES:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged


def decode(tail: Tail, planned: Plan, fetched: Mapping[Span, bytes]) -> Cold:
    """The rows, of the bytes of the plan's spans. Raises ChunkDamaged."""
    columns = dict[str, list[pa.ChunkedArray]]()
    for piece in planned.pieces:
        columns.setdefault(piece.column, []).append(_read(tail, piece, fetched))
    arrays = {
        name: pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)
        for name, parts in columns.items()
    }
    marks = about.marks_of(tail.text)
    return Cold(
        first_index=planned.first_index,
        count=planned.end_index - planned.first_index,
        times=times_of(pa.table({"time": arrays["time"]})),
        columns=[
            from_arrow(field, arrays[column], marks.get(field.name), planned.first_row)
            for field, column in planned.fields
        ],
    )


def _read(tail: Tail, piece: Piece, fetched: Mapping[Span, bytes]) -> pa.ChunkedArray:
    data = _file_of(tail, piece, fetched)
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        array = file.read(use_threads=False).column(0)
    except (pa.ArrowException, OSError) as error:
        raise ChunkDamaged("", f"its pages can't be read: {error}") from error
    if len(array) != piece.page_rows:
        raise ChunkDamaged("", f"pages of {piece.column!r} hold {len(array)} rows, their index says {piece.page_rows}")
    return array.slice(piece.skip, piece.rows)


def _file_of(tail: Tail, piece: Piece, fetched: Mapping[Span, bytes]) -> bytes:
    """The piece as a Parquet file of one column and one row group."""
    dictionary = _bytes_of(piece.dictionary, fetched)
    pages = [_bytes_of(page, fetched) for page in piece.pages]
    if dictionary:
        _check_header(dictionary, piece, _DICTIONARY, _DICTIONARY_HEADER)
    values = sum(_check_header(page, piece, _DATA, _DATA_HEADER) for page in pages)
    is_flat = len(piece.schema) == 1
    if is_flat and values != piece.page_rows:
        raise ChunkDamaged("", f"pages of {piece.column!r} hold {values} values, their index says {piece.page_rows}")
    body = b"".join([MAGIC, dictionary, *pages])
    footer = thrift.encode(_footer(tail.footer.fields, piece, len(dictionary), len(body) - len(MAGIC), values))
    return b"".join([body, footer, len(footer).to_bytes(4, "little"), MAGIC])


def _bytes_of(span: Span, fetched: Mapping[Span, bytes]) -> bytes:
    if span.start == span.stop:
        return b""
    whole, data = next((one, data) for one, data in fetched.items() if one.start <= span.start < one.stop)
    return data[span.start - whole.start : span.stop - whole.start]


def _check_header(page: bytes, piece: Piece, kind: int, own: int) -> int:
    """How many values the page holds. Raises ChunkDamaged where its header is not what the tail says of the page."""
    header, end = thrift.decode(page)
    found = header[own].value if own in header else None
    told: Fields = found if isinstance(found, dict) else {}
    faults = {
        "type": _number(header, _PAGE_TYPE) != kind,
        "size": end + _number(header, _PAGE_COMPRESSED) != len(page),
        "checksum": _PAGE_CRC not in header,
        "encoding": _number(told, _PAGE_ENCODING) not in _encodings(piece, kind),
    }
    wrong = [name for name, fault in faults.items() if fault]
    if wrong:
        raise ChunkDamaged("", f"a page of {piece.column!r} has not the {' and '.join(wrong)} that its chunk says")
    return _number(told, _PAGE_VALUES)


def _encodings(piece: Piece, kind: int) -> set[int]:
    """Those that the tail names for pages of this kind."""
    stats = piece.meta[_ENCODING_STATS].value.items if _ENCODING_STATS in piece.meta else []
    return {one[_STATS_ENCODING].value for one in stats if one[_STATS_PAGE_TYPE].value == kind}


def _number(fields: Fields, number: int) -> int:
    return fields[number].value if number in fields and isinstance(fields[number].value, int) else -1


def _footer(whole: Fields, piece: Piece, dictionary: int, size: int, values: int) -> Fields:
    meta: Fields = {number: value for number, value in piece.meta.items() if number in _META_KEPT}
    meta |= {
        _VALUES: Value(I64, values),
        _UNCOMPRESSED: piece.meta[_UNCOMPRESSED],
        _COMPRESSED: Value(I64, size),
        _DATA_PAGE: Value(I64, len(MAGIC) + dictionary),
    }
    if dictionary:
        meta[_DICTIONARY_PAGE] = Value(I64, len(MAGIC))
    chunk: Fields = {_CHUNK_OFFSET: Value(I64, 0), _META: Value(STRUCT, meta)}
    group: Fields = {
        _COLUMNS: Value(LIST, List(STRUCT, [chunk])),
        _GROUP_BYTES: piece.meta[_UNCOMPRESSED],
        _GROUP_ROWS: Value(I64, piece.page_rows),
    }
    root: Fields = {**whole[_SCHEMA].value.items[0], _CHILDREN: Value(I32, 1)}
    footer: Fields = {
        _VERSION: whole[_VERSION],
        _SCHEMA: Value(LIST, List(STRUCT, [root, *piece.schema])),
        _ROWS: Value(I64, piece.page_rows),
        _ROW_GROUPS: Value(LIST, List(STRUCT, [group])),
    }
    if _CREATED_BY in whole:
        footer[_CREATED_BY] = Value(BINARY, whole[_CREATED_BY].value)
    if _COLUMN_ORDERS in whole:
        footer[_COLUMN_ORDERS] = Value(LIST, List(STRUCT, whole[_COLUMN_ORDERS].value.items[:1]))
    return footer
