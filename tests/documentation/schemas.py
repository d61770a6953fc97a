"""What stands on the topics, for programs: JSON Schemas with examples, and an AsyncAPI 3 document over all topics.

    schemas/record.json           a record, of any kind
    schemas/{kind}.json           what of it stands on the topic of a kind, with an example
    schemas/stored.json           a statement on mldash.stored
    schemas/headers.json          the headers of a record · schemas/letter_headers.json  those of a dead letter
    schemas/asyncapi.json         topics, partitions, keys and which message is where

They are of the JSON encoding, which has the same fields as MessagePack's.
"""

import json
from typing import Any, Final

import msgspec

from mldash.events.encoding import JSON, MSGPACK, encode_record
from mldash.events.identity import KINDS
from mldash.events.schema import (
    SCHEMA_VERSION,
    Claim,
    Column,
    Columns,
    Describe,
    End,
    Heartbeat,
    Record,
    Rows,
    RunEvents,
    Signals,
    Start,
)
from mldash.events.stored import StoredUpTo, encode_stored
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topic, stored_topic

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PREFIX: Final = "mldash"
_AT: Final = 1_767_225_600.0
_BLOCKS: Final = {"params": ["Rows"], "logs": ["Rows"], "runs": ["RunEvents", "Signals"]}
_CARRIES: Final = {
    "params": "calls of params.set",
    "metrics": "points of metrics",
    "logs": "log lines",
    "tracks": "entries of tracks",
    "runs": "start, describe and end of runs; heartbeats and claims",
}


def version() -> str:
    """MAJOR.MINOR of the schema."""
    return "{}.{}".format(*SCHEMA_VERSION)


def examples() -> dict[str, Record]:
    """A record of each kind."""
    blocks: dict[str, list[Any]] = {
        "params": [Rows(["optimizer.name", "optimizer.lr", "seed"], [_AT], [["adam", 3e-4, 7]])],
        "metrics": [
            Rows(["step", "loss"], [_AT, _AT + 0.1], [[0, 0.9], [1, float("nan")]]),
            Columns(["loss"], 2, bytes(16), [Column("float64", bytes(16))]),
        ],
        "logs": [Rows(["level", "message", "metadata"], [_AT], [["info", "training starts", {"gpus": 8}]])],
        "tracks": [Rows(["pose.x", "pose.y"], [0.0, 0.02], [[0.0, 0.0], [0.1, 0.0]])],
        "runs": [
            RunEvents(
                [
                    Start(_AT, host="node-7", pid=4242, rank=0, user="alice", context={"python": "3.12.1"}),
                    Describe(_AT, kind="metrics", name="train", description="of the training set", tags=["loss"]),
                    End(_AT + 60, "COMPLETED"),
                ]
            ),
            Signals([Heartbeat(_AT + 10), Claim(_AT + 60, "metrics", "train", 2, 3, 17, True)]),
        ],
    }
    names = {"metrics": "train", "tracks": "robot/position"}
    return {
        kind: Record(
            prefix="alice/robots/walk-07",
            kind=kind,  # type: ignore[arg-type]
            name=names.get(kind, ""),
            session=b"bytes of a run!!",
            first_seq=0,
            logged_at=_AT,
            blocks=own,
        )
        for kind, own in blocks.items()
    }


def record_schema() -> dict[str, Any]:
    """Of a record of any kind."""
    return _headed("record", "A record: consecutive events of one stream from one session", _plain(Record))


def kind_schema(kind: str) -> dict[str, Any]:
    """Of a record on the topic of a kind."""
    properties: dict[str, Any] = {"kind": {"const": kind}}
    if kind not in ("metrics", "tracks"):
        properties["name"] = {"const": ""}
    elif kind == "tracks":
        properties["name"] = {"type": "string"}
    allowed = _BLOCKS.get(kind, ["Rows", "Columns"])
    properties["blocks"] = {"items": {"anyOf": [{"$ref": f"record.json#/$defs/{block}"} for block in allowed]}}
    schema = {"allOf": [{"$ref": "record.json"}, {"properties": properties}], "examples": [_example(kind)]}
    return _headed(kind, f"A record on the topic of {kind}: {_CARRIES[kind]}", schema)


def stored_schema() -> dict[str, Any]:
    """Of a statement on mldash.stored."""
    said = StoredUpTo(topic=event_topic(PREFIX, "metrics"), partition=3, offset=18, time=_AT)
    example = json.loads(encode_stored(said))
    return _headed("stored", "Up to which offset everything is stored", {**_plain(StoredUpTo), "examples": [example]})


def headers_schema() -> dict[str, Any]:
    """Of a record's headers, their bytes as text."""
    major, minor = SCHEMA_VERSION
    schema = {
        "type": "object",
        "properties": {
            "content-type": {"enum": [MSGPACK, JSON]},
            "schema": {"type": "string", "pattern": rf"^mldash/{major}\.[0-9]+$"},
        },
        "required": ["content-type", "schema"],
        "examples": [{"content-type": JSON, "schema": f"mldash/{major}.{minor}"}],
    }
    return _headed("headers", "The headers of a record", schema)


def letter_headers_schema() -> dict[str, Any]:
    """Of what a dead letter has beside the headers of its record, and of the mark of one that was replayed."""
    number, time = {"type": "string", "pattern": "^[0-9]+$"}, {"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$"}
    letter = {
        "dead-letter-topic": {"type": "string"},
        "dead-letter-partition": number,
        "dead-letter-offset": number,
        "dead-letter-reason": {"type": "string"},
        "dead-letter-time": time,
    }
    mark = {"dead-letter-replayed": {"type": "string", "pattern": "^[0-9]+/[0-9]+$"}, "dead-letter-time": time}
    schema = {
        "anyOf": [
            {"type": "object", "properties": properties, "required": list(properties)} for properties in (letter, mark)
        ],
        "examples": [
            {
                "dead-letter-topic": event_topic(PREFIX, "metrics"),
                "dead-letter-partition": "3",
                "dead-letter-offset": "17",
                "dead-letter-reason": "schema version 2.0 is newer than 1",
                "dead-letter-time": f"{_AT:.6f}",
            },
            {"dead-letter-replayed": "0/4", "dead-letter-time": f"{_AT:.6f}"},
        ],
    }
    return _headed("letter_headers", "The headers of a dead letter, or of the mark of a replayed one", schema)


def asyncapi() -> dict[str, Any]:
    """The topics as an AsyncAPI 3 document. Its schemas lie beside it."""
    channels, operations, messages = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    for kind in KINDS:
        channels[kind] = _channel(event_topic(PREFIX, kind), DEFAULT_PARTITIONS[kind], kind, _CARRIES[kind])
        messages[kind] = {
            "title": f"A record of {kind}",
            "contentType": JSON,
            "headers": {"$ref": "headers.json"},
            "payload": _payload(f"{kind}.json"),
            "bindings": _key("16 bytes: a hash of experiment, kind and name. One stream is in one partition"),
            "examples": [{"headers": headers_schema()["examples"][0], "payload": _example(kind)}],
        }
    channels["deadLetters"] = _channel(dead_letter_topic(PREFIX), 1, "deadLetter", "records that were set aside")
    messages["deadLetter"] = {
        "title": "A record byte for byte as it came, or the mark of one that was replayed",
        "headers": {"$ref": "letter_headers.json"},
        "payload": {"description": "Any bytes: perhaps the record can't be decoded."},
        "bindings": _key("That of the record"),
    }
    channels["stored"] = _channel(stored_topic(PREFIX), 1, "storedUpTo", "up to where each partition is stored")
    messages["storedUpTo"] = {
        "title": "A statement about one partition; compacted, keep the highest offset",
        "contentType": JSON,
        "payload": _payload("stored.json"),
        "bindings": _key("The topic and the partition, `mldash.metrics/3`"),
        "examples": [{"payload": stored_schema()["examples"][0]}],
    }
    for channel, described in channels.items():
        operations[f"follow{channel[0].upper()}{channel[1:]}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": described["description"],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ML-Dash events",
            "version": version(),
            "description": "What training processes log, at least once: drop repeats by session, kind, name and seq.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _channel(topic: str, partitions: int, message: str, carries: str) -> dict[str, Any]:
    return {
        "address": topic,
        "description": f"{carries[0].upper()}{carries[1:]}.",
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"kafka": {"topic": topic, "partitions": partitions, "bindingVersion": "0.5.0"}},
    }


def _payload(file: str) -> dict[str, Any]:
    return {"schemaFormat": "application/schema+json;version=2020-12", "schema": {"$ref": file}}


def _key(description: str) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": "0.5.0"}}


def _example(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_record(examples()[kind], JSON))
    return found


def _plain(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return msgspec.json.schema(struct, ref_template="#/$defs/{name}")


def _headed(name: str, title: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": f"{name}.json", "title": title, **schema}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


FILES: Final = {
    "schemas/record.json": lambda: _text(record_schema()),
    **{f"schemas/{kind}.json": lambda kind=kind: _text(kind_schema(kind)) for kind in KINDS},
    "schemas/stored.json": lambda: _text(stored_schema()),
    "schemas/headers.json": lambda: _text(headers_schema()),
    "schemas/letter_headers.json": lambda: _text(letter_headers_schema()),
    "schemas/asyncapi.json": lambda: _text(asyncapi()),
}
