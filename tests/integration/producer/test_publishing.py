"""Journal → Kafka, on a real broker: what was logged is on the topics, each seq of each stream, in order."""

import asyncio
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from mldash.producer.answers.shapes import Connection
from mldash.producer.errors import ServerUnreachable
from mldash.producer.events.encoding import JSON
from mldash.producer.events.schema import Claim, Heartbeat, Signals
from mldash.producer.journal.session_folder import find_sessions, open_session_folder
from mldash.producer.publishing.resend import resend

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


async def test_one_event_too_large_for_the_broker_is_kept_and_the_rest_goes_on(
    kafka_address: str, sessions: Sessions
) -> None:
    topics = Topics(kafka_address)
    await topics.make(**{"max.message.bytes": "20000"})
    journal, publisher = sessions.begin(topics.connection)
    lines, stream = journal.stream("logs"), journal.stream("metrics", "train")
    stream.append(0.0, {"i": 0})
    lines.append(1.0, {"message": os.urandom(30_000).hex()})
    for i in range(1, 100):
        stream.append(float(i), {"i": i})
    with pytest.raises(TimeoutError, match="raise max"):
        await in_thread(publisher.flush, 3.0)
    assert [fields["i"] for fields in (await topics.events())["metrics", "train"]] == list(range(100))
    assert journal.folder is not None and publisher.unsent_bytes() > 30_000


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
    with pytest.raises(TimeoutError, match="does not answer"):
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
