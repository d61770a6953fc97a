"""How far partitions are read, and how far they are stored, as `mldash.stored` says. Pure."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from mldash.connections.topic_ids import is_another
from mldash.events.reading import KafkaRecord
from mldash.events.stored import StoredUpTo, decode_stored


class Offsets:
    """Of one assignment; `incarnations`: topic → its id, where that is known."""

    def __init__(self, incarnations: Mapping[str, str]) -> None:
        self._incarnations = incarnations
        self._stored = dict[TopicPartition, int]()
        self._first = dict[TopicPartition, int]()
        self._read = dict[TopicPartition, int]()

    def take_statement(self, record: KafkaRecord) -> StoredUpTo | None:
        """What a record says; None: nothing. What is said of another topic of the name changes no offset."""
        if not record.value:
            return None
        said = decode_stored(record.value)
        if not self.is_of_another(said):
            partition = TopicPartition(said.topic, said.partition)
            self._stored[partition] = max(self.stored(partition), said.offset)
        return said

    def is_of_another(self, said: StoredUpTo) -> bool:
        """Whether it speaks of another topic of the name."""
        return is_another(self._incarnations, said.topic, said.incarnation)

    def begin(self, first: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """These partitions are followed, from what is stored on: where to read. `first`: what Kafka has at least."""
        self._first = dict(first)
        return self.go_back()

    def go_back(self) -> dict[TopicPartition, int]:
        """Where to read, so that all that is not stored is read again."""
        self._read = {one: max(first, self.stored(one)) for one, first in self._first.items()}
        return dict(self._read)

    def has_read(self, partition: TopicPartition, offset: int) -> None:
        """What is read next."""
        self._read[partition] = offset

    def skip(self) -> dict[TopicPartition, int]:
        """Partitions that are read below what is stored, and where to go on: else a reader that is slower than the
        workers, or has stopped for a while, reads what it drops for ever."""
        behind = {one: stored for one, read in self._read.items() if read < (stored := self.stored(one))}
        self._read |= behind
        return behind

    def stored(self, partition: TopicPartition) -> int:
        return self._stored.get(partition, 0)
