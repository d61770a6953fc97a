"""`mldash.stored`: up to which offset everything of a partition is stored (docs/protocol.md 8).

A compacted topic; the key is "{topic}/{partition}", the value a JSON object. A statement once true stays true, so a
consumer keeps the highest offset of each incarnation of a topic.
"""

import msgspec
from msgspec import Struct


class StoredUpTo(Struct, frozen=True, kw_only=True):
    """Every event below `offset` is stored, set aside (its dead letter is acknowledged), of a deleted experiment, or in
    a range that an operator skipped."""

    topic: str
    partition: int
    offset: int
    time: float
    incarnation: str = ""
    skipped: list[tuple[int, int]] = []

    def key(self) -> bytes:
        return f"{self.topic}/{self.partition}".encode()


_decoder = msgspec.json.Decoder(StoredUpTo)


def encode_stored(stored: StoredUpTo) -> bytes:
    return msgspec.json.encode(stored)


def decode_stored(value: bytes) -> StoredUpTo:
    return _decoder.decode(value)
