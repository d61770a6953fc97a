"""Journals on a temporary folder, and what is in them."""

import os
from array import array
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from mldash.callbacks import Callbacks
from mldash.events.encoding import decode_record, encode_record, headers
from mldash.events.schema import Columns, Record, Rows, RunEvents
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Place
from mldash.journal.frame import ROW, pack_frame
from mldash.journal.reading.rounds import Gatherer
from mldash.journal.reading.scan import Scan, Source
from mldash.journal.session_folder import Head
from mldash.journal.writers import RowWriter

PREFIX = "owner/project/run"

Stream = tuple[str, str | None]
_CODES = {"float64": "d", "float32": "f", "int64": "q", "bool": "?"}


def new_head() -> Head:
    return Head(prefix=PREFIX, session=os.urandom(16).hex(), mode="offline", pid=os.getpid())


def new_journal(root: Path, callbacks: Callbacks | None = None, **settings: Any) -> Journal:
    given = {"limit_bytes": 1 << 30, "on_open": lambda journal: None, **settings}
    return Journal(root, new_head, callbacks=callbacks or Callbacks(), **given)


def append_row(rows: RowWriter, time: float, values: Sequence[Any]) -> None:
    """One packed row, as the generated log() appends it."""
    row = rows.pack(rows.number, time, *values)
    try:
        rows._write(pack_frame(ROW, row))
    except ValueError:
        rows.append_slowly(row)


def records_in(source: Source, *, decoded: bool = True, after: Place | None = None) -> list[Record]:
    """All records; those that are not decoded have gone over the wire once."""
    gatherer = Gatherer(Scan(source), PREFIX, decoded=decoded, after=after)
    records: list[Record] = []
    while (found := gatherer.next_round()) is not None:
        records += found.records
    return records if decoded else [decode_record(encode_record(record), headers()) for record in records]


def events_in(source: Source, **more: Any) -> dict[Stream, list[tuple[float, dict[str, Any]]]]:
    """(time, fields) of each stream's events; their seqs are 0, 1, 2, …, or an AssertionError says where not."""
    found: dict[Stream, list[tuple[float, dict[str, Any]]]] = defaultdict(list)
    for record in records_in(source, **more):
        stream = (record.kind, record.name)
        if "after" not in more:
            assert record.first_seq == len(found[stream]), (stream, record.first_seq, len(found[stream]))
        found[stream] += events_of(record)
    return dict(found)


def events_of(record: Record) -> list[tuple[float, dict[str, Any]]]:
    events: list[tuple[float, dict[str, Any]]] = []
    for block in record.blocks:
        if isinstance(block, Rows):
            events += [
                (time, dict(zip(block.fields, row, strict=True)))
                for time, row in zip(block.times, block.rows, strict=True)
            ]
        elif isinstance(block, Columns):
            values = [_values(column.type, column.data) for column in block.columns]
            rows = zip(*values, strict=True)
            events += [
                (time, dict(zip(block.fields, row, strict=True)))
                for time, row in zip(array("d", block.times), rows, strict=True)
            ]
        elif isinstance(block, RunEvents):
            events += [(event.time, {"event": event}) for event in block.events]
    return events


def _values(kind: str, data: bytes) -> list[Any]:
    if kind == "values":
        values: list[Any] = msgspec.msgpack.decode(data)
        return values
    return memoryview(data).cast(_CODES[kind]).tolist()
