"""100 experiments that are written at a set pace, and a listener to one of them that looks at the bytes alone."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_long
from multiprocessing import get_context
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from mldash.connections.servers import Servers
from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record, Rows
from mldash.events.topics import DEFAULT_PARTITIONS, event_topic, partition_of

EXPERIMENTS: Final = 100
_PREFIX: Final = "bench/live/run"
_METRIC: Final = "train"
_spawn = get_context("spawn")
_FIRST: Final = re.compile(rb'"firstIndex":(\d+)')
_AT: Final = re.compile(rb'"at":([\d.e+]+)')


class Listener(asyncio.Protocol):
    """Looks at indices and times in the bytes: to decode a thousand streams would take more than to tell them."""

    def __init__(self, host: str, query: str, is_ready: asyncio.Semaphore) -> None:
        self._request = f"GET /v1/live?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self._is_ready, self._left = is_ready, b""
        self.next: int | None = None
        self.faults = 0
        self.lags = list[float]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.faults += self._transport is not None and not self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        *events, self._left = (self._left + data).split(b"\n\n")
        for event in events:
            if b"event: points" in event:
                self._take(event)
            elif b"event: up-to-date" in event:
                self._is_ready.release()
            elif b"event: closed" in event:
                self.faults += 1

    def _take(self, event: bytes) -> None:
        for block in event.split(b'{"prefix":')[1:]:
            first = int(_FIRST.search(block)[1])  # type: ignore[index]
            count = block.count(b'{"index":')
            is_dense = f'{{"index":{first + count - 1},'.encode() in block
            self.faults += self.next not in (None, first) or not is_dense
            self.next = first + count
        self.lags.append(time.time() - float(_AT.findall(event)[-1]))

    def hang_up(self) -> None:
        self._transport.abort()


class Many:
    """What writes into many experiments."""

    def __init__(self, process: Any, stop: Any, counts: Any) -> None:
        self._process, self._stop, self._counts = process, stop, counts

    def logged(self) -> int:
        return sum(self._counts)

    def finish(self) -> list[int]:
        """Points of each experiment."""
        self._stop.set()
        self._process.join(60)
        if self._process.exitcode != 0:
            raise RuntimeError(f"the emitter ended with {self._process.exitcode}")
        return list(self._counts)


@contextmanager
def emitting_many(servers: Servers, pace: float, record_s: float) -> Iterator[Many]:
    """So many points a second over all experiments, of each one a record every `record_s`."""
    stop, counts = _spawn.Event(), _spawn.RawArray(c_long, EXPERIMENTS)
    process = _spawn.Process(
        target=_emit_many, args=(servers.kafka, servers.topic_prefix, pace, record_s, stop, counts)
    )
    process.start()
    try:
        yield Many(process, stop, counts)
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def _emit_many(kafka: str, topic_prefix: str, pace: float, record_s: float, stop: Any, counts: Any) -> None:
    asyncio.run(_send_many(kafka, event_topic(topic_prefix, "metrics"), pace, record_s, stop, counts))


async def _send_many(kafka: str, topic: str, pace: float, record_s: float, stop: Any, counts: Any) -> None:
    """Records as 100 SDKs send them, by one producer: a hundred processes have no place on this machine."""
    sessions = [os.urandom(16) for _ in range(EXPERIMENTS)]
    at_once = max(1, round(pace / EXPERIMENTS * record_s))
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, linger_ms=5) as producer:
        due, turn = time.monotonic(), 0
        while not stop.is_set():
            number, now = turn % EXPERIMENTS, time.time()
            record = Record(
                prefix=name_of(number),
                kind="metrics",
                name=_METRIC,
                session=sessions[number],
                first_seq=counts[number],
                logged_at=now,
                blocks=[Rows(["loss", "accuracy", "at"], [now] * at_once, [[0.5, 0.25, now]] * at_once)],
            )
            key = stream_key(experiment_id(name_of(number)), "metrics", _METRIC)
            partition = partition_of(key, DEFAULT_PARTITIONS["metrics"])
            await producer.send(topic, encode_record(record), key=key, partition=partition, headers=headers())
            counts[number] += at_once
            turn += 1
            due = max(due + record_s / EXPERIMENTS, time.monotonic() - 1.0)
            if turn % 10 == 0:
                await asyncio.sleep(max(0.0, due - time.monotonic()))


def name_of(number: int) -> str:
    return f"{_PREFIX}-{number:03}"
