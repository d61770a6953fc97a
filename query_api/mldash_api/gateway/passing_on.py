"""Records on to Kafka, acknowledged by all replicas when `send` returns, in the order in which they came.

One idempotent producer for all requests of the process, which keeps the order of a partition over its own retries. It
is given up at the first failure, and the next request makes another one: whoever sent records that were not
acknowledged sends them again, and the store drops what it has.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from mldash.connections.ended_clients import why_producer_ended
from mldash.connections.kafka_security import connecting
from mldash.connections.topic_reading import stop_quietly
from mldash.events.limits import RECORD_BYTES
from mldash_api.errors import ServerAway
from mldash_api.kafka import KAFKA_TROUBLES, kafka_away, look_away
from mldash_api.settings import ApiSettings

from .batch import Arrived
from .errors import TooBusy

_START_TIMEOUT_S: Final = 10.0
_SEND_TIMEOUT_S: Final = 20.0
_BATCH_BYTES: Final = 1 << 20
_LEAST_BATCH_BYTES: Final = 16 << 10
_SMALLER_FOR_S: Final = 600.0
"""Then batches are of full size again: an operator may have raised the topic's limit."""

_AWAY_FOR_S: Final = 2.0
"""A start that failed is not tried again before: each takes up to _START_TIMEOUT_S, and somebody waits."""

_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)

Place = tuple[int, int]


class PassingOn:
    """The producer of one API process; it is made with the first records."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[AIOKafkaProducer] | None = None
        self._away_since: tuple[float, ServerAway] | None = None
        """When the last attempt to start failed, and why."""
        self._ending = set[asyncio.Task[None]]()
        self._held_bytes = 0
        self._batch_bytes, self._smaller_until = _BATCH_BYTES, 0.0

    @contextmanager
    def room_for(self, size: int) -> Iterator[None]:
        """So many bytes are held meanwhile. Raises TooBusy where there are too many."""
        if self._held_bytes and self._held_bytes + size > self._settings.gateway_bytes:
            raise TooBusy(self._settings.gateway_bytes)
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_bytes -= size

    async def send(self, records: Sequence[Arrived]) -> list[Place | None]:
        """Where each is now; None for what is too large for Kafka by itself.

        Raises ServerAway: then any of them may have arrived.
        """
        places: list[Place | None] = [None] * len(records)
        left = list(range(len(records)))
        while left:
            producer = await self.ready()
            batch_bytes = self._batch_bytes
            answers = await self._send_once(producer, [records[at] for at in left])
            refused = []
            for at, answer in zip(left, answers, strict=True):
                if not isinstance(answer, _TOO_LARGE):
                    places[at] = answer.partition, answer.offset
                elif len(records[at].value) < batch_bytes and batch_bytes > _LEAST_BATCH_BYTES:
                    refused.append(at)  # others stood beside it: the batch was too large, and perhaps not this one
            if any(isinstance(answer, _TOO_LARGE) for answer in answers):
                # A refused batch leaves a gap in the producer's own sequence: the next ones may be refused for it.
                self._give_up(producer)
            if refused:
                self._take_smaller_batches(max(len(records[at].value) for at in refused))
            left = refused
        return places

    async def _send_once(self, producer: AIOKafkaProducer, records: Sequence[Arrived]) -> list[Any]:
        """Of each the client's answer, or the error that it is too large. Raises ServerAway."""
        futures: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                for one in records:
                    futures.append(await self._hand_over(producer, one))
                answers = await asyncio.gather(*futures, return_exceptions=True)
        except (*KAFKA_TROUBLES, AssertionError) as error:  # AssertionError: aiokafka knows no such partition (yet)
            self._give_up(producer)
            raise await kafka_away(self._settings, error) from error
        except BaseException:  # the caller has gone: what is on its way is not waited for
            self._give_up(producer)
            raise
        finally:
            for future in futures:
                future.add_done_callback(look_away)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, _TOO_LARGE):
                self._give_up(producer)
                raise await kafka_away(self._settings, answer) from answer
        return answers

    async def ready(self) -> AIOKafkaProducer:
        """A producer that is connected; all who ask while one is made wait for that one. Raises ServerAway."""
        producer = self._producer
        if producer is not None and why_producer_ended(producer) is None:
            return producer
        if producer is not None:
            self._give_up(producer)
        if self._away_since is not None and monotonic() - self._away_since[0] < _AWAY_FOR_S:
            raise self._away_since[1]
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(look_away)
        return await asyncio.shield(self._starting)  # a caller that goes away does not end the others' attempt

    async def close(self) -> None:
        """End the producer; what it has not sent is not acknowledged either."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        if self._producer is not None:
            self._give_up(self._producer)
        await asyncio.gather(*self._ending)

    async def _start(self) -> AIOKafkaProducer:
        if monotonic() > self._smaller_until:
            self._batch_bytes = _BATCH_BYTES
        codec = self._settings.event_compression
        producer = AIOKafkaProducer(
            **connecting(self._settings),
            client_id="mldash-api",
            acks="all",
            enable_idempotence=True,
            compression_type=None if codec == "none" else codec,
            max_batch_size=self._batch_bytes,
            max_request_size=RECORD_BYTES + 65_536,
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await producer.start()
        except KAFKA_TROUBLES as error:
            self._end(producer)
            away = await kafka_away(self._settings, error)
            self._away_since = monotonic(), away
            raise away from error
        except BaseException:
            self._end(producer)
            raise
        self._producer, self._away_since = producer, None
        return producer

    async def _hand_over(self, producer: AIOKafkaProducer, one: Arrived) -> "asyncio.Future[Any]":
        try:
            future: asyncio.Future[Any] = await producer.send(
                one.topic, one.value, key=one.key, partition=one.partition, headers=one.headers
            )
        except MessageSizeTooLargeError as error:  # for the client itself: nothing was sent
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        return future

    def _take_smaller_batches(self, refused_bytes: int) -> None:
        """Until each record stands alone: then a refusal is about one record, and not about what stood beside it."""
        self._smaller_until = monotonic() + _SMALLER_FOR_S
        self._batch_bytes = max(_LEAST_BATCH_BYTES, min(self._batch_bytes, refused_bytes) // 2)

    def _give_up(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            self._end(producer)

    def _end(self, producer: AIOKafkaProducer) -> None:
        ending = asyncio.create_task(stop_quietly(producer))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
