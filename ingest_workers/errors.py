"""What can go wrong while events are stored.

IngestError
  KafkaUnreachable  no broker answers at the start; once running, a broker that is away is waited for
  PartitionChanged  the topic is not the one that the committed offset speaks of: the partition halts and says so
  OffsetLost        the committed offset is out of range: shown, never a silent jump
"""

from typing import ClassVar


class IngestError(Exception):
    """All of ours. `retriable`: the same batch may succeed later."""

    retriable: ClassVar[bool] = False


class KafkaUnreachable(IngestError, ConnectionError):
    """No broker answers."""

    retriable = True

    def __init__(self, brokers: str) -> None:
        super().__init__(brokers)
        self.brokers = brokers

    def __str__(self) -> str:
        return f"no Kafka broker answers at {self.brokers} (MLDASH_KAFKA)"


class PartitionChanged(IngestError):
    """The record before the committed offset is not the one that was handled last: the topic was made anew."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(topic, partition, offset)
        self.topic, self.partition, self.offset = topic, partition, offset

    def __str__(self) -> str:
        return (
            f"{self.topic}/{self.partition}: the record before the committed offset {self.offset} is another one than "
            "was stored. The topic was made anew; reset the group's offsets to go on"
        )


class OffsetLost(IngestError):
    """The committed offset is below or above what the partition holds."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(topic, partition, offset)
        self.topic, self.partition, self.offset = topic, partition, offset

    def __str__(self) -> str:
        return (
            f"{self.topic}/{self.partition}: the committed offset {self.offset} is out of range. Records were removed "
            "before they were stored, or the topic was made anew; reset the group's offsets to go on"
        )
