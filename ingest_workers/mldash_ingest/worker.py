"""The worker: starting, running, stopping. The order of `_store` is the guarantee, and can be read aloud."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic, time
from typing import TypeVar

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from mldash.connections.errors import TopicError
from mldash.events.topics import dead_letter_topic, event_topics
from mldash.process.dependencies import LOOK_EVERY_S
from mldash.process.supervision import INCONCLUSIVE, Supervision

from . import instruments
from .access import Access
from .dead_letters.send import send_letters
from .dependencies import dependencies_of
from .documents.mongo import PyMongoError, open_mongo
from .errors import BatchGivenUp, IngestError
from .fetch.batches import Batch
from .fetch.continuity import check, made_anew, next_offsets
from .fetch.decode import SetAside
from .interpreter import share_the_interpreter
from .kafka_side import KafkaSide
from .lag import EVERY_S
from .settings import WorkerSettings
from .store.appending import Appending
from .store.chains import Chains
from .store.sessions import Sessions
from .store.set_aside import note_set_aside
from .store.snapshots import Snapshots

_FIRST_DELAY_S = 0.05
_UPKEEP_S = 1.0
_ASSIGNMENT_WAIT_S = 0.2
_COMMIT_TIMEOUT_S = 30.0
_CALM_S = 5.0
_log = structlog.get_logger()

Result = TypeVar("Result")


class Worker:
    """Stores what the event topics bring, exactly once. `run` it once; `health` says what is wrong, if anything."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._kinds = event_topics(settings.topic_prefix)
        self._mongo = open_mongo(settings)
        self._chains = Chains(self._mongo)
        self._sessions = Sessions(self._mongo)
        self._snapshots = Snapshots(
            self._mongo,
            self._chains,
            buckets=settings.snapshot_buckets,
            idle_s=settings.idle_s,
            sessions=settings.snapshot_sessions,
        )
        self._appending = Appending(self._mongo, self._chains, self._sessions, self._snapshots)
        self._trouble = {"start": "starting"}  # what can't be done just now → why
        self._access = Access(settings, self._mongo, lambda: bool(self._trouble))
        self.dependencies = dependencies_of(self._mongo, self._access, lambda: self._kafka.consumer)
        self._upkeep_at = self._announce_at = 0.0
        self._checked = 0  # number of the assignment whose partitions were checked
        self._failed_at: float | None = None  # until a batch has gone through whole, or nothing came for a while
        self._seek = False  # whether the consumer may be ahead of what is committed
        self._in_hand: list[Batch] = []  # the one that is appended, and the one before, which is settled
        self._settling: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set and the batch in hand is stored and committed. Raises what makes going on pointless."""
        self._kafka = self._make_kafka_side()
        self._supervision = supervision = Supervision(
            stop, instruments.count_failure, first_delay_s=_FIRST_DELAY_S, longest_delay_s=self._settings.retry_s
        )
        try:
            await self._start()
            supervision.start("measure the lag", lambda: self._kafka.lag.look(), EVERY_S)
            supervision.start("look at servers", self.dependencies.look, LOOK_EVERY_S)
            await supervision.supervised("store", lambda: self._turn(stop))
            with contextlib.suppress(BatchGivenUp):
                await self._settled()
        finally:
            await supervision.finish()
            async with asyncio.timeout(self._settings.stop_timeout_s):
                await self._stop()

    async def health(self) -> str | None:
        """None: ready. Else what it waits for."""
        for why in (*filter(None, [self._access.trouble]), *self._trouble.values()):
            return why
        if self._kafka.batches.halted:
            return str(next(iter(self._kafka.batches.halted.values())))
        return self._supervision.trouble

    async def _turn(self, stop: asyncio.Event) -> object:
        """Store one batch, where there is one. An error that no wait can cure, because no server caused it, is raised:
        what is known may be wrong then, and the next turn begins at the group's offsets, as after a crash."""
        try:
            if (ended := self._kafka.why_ended) is not None:
                await self._renew_kafka_side(ended)
            batch = await self._next()
            if batch is not None:
                await self._store(batch, stop)
            # Behind a failure each batch goes through whole before the next is begun: else every other turn succeeds.
            await self._notice_a_refusal(wait=self._failed_at is not None)
            await self._upkeep()
        except Exception:
            await self._begin_again()
            self._failed_at = monotonic()
            raise
        if self._failed_at is not None and batch is None and monotonic() - self._failed_at < _CALM_S:
            return INCONCLUSIVE
        self._failed_at = None
        return None

    async def _begin_again(self) -> None:
        """Of nothing that was read ahead or is known anything is left. Where the partitions stay ours, reading begins
        at the committed offsets: the consumer itself would go on behind what was dropped."""
        try:
            await self._settled()
        except BatchGivenUp:
            pass  # told with the batch behind it, which falls for the same reason
        except Exception as error:
            _log.warning("the batch before was not settled either", error=repr(error))
        self._kafka.batches.drop()
        self._forget()
        self._checked, self._seek = 0, True

    async def _renew_kafka_side(self, ended: str) -> None:
        """Under the same membership, as after a crash. Raises KafkaUnreachable: the next turn tries again."""
        _log.error("Kafka's client has ended: it is made anew", why=ended)
        await self._begin_again()
        await self._kafka.stop()
        new = self._make_kafka_side()
        try:
            await new.start()
        except BaseException:
            await new.stop()
            raise
        self._kafka = new

    def _make_kafka_side(self) -> KafkaSide:
        return KafkaSide(self._settings, self._access, self._forget, self._oldest_in_hand)

    async def _start(self) -> None:
        share_the_interpreter()
        await self._mongo.ping()
        await self._kafka.start()
        self._trouble.clear()
        _log.info("worker started", group=self._settings.group, topics=sorted(self._kinds))

    async def _stop(self) -> None:
        # Snapshots first: they need MongoDB alone and make the next start cheap. Then Kafka, whose stop may hang.
        await self._kafka.batches.stop()
        try:
            await self._snapshots.write_all()
        except PyMongoError as error:
            _log.warning("snapshots not written: the next worker walks instead", error=str(error))
        await self._kafka.stop()
        await self._mongo.close()
        _log.info("worker stopped")

    def _forget(self) -> None:
        """Of partitions that are another's now nothing that is known may be trusted."""
        self._chains.forget_all()
        self._snapshots.forget_all()
        self._kafka.statements.clear()

    async def _next(self) -> Batch | None:
        """The next batch; None where nothing came for a moment, or while partitions change hands."""
        try:
            if not await self._kafka.assignment.wait(_ASSIGNMENT_WAIT_S):
                return None
            if self._checked != self._kafka.assignment.number and not await self._check_continuity():
                return None
            batch = await self._kafka.batches.next()
        except (KafkaError, IngestError, TopicError, TimeoutError) as error:
            await self._wait("fetch", error, _FIRST_DELAY_S * 10)
            return None
        self._trouble.pop("fetch", None)
        return batch

    async def _check_continuity(self) -> bool:
        """Before anything of a new assignment is read; False where yet another one came meanwhile."""
        number, partitions = self._kafka.assignment.number, self._kafka.consumer.assignment()
        found = await check(self._settings, partitions)
        await self._kafka.statements.begin(found.committed, found.incarnations)
        if number != self._kafka.assignment.number or not self._kafka.assignment.holds:
            return False
        self._kafka.batches.halted.clear()
        for partition, reason in found.changed.items():
            self._kafka.batches.halt(partition, reason)
        offsets = next_offsets(found.committed)
        if self._seek:
            await self._kafka.batches.rewind(offsets)
            self._seek = False
        self._kafka.batches.begin(offsets)
        self._kafka.lag.begin(offsets)
        self._checked = number
        return True

    async def _store(self, batch: Batch, stop: asyncio.Event) -> None:
        # The order is the guarantee (docs/decisions/0004): a crash between two lines is a replay, never a loss.
        self._kafka.assignment.take()
        self._in_hand.append(batch)
        assignment = self._kafka.assignment.number
        try:
            refused = await self._patiently("append", lambda: self._append(batch), stop)
            await self._settled()  # the batch before: offsets are announced and committed in their order
        except BaseException as error:
            if isinstance(error, BatchGivenUp):
                await self._give_up(error)
            self._let_go(batch)
            if not isinstance(error, BatchGivenUp):
                raise
        else:
            # What is left speaks with Kafka alone, so the next batch is appended beside it (docs/decisions/0015).
            self._settling = asyncio.create_task(self._settle(batch, refused, assignment, stop))

    async def _append(self, batch: Batch) -> list[SetAside]:
        """Everything in its chain, and checked."""
        try:
            admitted = await self._sessions.admit(batch.arrivals)
            # Before the events: who sees them stored must find what they say of a stream. A crash between is a replay.
            await self._sessions.move_forward(batch.arrivals, admitted)
            refused = await self._appending.append(batch.arrivals, admitted)
        except (PyMongoError, TimeoutError):
            # No clear answer: nothing of what is known may be trusted. Whose snapshot is behind is, whoever is right.
            self._chains.forget_all()
            raise
        return refused

    async def _settle(self, batch: Batch, refused: list[SetAside], assignment: int, stop: asyncio.Event) -> None:
        """Everything of it is stored: say so, in this order. Raises BatchGivenUp."""
        try:
            if letters := [*batch.set_aside, *refused]:
                topic = dead_letter_topic(self._settings.topic_prefix)
                await self._patiently("set aside", lambda: send_letters(self._kafka.outbox, topic, letters), stop)
                note = partial(note_set_aside, self._mongo, self._sessions, self._kinds, letters)
                await self._patiently("note what was set aside", note, stop)
            await self._patiently("announce", lambda: self._kafka.statements.announce(batch.offsets), stop)
            await self._patiently("commit", lambda: self._commit(batch), stop)
            self._observe(batch)
        except (CommitFailedError, IllegalStateError) as error:
            self._kafka.assignment.lapse(assignment)
            self._kafka.batches.drop()
            raise BatchGivenUp(f"commit refused, the partitions are another's now: {error!r}") from error
        finally:
            self._let_go(batch)

    async def _settled(self) -> None:
        """When the batch before is announced and committed. Raises BatchGivenUp where it is not."""
        settling, self._settling = self._settling, None
        if settling is not None:
            await settling

    async def _give_up(self, given_up: BatchGivenUp) -> None:
        """The next owner stores what is not stored, and nothing that is known here may be trusted then."""
        _log.warning("batch given up: the next owner stores it", why=given_up.why)
        await self._begin_again()

    def _let_go(self, batch: Batch) -> None:
        self._in_hand.remove(batch)
        self._kafka.assignment.release()

    async def _patiently(self, doing: str, step: Callable[[], Awaitable[Result]], stop: asyncio.Event) -> Result:
        """Until it is done: a server that is away is waited for, with growing delays, and the partitions wait.

        Raises BatchGivenUp where the wait was in vain and the partitions go, or the worker ends.
        """
        delay = _FIRST_DELAY_S
        try:
            while True:
                try:
                    return await step()
                except (CommitFailedError, IllegalStateError):
                    raise  # another attempt would fail too
                except (PyMongoError, KafkaError, TimeoutError) as error:
                    await self._wait(doing, error, delay)
                    delay = min(delay * 2, self._settings.retry_s)
                if self._kafka.assignment.give_up.is_set() or self._kafka.why_ended or stop.is_set():
                    raise BatchGivenUp(f"could not {doing} in time")
        finally:
            self._trouble.pop(doing, None)

    async def _wait(self, doing: str, error: Exception, delay: float) -> None:
        self._trouble[doing] = f"{type(error).__name__}: {error}"
        instruments.retries.labels(type(error).__name__).inc()
        _log.warning("waiting for a server", to=doing, error=self._trouble[doing], delay_s=delay)
        await asyncio.sleep(delay)

    async def _commit(self, batch: Batch) -> None:
        async with asyncio.timeout(_COMMIT_TIMEOUT_S):  # aiokafka itself waits for a coordinator for ever
            await self._kafka.batches.commit(batch, self._kafka.statements.said)

    async def _upkeep(self) -> None:
        """The work of now and then, between batches."""
        now = monotonic()
        if now < self._upkeep_at:
            return
        self._upkeep_at = now + _UPKEEP_S
        try:
            await self._snapshots.write_quiet()
            await self._snapshots.make_room(self._settings.known_bytes)
            if now >= self._announce_at and self._kafka.assignment.holds:
                await self._halt_what_was_made_anew()
                await self._kafka.statements.repeat()
                self._announce_at = now + self._settings.announce_s
        except (PyMongoError, KafkaError, TimeoutError) as error:
            await self._wait("look after what is known", error, _FIRST_DELAY_S)
        else:
            self._trouble.pop("look after what is known", None)
        instruments.known_streams.set(len(self._chains.known))
        instruments.known_bytes.set(self._chains.known_bytes)
        instruments.halted.set(len(self._kafka.batches.halted))

    async def _halt_what_was_made_anew(self) -> None:
        """Under a worker that runs: what it reads next of that topic would begin somewhere in the middle."""
        changed = await made_anew(self._kafka.consumer, self._kinds, self._kafka.statements.said)
        for partition, reason in changed.items():
            if partition not in self._kafka.batches.halted:
                self._kafka.batches.halt(partition, reason)

    async def _notice_a_refusal(self, *, wait: bool) -> None:
        """Of a batch that nothing came after."""
        if self._settling is None or not (wait or self._settling.done()):
            return
        try:
            await self._settled()
        except BatchGivenUp as given_up:
            await self._give_up(given_up)

    def _oldest_in_hand(self) -> dict[TopicPartition, int]:
        oldest = dict[TopicPartition, int]()
        for batch in reversed(self._in_hand):
            oldest |= batch.oldest_ms
        return oldest

    def _observe(self, batch: Batch) -> None:
        self._kafka.lag.stored(batch.offsets)
        instruments.batch_seconds.observe(monotonic() - batch.fetched_at)
        now = time()
        instruments.stored_after_seconds.observe([max(0.0, now - one.record.logged_at) for one in batch.arrivals])
