"""How far the worker is behind in its partitions: measured every few seconds, whatever the worker itself waits for."""

from collections.abc import Callable, Mapping
from time import time

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from . import instruments

EVERY_S = 5.0
_log = structlog.get_logger()


class Lag:
    """Records behind, and for how long. `oldest` gives when Kafka got the oldest record in hand, in milliseconds."""

    def __init__(self, consumer: AIOKafkaConsumer, oldest: Callable[[], Mapping[TopicPartition, int]]) -> None:
        self._consumer, self._oldest = consumer, oldest
        self._stored = dict[TopicPartition, int]()
        self._behind_since = dict[TopicPartition, float]()

    def begin(self, offsets: Mapping[TopicPartition, int]) -> None:
        """A new assignment, and what is committed of it."""
        instruments.lag_records.clear()
        instruments.lag_seconds.clear()
        self._stored = dict(offsets)
        self._behind_since.clear()

    def stored(self, offsets: Mapping[TopicPartition, int]) -> None:
        """These offsets are committed."""
        self._stored.update(offsets)

    async def look(self) -> None:
        """Once; a broker that does not answer leaves the numbers as they are. Call it every EVERY_S."""
        try:
            await self._look()
        except (KafkaError, TimeoutError) as error:
            _log.debug("lag not known", error=repr(error))

    async def _look(self) -> None:
        partitions = list(self._consumer.assignment())
        if not partitions:
            return
        # Without a commit everything counts from the log's start, as for KEDA with `offsetResetPolicy: earliest`; it is
        # asked for each time, for it moves while Kafka removes what is too old.
        uncommitted = [one for one in partitions if one not in self._stored]
        begins = await self._consumer.beginning_offsets(uncommitted) if uncommitted else {}
        ends = await self._consumer.end_offsets(partitions)
        now, oldest = time(), self._oldest()
        for one in partitions:
            stored = self._stored.get(one, begins.get(one, ends[one]))
            records = max(0, ends[one] - stored)
            if not records:
                self._behind_since.pop(one, None)
            since = self._behind_since.setdefault(one, now) if records else now
            if records and one in oldest:
                since = min(since, oldest[one] / 1_000)
            instruments.lag_records.labels(one.topic, one.partition).set(records)
            instruments.lag_seconds.labels(one.topic, one.partition).set(max(0.0, now - since))
