"""Journal → Kafka, on a real broker: what was logged is on the topics, each seq of each stream, in order."""

import asyncio
import os
import random
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from mldash.answers.shapes import Connection
from mldash.delivery.resend import resend
from mldash.errors import EventsRefused, ServerUnreachable
from mldash.events.encoding import JSON, MSGPACK
from mldash.events.schema import Claim, Heartbeat, Signals
from mldash.events.topics import event_topic
from mldash.journal.session_folder import open_session_folder
from mldash.journal.sessions import find_sessions
from mldash.settings import SdkSettings

from .emission import Sessions, Topics, eventually, in_thread, never

pytestmark = pytest.mark.integration


async def test_what_was_logged_is_on_the_topics_in_order_and_the_journal_is_gone(
    topics: Topics, sessions: Sessions
) -> None:
    journal, publisher = sessions.begin(topics.connection)
    train, lines = journal.stream("metrics", "train"), journal.stream("logs")
    for i in range(30_000):
        train.append(float(i), {"loss": i / 3, "i": i})
        if i % 100 == 0:
            lines.append(float(i), {"level": "info", "message": "m" * (i % 90)})
    await in_thread(publisher.flush, 30.0)
    assert await in_thread(publisher.close, 30.0)
    journal.close()
    journal.forget(remove=True)
    found = await topics.events()
    assert [fields["i"] for fields in found["metrics", "train"]] == list(range(30_000))
    assert len(found["logs", ""]) == 300
    assert not [*find_sessions(sessions.root)]


async def test_a_session_says_that_it_lives_and_what_it_has_written(topics: Topics, sessions: Sessions) -> None:
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    for i in range(100):
        stream.append(float(i), {"i": i})
    await in_thread(publisher.flush, 30.0)
    assert await in_thread(publisher.close, 30.0)
    records = await topics.records()
    signals = [
        one
        for _, _, record in records
        for block in record.blocks
        if isinstance(block, Signals)
        for one in block.signals
    ]
    assert any(isinstance(one, Heartbeat) for one in signals)
    claim = [one for one in signals if isinstance(one, Claim)][-1]
    assert (claim.kind, claim.name, claim.seq, claim.final) == ("metrics", "train", 100, True)
    (place,) = {place for place, _, record in records if record.kind == "metrics"}
    assert (claim.partition, claim.offset) == (place.partition, sum(p == place for p, _, _ in records) - 1)


async def test_large_calls_and_the_json_encoding_pass(topics: Topics, sessions: Sessions) -> None:
    journal, publisher = sessions.begin(lambda: topics.connection(JSON))
    lines = journal.stream("logs")
    lines.append(1.0, {"message": "x" * (9 << 20)})
    for i in range(100):
        lines.append(1.0, {"message": float("nan"), "i": i})
    await in_thread(publisher.flush, 30.0)
    found = await topics.events()
    assert len(found["logs", ""]) == 101
    assert len(found["logs", ""][0]["message"]) == 9 << 20


async def test_a_call_that_is_too_large_as_json_goes_as_messagepack_and_holds_up_nothing(
    topics: Topics, sessions: Sessions
) -> None:
    """A MessagePack call of less than 15 MiB can be far above what Kafka takes as JSON."""
    journal, publisher = sessions.begin(lambda: topics.connection(JSON))
    points, lines = journal.stream("metrics", "train"), journal.stream("logs")
    large: list[Any] = [bytes(13 << 20), [i / 7 for i in range(1_000_000)], "\x1b" * (3 << 20)]
    for at, value in enumerate(large):
        points.append(float(at), {"value": value})
        lines.append(float(at), {"message": f"line {at}"})
    await in_thread(publisher.flush, 60.0)
    found = await topics.events()
    assert [fields["value"] for fields in found["metrics", "train"]] == large
    assert len(found["logs", ""]) == 3


@pytest.mark.parametrize(("first", "then"), [(JSON, MSGPACK), (MSGPACK, JSON)])
async def test_what_a_dead_session_left_is_sent_as_the_api_says_today(
    topics: Topics, sessions: Sessions, first: str, then: str
) -> None:
    """session.json names the encoding of the first handshake; the API has another one since."""
    journal, _ = sessions.begin(never)
    journal.stream("params").append(1.0, {"lr": 0.1})
    assert journal.folder is not None
    journal.folder.fix_topics(topics.connection().topics, first)
    journal.close()
    journal.forget(remove=False)
    (left,) = find_sessions(sessions.root)
    assert (await resend(left, topics.connection(then))).left is None
    assert {(await topics.content_types())["params"]} == {then}


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd", "none", "of a later version"])
async def test_batches_are_compressed_as_the_connection_says(
    topics: Topics, sessions: Sessions, compression: str
) -> None:
    """A codec that is not known here means the default."""
    connection = msgspec.structs.replace(topics.connection(), compression=compression)
    journal, publisher = sessions.begin(lambda: connection)
    for i in range(100):
        journal.stream("logs").append(1.0, {"message": "m" * 1_000, "i": i})
    await in_thread(publisher.flush, 30.0)
    assert [fields["i"] for fields in (await topics.events())["logs", ""]] == list(range(100))


@pytest.mark.parametrize(("given", "counts"), [(None, 0.07), (0.3, 0.3)])
async def test_events_are_gathered_for_as_long_as_the_api_says_unless_it_is_set_here(
    topics: Topics, sessions: Sessions, given: float | None, counts: float
) -> None:
    connection = msgspec.structs.replace(topics.connection(), linger_max_s=0.07)
    journal, publisher = sessions.begin(lambda: connection)
    publisher._settings = SdkSettings(linger_max_s=given)
    publisher._pace.most_s = 0.3
    journal.stream("logs").append(1.0, {"message": "m"})
    await in_thread(publisher.flush, 30.0)
    assert publisher._pace.most_s == counts


async def test_records_that_the_broker_finds_too_large_are_cut(kafka_address: str, sessions: Sessions) -> None:
    topics = Topics(kafka_address)
    await topics.make(**{"max.message.bytes": "20000"})
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    for i in range(3_000):
        stream.append(float(i), {"i": i, "text": os.urandom(20).hex()})
    await in_thread(publisher.flush, 60.0)
    found = await topics.events()
    assert sorted(fields["i"] for fields in found["metrics", "train"]) == list(range(3_000))


async def limit_logs(topics: Topics, most_bytes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.kafka)
    await admin.start()
    try:
        topic = ConfigResource(
            ConfigResourceType.TOPIC, event_topic(topics.name, "logs"), {"max.message.bytes": str(most_bytes)}
        )
        await admin.alter_configs([topic])
    finally:
        await admin.close()


async def test_behind_an_event_that_the_broker_refuses_all_else_is_delivered_and_the_journal_shrinks(
    kafka_address: str, sessions: Sessions
) -> None:
    """Refused events at the beginning and in the middle, then much more than may be in flight and than the journal's
    limit; a later process sends them once the broker takes them."""
    topics = Topics(kafka_address)
    await topics.make(most_bytes_of_logs=20_000)
    journal, publisher = sessions.begin(topics.connection, segment_bytes=1 << 20, limit_bytes=16 << 20)
    lines, stream = journal.stream("logs"), journal.stream("metrics", "train")
    text = os.urandom(500).hex()
    large = os.urandom(30_000).hex()
    count = 40_000

    def log() -> None:
        lines.append(0.0, {"message": "before"})
        for i in range(count):
            if i % 10_000 == 100:
                lines.append(1.0, {"message": large})
            stream.append(float(i), {"i": i, "text": text})
        lines.append(2.0, {"message": "behind"})

    await in_thread(log)
    with pytest.raises(EventsRefused, match="raise max") as raised:
        await in_thread(publisher.flush, 60.0)
    assert raised.value.refused == [("logs", "", 4)]
    assert publisher.unsent_bytes() == 0
    assert sum(segment.size for segment in journal.segments.values()) <= 4 << 20, "all but the last are gone"
    found = await topics.events(any_seqs=True)
    assert [fields["i"] for fields in found["metrics", "train"]] == list(range(count))
    assert [fields["message"] for fields in found["logs", ""]] == ["before", "behind"]
    assert sessions.troubles == [], "no server is away"
    assert await in_thread(publisher.close, 30.0)
    journal.close()
    journal.forget(remove=False)
    (left,) = find_sessions(sessions.root)
    sent = await resend(left, topics.connection())
    assert sent.left is not None and "Kafka refuses an event of logs" in sent.left
    await limit_logs(topics, 200_000)
    sent_count = 0
    while left.path.exists():  # the brokers hear of the new limit in their own time; resend has its own
        sent_count += (await resend(left, topics.connection())).event_count
    assert sent_count == 4
    assert not [*find_sessions(sessions.root)]
    assert [fields["message"] for fields in (await topics.events())["logs", ""]].count(large) == 4


async def test_what_is_refused_costs_its_topics_neighbours_nothing_from_the_second_time_on(
    kafka_address: str, sessions: Sessions
) -> None:
    """Each refusal ends a producer: an event like one that was refused is set aside without another."""
    topics = Topics(kafka_address)
    await topics.make(most_bytes_of_logs=20_000)
    asked = 0

    def ask() -> Connection:
        nonlocal asked
        asked += 1
        return topics.connection()

    journal, publisher = sessions.begin(ask)
    lines = journal.stream("logs")
    draw = random.Random(7)  # each one that packs smaller than those before costs a producer: how many is no accident
    for i in range(50):
        lines.append(float(i), {"message": draw.randbytes(20_000).hex()})
        lines.append(float(i), {"message": "small"})
        with pytest.raises(EventsRefused):
            await in_thread(publisher.flush, 30.0)
    assert asked <= 6, "producers"
    assert len((await topics.events(any_seqs=True))["logs", ""]) == 50


async def test_with_the_api_away_it_journals_and_asks_again(topics: Topics, sessions: Sessions) -> None:
    asked = 0

    def ask() -> Connection:
        nonlocal asked
        asked += 1
        if asked < 4:
            raise ServerUnreachable("http://nowhere", "refused")
        return topics.connection()

    journal, publisher = sessions.begin(ask)
    journal.stream("params").append(1.0, {"lr": 0.1})
    await in_thread(publisher.flush, 30.0)
    assert asked == 4
    assert (await topics.events())["params", ""] == [{"lr": 0.1}]


async def test_flush_and_close_end_in_their_time_with_kafka_gone_for_good(sessions: Sessions) -> None:
    topics = Topics("127.0.0.1:9")
    journal, publisher = sessions.begin(topics.connection)
    journal.stream("params").append(1.0, {"lr": 0.1})
    with pytest.raises(TimeoutError, match="no Kafka broker answers"):
        await in_thread(publisher.flush, 1.5)
    assert not await in_thread(publisher.close, 0.5)


async def test_a_producer_that_dies_is_replaced_and_nothing_is_lost_or_doubled(
    topics: Topics, sessions: Sessions
) -> None:
    """Its sockets are closed and its sender cancelled again and again, in the middle of sending."""
    journal, publisher = sessions.begin(topics.connection, segment_bytes=1 << 18)
    stream = journal.stream("metrics", "train")
    logged = threading.Event()

    def log() -> None:
        for i in range(150_000):
            stream.append(float(i), {"i": i, "loss": i / 7})
        logged.set()

    thread = threading.Thread(target=log)
    thread.start()
    while not logged.is_set():
        loop = publisher._loop
        if loop is not None:
            loop.call_soon_threadsafe(_break_the_producer)
        await asyncio.sleep(0.05)
    thread.join()
    await in_thread(publisher.flush, 60.0)
    found = await topics.events()
    assert [fields["i"] for fields in found["metrics", "train"]] == list(range(150_000))


def _break_the_producer() -> None:
    for task in asyncio.all_tasks():
        code = getattr(task.get_coro(), "cr_code", None)
        if code is not None and code.co_name == "_sender_routine":
            task.cancel()


async def test_what_a_dead_session_left_is_sent_by_the_next_process(topics: Topics, sessions: Sessions) -> None:
    child = os.fork()
    if child == 0:
        journal, _ = Sessions(sessions.root).begin(never)
        stream = journal.stream("metrics", "train")
        for i in range(5_000):
            stream.append(float(i), {"i": i})
        os.kill(os.getpid(), signal.SIGKILL)
    await in_thread(os.waitpid, child, 0)
    (dead,) = find_sessions(sessions.root)
    journal, publisher = sessions.begin(topics.connection)
    journal.stream("params").append(1.0, {"lr": 0.1})
    await in_thread(publisher.flush, 30.0)
    await eventually(lambda: not dead.path.exists())
    found = await topics.events(dead.head.session_id)
    assert [fields["i"] for fields in found["metrics", "train"]] == list(range(5_000))


async def test_sync_run_twice_or_interrupted_adds_nothing_twice(
    topics: Topics, sessions: Sessions, tmp_path: Path
) -> None:
    journal, _ = sessions.begin(never)
    stream = journal.stream("metrics", "train")
    for i in range(300_000):
        stream.append(float(i), {"i": i})
    assert journal.folder is not None
    live = await resend(open_session_folder(journal.folder.path), topics.connection())  # type: ignore[arg-type]
    assert live.left is not None and "running" in live.left
    copy = tmp_path / "copy"
    shutil.copytree(journal.folder.path, copy)
    folder = open_session_folder(copy)
    assert folder is not None
    begin = folder.checkpoint()
    interrupted = asyncio.create_task(resend(folder, topics.connection()))
    while folder.checkpoint() == begin:  # noqa: ASYNC110 - the first moment of a file, in a task of the same loop
        await asyncio.sleep(0)
    interrupted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await interrupted
    folder = open_session_folder(copy)
    if folder is not None:
        sent = await resend(folder, topics.connection())
        assert sent.left is None
    assert not copy.exists()
    found = await topics.events()
    assert [fields["i"] for fields in found["metrics", "train"]] == list(range(300_000))
