"""Topics of a test's own on a broker, and journals with their publishers, as a process has them."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from mldash.answers.shapes import Connection
from mldash.callbacks import Callbacks
from mldash.delivery.pace import Pace
from mldash.delivery.publisher import Publisher
from mldash.errors import ServerUnreachable
from mldash.events.encoding import MSGPACK, decode_record
from mldash.events.identity import KINDS, experiment_id, new_session_id, stream_key
from mldash.events.schema import Record
from mldash.events.topics import TopicAddress, event_topic, partition_of
from mldash.journal.append import Journal
from mldash.journal.session_folder import Head
from mldash_deploy.preparing.topics import make_topics
from tests.unit.producer.journal.journals import events_of

PREFIX = "owner/project/run"
PARTITIONS = 3


class Topics:
    """Fresh topics on the session's broker."""

    def __init__(self, kafka: str) -> None:
        self.kafka, self.name = kafka, f"t{os.urandom(6).hex()}"

    def connection(self, content_type: str = MSGPACK, kafka: str | None = None) -> Connection:
        topics = {kind: TopicAddress(event_topic(self.name, kind), PARTITIONS) for kind in KINDS}
        return Connection(kafka=kafka or self.kafka, topics=topics, content_type=content_type, server_version="")

    async def make(self, most_bytes_of_logs: int = 20 << 20, **config: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            new = []
            for kind in KINDS:
                most_bytes = most_bytes_of_logs if kind == "logs" else 20 << 20
                sizes = {"max.message.bytes": str(most_bytes), **config}
                new.append(NewTopic(event_topic(self.name, kind), PARTITIONS, 1, topic_configs=sizes))
            await make_topics(admin, new)
        finally:
            await admin.close()

    async def delete(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            names = [event_topic(self.name, kind) for kind in KINDS]
            await admin.delete_topics(names)
            deadline = monotonic() + 90
            while set(names) & set(await admin.list_topics()):
                assert monotonic() < deadline
        finally:
            await admin.close()

    async def records(self) -> list[tuple[TopicPartition, bytes, Record]]:
        """Everything on the topics, partition by partition."""
        return [
            (place, message.key, decode_record(message.value, message.headers))
            for place, message in await self.messages()
        ]

    async def content_types(self) -> dict[str, str]:
        """Kind → the content type of its last message."""
        return {
            place.topic.rpartition(".")[2]: dict(message.headers)["content-type"].decode()
            for place, message in await self.messages()
        }

    async def messages(self) -> list[tuple[TopicPartition, Any]]:
        """The same as they are."""
        found = []
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            enable_auto_commit=False,
            fetch_max_bytes=64 << 20,
            max_partition_fetch_bytes=32 << 20,
        ) as consumer:
            places = [
                TopicPartition(event_topic(self.name, kind), part) for kind in KINDS for part in range(PARTITIONS)
            ]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(places)
            for place in places:
                while await consumer.position(place) < ends[place]:
                    for message in (await consumer.getmany(place, timeout_ms=1_000)).get(place, []):
                        found.append((place, message))
        return found

    async def events(
        self, session: bytes | None = None, first_seq: int = 0, *, any_seqs: bool = False
    ) -> dict[tuple[str, str | None], list[Any]]:
        """Fields of each stream's events by the ingest rule: each seq once, in the order in which it first came; an
        AssertionError where one from `first_seq` on is missing, unless `any_seqs` will do."""
        seen: dict[Any, set[int]] = defaultdict(set)
        events: dict[tuple[str, str | None], list[Any]] = defaultdict(list)
        for place, key, record in await self.records():
            assert key == stream_key(experiment_id(PREFIX), record.kind, record.name)
            assert place.partition == partition_of(key, PARTITIONS)
            if session is not None and record.session != session:
                continue
            for seq, (_, fields) in enumerate(events_of(record), record.first_seq):
                if seq not in seen[record.session, record.kind, record.name]:
                    seen[record.session, record.kind, record.name].add(seq)
                    events[record.kind, record.name].append(fields)
        for stream, seqs in seen.items():
            assert any_seqs or seqs == set(range(first_seq, first_seq + len(seqs))), stream
        return dict(events)


class Sessions:
    """Journals with their publishers, as a process has them; closed at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.troubles: list[str] = []
        """What ended each producer, or would have, in order."""
        self.ends_of_trouble = 0
        self._open: list[tuple[Journal, Publisher]] = []

    def begin(self, ask: Callable[[], Connection], **settings: Any) -> tuple[Journal, Publisher]:
        head = Head(prefix=PREFIX, session=new_session_id().hex(), mode="remote", pid=os.getpid(), started=1.0)
        callbacks = Callbacks()
        callbacks.on("network_error", lambda error, attempts: self.troubles.append(str(error)))
        callbacks.on("delivered", self._count_end_of_trouble)
        made: list[Publisher] = []

        def on_open(journal: Journal) -> None:
            made[0].start()

        settings = {"limit_bytes": 1 << 30, **settings}
        journal = Journal(self.root, lambda: head, on_open=on_open, callbacks=callbacks, **settings)
        made.append(Publisher(journal, ask, callbacks, pace=Pace(1.0, 0.005), heartbeat_s=0.2))
        self._open.append((journal, made[0]))
        return journal, made[0]

    def _count_end_of_trouble(self) -> None:
        self.ends_of_trouble += 1

    def close(self) -> None:
        for _, publisher in self._open:
            if publisher.is_alive():
                publisher._stopping.set()
                publisher.wake()
                for thread in publisher._threads:
                    thread.join(20)
                assert not publisher.is_alive()


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


async def eventually(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline, delay = monotonic() + seconds, 0.005
    while not condition():
        assert monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(delay)
        delay = min(delay * 1.5, 0.2)


def never() -> Connection:
    raise ServerUnreachable("http://nowhere", "refused")
