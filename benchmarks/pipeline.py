"""Names of their own on running servers, workers as processes of their own, and records loaded while they are held."""

import asyncio
import http.client
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from motor.motor_asyncio import AsyncIOMotorClient

from mldash.connections.servers import Servers
from mldash.events.encoding import encode_record, headers
from mldash.events.schema import Record
from mldash.events.topics import DEFAULT_PARTITIONS, event_topic, partition_of
from mldash.process.configuration import addresses_of_stack
from mldash.process.environment import to_variables
from mldash_deploy.prepare import prepare
from mldash_deploy.stack.ports import is_free

_POLL_S = 0.05
_WAIT_S = 600.0


@asynccontextmanager
async def names_of_its_own(data: str) -> AsyncIterator[Servers]:
    """Topics, a database and a bucket on the stack in the folder `data`; the database is dropped afterwards."""
    name = f"b{uuid.uuid4().hex[:10]}"
    known: dict[str, Any] = addresses_of_stack(Servers, "servers", data)
    servers = Servers(**{**known, "topic_prefix": name, "mongo_database": name, "s3_bucket": name})
    await prepare(servers)
    try:
        yield servers
    finally:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(servers.mongo)
        await client.drop_database(name)
        client.close()
        await _delete_topics(servers)


async def _delete_topics(servers: Servers) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        own = [topic for topic in await admin.list_topics() if topic.startswith(servers.topic_prefix)]
        await admin.delete_topics(own)
    finally:
        await admin.close()


class Workers:
    """`mldash worker` with so many processes on these names."""

    def __init__(self, servers: Servers, process: subprocess.Popen[bytes], ports: list[int]) -> None:
        self.group = servers.topic_prefix
        self._servers, self._process, self._ports = servers, process, ports

    def pause(self) -> None:
        for one in self._tree():
            one.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        for one in self._tree():
            one.send_signal(signal.SIGCONT)

    @property
    def resident_bytes(self) -> int:
        """Of the largest process."""
        return max(int(one.memory_info().rss) for one in self._tree())

    @property
    def cpu_seconds(self) -> float:
        times = [one.cpu_times() for one in self._tree()]
        return float(sum(one.user + one.system for one in times))

    def _tree(self) -> list[psutil.Process]:
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def reading(self, name: str) -> float:
        """The sum of an operator metric over labels and processes."""
        return sum(reading(port, name) for port in self._ports)

    async def until_assigned(self) -> None:
        """Every partition has its worker, and each worker has some."""
        wanted = sum(DEFAULT_PARTITIONS.values())
        deadline = time.monotonic() + 60
        while True:
            try:
                each = [reading(port, "mldash_worker_partitions") for port in self._ports]
            except OSError:
                each = []  # not listening yet
            if sum(each) == wanted and all(each):
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"the workers did not get their partitions: {each}")
            await asyncio.sleep(_POLL_S)

    async def until_stored(self, ends: dict[TopicPartition, int]) -> float:
        """When the committed offsets reached these ends."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers.kafka)
        await admin.start()
        try:
            deadline = time.monotonic() + _WAIT_S
            while True:
                there = await admin.list_consumer_group_offsets(self.group, partitions=list(ends))
                if all(there[partition].offset >= end for partition, end in ends.items()):
                    return time.perf_counter()
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError("not stored in time")
                await asyncio.sleep(_POLL_S)
        finally:
            await admin.close()


@contextmanager
def workers(servers: Servers, processes: int, log: Path) -> Iterator[Workers]:
    """Started; not necessarily assigned yet. They end with the block."""
    ports = free_ports(processes)
    own = {
        "MLDASH_WORKER_GROUP": servers.topic_prefix,
        "MLDASH_WORKER_INSTANCE": servers.topic_prefix,
        "MLDASH_WORKER_SESSION_TIMEOUT_MS": "300000",  # they are held while records are loaded
        "MLDASH_WORKER_HEALTH_PORT": str(ports[0]),
    }
    command = [sys.executable, "-P", "-m", "mldash", "worker"]
    command += ["--processes", str(processes)] if processes > 1 else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **to_variables(servers, ""), **own}, stdout=output, stderr=output
        )
    try:
        yield Workers(servers, process, ports)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(60)


def free_ports(count: int) -> list[int]:
    """Neighbours, as the processes of one worker take them."""
    first = random.randrange(20_000, 30_000)
    while not all(is_free(first + i) for i in range(count)):
        first = random.randrange(20_000, 30_000)
    return [first + i for i in range(count)]


def reading(port: int, name: str, label: str = "") -> float:
    """The sum of an operator metric over its labels; of those alone that have this one in them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = 0.0
    for line in text.splitlines():
        found_name, _, value = line.rpartition(" ")
        if (found_name == name or found_name.startswith(name + "{")) and label in found_name:
            found += float(value)
    return found


async def load(servers: Servers, records: Iterable[tuple[bytes, Record]]) -> dict[TopicPartition, int]:
    """Send all; the end of each partition that got some."""
    ends = dict[TopicPartition, int]()
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.kafka,
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=1 << 20,
        max_request_size=16 << 20,
    )
    async with producer:
        waiting = list[Any]()
        for key, record in records:
            topic = event_topic(servers.topic_prefix, record.kind)
            partition = partition_of(key, DEFAULT_PARTITIONS[record.kind])
            waiting.append(
                await producer.send(topic, encode_record(record), key=key, partition=partition, headers=headers())
            )
            if len(waiting) >= 1_000:
                _note(ends, await asyncio.gather(*waiting))
                waiting = []
        _note(ends, await asyncio.gather(*waiting))
    return ends


def _note(ends: dict[TopicPartition, int], sent: list[Any]) -> None:
    for one in sent:
        partition = TopicPartition(one.topic, one.partition)
        ends[partition] = max(ends.get(partition, 0), one.offset + 1)
