"""Record ↔ bytes, and the headers that say how to read them.

    content-type   application/msgpack (the default) or application/json
    schema         mldash/MAJOR.MINOR; a reader sets a record of a newer MAJOR aside and never guesses

The JSON encoding keeps every value exactly. JSON has no NaN, no infinities and no bytes, so these stand as an object
with one key: {"$float": "NaN" | "Infinity" | "-Infinity"} and {"$bytes": base64}; a user's own dict with a single key
that begins with "$" stands as {"$dict": {…}}. `session`, `times` and `data` of columns blocks are base64; columns of
texts and mixed values are plain arrays, `values`. Version 1.0 had MessagePack in their `data`: that is read for ever,
and written for servers which know no other.
"""

import base64
import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from .schema import SCHEMA_VERSION, Column, Columns, Describe, Kind, Record, Rows, RunEvents, Signals, Start

MSGPACK = "application/msgpack"
JSON = "application/json"

Decoded = TypeVar("Decoded")

CONTENT_TYPE_HEADER = "content-type"
SCHEMA_HEADER = "schema"
HEADER_BYTES = 64
"""A header of a record is no longer."""


class RawRows(Struct, frozen=True, tag="rows"):
    """Rows whose times and values are still MessagePack, for readers that have a faster way than objects."""

    fields: list[str]
    times: msgspec.Raw
    rows: msgspec.Raw

    def decoded(self) -> Rows:
        """Raises UndecodableRecord."""
        try:
            return Rows(self.fields, _times_decoder.decode(self.times), _rows_decoder.decode(self.rows))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise UndecodableRecord(f"{MSGPACK} that is no record: {error}") from error


class RawRecord(Struct, frozen=True, kw_only=True):
    """A Record whose rows are not decoded yet."""

    prefix: str
    kind: Kind
    name: str | None
    session: bytes
    first_seq: int
    logged_at: float
    blocks: list[RawRows | Columns | RunEvents | Signals]


class RecordHead(Struct, frozen=True):
    """Which events a record carries, without them."""

    session: bytes
    first_seq: int


_msgpack_encoder = msgspec.msgpack.Encoder()
_msgpack_decoder = msgspec.msgpack.Decoder(Record)
_raw_decoder = msgspec.msgpack.Decoder(RawRecord)
_head_decoder = msgspec.msgpack.Decoder(RecordHead)
_times_decoder = msgspec.msgpack.Decoder(list[float])
_rows_decoder = msgspec.msgpack.Decoder(list[list[Any]])
_values_decoder = msgspec.msgpack.Decoder(list[Any])
_json_encoder = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder(Record)


class UndecodableRecord(Exception):
    """A record that this version can't read: it is set aside as a dead letter, with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def headers(content_type: str = MSGPACK, minor: int = SCHEMA_VERSION[1]) -> list[tuple[str, bytes]]:
    """The Kafka headers of a record that this version writes; `minor` as for encode_record."""
    major = SCHEMA_VERSION[0]
    return [(CONTENT_TYPE_HEADER, content_type.encode()), (SCHEMA_HEADER, b"mldash/%d.%d" % (major, minor))]


def encode_record(record: Record, content_type: str = MSGPACK, minor: int = SCHEMA_VERSION[1]) -> bytes:
    """The record's bytes, for readers of the minor version. Raises ValueError for another content type."""
    if content_type == MSGPACK:
        return _msgpack_encoder.encode(record)
    if content_type == JSON:
        convert_column = _column_to_json if minor >= 1 else _as_it_is
        return _json_encoder.encode(_with_values(record, exact_to_json, convert_column))
    raise ValueError(f"content type {content_type!r}: use {MSGPACK} or {JSON}")


def decode_record(value: bytes | None, record_headers: Iterable[tuple[str, bytes]]) -> Record:
    """The record. Raises UndecodableRecord with the reason, whatever the bytes are."""
    return _decode(value, record_headers, _msgpack_decoder)


def decode_raw(value: bytes | None, record_headers: Iterable[tuple[str, bytes]]) -> RawRecord | Record:
    """The same, but rows in MessagePack are left as they are. Raises UndecodableRecord."""
    return _decode(value, record_headers, _raw_decoder)


def decode_head(value: bytes | None, record_headers: Iterable[tuple[str, bytes]]) -> RecordHead | Record:
    """Only which events they are. Raises UndecodableRecord."""
    return _decode(value, record_headers, _head_decoder)


def _decode(
    value: bytes | None, record_headers: Iterable[tuple[str, bytes]], decoder: "msgspec.msgpack.Decoder[Decoded]"
) -> "Decoded | Record":
    found = dict(record_headers)
    schema = found.get(SCHEMA_HEADER)
    if schema is not None and len(schema) > HEADER_BYTES:  # it is kept: _check_version
        raise UndecodableRecord(f"schema {schema[:40]!r}… is not mldash/MAJOR.MINOR")
    _check_version(schema, SCHEMA_VERSION[0])
    if not value:
        raise UndecodableRecord("the record is empty")
    content_type = (found.get(CONTENT_TYPE_HEADER) or b"").decode(errors="replace")  # Kafka's headers may be null
    try:
        if content_type == MSGPACK:
            return decoder.decode(value)
        if content_type == JSON:
            return _with_values(_json_decoder.decode(value), exact_from_json, _column_from_json)
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # TypeError, AttributeError: of {"$float": []}, {"$dict": 5} and the like.
        raise UndecodableRecord(f"{content_type} that is no record: {error}") from error
    raise UndecodableRecord(f"content type {content_type!r} is not known")


@lru_cache(maxsize=64)  # all records of a producer bear the same
def _check_version(header: bytes | None, ours: int) -> None:
    if header is None:
        raise UndecodableRecord("no schema header")
    name, _, version = header.decode(errors="replace").partition("/")
    major = version.partition(".")[0]
    if name != "mldash" or not major.isdecimal():
        raise UndecodableRecord(f"schema {header[:40]!r} is not mldash/MAJOR.MINOR")
    if int(major) > ours:
        raise UndecodableRecord(f"schema version {version[:20]} is newer than {ours}")


def _with_values(record: Record, convert: Any, convert_column: Callable[[Column], Column]) -> Record:
    """The record with `convert` applied to every value of the user's."""
    blocks = [_convert_block(block, convert, convert_column) for block in record.blocks]
    return msgspec.structs.replace(record, blocks=blocks)


def _convert_block(block: Any, convert: Any, convert_column: Callable[[Column], Column]) -> Any:
    if isinstance(block, Rows):
        return msgspec.structs.replace(block, rows=[[convert(value) for value in row] for row in block.rows])
    if isinstance(block, RunEvents):
        return RunEvents([_convert_run_event(event, convert) for event in block.events])
    if isinstance(block, Columns):
        return msgspec.structs.replace(block, columns=[convert_column(column) for column in block.columns])
    return block


def _as_it_is(column: Column) -> Column:
    return column


def _column_to_json(column: Column) -> Column:
    if column.type != "values":
        return column
    values = [exact_to_json(value) for value in _values_decoder.decode(column.data)]
    return msgspec.structs.replace(column, data=b"", values=values)


def _column_from_json(column: Column) -> Column:
    if isinstance(column.values, UnsetType):
        return column
    data = _msgpack_encoder.encode([exact_from_json(value) for value in column.values])
    return msgspec.structs.replace(column, data=data, values=UNSET)


def _convert_run_event(event: Any, convert: Any) -> Any:
    if isinstance(event, Start) and event.context:
        return msgspec.structs.replace(event, context={k: convert(v) for k, v in event.context.items()})
    if isinstance(event, Describe) and event.metadata:
        return msgspec.structs.replace(event, metadata={k: convert(v) for k, v in event.metadata.items()})
    return event


_NUMBERS = frozenset((int, float, bool))


def exact_to_json(value: Any) -> Any:
    """A value in the form that the head of this file gives, which JSON keeps exactly."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        kinds = set(map(type, value))
        if kinds <= _NUMBERS and all(map(math.isfinite, value)):  # long lists of numbers: no Python loop
            return value
        return [exact_to_json(item) for item in value]
    if isinstance(value, dict):
        converted = {key: exact_to_json(item) for key, item in value.items()}
        escape = len(value) == 1 and next(iter(value)).startswith("$")
        return {"$dict": converted} if escape else converted
    return value


def exact_from_json(value: Any) -> Any:
    """The reverse of exact_to_json."""
    if isinstance(value, list):
        if set(map(type, value)) <= _NUMBERS:
            return value
        return [exact_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == "$float":
            return float(inner)
        if key == "$bytes":
            return base64.b64decode(inner, validate=True)
        if key == "$dict":
            value = inner
    return {key: exact_from_json(item) for key, item in value.items()}
