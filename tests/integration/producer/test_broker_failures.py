"""Kafka is away, dies, forgets or refuses: log() goes on, nothing is lost or doubled, and order is kept."""

import asyncio
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from mldash.connections.servers import KafkaServer
from mldash.delivery.kafka import KafkaProducer
from mldash.delivery.producer import Route
from mldash.delivery.resend import resend
from mldash.doctor import examine
from mldash.journal.append import Journal
from mldash.journal.session_folder import open_session_folder
from mldash.journal.writers import StreamWriter

from .broker import Broker
from .emission import Sessions, Topics, eventually, in_thread, never

pytestmark = pytest.mark.integration


def log(stream: StreamWriter, first: int, count: int) -> None:
    for i in range(first, first + count):
        stream.append(float(i), {"i": i, "loss": i / 7})


async def numbers(topics: Topics) -> list[int]:
    return [fields["i"] for fields in (await topics.events())["metrics", "train"]]


class Logging:
    """A thread of the user's that logs as fast as it can, until it is told to stop."""

    def __init__(self, stream: StreamWriter) -> None:
        self.count = 0
        self._stop = threading.Event()
        self._stream = stream
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Logging":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def go_on(self, count: int) -> None:
        """Until it has logged so many more."""
        target = self.count + count
        await eventually(lambda: self.count >= target)

    def _run(self) -> None:
        while not self._stop.is_set():
            log(self._stream, self.count, 50)
            self.count += 50
            self._stop.wait(0.002)


async def test_kafka_that_is_away_for_the_first_half_of_a_run_is_given_all_of_it(
    broker: Broker, sessions: Sessions
) -> None:
    topics = Topics(broker.address)
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    log(stream, 0, 20_000)
    with pytest.raises(TimeoutError, match="bytes of events are not delivered"):
        await in_thread(publisher.flush, 0.5)
    await broker.start()
    await topics.make()
    log(stream, 20_000, 20_000)
    await in_thread(publisher.flush, 60.0)
    assert await numbers(topics) == list(range(40_000))
    assert any("no Kafka broker answers" in trouble for trouble in sessions.troubles)


async def test_kafka_that_goes_away_in_the_middle_is_given_the_rest_when_it_is_back(
    broker: Broker, sessions: Sessions
) -> None:
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    log(stream, 0, 20_000)
    await in_thread(publisher.flush, 60.0)
    await broker.kill()
    log(stream, 20_000, 20_000)
    with pytest.raises(TimeoutError):
        await in_thread(publisher.flush, 0.5)
    await broker.start()
    await in_thread(publisher.flush, 60.0)
    assert await numbers(topics) == list(range(40_000))


async def test_a_broker_that_is_killed_again_and_again_while_events_are_sent_stores_each_once(
    broker: Broker, sessions: Sessions
) -> None:
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    journal, publisher = sessions.begin(topics.connection, segment_bytes=1 << 18)
    with Logging(journal.stream("metrics", "train")) as logging:
        for _ in range(2):
            await logging.go_on(3_000)
            await broker.kill()
            await logging.go_on(500)
            await broker.start()
    await in_thread(publisher.flush, 120.0)
    assert sorted(await numbers(topics)) == list(range(logging.count))


@pytest.mark.parametrize("stall_s", [30.0, 0.5])
async def test_a_broker_that_hangs_holds_up_nobody_and_is_given_all_when_it_goes_on(
    broker: Broker, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, stall_s: float
) -> None:
    """Its sockets stay open, and nothing is answered: flush() and the user's calls end in their time all the same.

    After `stall_s` the producer is given up, and what it had on the wire is stored, or not, beside what its successors
    send again.
    """
    monkeypatch.setattr("mldash.delivery.window.STALL_S", stall_s)
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    journal, publisher = sessions.begin(topics.connection)
    with Logging(journal.stream("metrics", "train")) as logging:
        await logging.go_on(2_000)
        await in_thread(publisher.flush, 60.0)  # the broker is known, and what follows is on its way to it
        broker.signal(signal.SIGSTOP)
        try:
            await logging.go_on(2_000)
            with pytest.raises(TimeoutError):
                await in_thread(publisher.flush, 1.0)
            assert not await in_thread(publisher.close, 0.5)
            await logging.go_on(2_000)
            if stall_s < 1.0:
                await eventually(lambda: any("not answered" in trouble for trouble in sessions.troubles))
        finally:
            broker.signal(signal.SIGCONT)
    await in_thread(publisher.flush, 60.0)
    assert sorted(await numbers(topics)) == list(range(logging.count))


async def test_a_silent_broker_is_named_once_long_before_its_producer_is_given_up(
    broker: Broker, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may only be slow: what it was sent is not sent again."""
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    log(stream, 0, 1_000)
    await in_thread(publisher.flush, 60.0)
    broker.signal(signal.SIGSTOP)
    monkeypatch.setattr("mldash.delivery.window.SILENCE_S", 0.3)
    try:
        log(stream, 1_000, 1_000)
        await eventually(lambda: bool(sessions.troubles))
        log(stream, 2_000, 1_000)
        with pytest.raises(TimeoutError, match=r"Kafka has not answered for 0\.3 s"):
            await in_thread(publisher.flush, 1.0)
    finally:
        monkeypatch.setattr("mldash.delivery.window.SILENCE_S", 10.0)
        broker.signal(signal.SIGCONT)
    await in_thread(publisher.flush, 60.0)
    assert sessions.troubles == ["Kafka has not answered for 0.3 s"]
    await eventually(lambda: sessions.ends_of_trouble == 1)
    records = [record for _, _, record in await topics.records() if record.kind == "metrics"]
    assert sum(record.count for record in records) == 3_000, "each event was sent once"


async def test_a_producer_that_has_fallen_out_of_sequence_is_replaced(topics: Topics, sessions: Sessions) -> None:
    """Its sequence numbers are moved on: the broker answers OutOfOrderSequenceNumber, as after a hiccup."""
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    expected = 0
    for _ in range(3):
        log(stream, expected, 5_000)
        expected += 5_000
        await in_thread(publisher.flush, 60.0)
        assert publisher._loop is not None
        before = len(sessions.troubles)
        moved = asyncio.run_coroutine_threadsafe(_move_sequences_on(), publisher._loop)
        assert await asyncio.wrap_future(moved)
        log(stream, expected, 5_000)
        expected += 5_000
        await in_thread(publisher.flush, 60.0)
        assert any("OutOfOrderSequence" in trouble for trouble in sessions.troubles[before:])
    assert await numbers(topics) == list(range(expected))


async def _move_sequences_on() -> bool:
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        if getattr(getattr(coroutine, "cr_code", None), "co_name", "") == "_sender_routine":
            sequences = coroutine.cr_frame.f_locals["self"]._txn_manager._sequence_numbers  # type: ignore[union-attr]
            for place in sequences:
                sequences[place] += 1_000
            return bool(sequences)
    return False


async def test_a_broker_that_forgets_a_producer_loses_and_doubles_nothing(broker: Broker, sessions: Sessions) -> None:
    """It forgets who has sent nothing for 50 ms; the pauses are what is tested."""
    await broker.start(producer_id_expiration_ms=50, producer_id_expiration_check_interval_ms=20)
    topics = Topics(broker.address)
    await topics.make()
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    for round in range(6):
        log(stream, round * 1_000, 1_000)
        await in_thread(publisher.flush, 60.0)
        await asyncio.sleep(0.3)
    assert await numbers(topics) == list(range(6_000))


async def test_topics_that_were_deleted_and_made_again_are_given_what_comes_after(
    topics: Topics, sessions: Sessions
) -> None:
    """What the deleted ones held is gone; a producer that knows the old ones must not hang on them."""
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    log(stream, 0, 1_000)
    await in_thread(publisher.flush, 60.0)
    await topics.delete()
    await topics.make()
    log(stream, 1_000, 1_000)
    await in_thread(publisher.flush, 60.0)
    found = [fields["i"] for fields in (await topics.events(first_seq=1_000))["metrics", "train"]]
    assert found == list(range(1_000, 2_000))


async def test_sync_goes_on_with_a_broker_that_was_killed_meanwhile(broker: Broker, sessions: Sessions) -> None:
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    journal, _ = sessions.begin(never)
    log(journal.stream("metrics", "train"), 0, 50_000)
    folder = await in_thread(_dead, journal)
    killed = asyncio.Event()
    sending = asyncio.create_task(resend(folder, topics.connection(), lambda taken: killed.set()))
    await killed.wait()
    await broker.kill()
    await broker.start()
    sent = await sending
    assert (sent.left, sent.event_count) == (None, 50_000)
    assert sorted(await numbers(topics)) == list(range(50_000))


def _dead(journal: Journal) -> Any:
    """Its process is gone, as far as the lock tells."""
    journal.close()
    assert journal.folder is not None
    journal.folder.unlock()
    return open_session_folder(journal.folder.path)


async def test_a_producer_is_given_up_at_once_while_its_broker_hangs(broker: Broker) -> None:
    """aiokafka's own stop() waits for the broker, for ever."""
    await broker.start()
    topics = Topics(broker.address)
    await topics.make()
    producer = await KafkaProducer.start(KafkaServer(kafka=broker.address), "test")
    topic = topics.connection().topics["metrics"].topic
    broker.signal(signal.SIGSTOP)
    try:
        await producer.send(Route(topic, 0, b"k", 1), b"v", [], lambda done: None)
        async with asyncio.timeout(5.0):
            await producer.abandon()
        assert not [task for task in asyncio.all_tasks() if "aiokafka" in repr(task.get_coro())]
    finally:
        broker.signal(signal.SIGCONT)


async def test_the_doctor_tells_of_a_broker_that_gives_clients_an_address_out_of_reach(
    broker: Broker, tmp_path: Path
) -> None:
    """It answers where it is asked first, and sends clients elsewhere, as brokers in containers do."""
    await broker.start(advertised_listeners="CLIENTS://127.0.0.1:9")
    found = await in_thread(lambda: [*examine({"kafka": broker.address, "journal": str(tmp_path / "journal")})])
    (problem,) = [one for one in found if one.state == "problem"]
    assert "calls itself 127.0.0.1:9" in problem.said and "advertised.listeners" in problem.advice
