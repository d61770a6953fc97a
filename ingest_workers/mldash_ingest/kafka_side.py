"""Everything of a worker that speaks with Kafka. One set lives until its consumer ends inside; the next begins anew."""

from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from mldash.connections.ended_clients import why_consumer_ended
from mldash.connections.topic_reading import stop_quietly
from mldash.events.topics import event_topics, stored_topic

from .access import Access
from .fetch.assignment import Assignment
from .fetch.batches import Batches
from .kafka import Outbox, make_consumer
from .lag import Lag
from .settings import WorkerSettings
from .statements import Statements


class KafkaSide:
    """A consumer and an outbox, and what stands on them. `start` it once, inside the loop."""

    def __init__(
        self,
        settings: WorkerSettings,
        access: Access,
        forget: Callable[[], None],
        oldest_in_hand: Callable[[], Mapping[TopicPartition, int]],
    ) -> None:
        """`forget` is called when partitions go, `oldest_in_hand` gives when Kafka got what is in hand (Lag)."""
        self._access = access
        self._kinds = event_topics(settings.topic_prefix)
        self._is_started = False
        self.consumer = make_consumer(settings)
        self.outbox = Outbox(settings)
        self.statements = Statements(self.outbox, stored_topic(settings.topic_prefix))
        self.batches = Batches(
            self.consumer, self._kinds, batch_records=settings.batch_records, batch_bytes=settings.batch_bytes
        )
        self.assignment = Assignment(self.batches.drop, forget, settings.session_timeout_ms / 2_000)
        self.lag = Lag(self.consumer, oldest_in_hand)

    @property
    def why_ended(self) -> str | None:
        """None while it may be gone on with. A broker that is away ends nothing."""
        return why_consumer_ended(self.consumer) if self._is_started else None

    async def start(self) -> None:
        """Raises KafkaUnreachable, KafkaRefused."""
        self.consumer.subscribe(list(self._kinds), listener=self.assignment)
        await self._access.start(self.outbox, self.consumer)
        self._is_started = True

    async def stop(self) -> None:
        """Within a bound, whatever Kafka does."""
        await stop_quietly(self.consumer)
        await self.outbox.stop()
