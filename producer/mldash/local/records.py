"""Files → records of the wire, each event under the name that it was logged with (sources.py).

Read only, and no further than is acknowledged: a run may be writing meanwhile. The order is that in which a reader of
the records wants it: starts and descriptions first, then parameters, log lines, points and entries, and the ends of
runs last, so that a run looks complete only once its data have arrived.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from mldash.answers.shapes import iso_time
from mldash.events.identity import Prefix
from mldash.events.limits import RECORD_EVENTS, RECORD_TARGET_BYTES
from mldash.events.schema import Block, Describe, End, Record, Rows, RunEvents, Start
from mldash.process.learnt_types import learnt

from . import entries, lines, params, points
from .blocks import Event
from .folder import DATA, Folder
from .row_index import DamagedRow, decode_rows, whole_lines
from .state.acknowledged import Acknowledged, FileEnd
from .state.adoption import (
    held_descriptions,
    held_params,
    session_of_descriptions,
    session_of_params,
    session_of_rows,
    stream_name,
)
from .state.sources import Source, read_sources

Row = dict[str, Any]


_RUN_EVENT = learnt(Start | Describe | End)


class Part(NamedTuple):
    """Rows of one file that are to be read: those between two ends. `file` is relative to the folder."""

    kind: str
    name: str | None
    file: str
    start: FileEnd
    end: FileEnd


class Numbered(NamedTuple):
    """A record, the file that it was read from, and where that has been read up to."""

    record: Record
    file: str
    end: FileEnd


def parts_of(folder: Folder, read: Mapping[str, FileEnd]) -> list[Part]:
    """The rows of the files behind those that were `read` before. Raises OSError, NotOurState."""
    acknowledged = Acknowledged(folder.state)
    acknowledged.refresh()
    streams = [
        (kind, stream_name(folder, kind, path), folder.relative(path / DATA))
        for kind in ("metrics", "tracks")
        for path in folder.streams(kind)
    ]
    found = []
    for kind, name, file in [*((kind, "", folder.rows(kind)) for kind in ("runs", "params", "logs")), *streams]:
        path = folder.path / file
        if not path.exists():
            continue
        end = (acknowledged.end_of(file) or FileEnd()) if acknowledged.exists else whole_lines(path)
        if path.stat().st_size < end.bytes:
            end = whole_lines(path)  # someone has cut it since: what is left counts
        start = read.get(file, FileEnd())
        if not _fits(path, start, end):
            start = FileEnd()  # it is another file than the one that was read
        if start.rows < end.rows:
            found.append(Part(kind, name, file, start, end))
    if found and found[0].kind == "runs":
        found[:1], ends = _cut_at_first_end(folder, found[0])
        found += ends
    return found


def sessions_of(folder: Folder, prefix: Prefix, parts: Sequence[Part]) -> set[bytes]:
    """Of the records of whole parts, and of what only JSON files hold. Raises DamagedRow, OSError."""
    found = {record.session for record in held_records(folder, prefix)}
    for part in parts:
        if part.kind == "runs":
            found |= {one.record.session for one in records_of(folder, prefix, part)}
        else:
            own = session_of_rows(folder, prefix, part.file)
            found |= {source.session for source in read_sources(folder.path / part.file, own)}
    return found


def records_of(folder: Folder, prefix: Prefix, part: Part) -> Iterator[Numbered]:
    """The part's rows, consecutive ones of one session in a record. Raises DamagedRow, OSError."""
    path = folder.path / part.file
    sources: list[Source] = []
    if part.kind != "runs":
        sources = read_sources(path, session_of_rows(folder, prefix, part.file))
    row, at = part.start.rows, part.start.bytes
    written_at = path.stat().st_mtime
    for batch in _batches(path, part):
        rows = decode_rows(path, b"".join(batch))
        first = 0
        for session, seq, count in _spans(part.kind, rows, row, sources):
            try:
                record = _record(part, prefix, session, seq, rows[first : first + count], written_at)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DamagedRow(str(path), f"row {row + first} or one behind it is none: {error!r}") from error
            at += sum(map(len, batch[first : first + count]))
            first += count
            yield Numbered(record, part.file, FileEnd(at, row + first))
        row += len(rows)


def held_records(folder: Folder, prefix: Prefix) -> Iterator[Record]:
    """Records of JSON files alone, in a folder that came without its histories: parameters and descriptions."""
    now = time.time()
    held = held_params(folder)
    if held is not None and not (folder.path / folder.rows("params")).exists():
        row = {"createdAt": iso_time(folder.parameters.stat().st_mtime), "data": held}
        part = Part("params", "", "", FileEnd(), FileEnd())
        yield _record(part, prefix, session_of_params(prefix, held), 0, [row])
    said = list(held_descriptions(folder, now))
    if said and not (folder.path / folder.rows("runs")).exists():
        session = session_of_descriptions(prefix, said)
        block = RunEvents([*said])
        yield Record(
            prefix=prefix.text, kind="runs", name="", session=session, first_seq=0, logged_at=now, blocks=[block]
        )


def _cut_at_first_end(folder: Folder, part: Part) -> tuple[list[Part], list[Part]]:
    """The part as two: before the first end of a run, and from there on."""
    path = folder.path / part.file
    at, row = part.start.bytes, part.start.rows
    for batch in _batches(path, part):
        for line in batch:
            if b'"end"' in line and decode_rows(path, line)[0]["event"]["type"] == "end":
                middle = FileEnd(at, row)
                before = [part._replace(end=middle)] if row > part.start.rows else []
                return before, [part._replace(start=middle)]
            at, row = at + len(line), row + 1
    return [part], []


def _batches(path: Path, part: Part) -> Iterator[list[bytes]]:
    """Lines, as many at once as make a record."""
    at = part.start.bytes
    with path.open("rb") as file:
        file.seek(at)
        while at < part.end.bytes:
            batch: list[bytes] = []
            size = 0
            while at < part.end.bytes and size < RECORD_TARGET_BYTES and len(batch) < RECORD_EVENTS:
                line = file.readline()
                if not line:
                    raise DamagedRow(str(path), f"it ends at byte {at}, before {part.end.bytes} that are acknowledged")
                batch.append(line)
                at, size = at + len(line), size + len(line)
            yield batch


def _spans(
    kind: str, rows: Sequence[Row], first_row: int, sources: Sequence[Source]
) -> Iterator[tuple[bytes, int, int]]:
    """(session, first seq, count) of rows that follow each other."""
    if kind == "runs":
        yield from _spans_of_runs(rows)
        return
    row, stop = first_row, first_row + len(rows)
    at = bisect_right(sources, row, key=lambda source: source.first_row) - 1
    while row < stop:
        source = sources[at]
        next_row = sources[at + 1].first_row if at + 1 < len(sources) else stop
        count = min(next_row, stop) - row
        yield source.session, source.seq_of(row), count
        row, at = row + count, at + 1


def _spans_of_runs(rows: Sequence[Row]) -> Iterator[tuple[bytes, int, int]]:
    begin = 0
    for at in range(1, len(rows) + 1):
        first = rows[begin]
        if at < len(rows) and (rows[at]["session"], rows[at]["seq"]) == (first["session"], first["seq"] + at - begin):
            continue
        yield bytes.fromhex(first["session"]), first["seq"], at - begin
        begin = at


def _record(
    part: Part, prefix: Prefix, session: bytes, seq: int, rows: Sequence[Row], written_at: float = 0.0
) -> Record:
    blocks: list[Block]
    if part.kind == "runs":
        events = [msgspec.convert(row["event"], _RUN_EVENT, builtin_types=(bytes,)) for row in rows]
        blocks, logged_at = [RunEvents(events)], events[0].time
    else:
        found = [_EVENT_OF[part.kind](row) for row in rows]
        blocks, logged_at = _blocks(found), found[0][0]
        if part.kind == "tracks":  # an entry's time is the user's; when it was logged is not kept, but not after this
            logged_at = written_at
    return Record(
        prefix=prefix.text,
        kind=part.kind,  # type: ignore[arg-type]
        name=part.name,
        session=session,
        first_seq=seq,
        logged_at=logged_at,
        blocks=blocks,
    )


def _blocks(events: Sequence[Event]) -> list[Block]:
    blocks: list[Block] = []
    open_rows: Rows | None = None
    for at, values in events:
        if open_rows is None or open_rows.fields != [*values]:
            open_rows = Rows([*values], [], [])
            blocks.append(open_rows)
        open_rows.times.append(at)
        open_rows.rows.append([*values.values()])
    return blocks


def _event_of_entry(row: Row) -> Event:
    return entries.time_of(row), {name: value for name, value in row.items() if name != entries.TIMESTAMP}


def _event_of_line(row: Row) -> Event:
    return lines.time_of(row), {name: row[name] for name in ("level", "message", "metadata") if name in row}


_EVENT_OF: Final[Mapping[str, Callable[[Row], Event]]] = {
    "metrics": lambda row: (points.time_of(row), row["data"]),
    "params": lambda row: (params.time_of(row), row["data"]),
    "tracks": _event_of_entry,
    "logs": _event_of_line,
}


def _fits(path: Path, start: FileEnd, end: FileEnd) -> bool:
    """Whether a row of the file begins at `start`."""
    if start.bytes == 0 or start.bytes > end.bytes:
        return start.bytes == 0
    with path.open("rb") as file:
        file.seek(start.bytes - 1)
        return file.read(1) == b"\n"
