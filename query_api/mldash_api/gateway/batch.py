"""A request's body → its records, each looked at as a worker would: what it is, whose it is, where it belongs."""

import io
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from mldash.events.batches import BATCH_BYTES, BATCH_RECORDS, ENCODING, BatchedRecord
from mldash.events.encoding import (
    CONTENT_TYPE_HEADER,
    HEADER_BYTES,
    JSON,
    MSGPACK,
    SCHEMA_HEADER,
    UndecodableRecord,
    decode_raw,
)
from mldash.events.identity import ID_BYTES, experiment_id, parse_prefix, stream_key
from mldash.events.limits import RECORD_BYTES
from mldash.events.messagepack import read_array_head
from mldash.events.schema import Kind
from mldash.events.topics import TopicAddress, partition_of
from mldash_api.errors import WrongParameter

from .errors import BodyTooLarge

_NAMED: Final = frozenset({"metrics", "tracks"})
"""Kinds whose streams have names of their own; the others have one stream each, and its name is ""."""


class _PackedBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """A RecordBatch whose records are not decoded yet."""

    records: msgspec.Raw


class _Head(Struct, frozen=True):
    """What a record says of itself."""

    prefix: str
    kind: Kind
    name: str | None
    session: bytes


_decode_batch = msgspec.msgpack.Decoder(_PackedBatch).decode
_decode_records = msgspec.msgpack.Decoder(list[BatchedRecord]).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode_json_head = msgspec.json.Decoder(_Head).decode


class Arrived(Struct, frozen=True):
    """One record of a request. `refusal` says in words why it goes no further; then the rest means nothing."""

    value: bytes
    headers: list[tuple[str, bytes]]
    prefix: str = ""
    kind: str = ""
    session: bytes = b""
    topic: str = ""
    key: bytes = b""
    partition: int = 0
    partitions: int = 0
    refusal: str | None = None


def unpack(body: bytes, encoding: str | None) -> list[BatchedRecord]:
    """Takes time by size, once it is decompressed: call it in a thread. Raises WrongParameter, BodyTooLarge."""
    if encoding == ENCODING:
        body = _decompressed(body)
    elif encoding is not None:
        raise WrongParameter("Content-Encoding", f"{encoding!r} is not known: {ENCODING}, or none")
    try:
        packed = memoryview(_decode_batch(body).records)
        head = read_array_head(packed)
        if head is not None and head[0] > BATCH_RECORDS:  # before a small body becomes millions of objects
            raise WrongParameter("body", f"{head[0]} records: send at most {BATCH_RECORDS} a request")
        return _decode_records(packed)
    except msgspec.MsgspecError as error:
        raise WrongParameter("body", f"no RecordBatch in MessagePack: {error}") from None


def look_at(records: list[BatchedRecord], topics: dict[str, TopicAddress]) -> list[Arrived]:
    """What each is, by its head alone: nothing of what it holds is decoded before it is known whether it may. Takes
    time by size: call it in a thread."""
    return [_look_at(record, topics) for record in records]


def check(one: Arrived) -> str | None:
    """Why a worker could not take the record; None where it can. Call it in a thread. Of JSON the head has to do: its
    values are converted one by one, which a worker does for one record, and a gateway would for whoever asks."""
    if one.headers[0][1].decode() != MSGPACK:
        return None
    try:
        decode_raw(one.value, one.headers)
    except UndecodableRecord as error:
        return str(error)
    return None


def _decompressed(body: bytes) -> bytes:
    """Never more than BATCH_BYTES, whatever the frame says of itself."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)) as reader:
            data = reader.read(BATCH_BYTES + 1)
    except zstandard.ZstdError as error:
        raise WrongParameter("body", f"it is no zstd: {error}") from None
    if len(data) > BATCH_BYTES:
        raise BodyTooLarge(BATCH_BYTES, "of records a request, decompressed")
    return data


def _look_at(one: BatchedRecord, topics: dict[str, TopicAddress]) -> Arrived:
    if max(len(one.content_type), len(one.schema)) > HEADER_BYTES:
        return Arrived(b"", [], refusal=f"its content type or schema has more than {HEADER_BYTES} characters")
    headers = [(CONTENT_TYPE_HEADER, one.content_type.encode()), (SCHEMA_HEADER, one.schema.encode())]
    if len(one.value) > RECORD_BYTES:
        return Arrived(b"", headers, refusal=f"it has {len(one.value)} bytes, and a record at most {RECORD_BYTES}")
    try:
        head = _head_of(one)
        prefix = parse_prefix(head.prefix).text
    except (msgspec.MsgspecError, UndecodableRecord, ValueError) as error:
        return Arrived(b"", headers, refusal=f"it is no record: {error}")
    if refusal := _refusal(head.prefix, prefix, head.kind, head.name, head.session):
        return Arrived(b"", headers, refusal=refusal)
    topic = topics[head.kind]
    if not 1 <= one.partitions <= topic.partitions:
        refusal = f"topic {topic.topic} has {topic.partitions} partitions, not {one.partitions}"
        return Arrived(b"", headers, refusal=refusal)
    key = stream_key(experiment_id(prefix), head.kind, head.name)
    return Arrived(
        one.value,
        headers,
        prefix=prefix,
        kind=head.kind,
        session=head.session,
        topic=topic.topic,
        key=key,
        partition=partition_of(key, one.partitions),
        partitions=one.partitions,
    )


def _head_of(one: BatchedRecord) -> _Head:
    if one.content_type == MSGPACK:
        return _decode_head(one.value)
    if one.content_type == JSON:
        return _decode_json_head(one.value)
    raise UndecodableRecord(f"content type {one.content_type!r} is not known")


def _refusal(given: str, prefix: str, kind: str, name: str | None, session: bytes) -> str | None:
    if given != prefix:
        return f"its prefix is {given!r}, which is written {prefix!r}"
    if len(session) != ID_BYTES:
        return f"a session has {ID_BYTES} bytes, and this one {len(session)}"
    if kind not in _NAMED and name != "":
        return f'the stream of {kind} has the name "", not {name!r}'
    return None
