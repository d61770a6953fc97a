"""A consumer decodes messages of any client, and gets every event with its seq, whatever block it stands in."""

from array import array
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import mldash
from mldash.events.encoding import JSON, MSGPACK, encode_record, headers
from mldash.events.schema import Column, Columns, End, Error, Heartbeat, Record, Rows, RunEvents, Signals, Start

SESSION = b"s" * 16


def record(*blocks: Any, kind: Any = "metrics", name: str | None = "train", first_seq: int = 7) -> Record:
    return Record(
        prefix="o/p/r", kind=kind, name=name, session=SESSION, first_seq=first_seq, logged_at=1.0, blocks=[*blocks]
    )


@pytest.mark.parametrize("content_type", [MSGPACK, JSON])
def test_a_message_of_any_client_is_decoded(content_type: str) -> None:
    """aiokafka and kafka-python have attributes, confluent-kafka has methods; some have headers as a dict."""
    made = record(Rows(["loss"], [1.0], [[float("inf")]]))
    value, pairs = encode_record(made, content_type), headers(content_type)
    for message in (
        SimpleNamespace(value=value, headers=pairs),
        SimpleNamespace(value=lambda: value, headers=lambda: pairs),
        SimpleNamespace(value=value, headers=dict(pairs)),
    ):
        assert mldash.decode(message) == made


@pytest.mark.parametrize("pairs", [None, [], [("schema", b"mldash/9.0"), ("content-type", b"application/msgpack")]])
def test_what_is_no_record_or_of_a_newer_major_version_is_refused(pairs: Any) -> None:
    with pytest.raises(mldash.UndecodableRecord):
        mldash.decode(SimpleNamespace(value=b"x", headers=pairs))


def test_events_have_their_seqs_through_blocks_of_every_kind() -> None:
    packed = [
        Column("float64", array("d", [0.5, 1.5]).tobytes()),
        Column("int64", array("q", [1, 2, 3, 4]).tobytes(), (2,)),
        Column("bool", b"\1\0"),
        Column("values", msgspec.msgpack.encode(["a", None])),
    ]
    columns = Columns(["f", "pair", "b", "v"], 2, array("d", [3.0, 4.0]).tobytes(), packed)
    empty = Columns([], 1, array("d", [5.0]).tobytes(), [])
    made = record(Rows(["loss"], [1.0, 2.0], [[1], [True]]), columns, empty)
    assert list(mldash.events_of(made)) == [
        (7, 1.0, {"loss": 1}),
        (8, 2.0, {"loss": True}),
        (9, 3.0, {"f": 0.5, "pair": [1, 2], "b": True, "v": "a"}),
        (10, 4.0, {"f": 1.5, "pair": [3, 4], "b": False, "v": None}),
        (11, 5.0, {}),
    ]


def test_events_of_a_run_say_what_they_are_and_signals_are_none() -> None:
    end = End(3.0, "FAILED", Error("ValueError", "no"))
    made = record(RunEvents([Start(1.0, host="h")]), Signals([Heartbeat(2.0)]), RunEvents([end]), kind="runs", name="")
    first, last = mldash.events_of(made)
    assert first == (7, 1.0, {"type": "start", "time": 1.0, "host": "h"})
    assert last.seq == 8
    assert last.data == {
        "type": "end",
        "time": 3.0,
        "status": "FAILED",
        "error": {"type": "ValueError", "message": "no"},
    }
