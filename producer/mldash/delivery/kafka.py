"""The only file of the SDK that imports Kafka's client: a producer that can be given up at any moment.

aiokafka's idempotent producer keeps the order of a partition over its own retries. It has three flaws that are worked
around here: it dies of OutOfOrderSequence and stays dead, it never expires a batch, and stop() waits for ever while the
broker is away. So nothing here waits for it: whoever uses it has a deadline of its own, abandons it at the first
failure, and goes on with a new one from the journal's checkpoint (docs/protocol.md 9.2).
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from random import SystemRandom
from typing import Any, TypeVar, TypeVarTuple

import aiokafka.client
import aiokafka.conn
from aiokafka import AIOKafkaProducer
from aiokafka.codec import snappy_encode
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from mldash.connections.errors import KafkaRefused
from mldash.connections.kafka_access import AUTHORIZATION, Needs, explained, why_refused
from mldash.connections.kafka_security import connecting
from mldash.connections.servers import KafkaServer

from .producer import AccessRefused, Acknowledged, Done, Headers, KafkaTrouble, NotTaken, Route, TooLarge

_MAX_REQUEST_BYTES = 16 << 20
_REQUEST_TIMEOUT_MS = 20_000
START_TIMEOUT_S = 10.0
_ABANDON_TIMEOUT_S = 2.0
BATCH_BYTES = 1 << 20

_CODECS = {"snappy": "snappy", "gzip": "gzip", "lz4": "lz4", "zstd": "zstd", "none": None}
_DEFAULT_CODEC = "snappy"
"""aiokafka has no say over a codec's level, and its lz4 is level 9: 6 to 28 MB/s here, a whole core at half a million
points a second. Snappy gives 190 to 2,300 MB/s at nearly the same size."""

_THREAD_PREFIX = "mldash-"

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")

for _drawing in aiokafka.client, aiokafka.conn:
    # It chooses brokers by `random`, on our thread: a program that seeds its own would be another at every run.
    vars(_drawing)["random"] = SystemRandom()


class KafkaProducer:
    """One idempotent producer, from its start to its end."""

    cpu_s = 0.0
    """As Producer.cpu_s: it has no thread."""

    def __init__(self, producer: AIOKafkaProducer, server: KafkaServer, topics: Collection[str] = ()) -> None:
        """`topics` are those that it shall write to."""
        self._producer, self._server, self._topics = producer, server, topics

    @classmethod
    async def start(
        cls,
        server: KafkaServer,
        client_id: str,
        batch_bytes: int = BATCH_BYTES,
        compression: str = _DEFAULT_CODEC,
        topics: Collection[str] = (),
    ) -> "KafkaProducer":
        """A producer that is connected, and may write to `topics`, as far as it can be told.

        Raises KafkaTrouble after START_TIMEOUT_S and a look at most; AccessRefused; SettingError.
        """
        keep_quiet()
        producer = AIOKafkaProducer(
            **connecting(server),
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            compression_type=_CODECS.get(compression, _DEFAULT_CODEC),
            max_batch_size=batch_bytes,
            max_request_size=_MAX_REQUEST_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        made = cls(producer, server, topics)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await producer.start()
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            await made.abandon()
            raise await trouble_of(server, error, topics) from error
        except BaseException:
            await made.abandon()
            raise
        return made

    async def partition_count(self, topic: str) -> int:
        """Raises KafkaTrouble where the topic is not there."""
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                partitions = await self._producer.partitions_for(topic)
        except (KafkaError, TimeoutError) as error:
            raise KafkaTrouble(f"Kafka has no topic {topic!r} ({type(error).__name__})") from error
        return len(partitions)

    async def send(self, route: Route, value: bytes, headers: Headers, done: Done) -> "asyncio.Future[Any]":
        """As Producer.send. May wait until an earlier batch of the partition is on its way."""
        topic, partition = route.topic, route.partition
        try:
            future: asyncio.Future[Any] = await self._producer.send(
                topic, value, key=route.key, partition=partition, headers=headers
            )
        except AssertionError as error:  # aiokafka's way to say that the partition is not there
            raise NotTaken(f"Kafka's topic {topic!r} has no partition {partition}") from error
        except MessageSizeTooLargeError as error:
            raise TooLarge from error
        except KafkaError as error:
            raise NotTaken(f"{type(error).__name__}: {error}") from error
        future.add_done_callback(done)
        return future

    async def in_words(self, trouble: KafkaTrouble) -> KafkaTrouble:
        """As Producer.in_words: a right that is missing is named."""
        if isinstance(trouble.__cause__, AUTHORIZATION):
            return await trouble_of(self._server, trouble.__cause__, self._topics)
        return trouble

    async def why_silent(self) -> Exception | None:
        """As Producer.why_silent."""
        found = await why_refused(self._server, Needs(writes=sorted(self._topics)))
        return found if isinstance(found, KafkaRefused) else None

    async def abandon(self) -> None:
        """Close its sockets and cancel what it runs, at once; nothing that is still unanswered will be known."""
        producer, client = self._producer, self._producer.client
        producer._closed = True
        for connection in [*client._conns.values()]:
            connection.close()
        tasks = [task for task in asyncio.all_tasks() if _is_of_aiokafka(task)]
        for task in tasks:
            task.cancel()
        if tasks:
            # A second round: the sender, when cancelled, waits for its requests, which only now are.
            await asyncio.wait(tasks, timeout=_ABANDON_TIMEOUT_S)
        with contextlib.suppress(Exception):  # it is given up whatever it says
            async with asyncio.timeout(_ABANDON_TIMEOUT_S):
                await client.close()


async def trouble_of(server: KafkaServer, error: BaseException, topics: Collection[str] = ()) -> KafkaTrouble:
    """In words, after a look at what is shut."""
    found = await explained(server, error, Needs(writes=sorted(topics)))
    return (AccessRefused if isinstance(found, KafkaRefused) else KafkaTrouble)(str(found))


def acknowledged(future: "asyncio.Future[Any]") -> Acknowledged:
    """The answer in a done future. Raises TooLarge or KafkaTrouble."""
    if future.cancelled():
        raise KafkaTrouble("the send was cancelled")
    error = future.exception()
    if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
        raise TooLarge from error
    if isinstance(error, KafkaTrouble):  # a gateway's: it is in words already
        raise error
    if error is not None:
        raise KafkaTrouble(f"{type(error).__name__}: {error}") from error
    answer = future.result()
    return Acknowledged(answer.partition, answer.offset)


def packed_bytes(value: bytes) -> int:
    """Bytes that a record's value takes in a batch of its own, which is sent as it is where that is smaller.

    Measured by the default codec: values are compared with each other, and another one orders them nearly so.
    """
    return min(len(value), len(snappy_encode(value)))


class DirectLoop(asyncio.SelectorEventLoop):
    """An event loop that does itself what is given to threads (names are resolved, passwords made into proofs):
    asyncio's pool of threads takes no work once the interpreter exits, and then events could not be delivered any more.
    """

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        return socket.getaddrinfo(host, port, **more)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Arguments], _Result], *args: *_Arguments
    ) -> "asyncio.Future[_Result]":
        future: asyncio.Future[_Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def _is_of_aiokafka(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "aiokafka" in code.co_filename


class _NotFromOurThreads(logging.Filter):
    """Hides aiokafka's messages on our threads: callbacks.py tells of troubles, once."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not threading.current_thread().name.startswith(_THREAD_PREFIX)


_quiet = _NotFromOurThreads()


def keep_quiet() -> None:
    for name in ("", ".conn", ".cluster", ".producer.producer", ".producer.sender"):
        logging.getLogger(f"aiokafka{name}").addFilter(_quiet)  # the same filter is added once only
    logging.getLogger("asyncio").addFilter(_quiet)
    logging.getLogger("mldash.connections").addFilter(_quiet)
