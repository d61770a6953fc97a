"""Kind → topic, key → partition. Counts of partitions are configuration; a session fixes those that it starts with."""

from msgspec import Struct

from .identity import KINDS

_DEAD_LETTERS = "dead-letters"
_STORED = "stored"

DEFAULT_PARTITIONS = {"params": 4, "metrics": 8, "logs": 4, "tracks": 8, "runs": 4}
"""Partitions of each event topic where a deployment says nothing else."""


class TopicAddress(Struct, frozen=True):
    """A topic and the partition count that a new session computes its partitions with."""

    topic: str
    partitions: int


def event_topic(prefix: str, kind: str) -> str:
    """`mldash.metrics` for the prefix "mldash"."""
    return f"{prefix}.{kind}"


def event_topics(prefix: str) -> dict[str, str]:
    """Topic → kind, of all kinds."""
    return {event_topic(prefix, kind): kind for kind in KINDS}


def dead_letter_topic(prefix: str) -> str:
    return f"{prefix}.{_DEAD_LETTERS}"


def stored_topic(prefix: str) -> str:
    return f"{prefix}.{_STORED}"


def partition_of(key: bytes, partition_count: int) -> int:
    """murmur2(key) modulo the session's partition count, as Kafka's own default partitioner has it."""
    from aiokafka.partitioner import murmur2  # loaded with the first record only: `import mldash` stays light

    return int((murmur2(key) & 0x7FFFFFFF) % partition_count)
