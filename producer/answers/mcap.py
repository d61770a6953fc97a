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
from collections.abc import Mapping, Sequence
from typing import Any

from mldash.producer.answers.rows import json_bytes

MAGIC = b"\x89MCAP0\r\n"
CHUNK_BYTES = 4 * 1024 * 1024

_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _CHUNK_INDEX = range(0x01, 0x09)
_STATISTICS, _SUMMARY_OFFSET, _DATA_END = 0x0B, 0x0E, 0x0F
_SCHEMA_ID, _CHANNEL_ID = 1, 1
_LAST_TIME = 2**64 - 1


def mcap_bytes(topic: str, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """The file; `entries` in time order. Raises ValueError for times that MCAP can't hold (before 1970, after 2554)."""
    schema = _record(
        _SCHEMA,
        struct.pack("<H", _SCHEMA_ID) + _text(topic) + _text("jsonschema") + _sized(json_bytes(_schema_of(entries))),
    )
    channel = _record(
        _CHANNEL, struct.pack("<HH", _CHANNEL_ID, _SCHEMA_ID) + _text(topic) + _text("json") + _sized(b"")
    )
    file = _File(schema + channel)
    for sequence, entry in enumerate(entries):
        file.message(sequence, _nanoseconds(entry["timestamp"]), entry)
    return file.finish(schema, channel)


class _File:
    """A file under construction: whole chunks in `_data`, the open one in `_chunk`."""

    def __init__(self, head: bytes) -> None:
        self._data = bytearray(MAGIC + _record(_HEADER, _text("") + _text("mldash")))
        self._chunk = bytearray(head)
        self._index: list[tuple[int, int]] = []  # time, offset within the open chunk
        self._chunk_indexes = bytearray()
        self._chunk_count = self._message_count = 0
        self._first = self._last = 0

    def message(self, sequence: int, time: int, entry: Mapping[str, Any]) -> None:
        body = json_bytes({name: value for name, value in entry.items() if name != "timestamp"})
        self._first = time if self._message_count == 0 else self._first
        self._last = time
        self._message_count += 1
        self._index.append((time, len(self._chunk)))
        self._chunk += _record(_MESSAGE, struct.pack("<HIQQ", _CHANNEL_ID, sequence & 0xFFFFFFFF, time, time) + body)
        if len(self._chunk) >= CHUNK_BYTES:
            self._close_chunk()

    def finish(self, schema: bytes, channel: bytes) -> bytes:
        if self._chunk:
            self._close_chunk()
        data = self._data
        data += _record(_DATA_END, struct.pack("<I", zlib.crc32(data)))
        statistics = struct.pack(
            "<QHIIIIQQ", self._message_count, 1, 1, 0, 0, self._chunk_count, self._first, self._last
        )
        counts = struct.pack("<HQ", _CHANNEL_ID, self._message_count) if self._message_count else b""
        groups = (
            (_SCHEMA, schema),
            (_CHANNEL, channel),
            (_CHUNK_INDEX, bytes(self._chunk_indexes)),
            (_STATISTICS, _record(_STATISTICS, statistics + _sized(counts))),
        )
        summary_start = len(data)
        summary, offsets = bytearray(), bytearray()
        for opcode, group in groups:
            if group:
                place = struct.pack("<BQQ", opcode, summary_start + len(summary), len(group))
                offsets += _record(_SUMMARY_OFFSET, place)
                summary += group
        footer = struct.pack("<BQQQ", _FOOTER, 20, summary_start, summary_start + len(summary))
        checksum = zlib.crc32(bytes(summary + offsets) + footer)
        return bytes(data + summary + offsets) + footer + struct.pack("<I", checksum) + MAGIC

    def _close_chunk(self) -> None:
        records = bytes(self._chunk)
        times = [time for time, _ in self._index]
        first, last = (times[0], times[-1]) if times else (0, 0)
        chunk_start = len(self._data)
        head = struct.pack("<QQQI", first, last, len(records), zlib.crc32(records)) + _text("")
        self._data += _record(_CHUNK, head + struct.pack("<Q", len(records)) + records)
        index_start = len(self._data)
        offsets = b""
        if self._index:
            places = b"".join(struct.pack("<QQ", time, offset) for time, offset in self._index)
            self._data += _record(_MESSAGE_INDEX, struct.pack("<H", _CHANNEL_ID) + _sized(places))
            offsets = struct.pack("<HQ", _CHANNEL_ID, index_start)
        self._chunk_indexes += _record(
            _CHUNK_INDEX,
            struct.pack("<QQQQ", first, last, chunk_start, index_start - chunk_start)
            + _sized(offsets)
            + struct.pack("<Q", len(self._data) - index_start)
            + _text("")
            + struct.pack("<QQ", len(records), len(records)),
        )
        self._chunk_count += 1
        self._chunk, self._index = bytearray(), []


def _schema_of(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """JSON Schema of the messages: each field with the types that its values have."""
    kinds: dict[str, set[str]] = {}
    for entry in entries:
        for name, value in entry.items():
            if name != "timestamp":
                kinds.setdefault(name, set()).add(_schema_type(value))
    properties = {
        name: {"type": found.pop() if len(found) == 1 else sorted(found)} for name, found in sorted(kinds.items())
    }
    return {"type": "object", "properties": properties}


def _schema_type(value: Any) -> str:
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
