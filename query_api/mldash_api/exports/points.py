"""Points as files, written as they come: what each format's head, pieces and tail are.

jsonl      a point a line, as /v1/metrics/points has them
msgpack    a point a MessagePack map, as /v1/metrics/points has them, one behind the other
csv        a header, a line a point: index, createdAt, the fields; lists, dicts and whole events as JSON text
arrow      an Arrow IPC stream, a record batch a piece (exports/tables.py)
parquet    a Parquet file, a row group a piece
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from mldash.answers.rows import NonFinite, csv_lines
from mldash.answers.written.sink import Sink
from mldash_api.points.packed_points import pack_points, put_together
from mldash_api.points.points import points_of
from mldash_api.seam.rows import Rows

from .tables import POINT_OWN, Schema, batch_of, is_of_whole_events
from .writing import Export, JsonLines

PointFormat = Literal["jsonl", "msgpack", "csv", "arrow", "parquet"]
POINT_MEDIA_TYPES: Final[dict[PointFormat, str]] = {
    "jsonl": "application/x-ndjson",
    "msgpack": "application/msgpack",
    "csv": "text/csv",  # litestar adds the charset, to every text
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
WITH_SCHEMA: Final[frozenset[PointFormat]] = frozenset({"csv", "arrow", "parquet"})
"""Those whose columns have to be known before the first point."""


def point_export(format: PointFormat, schema: Schema, fields: Sequence[str] | None, nonfinite: NonFinite) -> Export:
    """The file to be written; `schema` counts where WITH_SCHEMA has the format."""
    if format == "jsonl":
        return JsonLines(lambda rows: points_of(rows, fields), nonfinite)
    if format == "msgpack":
        return MessagePack(fields)
    return Csv(schema) if format == "csv" else Arrow(schema) if format == "arrow" else Parquet(schema)


class MessagePack:
    def __init__(self, fields: Sequence[str] | None) -> None:
        self._fields = fields

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return b"".join(pack_points(one, self._fields) for one in put_together(rows))

    def finish(self) -> bytes:
        return b""


class Csv:
    def __init__(self, schema: Schema) -> None:
        self._columns = schema.columns
        self._head = csv_lines([[*POINT_OWN.names, *(one.name for one in schema.columns)]])

    def piece(self, rows: Sequence[Rows]) -> bytes:
        lines = [line for one in rows for line in self._lines(one)]
        head, self._head = self._head, ""
        return (head + csv_lines(lines)).encode()

    def _lines(self, rows: Rows) -> Iterator[list[Any]]:
        """Points that are stored whole have a cell each, as JSON text: they have too many fields for columns."""
        is_whole = is_of_whole_events(rows)
        fields = None if is_whole else [one.field for one in self._columns if not one.whole]
        for point in points_of([rows], fields):
            data = point["data"]
            cells = [(data if is_whole else None) if one.whole else data.get(one.field) for one in self._columns]
            yield [point["index"], point["createdAt"], *cells]

    def finish(self) -> bytes:
        return self._head.encode()


class Arrow:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, Sink()
        self._writer = pa.ipc.new_stream(self._sink, schema.arrow())

    def piece(self, rows: Sequence[Rows]) -> bytes:
        for one in rows:
            self._writer.write_batch(batch_of(one, self._schema))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class Parquet:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, Sink()
        self._writer = pq.ParquetWriter(self._sink, schema.arrow(), **schema.parquet_options())

    def piece(self, rows: Sequence[Rows]) -> bytes:
        self._writer.write_table(pa.Table.from_batches([batch_of(one, self._schema) for one in rows]))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()
