"""Entries of a track as files, written as they come, window after window.

json       {"entries": […], "count": n}, as /v1/tracks/entries has them
jsonl      an entry a line
msgpack    an entry a MessagePack map, one behind the other
parquet    a Parquet file, a row group a window (exports/tables.py)
mocap      as mldash/answers/mocap.py says; "frames" stand first, for the rest follows from them
mcap       as mldash/answers/mcap.py says; its schema is that of how fields are stored: where values of one field are
           of several types, or lists of changing length, it allows any
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from mldash.answers.mcap import McapFile, schema_of
from mldash.answers.mocap import VERSION, frame_of, mocap_metadata
from mldash.answers.names import shown_entry_field
from mldash.answers.rows import NonFinite, json_bytes
from mldash.events.column_types import FACTS
from mldash_api.experiments.about import About
from mldash_api.seam.rows import Rows, cut
from mldash_api.tracks.entries import entries_of
from mldash_compactor.chunks.entries import fold

from .tables import Schema, SchemaOf, entry_batch_of
from .writing import Export, JsonLines, Sink

EntryFormat = Literal["jsonl", "json", "msgpack", "parquet", "mocap", "mcap"]
ENTRY_MEDIA_TYPES: Final[dict[EntryFormat, str]] = {
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "msgpack": "application/msgpack",
    "parquet": "application/vnd.apache.parquet",
    "mocap": "application/json",
    "mcap": "application/octet-stream",
}
WITH_SCHEMA: Final[frozenset[EntryFormat]] = frozenset({"parquet", "mcap"})
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
    return Parquet(schema.schema()) if format == "parquet" else Mcap(topic, schema.kinds(), fields)


class MessagePack:
    def __init__(self, fields: Sequence[str] | None) -> None:
        self._fields = fields

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return b"".join(map(_encode, entries_of(rows, self._fields)))

    def finish(self) -> bytes:
        return b""


class _Items:
    """The items of a JSON array, by comma."""

    def __init__(self, head: bytes, nonfinite: NonFinite) -> None:
        self._before, self._nonfinite = head, nonfinite
        self.count = 0

    def add(self, items: Sequence[Mapping[str, Any]]) -> bytes:
        if not items:
            return b""
        before, self._before = self._before, b","
        self.count += len(items)
        return before + json_bytes(items, self._nonfinite)[1:-1]

    def close(self) -> bytes:
        return b"]" if self.count else self._before + b"]"


class Json:
    def __init__(self, fields: Sequence[str] | None, nonfinite: NonFinite) -> None:
        self._fields, self._items = fields, _Items(b'{"entries":[', nonfinite)

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return self._items.add(entries_of(rows, self._fields))

    def finish(self) -> bytes:
        return self._items.close() + b',"count":%d}' % self._items.count


class Mocap:
    def __init__(self, topic: str, about: About, fields: Sequence[str] | None, nonfinite: NonFinite) -> None:
        self._topic, self._about, self._fields = topic, about, fields
        self._frames = _Items(b'{"version":%b,"frames":[' % json_bytes(VERSION), nonfinite)
        self._channels, self._start, self._end = set[str](), 0.0, 0.0

    def piece(self, rows: Sequence[Rows]) -> bytes:
        frames = [frame_of(entry) for entry in entries_of(rows, self._fields)]
        if frames:
            self._start = self._start if self._frames.count else frames[0]["time"]
            self._end = frames[-1]["time"]
            self._channels.update(*frames)
        return self._frames.add(frames)

    def finish(self) -> bytes:
        metadata = mocap_metadata(self._topic, *self._about, self._frames.count, self._start, self._end)
        rest = {"metadata": metadata, "channels": sorted(self._channels - {"time"})}
        return self._frames.close() + b"," + json_bytes(rest)[1:]


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


class Parquet:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, Sink()
        self._writer = pq.ParquetWriter(self._sink, schema.arrow(), **schema.parquet_options())

    def piece(self, rows: Sequence[Rows]) -> bytes:
        merged = fold([cut(one) for one in rows])
        batch = entry_batch_of(Rows(merged, 0, merged.row_count), self._schema)
        self._writer.write_table(pa.Table.from_batches([batch]))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()
