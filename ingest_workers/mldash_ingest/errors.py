"""The errors of storing events.

IngestError
  PartitionChanged  the topic is not the one that the committed offset speaks of: the partition halts and says so
  RecordUnreadable  Kafka's client can't take a record in: the partition halts before it
  OffsetLost        the committed offset is out of range: shown, never a silent jump
  BatchGivenUp      the batch in hand is left to the next owner of its partitions, who stores what is not stored
  LetterMissing     no dead letter lies at this place (any more)
  GroupAtWork       offsets can't be moved while workers of the group run
  OriginMissing     the partition that a dead letter came from is not there any more
"""

from typing import ClassVar


class IngestError(Exception):
    """All of ours. `retriable`: the same batch may succeed later."""

    retriable: ClassVar[bool] = False


class PartitionChanged(IngestError):
    """The topic, or the record before the committed offset, is not the one that was handled last."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(topic, partition, offset)
        self.topic, self.partition, self.offset = topic, partition, offset

    def __str__(self) -> str:
        return (
            f"{self.topic}/{self.partition}: the topic was made anew, and offset {self.offset}, up to which it was "
            "stored, is of the one before. Reset the group's offsets to the topic's beginning to go on"
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


class BatchGivenUp(IngestError):
    """What of the batch is stored is found stored by the next owner of its partitions."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the batch in hand was given up: {self.why}"


class GroupAtWork(IngestError):
    """The group has members, those included that have gone and whose session has not ended yet."""

    retriable = True

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.group = group

    def __str__(self) -> str:
        return (
            f"workers of the group {self.group!r} run, or have ended less than a session timeout ago: stop all of "
            "them, wait a minute, and say it again"
        )


class LetterMissing(IngestError):
    """No letter at this place."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place

    def __str__(self) -> str:
        return f"there is no dead letter at {self.place}; `mldash dead-letters list` shows where they lie"


class OriginMissing(IngestError):
    """The partition that a letter came from."""

    def __init__(self, place: str, topic: str, partition: int) -> None:
        super().__init__(place, topic, partition)
        self.place, self.topic, self.partition = place, topic, partition

    def __str__(self) -> str:
        return f"letter {self.place} came from {self.topic}/{self.partition}, which is not there any more"


class RecordUnreadable(IngestError):
    """The client gives a record up because it is larger than a fetch; reading on would skip it."""

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(topic, partition, offset)
        self.topic, self.partition, self.offset = topic, partition, offset

    def __str__(self) -> str:
        return (
            f"{self.topic}/{self.partition}: the record at offset {self.offset} does not fit into a fetch of this "
            "broker. Raise partition_bytes above the record's size and start the worker again"
        )
