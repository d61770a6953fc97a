"""An API that passes records on to Kafka (POST /v1/records), where this host can't reach Kafka itself.

One request is on its way at a time, so that records keep their order; what comes meanwhile is gathered for the next.
An answer that never came may hide that the records are stored: whoever has the journal sends them again, and the store
drops what it has.

Requests are sent by a thread, for the loop goes on gathering; where the interpreter is leaving, and none can begin, the
loop itself waits for each answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, thread_time
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka.codec import zstd_encode
from aiokafka.errors import MessageSizeTooLargeError

from mldash.errors import MldashError, RequestRefused
from mldash.events.batches import BATCH_BYTES, BATCH_RECORDS, BatchAnswer, BatchedRecord, RecordBatch
from mldash.events.limits import RECORD_BYTES
from mldash.process import threads

from .producer import AccessRefused, Acknowledged, Done, Headers, KafkaTrouble, NotTaken, Route, TooLarge

Post = Callable[[bytes], bytes]
"""Sends the body of a request, and gives that of its answer. Raises ServerUnreachable, RequestRefused."""

MOST_GATHERED: Final = 4 << 20
LEAST_GATHERED: Final = 64 << 10
"""Bytes of one request's records, unless one alone is larger."""

_TOO_LARGE: Final = 413
_BUSY: Final = frozenset({429, 503})
_LONGEST_PAUSE_S: Final = 10.0
_LONG_S, _SHORT_S = 5.0, 1.0
_PAUSE_S: Final = 1.0
_LEVEL: Final = 1

_decode_answer = msgspec.msgpack.Decoder(BatchAnswer).decode
_encode = msgspec.msgpack.Encoder().encode


def ask_whether_taken(post: Post) -> None:
    """Whether the API takes records, from this caller too. Raises as `post`, and msgspec.DecodeError."""
    _decode_answer(post(zstd_encode(_encode(RecordBatch([])), _LEVEL)))


class Way:
    """An API that records can go by, over the lives of all its producers: how to ask it, and how much at once."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.gathered_bytes = MOST_GATHERED // 4

    def took(self, seconds: float) -> None:
        """A request was answered. A slow line gets small ones: else each takes longer than anybody waits for it."""
        if seconds > _LONG_S:
            self.ask_less()
        elif seconds < _SHORT_S:
            self.gathered_bytes = min(self.gathered_bytes * 2, MOST_GATHERED)

    def ask_less(self) -> None:
        self.gathered_bytes = max(self.gathered_bytes // 2, LEAST_GATHERED)


class _Waiting(NamedTuple):
    record: BatchedRecord
    future: asyncio.Future[Any]


class GatewayProducer:
    """Records by way of one API, from its start to its end."""

    def __init__(self, way: Way) -> None:
        self._way, self._poster = way, _Poster(way.post)
        self._waiting = deque[_Waiting]()
        self._more = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._trouble: KafkaTrouble | None = None

    @classmethod
    async def start(cls, way: Way) -> GatewayProducer:
        """A producer whose API has said that it takes records. Raises KafkaTrouble."""
        made = cls(way)
        try:
            await made._answer_to([])
        except BaseException:
            await made.abandon()
            raise
        made._sending = asyncio.create_task(made._send_on())
        return made

    async def send(self, route: Route, value: bytes, headers: Headers, done: Done) -> asyncio.Future[Any]:
        """As Producer.send; it never waits."""
        if len(value) > RECORD_BYTES:
            raise TooLarge
        if self._trouble is not None:
            raise NotTaken(self._trouble.reason)
        content_type, schema = (text.decode() for _, text in headers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.add_done_callback(done)
        self._waiting.append(_Waiting(BatchedRecord(value, content_type, schema, route.partitions), future))
        self._more.set()
        return future

    @property
    def cpu_s(self) -> float:
        """As Producer.cpu_s."""
        return self._poster.cpu_s

    async def in_words(self, trouble: KafkaTrouble) -> KafkaTrouble:
        """The API has said it in words."""
        return trouble

    async def why_silent(self) -> Exception | None:
        """Nothing to look at: the API answers, or does not."""
        return None

    async def abandon(self) -> None:
        """The request that is on its way ends by itself, and its answer is not looked at."""
        self._poster.end()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        for one in self._waiting:
            one.future.cancel()

    async def _send_on(self) -> None:
        """Requests one after the other, until something ends this producer: all that waits is told why."""
        batch: list[_Waiting] = []
        try:
            while True:
                await self._more.wait()
                batch = self._next_batch()
                answers = await self._answer_to([one.record for one in batch])
                for one, answer in zip(batch, answers, strict=True):
                    if not one.future.done():
                        _settle(one.future, answer)
        except KafkaTrouble as ended:
            self._trouble = ended
        except Exception as error:  # a fault of ours: told like any other end
            self._trouble = KafkaTrouble(f"{type(error).__name__}: {error}")
        finally:
            why = self._trouble or KafkaTrouble("the producer was given up")
            for one in [*batch, *self._waiting]:
                if not one.future.done():
                    one.future.set_exception(why)
                    one.future.exception()  # whoever waits has it; nobody may be left who does

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < BATCH_RECORDS:
            more = len(self._waiting[0].record.value)
            if batch and size + more > self._way.gathered_bytes:
                break
            size += more
            batch.append(self._waiting.popleft())
        if not self._waiting:
            self._more.clear()
        return batch

    async def _answer_to(self, records: list[BatchedRecord]) -> list[Any]:
        """Asked again while the API is busy, as it says when. Raises KafkaTrouble."""
        body = zstd_encode(_encode(RecordBatch(records)), _LEVEL)
        assert len(body) <= BATCH_BYTES
        waited_s = 0.0
        while True:
            begun = monotonic()
            try:
                answer = _decode_answer(await self._poster.post(body))
            except RequestRefused as refused:
                if refused.status == _TOO_LARGE and records:
                    return await self._answer_to_less(records)
                if refused.status == 403 and records:  # of all of them, and of nothing else
                    return [str(refused)] * len(records)
                pause_s = _pause_of(refused)
                if refused.status in (401, 403):
                    raise AccessRefused(str(refused)) from refused
                if pause_s is None or waited_s + pause_s > _LONGEST_PAUSE_S:
                    trouble = KafkaTrouble(_in_words(refused))
                    trouble.retry_after_s = pause_s or 0.0
                    raise trouble from refused
                await _pause(pause_s)
                waited_s += pause_s
            except MldashError as error:
                raise KafkaTrouble(str(error)) from error
            except msgspec.DecodeError as error:
                raise KafkaTrouble(f"what answered POST /v1/records is no ML-Dash API: {error}") from error
            else:
                if records:
                    self._way.took(monotonic() - begun)
                if len(answer.records) != len(records):
                    raise KafkaTrouble(f"{len(answer.records)} answers came to {len(records)} records")
                return list(answer.records)

    async def _answer_to_less(self, records: list[BatchedRecord]) -> list[Any]:
        """A proxy on the way takes no request of this size: in halves, down to one record, which is too large then."""
        self._way.ask_less()
        if len(records) == 1:
            return [None]
        half = len(records) // 2
        return [*await self._answer_to(records[:half]), *await self._answer_to(records[half:])]


class _Poster:
    """One request after the other, by a thread of its own where one can begin."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.cpu_s = 0.0
        """Seconds that the thread has computed."""
        self._asked: queue.SimpleQueue[tuple[bytes, asyncio.Future[bytes]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._has_thread = threads.begin(threading.Thread(target=self._run, name="mldash-gateway", daemon=True))

    async def post(self, body: bytes) -> bytes:
        if not self._has_thread:
            return self._post(body)
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._asked.put((body, future))
        return await future

    def end(self) -> None:
        self._asked.put(None)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            body, future = asked
            outcome: bytes | BaseException
            try:
                outcome = self._post(body)
            except BaseException as error:
                outcome = error
            self.cpu_s = thread_time()  # who is told of the answer asks for it
            self._tell(future, outcome)

    def _tell(self, future: asyncio.Future[bytes], outcome: bytes | BaseException) -> None:
        def tell() -> None:
            if future.done():
                return
            if isinstance(outcome, bytes):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(tell)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if answer is None:
        future.set_exception(MessageSizeTooLargeError())
    elif isinstance(answer, str):
        future.set_exception(NotTaken(answer))  # `acknowledged` gives it on
    else:
        future.set_result(Acknowledged(*answer))


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _pause_of(refused: RequestRefused) -> float | None:
    """How long the API wants to be left alone; None where another attempt would be refused as well."""
    if refused.status not in _BUSY:
        return None
    return _PAUSE_S if refused.retry_after_s is None else refused.retry_after_s


def _in_words(refused: RequestRefused) -> str:
    if refused.status in (404, 405):
        return "the API takes no records: it is of a version before 0.2, or no ML-Dash API"
    return str(refused)
