"""A dead letter: the record byte for byte (key, value, headers), and five headers of ours.

    dead-letter-topic, -partition, -offset   where it came from
    dead-letter-reason                       why it was set aside, a sentence
    dead-letter-time                         when, seconds since the epoch

A replay strips these five and sends the rest to its original topic and partition.
"""

from typing import Final

from mldash.ingest_workers.fetch.decode import SetAside

PREFIX: Final = "dead-letter-"
_REASON_BYTES: Final = 4_096


def letter_headers(aside: SetAside, time: float) -> list[tuple[str, bytes]]:
    """The record's own headers and those of the letter."""
    origin = aside.origin
    return [
        *((key, value) for key, value in origin.headers if not key.startswith(PREFIX)),
        (f"{PREFIX}topic", origin.topic.encode()),
        (f"{PREFIX}partition", str(origin.partition).encode()),
        (f"{PREFIX}offset", str(origin.offset).encode()),
        (f"{PREFIX}reason", aside.reason.encode(errors="replace")[:_REASON_BYTES]),
        (f"{PREFIX}time", f"{time:.6f}".encode()),
    ]
