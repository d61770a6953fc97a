"""Rows as the bytes of a file, page after page; what has columns looks through all rows first, for their names and
types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

import msgspec

from mldash.answers.columns import check_package
from mldash.answers.mcap import McapFile, schema_of, schema_type
from mldash.answers.rows import NonFinite, csv_lines, jsonl_bytes
from mldash.answers.shapes import TrackSummary
from mldash.answers.written.mocap_file import MocapFile

from .asked import AskedExport, Stream
from .layouts import Layout, layout_of
from .over_folder import Page, Pages

_pack: Final = msgspec.msgpack.Encoder().encode


class _File(Protocol):
    """One that is being written: what can be written now, and the rest."""

    def add(self, rows: Page, /) -> bytes: ...

    def finish(self) -> bytes: ...


def file_pieces(
    stream: Stream, asked: AskedExport, pages: Pages, about: Callable[[], TrackSummary | None]
) -> Iterator[bytes]:
    """`about`: what is known of a track, for formats that say it. Raises PackageMissing (Arrow, Parquet), ValueError
    for times that MCAP can't hold."""
    file = _file_of(stream, asked, pages, about)
    for page in pages():
        yield file.add(page)
    yield file.finish()


def _file_of(stream: Stream, asked: AskedExport, pages: Pages, about: Callable[[], TrackSummary | None]) -> _File:
    if asked.format == "jsonl":
        return _Lines(asked.nonfinite)
    if asked.format == "msgpack":
        return _Packed()
    if asked.format == "mcap":
        return McapFile(str(stream.name), _mcap_schema(pages))
    if asked.format == "mocap":
        said = about()
        known = (said["description"], said["tags"], said["metadata"]) if said else (None, list[str](), None)
        return MocapFile(str(stream.name), *known, nonfinite=asked.nonfinite)
    layout = layout_of(stream.kind, asked.fields)
    if asked.format == "csv":
        return _Csv(layout, pages)
    check_package("arrow")
    # Arrow is no part of the base install.
    from .tables import Kinds, TableFile

    kinds = Kinds(layout)
    for page in () if layout.texts else pages():
        kinds.add(page)
    return TableFile(kinds.table(), asked.format)


class _Lines:
    def __init__(self, nonfinite: NonFinite) -> None:
        self._nonfinite = nonfinite

    def add(self, rows: Page) -> bytes:
        return jsonl_bytes(rows, self._nonfinite)

    def finish(self) -> bytes:
        return b""


class _Packed:
    def add(self, rows: Page) -> bytes:
        return b"".join(map(_pack, rows))

    def finish(self) -> bytes:
        return b""


class _Csv:
    def __init__(self, layout: Layout, pages: Pages) -> None:
        self._layout, self._own = layout, [name for name, _ in layout.own]
        names = dict.fromkeys((*layout.asked, *layout.texts))
        for page in () if layout.texts else pages():
            for row in page:
                names.update(dict.fromkeys(layout.fields_of(row)))
        self._fields = list(names)
        self._head = csv_lines([[*self._own, *map(layout.column_of, self._fields)]])

    def add(self, rows: Page) -> bytes:
        head, self._head = self._head, ""
        return (head + csv_lines(map(self._cells, rows))).encode()

    def _cells(self, row: dict[str, object]) -> list[object]:
        fields = self._layout.fields_of(row)
        return [*map(row.get, self._own), *map(fields.get, self._fields)]

    def finish(self) -> bytes:
        return self._head.encode()


def _mcap_schema(pages: Pages) -> dict[str, object]:
    kinds = dict[str, set[str]]()
    for page in pages():
        for entry in page:
            for name, value in entry.items():
                if name != "timestamp":
                    kinds.setdefault(name, set()).add(schema_type(value))
    return schema_of(kinds)
