"""Entries of a track as an MCAP file (mcap.dev/spec): JSON messages with a schema, for Foxglove and Rerun.

    magic  header  chunk {schema  channel  message …}  message index …  data end  summary {schema  channel
    chunk index …  statistics}  summary offset …  footer  magic

A record is its opcode (u8), the length of what follows (u64) and its fields; strings and maps begin with their length
in bytes (u32); all numbers are little endian; times are nanoseconds since the epoch (u64). Chunks are not compressed,
which every reader takes. A message is the entry's fields as a JSON object, at the entry's time; NaN and the infinities
are null.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .rows import json_bytes

MAGIC = b"\x89MCAP0\r\n"
CHUNK_BYTES = 4 * 1024 * 1024

_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _CHUNK_INDEX = range(0x01, 0x09)
_STATISTICS, _SUMMARY_OFFSET, _DATA_END = 0x0B, 0x0E, 0x0F
_SCHEMA_ID, _CHANNEL_ID = 1, 1
_LAST_TIME = 2**64 - 1


def mcap_bytes(topic: str, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """The file; `entries` in time order. Raises ValueError for times that MCAP can't hold (before 1970, after 2554)."""
    file = McapFile(topic, _schema_of(entries))
    return file.add(entries) + file.finish()


def check_times(first: float, last: float) -> None:
    """Raises ValueError for times that MCAP can't hold."""
    for time in (first, last):
        _nanoseconds(time)


class McapFile:
    """A file that is written as its entries come. `schema`: a JSON Schema of all of them."""

    def __init__(self, topic: str, schema: Mapping[str, Any]) -> None:
        self._schema = _record(
            _SCHEMA, struct.pack("<H", _SCHEMA_ID) + _text(topic) + _text("jsonschema") + _sized(json_bytes(schema))
        )
        self._channel = _record(
            _CHANNEL, struct.pack("<HH", _CHANNEL_ID, _SCHEMA_ID) + _text(topic) + _text("json") + _sized(b"")
        )
        self._ready = bytearray(MAGIC + _record(_HEADER, _text("") + _text("mldash")))
        self._taken = 0  # bytes that were handed out, and their checksum so far
        self._checksum = 0
        self._chunk = bytearray(self._schema + self._channel)
        self._index: list[tuple[int, int]] = []  # time, offset within the open chunk
        self._chunk_indexes = bytearray()
        self._chunk_count = self._message_count = 0
        self._first = self._last = 0

    def add(self, entries: Iterable[Mapping[str, Any]]) -> bytes:
        """The bytes to send; entries come behind those before. Raises ValueError for a time that MCAP can't hold."""
        for entry in entries:
            self._message(_nanoseconds(entry["timestamp"]), entry)
        return self._take()

    def finish(self) -> bytes:
        """The rest."""
        if self._chunk:
            self._close_chunk()
        data = self._take()
        end = _record(_DATA_END, struct.pack("<I", self._checksum))
        return data + end + self._summary(self._taken + len(end))

    def _message(self, time: int, entry: Mapping[str, Any]) -> None:
        body = json_bytes({name: value for name, value in entry.items() if name != "timestamp"})
        self._first = time if self._message_count == 0 else self._first
        self._last = time
        self._index.append((time, len(self._chunk)))
        head = struct.pack("<HIQQ", _CHANNEL_ID, self._message_count & 0xFFFFFFFF, time, time)
        self._message_count += 1
        self._chunk += _record(_MESSAGE, head + body)
        if len(self._chunk) >= CHUNK_BYTES:
            self._close_chunk()

    def _take(self) -> bytes:
        data, self._ready = bytes(self._ready), bytearray()
        self._taken += len(data)
        self._checksum = zlib.crc32(data, self._checksum)
        return data

    def _summary(self, start: int) -> bytes:
        """All that stands behind the data, which end at `start`."""
        statistics = struct.pack(
            "<QHIIIIQQ", self._message_count, 1, 1, 0, 0, self._chunk_count, self._first, self._last
        )
        counts = struct.pack("<HQ", _CHANNEL_ID, self._message_count) if self._message_count else b""
        groups = (
            (_SCHEMA, self._schema),
            (_CHANNEL, self._channel),
            (_CHUNK_INDEX, bytes(self._chunk_indexes)),
            (_STATISTICS, _record(_STATISTICS, statistics + _sized(counts))),
        )
        summary, offsets = bytearray(), bytearray()
        for opcode, group in groups:
            if group:
                offsets += _record(_SUMMARY_OFFSET, struct.pack("<BQQ", opcode, start + len(summary), len(group)))
                summary += group
        footer = struct.pack("<BQQQ", _FOOTER, 20, start, start + len(summary))
        checksum = zlib.crc32(bytes(summary + offsets) + footer)
        return bytes(summary + offsets) + footer + struct.pack("<I", checksum) + MAGIC

    def _close_chunk(self) -> None:
        records = bytes(self._chunk)
        times = [time for time, _ in self._index]
        first, last = (times[0], times[-1]) if times else (0, 0)
        chunk_start = self._taken + len(self._ready)
        head = struct.pack("<QQQI", first, last, len(records), zlib.crc32(records)) + _text("")
        self._ready += _record(_CHUNK, head + struct.pack("<Q", len(records)) + records)
        index_start = self._taken + len(self._ready)
        offsets = b""
        if self._index:
            places = b"".join(struct.pack("<QQ", time, offset) for time, offset in self._index)
            self._ready += _record(_MESSAGE_INDEX, struct.pack("<H", _CHANNEL_ID) + _sized(places))
            offsets = struct.pack("<HQ", _CHANNEL_ID, index_start)
        self._chunk_indexes += _record(
            _CHUNK_INDEX,
            struct.pack("<QQQQ", first, last, chunk_start, index_start - chunk_start)
            + _sized(offsets)
            + struct.pack("<Q", self._taken + len(self._ready) - index_start)
            + _text("")
            + struct.pack("<QQ", len(records), len(records)),
        )
        self._chunk_count += 1
        self._chunk, self._index = bytearray(), []


def schema_of(types: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """JSON Schema of messages whose fields have these of JSON's types; a field with none of them may have any."""
    properties = dict[str, Any]()
    for name, kinds in sorted(types.items()):
        found = sorted(kinds)
        properties[name] = {"type": found[0] if len(found) == 1 else found} if found else {}
    return {"type": "object", "properties": properties}


def _schema_of(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each field with the types that its values have."""
    kinds: dict[str, set[str]] = {}
    for entry in entries:
        for name, value in entry.items():
            if name != "timestamp":
                kinds.setdefault(name, set()).add(schema_type(value))
    return schema_of(kinds)


def schema_type(value: Any) -> str:
    """JSON's name of the value's type."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, (str, bytes)):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


def _nanoseconds(seconds: float) -> int:
    whole = int(seconds // 1)
    time = whole * 1_000_000_000 + round((seconds - whole) * 1_000_000_000)
    if not 0 <= time <= _LAST_TIME:
        raise ValueError(f"MCAP can't hold the time {seconds}: it counts nanoseconds from 1970 on, to 2554")
    return time


def _record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def _text(text: str) -> bytes:
    return _sized(text.encode())


def _sized(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content
