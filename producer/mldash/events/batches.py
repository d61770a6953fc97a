"""What POST /v1/records takes and answers: records of the event topics, several a request, as MessagePack.

    request   RecordBatch, compressed with zstd (RFC 8878) or as it is; what it may hold stands in BATCH_BYTES
    answer    BatchAnswer: of each record, in order, where it is in Kafka, or why it is not there

A record is the value that a producer would send to Kafka itself, with the same two headers (docs/events.md). Key and
partition are not sent: the API computes them from the record.
"""

from typing import Final

from msgspec import Struct

from .limits import RECORD_BYTES

BATCH_BYTES: Final = 2 * RECORD_BYTES
"""Of a request's body, as it is sent and once it is decompressed."""

BATCH_RECORDS: Final = 10_000

MEDIA_TYPE: Final = "application/msgpack"

ENCODING: Final = "zstd"
"""As Content-Encoding."""


class BatchedRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One record. `partitions`: how many partitions its topic had when its session began (docs/protocol.md 4)."""

    value: bytes
    content_type: str
    schema: str
    partitions: int


class RecordBatch(Struct, frozen=True, forbid_unknown_fields=True):
    """Records in the order in which they are to be stored. None at all asks only whether records are taken here."""

    records: list[BatchedRecord]


TOO_LARGE: Final = None
"""In the place of a record that the broker takes in no batch of this size."""


class BatchAnswer(Struct, frozen=True):
    """Of each record its partition and offset (-1: Kafka knew it already), None where it is too large for Kafka, or in
    words why it was refused."""

    records: list[tuple[int, int] | str | None]
