"""Entries of a track as files, written as they come, window after window.

json       {"entries": […], "count": n}, as /v1/tracks/entries has them
jsonl      an entry a line
msgpack    an entry a MessagePack map, one behind the other
csv        a header, a line an entry: timestamp, the fields; lists, dicts and whole events as JSON text
arrow      an Arrow IPC stream, a record batch a window (exports/tables.py)
parquet    a Parquet file, a row group a window
mocap      as mldash/answers/mocap.py says; "frames" stand first, for the rest follows from them
mcap       as mldash/answers/mcap.py says; its schema is that of how fields are stored: where values of one field are
           of several types, or lists of changing length, it allows any
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mldash.answers.mcap import McapFile, schema_of
from mldash.answers.names import shown_entry_field
from mldash.answers.rows import NonFinite, csv_lines
from mldash.answers.written.json_items import JsonItems
from mldash.answers.written.mocap_file import MocapFile
from mldash.answers.written.sink import Sink
from mldash.events.column_types import FACTS
from mldash_api.experiments.about import About
from mldash_api.seam.rows import Rows, cut
from mldash_api.tracks.entries import entries_of
from mldash_compactor.chunks.entries import fold

from .tables import ENTRY_OWN, Schema, SchemaOf, entry_batch_of, is_of_whole_events
from .writing import Export, JsonLines

EntryFormat = Literal["jsonl", "json", "msgpack", "csv", "arrow", "parquet", "mocap", "mcap"]
ENTRY_MEDIA_TYPES: Final[dict[EntryFormat, str]] = {
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "msgpack": "application/msgpack",
    "csv": "text/csv",  # litestar adds the charset, to every text
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "mocap": "application/json",
    "mcap": "application/octet-stream",
}
WITH_SCHEMA: Final[frozenset[EntryFormat]] = frozenset({"csv", "arrow", "parquet", "mcap"})
"""Those whose fields have to be known before the first entry."""

_JSON_TYPES: Final[dict[str, str]] = {
    **{name: facts.json for name, facts in FACTS.items()},
    "numbers": "number",
    "string": "string",
    "list": "array",
    "none": "null",
}
_encode = msgspec.msgpack.Encoder().encode


def entry_export(
    format: EntryFormat,
    topic: str,
    about: About,
    schema: SchemaOf,
    fields: Sequence[str] | None,
    nonfinite: NonFinite,
) -> Export:
    """The file to be written; `schema` counts where WITH_SCHEMA has the format."""
    if format == "jsonl":
        return JsonLines(lambda rows: entries_of(rows, fields), nonfinite)
    if format == "json":
        return Json(fields, nonfinite)
    if format == "msgpack":
        return MessagePack(fields)
    if format == "mocap":
        return Mocap(topic, about, fields, nonfinite)
    if format == "mcap":
        return Mcap(topic, schema.kinds(), fields)
    table = schema.schema()
    return Csv(table, fields) if format == "csv" else Arrow(table) if format == "arrow" else Parquet(table)


class MessagePack:
    def __init__(self, fields: Sequence[str] | None) -> None:
        self._fields = fields

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return b"".join(map(_encode, entries_of(rows, self._fields)))

    def finish(self) -> bytes:
        return b""


class Json:
    def __init__(self, fields: Sequence[str] | None, nonfinite: NonFinite) -> None:
        self._fields, self._items = fields, JsonItems(b'{"entries":[', nonfinite)

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return self._items.add(entries_of(rows, self._fields))

    def finish(self) -> bytes:
        return self._items.close() + b',"count":%d}' % self._items.count


class Mocap:
    def __init__(self, topic: str, about: About, fields: Sequence[str] | None, nonfinite: NonFinite) -> None:
        self._file, self._fields = MocapFile(topic, *about, nonfinite=nonfinite), fields

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return self._file.add(entries_of(rows, self._fields))

    def finish(self) -> bytes:
        return self._file.finish()


class Mcap:
    def __init__(self, topic: str, kinds: Mapping[str, Iterable[str]], fields: Sequence[str] | None) -> None:
        self._file, self._fields = McapFile(topic, schema_of(_types_of(kinds))), fields

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return self._file.add(entries_of(rows, self._fields))

    def finish(self) -> bytes:
        return self._file.finish()


def _types_of(kinds: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Of JSON; none where values may be of any."""
    found = dict[str, set[str]]()
    for name, stored in kinds.items():
        told = {_JSON_TYPES.get(kind) for kind in stored}
        found[shown_entry_field(name)] = set() if None in told else {one for one in told if one}
    return found


class Csv:
    def __init__(self, schema: Schema, fields: Sequence[str] | None) -> None:
        self._columns, self._fields = schema.columns, fields
        self._has_whole = any(one.whole for one in schema.columns)
        self._head = csv_lines([[*ENTRY_OWN.names, *(one.name for one in schema.columns)]])

    def piece(self, rows: Sequence[Rows]) -> bytes:
        head, self._head = self._head, ""
        return (head + csv_lines(self._lines(_merged(rows)))).encode()

    def _lines(self, rows: Rows) -> Iterator[list[Any]]:
        """Entries that are stored whole have a cell each, as JSON text: they have too many fields for columns."""
        is_whole = self._has_whole and is_of_whole_events(rows)
        names = ["" if one.whole else shown_entry_field(one.field) for one in self._columns]
        for entry in entries_of([rows], self._fields):
            time = entry.pop("timestamp")
            if is_whole:
                yield [time, *(entry if one.whole else None for one in self._columns)]
            else:
                yield [time, *map(entry.get, names)]

    def finish(self) -> bytes:
        return self._head.encode()


class Arrow:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, Sink()
        self._writer = pa.ipc.new_stream(self._sink, schema.arrow())

    def piece(self, rows: Sequence[Rows]) -> bytes:
        self._writer.write_batch(entry_batch_of(_merged(rows), self._schema))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class Parquet:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, Sink()
        self._writer = pq.ParquetWriter(self._sink, schema.arrow(), **schema.parquet_options())

    def piece(self, rows: Sequence[Rows]) -> bytes:
        self._writer.write_table(pa.Table.from_batches([entry_batch_of(_merged(rows), self._schema)]))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()


def _merged(rows: Sequence[Rows]) -> Rows:
    """Entries of one time as one."""
    merged = fold([cut(one) for one in rows])
    return Rows(merged, 0, merged.row_count)
