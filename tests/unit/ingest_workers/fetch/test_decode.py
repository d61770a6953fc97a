"""What a producer of ours would never send is set aside with a reason; nothing behind this point doubts a record."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mldash.events.encoding import JSON, MSGPACK, encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Column, Columns, Heartbeat, Record, Rows, RunEvents, Signals, Start
from mldash_ingest.fetch.decode import Arrival, SetAside, decode, decode_many

GOOD = Record(
    prefix="o/p/n",
    kind="metrics",
    name="loss",
    session=b"x" * 16,
    first_seq=0,
    logged_at=1.0,
    blocks=[Rows(["a"], [1.0, 2.0], [[1], [2]]), Columns(["b"], 1, b"\0" * 8, [Column("float64", b"\0" * 8)])],
)


def received(record: Record, content_type: str = MSGPACK, **changed: Any) -> Any:
    key = stream_key(experiment_id(record.prefix), record.kind, record.name)
    origin = {"topic": "t", "partition": 0, "offset": 7, "key": key, "headers": headers(content_type)}
    return SimpleNamespace(**{**origin, "value": encode_record(record, content_type), **changed})


@pytest.mark.parametrize("content_type", [MSGPACK, JSON])
def test_a_good_record_arrives_in_both_encodings(content_type: str) -> None:
    arrival = decode(received(GOOD, content_type), "metrics")
    assert isinstance(arrival, Arrival)
    assert arrival.record == GOOD
    assert arrival.experiment == experiment_id("o/p/n")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prefix": "alone"}, "no project"),
        ({"prefix": "/o/p/n/"}, "outer slashes"),
        ({"prefix": "o/../n"}, "'..'"),
        ({"kind": "logs", "name": ""}, "kind logs in the topic of metrics"),
        ({"name": "x" * 1_025}, "at most 1024"),
        ({"session": b"short"}, "5 bytes"),
        ({"first_seq": -1}, "negative"),
        ({"blocks": [Rows(["a", "a"], [1.0], [[1, 2]])]}, "names a field twice"),
        ({"blocks": [Rows(["a"], [1.0], [[1, 2]])]}, "not one value for each"),
        ({"blocks": [Rows(["a"], [1.0, 2.0], [[1]])]}, "1 rows with 2 times"),
        ({"blocks": [Rows(["a"], [float("nan")], [[1]])]}, "not finite"),
        ({"blocks": [Columns(["a"], 2, b"\0" * 16, [Column("float64", b"\0" * 8)])]}, "8 bytes for 2"),
        ({"blocks": [Columns(["a"], 1, b"\0" * 16, [Column("float64", b"\0" * 8)])]}, "16 bytes of times"),
        ({"blocks": [Columns(["a"], 1, b"\0" * 8, [Column("float64", b"", (0,))])]}, "shape"),
        ({"blocks": [Columns(["a"], 1, b"\0" * 8, [Column("values", b"\xc1")])]}, "no list"),
        ({"blocks": [Columns(["a"], 1, b"\0" * 8, [])]}, "0 columns for 1"),
        ({"blocks": [RunEvents([Start(1.0)])]}, "events of a run"),
    ],
)
def test_a_record_that_breaks_a_rule_is_set_aside_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    aside = decode(received(msgspec.structs.replace(GOOD, **changes)), "metrics")
    assert isinstance(aside, SetAside)
    assert reason in aside.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": b"other"}, "key"),
        ({"value": b""}, "empty"),
        ({"value": b"\xc1"}, "no record"),
        ({"headers": []}, "no schema header"),
        ({"headers": [("schema", b"other/1.0")]}, "MAJOR.MINOR"),
        ({"headers": [("schema", b"mldash/2.0"), ("content-type", b"application/msgpack")]}, "newer than 1"),
        ({"headers": [("schema", b"mldash/1.7"), ("content-type", b"text/csv")]}, "text/csv"),
    ],
)
def test_a_record_whose_frame_is_wrong_is_set_aside_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    aside = decode(received(GOOD, **changes), "metrics")
    assert isinstance(aside, SetAside)
    assert reason in aside.reason


@pytest.mark.parametrize(
    "block",
    [
        Rows(["level", "message"], [1.0], [["loud", "x"]]),
        Rows(["level", "message"], [1.0], [["info", 3]]),
        Rows(["message", "level"], [1.0], [["x", "info"]]),
        Rows(["level", "message", "metadata"], [1.0], [["info", "x", 3]]),
    ],
)
def test_a_log_line_has_a_level_a_message_and_a_dict(block: Rows) -> None:
    line = msgspec.structs.replace(GOOD, kind="logs", name="", blocks=[block])
    assert isinstance(decode(received(line), "logs"), SetAside)


@pytest.mark.parametrize("value", [b'{"$float":[]}', b'{"$dict":5}', b'{"$bytes":5}', b'{"$bytes":"?"}'])
def test_a_value_that_is_said_in_no_way_of_ours_is_set_aside(value: bytes) -> None:
    """In JSON these keys are ours: a record that uses them otherwise holds up no partition."""
    encoded = encode_record(GOOD, JSON)
    assert b"[[1],[2]]" in encoded
    found = decode(received(GOOD, JSON, value=encoded.replace(b"[[1],[2]]", b"[[" + value + b"],[2]]")), "metrics")
    assert isinstance(found, SetAside) and "that is no record" in found.reason


def test_signals_take_no_seq() -> None:
    signals = msgspec.structs.replace(GOOD, kind="runs", name="", blocks=[Signals([Heartbeat(1.0)])])
    arrival = decode(received(signals), "runs")
    assert isinstance(arrival, Arrival)
    assert arrival.record.count == 0


def test_records_that_are_decoded_at_once_are_what_each_is_alone() -> None:
    """One that breaks a rule in its first block, or can't be read at all, takes nothing from those behind it."""
    floats = Rows(["a"], [1.0, 2.0], [[0.5], [1.5]])
    mixed = Rows(["b"], [1.0], [["text"]])
    of_blocks = [[floats, mixed], [Rows(["a"], [1.0], [[1, 2]]), floats], [mixed, floats], [floats], [floats, floats]]
    origins = [received(msgspec.structs.replace(GOOD, blocks=blocks)) for blocks in of_blocks]
    origins.insert(2, received(GOOD, value=b"\xc1"))
    found = decode_many(origins, "metrics")
    assert [type(one) for one in found] == [Arrival, SetAside, SetAside, Arrival, Arrival, Arrival]
    assert found == [decode(origin, "metrics") for origin in origins]
