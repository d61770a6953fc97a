"""The numbers of a metric's file as packed columns, a page of rows each: what its second chart need not read again.

A full page of the file never changes, so what was packed of it stays true; it is known again by the place and checksum
of its first block, and by the reader having seen the file only grow. The rest of the file, and what is not yet in it,
is read each time. Memory is bounded: pages beyond it are read each time too.

A page is read without making a dict a row: its fields are those of the pages before, and where it has others, or a
value that JSON can't say, it is read as rows are.
"""

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mldash.answers.downsample import INDEX, Piece, pieces_of
from mldash.answers.limits import MOST_FIELDS
from mldash.events.column_types import ARRAY_CODES, NUMBERS, common_type
from mldash.events.field_statistics import is_number
from mldash.local.reading.stream_rows import PAGE_ROWS, StreamRows
from mldash.local.row_index import decode_rows
from mldash.local.row_text import seconds_of

MOST_BYTES: Final = 64 << 20
_NUMBER_BYTES: Final = 8
_OBJECT_BYTES: Final = 40

Columns = Mapping[str, Sequence[Any]]


class _Page(Struct, frozen=True):
    """One page's fields that hold a number. `seen`: place and checksum of its first block."""

    seen: tuple[int, int]
    columns: dict[str, Sequence[Any]]


class PointColumns:
    """Of one metric, as far as they were asked for."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._version = -1
        self._pages: dict[int, _Page] = {}
        self._bytes = 0
        self._names: dict[str, None] = {}
        self._decoder: msgspec.json.Decoder[Any] | None = None

    @property
    def held_bytes(self) -> int:
        """Kept in memory, about."""
        return self._bytes

    def pieces(self, rows: StreamRows, first: int, end: int) -> Iterator[Piece]:
        """Points [first, end) by their index. Raises DamagedRow."""
        if rows.file.version != self._version:
            self._version, self._bytes = rows.file.version, 0
            self._pages.clear()
        while first < end:
            number = first // PAGE_ROWS
            page_end = min(end, (number + 1) * PAGE_ROWS)
            if (number + 1) * PAGE_ROWS <= rows.drained:
                columns = self._page(rows, number)
                start, stop = first - number * PAGE_ROWS, page_end - number * PAGE_ROWS
                if stop - start < PAGE_ROWS:
                    columns = {name: values[start:stop] for name, values in columns.items()}
                yield range(first, page_end), columns
            else:
                yield from pieces_of([rows.rows(first, page_end)], INDEX, seconds_of)
            first = page_end

    def _page(self, rows: StreamRows, number: int) -> Columns:
        block = rows.file.block_of(number * PAGE_ROWS)
        seen = (block.offset, block.checksum)
        known = self._pages.get(number)
        if known is not None and known.seen == seen:
            return known.columns
        columns = self._read(rows, number * PAGE_ROWS)
        size = sum(
            len(values) * (_NUMBER_BYTES if isinstance(values, array) else _OBJECT_BYTES) for values in columns.values()
        )
        if known is None and self._bytes + size <= self._most_bytes:
            self._pages[number] = _Page(seen, columns)
            self._bytes += size
        return columns

    def _read(self, rows: StreamRows, first: int) -> dict[str, Sequence[Any]]:
        data = rows.file.data(first, first + PAGE_ROWS)
        found = None if b'{"$' in data else self._decoded(data)
        if found is None:
            events = [row["data"] for row in decode_rows(rows.file.path, data)]
            names = dict.fromkeys(name for event in events for name in event)
            before = len(self._names)
            self._names.update(names)
            if len(self._names) > before:
                self._decoder = _decoder_of(list(self._names)) if len(self._names) <= MOST_FIELDS else None
            found = {name: [event.get(name) for event in events] for name in names}
        return {name: _packed(values) for name, values in found.items() if any(map(is_number, values))}

    def _decoded(self, data: bytes) -> dict[str, Sequence[Any]] | None:
        """None: it has fields that are not known yet."""
        if self._decoder is None:
            return None
        try:
            points = list(map(attrgetter("data"), self._decoder.decode_lines(data)))
        except msgspec.DecodeError:
            return None  # read as rows, it says what it is
        found = {name: list(map(attrgetter(f"f{at}"), points)) for at, name in enumerate(self._names)}
        return {name: values for name, values in found.items() if any(value is not UNSET for value in values)}


def _decoder_of(names: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Of lines whose data have these fields and no others."""
    fields = [(f"f{at}", Any | UnsetType, UNSET) for at in range(len(names))]
    rename = {f"f{at}": name for at, name in enumerate(names)}
    data = msgspec.defstruct("Data", fields, rename=rename, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(msgspec.defstruct("Line", [("data", data)], gc=False))


def _packed(values: Sequence[Any]) -> Sequence[Any]:
    """As numbers of one type where they are, none of them NaN; else as they are."""
    kind = common_type(values)
    if kind is None or kind not in NUMBERS or (kind == "float64" and math.isnan(sum(values))):
        return values  # the sum of infinities of both signs is NaN too
    return array(ARRAY_CODES[kind], values)
