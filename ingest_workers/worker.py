"""The worker: starting, running, stopping. The order of `_store` is the guarantee, and can be read aloud."""

import asyncio
import gc
import sys
from collections.abc import Sequence
from time import monotonic, time

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, KafkaError

from mldash.producer.events.topics import dead_letter_topic, event_topics, stored_topic

from . import instruments
from .dead_letters.send import send_letters
from .documents.mongo import Mongo, PyMongoError
from .documents.stored import StoredUpTo, encode_stored
from .errors import KafkaUnreachable
from .fetch.assignment import Assignment
from .fetch.batches import Batch, Batches
from .fetch.continuity import changed_partitions
from .kafka import make_consumer, make_producer, stop_quietly
from .settings import WorkerSettings
from .store.appending import Appending
from .store.chains import Chains
from .store.sessions import Sessions
from .store.snapshots import Snapshots

_FIRST_DELAY_S = 0.05
_UPKEEP_S = 1.0
_log = structlog.get_logger()


class Worker:
    """Stores what the event topics bring, exactly once. `run` it once; `health` says what is wrong, if anything."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._kinds = event_topics(settings.topic_prefix)
        self._mongo = Mongo(settings.mongo, settings.mongo_database)
        self._chains = Chains(self._mongo)
        self._sessions = Sessions(self._mongo)
        self._snapshots = Snapshots(
            self._mongo, self._chains, buckets=settings.snapshot_buckets, idle_s=settings.idle_s
        )
        self._appending = Appending(self._mongo, self._chains, self._sessions, self._snapshots)
        self._stored_up_to: dict[tuple[str, int], StoredUpTo] = {}
        self._trouble: str | None = "starting"
        self._upkeep_at = self._announce_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the batch in hand is stored and committed. Raises what makes going on pointless."""
        self._make_clients()
        try:
            await self._start()
            while not stop.is_set():
                batch = await self._next()
                if batch is not None:
                    async with self._assignment.in_hand:
                        await self._store_or_give_up(batch, stop)
                await self._upkeep()
        finally:
            async with asyncio.timeout(self._settings.stop_timeout_s):
                await self._stop()

    async def health(self) -> str | None:
        """None: ready. Else what it waits for."""
        if self._trouble:
            return self._trouble
        if self._batches.halted:
            return str(next(iter(self._batches.halted.values())))
        return None

    def _make_clients(self) -> None:
        self._consumer: AIOKafkaConsumer = make_consumer(self._settings)
        self._producer: AIOKafkaProducer = make_producer(self._settings.kafka, f"mldash-worker-{self._settings.slot}")
        self._batches = Batches(self._consumer, self._kinds, self._settings.batch_records)
        self._assignment = Assignment(self._revoked, self._settings.session_timeout_ms / 2_000)

    async def _start(self) -> None:
        _collect_seldom()
        await self._mongo.ping()
        try:
            await self._producer.start()
            self._consumer.subscribe(list(self._kinds), listener=self._assignment)
            await self._consumer.start()
        except KafkaConnectionError as error:
            raise KafkaUnreachable(self._settings.kafka) from error
        self._trouble = None
        _log.info("worker started", group=self._settings.group, topics=sorted(self._kinds))

    async def _stop(self) -> None:
        # Snapshots first: they need MongoDB alone and make the next start cheap. Then Kafka, whose stop may hang.
        await self._batches.stop()
        try:
            await self._snapshots.write_all()
        except PyMongoError as error:
            _log.warning("snapshots not written: the next worker walks instead", error=str(error))
        await stop_quietly(self._consumer)
        await stop_quietly(self._producer)
        await self._mongo.close()
        _log.info("worker stopped")

    def _revoked(self) -> None:
        self._batches.drop()
        self._chains.forget_all()
        self._stored_up_to.clear()

    async def _next(self) -> Batch | None:
        if not await self._assignment.is_live(_UPKEEP_S):
            return None
        try:
            if self._assignment.is_new.is_set():
                self._assignment.is_new.clear()
                await self._check_continuity()
            batch = await self._batches.next()
        except KafkaError as error:
            await self._wait(error, _FIRST_DELAY_S * 10)
            return None
        self._trouble = None
        return batch

    async def _check_continuity(self) -> None:
        """Before anything of a new assignment is read."""
        self._batches.halted.clear()
        for partition, reason in (await changed_partitions(self._settings, self._consumer.assignment())).items():
            self._batches.halt(partition, reason)

    async def _store_or_give_up(self, batch: Batch, stop: asyncio.Event) -> None:
        """Until it is stored: a server that is away is waited for, with growing delays, and the partitions wait."""
        delay, assignment = _FIRST_DELAY_S, self._assignment.number
        while True:
            try:
                await self._store(batch)
                self._trouble = None
                return
            except (CommitFailedError, IllegalStateError) as error:
                _log.warning("commit refused: the partitions are another's now", error=repr(error))
                self._assignment.lapse(assignment)
                self._revoked()
                return
            except (PyMongoError, KafkaError) as error:
                # No clear answer: nothing of what is known may be trusted.
                self._chains.forget_all()
                await self._wait(error, delay)
                delay = min(delay * 2, self._settings.retry_s)
            if self._assignment.give_up.is_set() or stop.is_set():
                _log.warning("batch given up: the next owner stores it")
                self._revoked()
                return

    async def _wait(self, error: Exception, delay: float) -> None:
        self._trouble = f"{type(error).__name__}: {error}"
        instruments.retries.labels(type(error).__name__).inc()
        _log.warning("waiting for a server", error=self._trouble, delay_s=delay)
        await asyncio.sleep(delay)

    async def _store(self, batch: Batch) -> None:
        # The order is the guarantee (docs/decisions/0004): a crash between two lines is a replay, never a loss.
        admitted = await self._sessions.admit(batch.arrivals)
        refused, touched = await self._appending.append(batch.arrivals, admitted)
        await self._sessions.move_forward(batch.arrivals, admitted)
        await send_letters(self._producer, dead_letter_topic(self._settings.topic_prefix), [*batch.set_aside, *refused])
        await self._snapshots.after_batch(touched)
        await self._announce(batch)
        await self._batches.commit(batch)
        self._observe(batch)

    async def _announce(self, batch: Batch) -> None:
        """Say on `mldash.stored` up to where each partition is stored."""
        for partition, offset in batch.offsets.items():
            self._stored_up_to[partition] = StoredUpTo(
                topic=partition.topic, partition=partition.partition, offset=offset, time=time()
            )
        await self._publish([self._stored_up_to[partition] for partition in batch.last])

    async def _publish(self, statements: Sequence[StoredUpTo]) -> None:
        topic = stored_topic(self._settings.topic_prefix)
        sent = [await self._producer.send(topic, encode_stored(one), key=one.key()) for one in statements]
        await asyncio.gather(*sent)

    async def _upkeep(self) -> None:
        """What is done now and then, between batches."""
        now = monotonic()
        if now < self._upkeep_at:
            return
        self._upkeep_at = now + _UPKEEP_S
        try:
            await self._snapshots.write_quiet()
            await self._snapshots.make_room(self._settings.known_streams)
            if now >= self._announce_at:
                await self._publish(list(self._stored_up_to.values()))
                self._announce_at = now + self._settings.announce_s
        except (PyMongoError, KafkaError) as error:
            await self._wait(error, _FIRST_DELAY_S)
        instruments.known_streams.set(len(self._chains.known))

    def _observe(self, batch: Batch) -> None:
        instruments.batch_seconds.observe(monotonic() - batch.fetched_at)
        now = time()
        for arrival in batch.arrivals:
            instruments.stored_after_seconds.observe(max(0.0, now - arrival.record.logged_at))


def _collect_seldom() -> None:
    """Rows of a batch are very many short-lived lists without cycles: looking for cycles among them every 700
    allocations, as by default, halves the rate (measured: 290 thousand points a second against 510 to 640)."""
    gc.freeze()
    gc.set_threshold(500_000, 20, 50)
    sys.setswitchinterval(0.0005)
