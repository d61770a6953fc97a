"""MCAP files, read back by the format's own rules. (The public reader, `mcap` on PyPI, reads the golden file.)"""

import json
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldash.answers import mcap
from mldash.answers.mcap import MAGIC, mcap_bytes

GOLDEN = Path(__file__).parents[2] / "golden" / "track_v1.mcap"
ENTRIES = [
    {"timestamp": 1.5, "x": 0.1, "pose.q": [1.0, 2.0], "note": "a"},
    {"timestamp": 1.25e9, "x": math.nan, "flag": True},
]


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        opcode, length = struct.unpack_from("<BQ", data, at)
        yield opcode, data[at + 9 : at + 9 + length]
        at += 9 + length


def messages(data: bytes) -> list[tuple[int, object]]:
    """(time, message) of all chunks, their checksums compared."""
    found = []
    for opcode, content in records(data[len(MAGIC) : -len(MAGIC)]):
        if opcode != 0x06:
            continue
        _, _, size, checksum, compression, length = struct.unpack_from("<QQQIIQ", content)
        inner = content[-length:]
        assert (compression, size) == (0, length)
        assert zlib.crc32(inner) == checksum
        for kind, message in records(inner):
            if kind == 0x05:
                _, _, time, _ = struct.unpack_from("<HIQQ", message)
                found.append((time, json.loads(message[22:])))
    return found


def test_entries_are_messages_at_their_times() -> None:
    assert messages(mcap_bytes("robot/pose", ENTRIES)) == [
        (1_500_000_000, {"x": 0.1, "pose.q": [1.0, 2.0], "note": "a"}),
        (1_250_000_000_000_000_000, {"x": None, "flag": True}),
    ]


def test_long_tracks_are_cut_into_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcap, "CHUNK_BYTES", 500)
    entries = [{"timestamp": float(number), "n": number} for number in range(100)]
    data = mcap_bytes("t", entries)
    assert sum(opcode == 0x06 for opcode, _ in records(data[8:-8])) > 5
    assert [message for _, message in messages(data)] == [{"n": number} for number in range(100)]


def test_the_summary_counts_what_is_there() -> None:
    data = mcap_bytes("t", ENTRIES)
    (statistics,) = (content for opcode, content in records(data[8:-8]) if opcode == 0x0B)
    counts = struct.unpack_from("<QHIIIIQQ", statistics)
    assert counts == (2, 1, 1, 0, 0, 1, 1_500_000_000, 1_250_000_000_000_000_000)


def test_the_schema_names_the_types_of_each_field() -> None:
    (schema,) = {content for opcode, content in records(mcap_bytes("t", ENTRIES)[8:-8]) if opcode == 0x03}
    described = json.loads(schema[schema.index(b"{") :])
    assert described["properties"]["x"] == {"type": "number"}
    assert described["properties"]["pose.q"] == {"type": "array"}


def test_the_bytes_of_a_file_stay_what_the_public_reader_has_read() -> None:
    assert mcap_bytes("robot/pose", ENTRIES) == GOLDEN.read_bytes()


@pytest.mark.parametrize("time", [-0.5, 2e10])
def test_times_that_the_format_can_not_hold_are_refused(time: float) -> None:
    with pytest.raises(ValueError, match="MCAP can't hold the time"):
        mcap_bytes("t", [{"timestamp": time}])
