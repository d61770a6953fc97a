"""Whether the records of a fetch begin where those of the last fetch ended. No I/O.

aiokafka can lose what it has taken from one partition when it fails in the next one (fetched_records raises, and what
was drained before is gone, its position advanced). The offsets of an event topic have no gaps, so a gap is read again;
where the same gap comes again it is the topic's own (a transaction's marker, records deleted), said and passed.
"""

from collections.abc import Mapping

from aiokafka import TopicPartition


class Positions:
    """The offset that each partition's next record should have."""

    def __init__(self) -> None:
        self._expected = dict[TopicPartition, int]()
        self._read_again = dict[TopicPartition, int]()

    def begin(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Where reading begins, as far as it is known."""
        self._expected.update(offsets)

    def clear(self) -> None:
        """A new assignment: nothing is known."""
        self._expected.clear()
        self._read_again.clear()

    def missing_from(self, partition: TopicPartition, first_offset: int) -> int | None:
        """The offset to read again from, where records before `first_offset` were not seen; None where all were."""
        expected = self._expected.get(partition)
        if expected is None or first_offset <= expected or self._read_again.get(partition) == expected:
            return None
        self._read_again[partition] = expected
        return expected

    def advance(self, partition: TopicPartition, next_offset: int) -> None:
        """Everything below `next_offset` was seen."""
        self._expected[partition] = next_offset
