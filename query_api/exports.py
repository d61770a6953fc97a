"""Points as files, written as they come: what each format's head, pieces and tail are.

jsonl      a point a line, as /v1/metrics/points has them
csv        a header, a line a point: index, createdAt, the fields; lists and dicts as JSON text
arrow      an Arrow IPC stream, a record batch a piece (reading/tables.py)
parquet    a Parquet file, a row group a piece
"""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from mldash.producer.answers.rows import NonFinite, csv_lines, jsonl_bytes

from .reading.points import points_of
from .reading.rows import Rows
from .reading.tables import OWN, Schema, batch_of

ExportFormat = Literal["jsonl", "csv", "arrow", "parquet"]
MEDIA_TYPES: Final[dict[str, str]] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


class Export(Protocol):
    """One file that is being written."""

    def piece(self, rows: Sequence[Rows]) -> bytes:
        """What can be sent now."""
        ...

    def finish(self) -> bytes: ...


class JsonLines:
    def __init__(self, fields: Sequence[str] | None, nonfinite: NonFinite) -> None:
        self._fields, self._nonfinite = fields, nonfinite

    def piece(self, rows: Sequence[Rows]) -> bytes:
        return jsonl_bytes(points_of(rows, self._fields), self._nonfinite)

    def finish(self) -> bytes:
        return b""


class Csv:
    def __init__(self, schema: Schema) -> None:
        self._names = [*OWN, *(one.name for one in schema.columns)]
        self._columns = {one.field: one.name for one in schema.columns}
        self._head = csv_lines([self._names])

    def piece(self, rows: Sequence[Rows]) -> bytes:
        points = points_of(rows, list(self._columns))
        lines = [
            [point["index"], point["createdAt"], *(point["data"].get(field) for field in self._columns)]
            for point in points
        ]
        head, self._head = self._head, ""
        return (head + csv_lines(lines)).encode()

    def finish(self) -> bytes:
        return self._head.encode()


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class Arrow:
    def __init__(self, schema: Schema) -> None:
        self._schema, self._sink = schema, _Sink()
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
        self._schema, self._sink = schema, _Sink()
        self._writer = pq.ParquetWriter(self._sink, schema.arrow(), compression="zstd")

    def piece(self, rows: Sequence[Rows]) -> bytes:
        self._writer.write_table(pa.Table.from_batches([batch_of(one, self._schema) for one in rows]))
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()


async def written(pieces: AsyncIterator[Sequence[Rows]], export: Export) -> AsyncIterator[bytes]:
    """The file, piece after piece; the next is read when the one before is on its way."""
    async for rows in pieces:
        data = await asyncio.to_thread(export.piece, rows)
        if data:
            yield data
    yield await asyncio.to_thread(export.finish)
