"""Records as bytes: what is written today is read for ever, and what can't be read is set aside with its reason."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.encoding import (
    CONTENT_TYPE_HEADER,
    JSON,
    MSGPACK,
    SCHEMA_HEADER,
    UndecodableRecord,
    decode_record,
    encode_record,
    headers,
)
from mldash.events.schema import (
    Block,
    Claim,
    Column,
    Columns,
    Describe,
    End,
    Error,
    Heartbeat,
    Record,
    Rows,
    RunEvents,
    Signals,
    Start,
)
from tests.unit.producer.same import same
from tests.unit.producer.strategies import plain_values, texts

GOLDEN = Path(__file__).parents[2] / "golden"


def record(kind: Any, name: str | None, *blocks: Block, first_seq: int = 7) -> Record:
    return Record(
        prefix="owner/project/run",
        kind=kind,
        name=name,
        session=bytes(range(16)),
        first_seq=first_seq,
        logged_at=1_700_000_000.25,
        blocks=list(blocks),
    )


GOLDEN_RECORDS = {
    "metrics": record(
        "metrics",
        None,
        Rows(["loss", "step"], [1.5, 2.5], [[0.25, 1], [math.inf, 2**63 - 1]]),
        Rows(["note"], [3.5], [[["a", None, True, b"\x00\xff", {"$float": "a user's own"}]]]),
        Columns(
            ["x", "xyz", "tag"],
            2,
            bytes(16),
            [
                Column("int64", bytes(range(16))),
                Column("float32", bytes(24), (3,)),
                Column("values", b"\x92\xa1a\xc0"),
            ],
        ),
    ),
    "tracks": record("tracks", "robot/position", Rows(["pose.x"], [12.5], [[-0.0]])),
    "params": record("params", "", Rows(["model.depth", "empty"], [1.0], [[4, {}]])),
    "logs": record("logs", "", Rows(["level", "message", "metadata"], [1.0], [["warn", "größe", {"k": 1}]])),
    "runs": record(
        "runs",
        "",
        RunEvents(
            [
                Start(1.0, host="h", pid=42, rank=3, world_size=8, user="u", context={"git": {"dirty": True}}),
                Describe(2.0, kind="metrics", name=None, description="d", tags=["a"], metadata={"nan": math.nan}),
                Describe(2.5, readme="long"),
                End(3.0, "FAILED", Error("ValueError", "no", "Traceback …")),
            ]
        ),
        Signals([Heartbeat(4.0), Claim(5.0, "metrics", "m", 10, 3, 99, True)]),
    ),
}


@pytest.mark.parametrize("kind", GOLDEN_RECORDS)
@pytest.mark.parametrize(("content_type", "ending"), [(MSGPACK, "msgpack"), (JSON, "json")])
def test_the_bytes_of_version_one_read_and_are_still_written(kind: str, content_type: str, ending: str) -> None:
    stored = (GOLDEN / f"record_v1_{kind}.{ending}").read_bytes()
    assert encode_record(GOLDEN_RECORDS[kind], content_type, minor=0) == stored
    found = decode_record(stored, headers(content_type))
    assert repr(found) == repr(GOLDEN_RECORDS[kind])


def test_headers_name_the_content_type_and_the_schema() -> None:
    assert headers(JSON) == [("content-type", b"application/json"), ("schema", b"mldash/1.1")]
    assert headers(JSON, minor=0)[1] == ("schema", b"mldash/1.0")


def test_texts_and_mixed_values_of_columns_are_plain_arrays_in_json() -> None:
    values = ["a", None, 1.5, float("nan"), b"\x00", {"$x": 1}, [1, "b"]]
    column = Column("values", msgspec.msgpack.encode(values))
    written = record("metrics", "m", Columns(["v"], len(values), bytes(8 * len(values)), [column]))
    stored = encode_record(written, JSON)
    assert stored == (GOLDEN / "record_v1_1_columns.json").read_bytes()
    (plain,) = msgspec.json.decode(stored)["blocks"][0]["columns"]
    assert plain == {
        "type": "values",
        "data": "",
        "shape": [],
        "values": ["a", None, 1.5, {"$float": "NaN"}, {"$bytes": "AA=="}, {"$dict": {"$x": 1}}, [1, "b"]],
    }
    assert decode_record(stored, headers(JSON)) == written


@pytest.mark.parametrize("content_type", [MSGPACK, JSON])
@given(st.lists(st.tuples(st.floats(0, 4e9), st.dictionaries(texts, plain_values, max_size=4)), max_size=4))
def test_any_record_comes_back_from_either_encoding(
    content_type: str, events: list[tuple[float, dict[str, Any]]]
) -> None:
    blocks = [Rows(list(fields), [time], [list(fields.values())]) for time, fields in events]
    written = record("metrics", "m", *blocks)
    read = decode_record(encode_record(written, content_type), headers(content_type))
    assert (read.prefix, read.session, read.first_seq, read.count) == (written.prefix, written.session, 7, len(events))
    for left, right in zip(read.blocks, blocks, strict=True):
        assert isinstance(left, Rows)
        assert same([left.fields, left.times, left.rows], [right.fields, right.times, right.rows])


@pytest.mark.parametrize(
    ("value", "changed", "reason"),
    [
        (None, {}, "empty"),
        (b"", {}, "empty"),
        (b"\xc1", {}, "no record"),
        (b"\x80", {}, "no record"),
        (b"{}", {CONTENT_TYPE_HEADER: JSON.encode()}, "no record"),
        (b"x", {CONTENT_TYPE_HEADER: b"text/plain"}, "not known"),
        (b"x", {SCHEMA_HEADER: None}, "no schema header"),
        (b"x", {SCHEMA_HEADER: b"other/1.0"}, "is not mldash"),
        (b"x", {SCHEMA_HEADER: b"mldash/x"}, "is not mldash"),
        (b"x", {SCHEMA_HEADER: b"\xff\xfe"}, "is not mldash"),
        (b"x", {SCHEMA_HEADER: b"mldash/2.0"}, "newer"),
    ],
)
def test_what_can_not_be_read_is_an_error_that_says_why(
    value: bytes | None, changed: dict[str, bytes | None], reason: str
) -> None:
    given_headers = {**dict(headers()), **changed}
    with pytest.raises(UndecodableRecord, match=reason):
        decode_record(value, [(name, header) for name, header in given_headers.items() if header is not None])


def test_a_newer_minor_version_is_read() -> None:
    value = encode_record(GOLDEN_RECORDS["params"])
    newer = [(CONTENT_TYPE_HEADER, MSGPACK.encode()), (SCHEMA_HEADER, b"mldash/1.9")]
    assert decode_record(value, newer).count == 1


@given(st.binary(max_size=60))
def test_no_bytes_make_decoding_fail_in_another_way(value: bytes) -> None:
    for content_type in (MSGPACK, JSON):
        try:
            decode_record(value, headers(content_type))
        except UndecodableRecord as error:
            assert error.reason


def test_another_content_type_is_refused() -> None:
    with pytest.raises(ValueError, match="text/plain"):
        encode_record(GOLDEN_RECORDS["params"], "text/plain")


def test_only_what_takes_a_seq_is_counted() -> None:
    assert GOLDEN_RECORDS["runs"].count == 4
    assert GOLDEN_RECORDS["metrics"].count == 5
