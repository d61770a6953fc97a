"""`mldash.stored`: up to which offset everything of each assigned partition is stored (docs/protocol.md 8).

Said after every batch, with an assignment, and every few seconds again, so that neither a kill nor a late message of a
paused worker hides the truth for long.
"""

from collections.abc import Iterable, Mapping
from time import time

import msgspec
from aiokafka import TopicPartition

from mldash.events.stored import StoredUpTo, encode_stored

from .fetch.continuity import Committed
from .kafka import Message, Outbox


class Statements:
    """The statements that this worker may make of its partitions."""

    def __init__(self, outbox: Outbox, topic: str) -> None:
        self._outbox, self._topic = outbox, topic
        self._said = dict[TopicPartition, StoredUpTo]()
        self._incarnations: Mapping[str, str] = {}

    @property
    def said(self) -> Mapping[TopicPartition, StoredUpTo]:
        """The last one of each partition."""
        return self._said

    def clear(self) -> None:
        """The partitions are another's: it speaks for them now."""
        self._said.clear()

    async def begin(self, committed: Mapping[TopicPartition, Committed], incarnations: Mapping[str, str]) -> None:
        """With an assignment: what was committed is stored. `incarnations`: topic → its id, where brokers have ids."""
        self._incarnations = incarnations
        for partition, one in committed.items():
            self._said[partition] = self._statement(partition, one.offset, one.skipped)
        await self.repeat()

    async def announce(self, offsets: Mapping[TopicPartition, int]) -> None:
        """These are stored now."""
        for partition, offset in offsets.items():
            before = self._said.get(partition)
            self._said[partition] = self._statement(partition, offset, before.skipped if before else [])
        await self._publish(self._said[partition] for partition in offsets)

    def _statement(self, partition: TopicPartition, offset: int, skipped: list[tuple[int, int]]) -> StoredUpTo:
        return StoredUpTo(
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            time=time(),
            incarnation=self._incarnations.get(partition.topic, ""),
            skipped=skipped,
        )

    async def repeat(self) -> None:
        """All of them once more."""
        now = time()
        await self._publish([msgspec.structs.replace(said, time=now) for said in self._said.values()])

    async def _publish(self, statements: Iterable[StoredUpTo]) -> None:
        await self._outbox.send(self._topic, [Message(encode_stored(one), one.key()) for one in statements])
