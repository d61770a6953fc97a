"""No document ever reaches MongoDB's 16 MB, whatever is logged: it is bounded by how it is made."""

from types import SimpleNamespace
from typing import Any

import bson
import pytest

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.limits import ABOUT_BYTES
from mldash.events.schema import Claim, Describe, End, Error, Record, Rows, RunEvents, Signals, Start
from mldash_ingest.documents.buckets import to_document
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.fetch.decode import Arrival, SetAside, decode
from mldash_ingest.plan.appends import plan

MOST = 16 << 20
ODD_NAMES = ["", ".", "a.b", "$set", "/", "\0", "ä\u2028", "_id", "🦆" * 250]


def arrival(kind: Any, *blocks: Any, session: bytes = b"1" * 16, first_seq: int = 0) -> Arrival | SetAside:
    name = "m" if kind in ("metrics", "tracks") else ""
    record = Record(
        prefix="o/p", kind=kind, name=name, session=session, first_seq=first_seq, logged_at=0.0, blocks=[*blocks]
    )
    key = stream_key(experiment_id("o/p"), kind, name)
    origin: Any = SimpleNamespace(
        topic="t", partition=0, offset=0, timestamp=0, key=key, value=encode_record(record), headers=headers()
    )
    return decode(origin, kind)


def largest(kind: Any, arrivals: list[Any]) -> tuple[int, int, list[SetAside]]:
    """Bytes of the largest bucket and of the snapshot, and what was refused."""
    snapshot, refused, most = Snapshot(kind), list[SetAside](), 0
    for one in arrivals:
        assert isinstance(one, Arrival), one.reason
        planned = plan(b"s" * 16, kind, snapshot, [one])
        refused += planned.refused
        for bucket in planned.buckets:
            most = max(most, len(bson.encode(to_document(bucket))))
            snapshot.advance(bucket)
    return most, len(bson.encode(snapshot.to_update())), refused


def test_a_line_of_ten_megabytes() -> None:
    message = "".join(chr(33 + (i * i) % 90) for i in range(10_000)) * 1_000
    bucket, snapshot, refused = largest(
        "logs", [arrival("logs", Rows(["level", "message"], [1.0], [["info", message]]))]
    )
    assert bucket < MOST
    assert snapshot < 1_000
    assert not refused


def test_a_metric_of_ten_thousand_fields_with_long_names() -> None:
    names = [f"{number:05}" + "n" * 1_000 for number in range(10_000)]
    wide = [arrival("metrics", Rows(names, [1.0], [[0.5] * 10_000]), first_seq=seq) for seq in range(3)]
    bucket, snapshot, _ = largest("metrics", wide)
    assert bucket < MOST
    assert snapshot < 4 << 20


def test_parameters_beyond_their_room_are_set_aside() -> None:
    many = [
        arrival("params", Rows([f"k{turn}.{n}" for n in range(4_000)], [1.0], [list(range(4_000))]), first_seq=turn)
        for turn in range(26)
    ]
    bucket, snapshot, refused = largest("params", many)
    assert bucket < MOST
    assert snapshot < MOST
    assert len(refused) == 1
    assert "at most 100000" in refused[0].reason


def test_two_thousand_processes_that_all_fail_with_long_errors() -> None:
    error = Error("RuntimeError", "m" * 16_000, "t" * 4_000)
    failed = [
        arrival("runs", RunEvents([Start(1.0, host="h"), End(2.0, "FAILED", error)]), session=n.to_bytes(16, "big"))
        for n in range(2_000)
    ]
    bucket, snapshot, refused = largest("runs", failed)
    assert bucket < MOST
    assert snapshot < 4 << 20
    assert not refused


def test_a_thousand_sessions_on_one_stream_each_with_holes() -> None:
    rows = Rows(["a"], [1.0], [[1]])
    sessions = [n.to_bytes(16, "big") for n in range(1, 1_001)]
    records = [arrival("metrics", rows, session=one, first_seq=2 * seq) for one in sessions for seq in range(5)]
    _, snapshot, refused = largest("metrics", records)
    assert snapshot < 2 << 20
    assert not refused


def test_names_are_data_whatever_they_are() -> None:
    rows = Rows(ODD_NAMES, [1.0], [[1.5] * len(ODD_NAMES)])
    snapshot = Snapshot("metrics")
    one = arrival("metrics", rows)
    assert isinstance(one, Arrival)
    (bucket,) = plan(b"s" * 16, "metrics", snapshot, [one]).buckets
    snapshot.advance(bucket)
    again = bson.decode(bson.encode(snapshot.to_update()))
    assert again["fields"] == ODD_NAMES
    assert [column["name"] for column in bson.decode(bson.encode(to_document(bucket)))["cols"]] == ODD_NAMES


@pytest.mark.parametrize(
    ("kind", "block", "reason"),
    [
        ("logs", Rows(["level", "message"], [1.0], [["info", "x" * (15 << 20)]]), "an event of"),
        ("metrics", Rows(["a", "b"], [1.0], [["x" * (8 << 20)] * 2]), "an event of"),
        ("runs", RunEvents([Describe(1.0, readme="x" * ABOUT_BYTES)]), "readme has"),
        ("runs", RunEvents([Start(1.0, host="h" * 2_000)]), "host has"),
        ("runs", RunEvents([Start(1.0, context={"a": "x" * ABOUT_BYTES})]), "context has"),
        ("runs", Signals([Claim(1.0, "logs", "", 2**63)]), "beyond 64 bits"),
    ],
)
def test_what_no_document_could_hold_is_set_aside(kind: str, block: Any, reason: str) -> None:
    refused = arrival(kind, block)
    assert isinstance(refused, SetAside)
    assert reason in refused.reason
