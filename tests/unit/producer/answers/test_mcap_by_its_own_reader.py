"""MCAP exports, read by the format's official reader (PyPI `mcap`), which checks every checksum and the summary."""

import io
import json
import math
from typing import Any

import pytest

from mldash.answers.mcap import mcap_bytes

make_reader = pytest.importorskip("mcap.reader", reason="in the dev extra: make install").make_reader

ENTRIES: list[dict[str, Any]] = [
    {"timestamp": number / 8, "x": number / 3, "pose.q": [1.0, float(number)], **({"note": "é"} if number % 3 else {})}
    for number in range(5_000)
]


@pytest.mark.parametrize("entries", [[], ENTRIES[:1], ENTRIES], ids=["none", "one", "many"])
def test_the_official_reader_reads_every_entry(entries: list[dict[str, Any]]) -> None:
    data = mcap_bytes("robot/position", entries)
    reader = make_reader(io.BytesIO(data), validate_crcs=True)
    summary = reader.get_summary()
    assert summary is not None
    if entries:
        [channel] = summary.channels.values()
        assert (channel.topic, channel.message_encoding) == ("robot/position", "json")
        assert summary.schemas[channel.schema_id].encoding == "jsonschema"
        assert summary.statistics is not None and summary.statistics.message_count == len(entries)
    found = [(message.log_time / 1e9, json.loads(message.data)) for _, _, message in reader.iter_messages()]
    assert [time for time, _ in found] == [entry["timestamp"] for entry in entries]
    for (_, message), entry in zip(found, entries, strict=True):
        assert {name: message[name] for name in entry if name in message} == {
            name: value for name, value in entry.items() if name in message
        }
        assert set(entry) - {"timestamp"} <= set(message)


def test_the_official_reader_finds_a_stretch_by_time() -> None:
    """Through the chunk index, as players do."""
    reader = make_reader(io.BytesIO(mcap_bytes("t", ENTRIES)), validate_crcs=True)
    found = [
        message.log_time / 1e9
        for _, _, message in reader.iter_messages(starting_at=int(100e9), ending_before=int(101e9))
    ]
    assert found == [entry["timestamp"] for entry in ENTRIES if 100 <= entry["timestamp"] < 101]


def test_what_json_can_not_say_is_still_a_file_for_the_official_reader() -> None:
    data = mcap_bytes("t", [{"timestamp": 1.0, "x": math.nan, "raw": b"\0"}])
    [(_, _, message)] = make_reader(io.BytesIO(data), validate_crcs=True).iter_messages()
    assert "x" in json.loads(message.data)
