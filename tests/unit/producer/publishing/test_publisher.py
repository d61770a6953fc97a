"""The publisher's loop, without servers: what it does between rounds, how it rests, and what ends a pause."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldash.answers.shapes import Connection
from mldash.callbacks import Callbacks
from mldash.delivery import publisher as publisher_file
from mldash.delivery.pace import Pace
from mldash.delivery.producer import Acknowledged, Route
from mldash.delivery.publisher import Publisher
from mldash.errors import ServerUnreachable
from mldash.events.encoding import decode_record
from mldash.events.schema import Signals
from mldash.events.topics import TopicAddress
from mldash.journal.append import Journal
from mldash.process.clock import GrowingDelay
from tests.unit.producer.journal.journals import new_journal

TOPICS = {kind: TopicAddress(f"mldash.{kind}", 1) for kind in ("logs", "runs")}


class Taking:
    """Acknowledges at once what it is given, and notes it."""

    cpu_s = 0.0

    def __init__(self, done: list[str]) -> None:
        self._done = done

    async def send(self, route: Route, value: bytes, headers: Any, done: Any) -> "asyncio.Future[Any]":
        is_signal = any(isinstance(block, Signals) for block in decode_record(value, headers).blocks)
        self._done.append("signals" if is_signal else "events")
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(done)
        future.set_result(Acknowledged(0, len(self._done)))
        return future


class Resting(Publisher):
    """`at_rest` in place of sleep."""

    at_rest: Callable[[float], None]

    async def _rest(self, seconds: float) -> None:
        self.at_rest(seconds)
        await asyncio.sleep(0)


def publisher_of(journal: Journal, kind: type[Publisher] = Publisher, **settings: Any) -> Any:
    def away() -> Connection:
        raise ServerUnreachable("http://api", "gone")

    given = {"ask": away, "callbacks": Callbacks(), "pace": Pace(1.0, 0.5, fixed_s=0.05), **settings}
    return kind(journal, **given)


async def publish(publisher: Any, kafka: Taking) -> None:
    folder = publisher.journal.folder
    folder.fix_topics(TOPICS, "application/msgpack")
    publisher._wake = asyncio.Event()
    beside = asyncio.create_task(asyncio.Event().wait())
    try:
        await publisher._publish_with(kafka, publisher._own_lane(), beside, GrowingDelay())
    finally:
        beside.cancel()
        publisher._own.close()


async def test_a_long_turn_sends_heartbeats_and_forces_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are due at any time here; the turn has three rounds or more."""
    done: list[str] = []
    journal = new_journal(tmp_path)
    for number in range(7):
        journal.stream("logs").append(float(number), {"text": "x" * 900_000})
    monkeypatch.setattr(journal, "sync", lambda: done.append("sync"))
    publisher = publisher_of(journal, heartbeat_s=0.0, fsync_s=0.0)
    publisher._stopping.set()
    await publish(publisher, Taking(done))
    first, last = done.index("events"), len(done) - done[::-1].index("events")
    assert done.count("events") >= 3
    assert {"signals", "sync"} <= {*done[first:last]}


async def test_a_rest_ends_when_the_journal_is_to_be_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.04 s after the last time, of which an earlier rest has taken three quarters."""
    now = 100.0
    monkeypatch.setattr(publisher_file, "monotonic", lambda: now)
    journal, rests, forced = new_journal(tmp_path), list[float](), list[float]()
    journal.stream("logs").append(0.0, {"text": "x"})
    monkeypatch.setattr(journal, "sync", lambda: forced.append(now))
    publisher = publisher_of(journal, Resting, heartbeat_s=1000.0, fsync_s=0.04)

    def at_rest(seconds: float) -> None:
        nonlocal now
        rests.append(seconds)
        now += seconds if len(rests) > 1 else 0.03
        if forced:
            publisher._stopping.set()

    publisher.at_rest = at_rest
    await publish(publisher, Taking([]))
    assert rests[:2] == [pytest.approx(0.04), pytest.approx(0.01)]
    assert forced[:1] == [pytest.approx(100.04)]


def test_a_full_journal_ends_no_pause_between_two_attempts_and_a_flush_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API is away. Each event that waits for room asks for haste, again and again."""
    monkeypatch.setattr(publisher_file, "GrowingDelay", lambda: GrowingDelay(3600.0, 3600.0))
    attempts, failed = list[int](), threading.Event()

    def note(error: Exception, number: int) -> None:
        attempts.append(number)
        failed.set()

    callbacks = Callbacks()
    callbacks.on("network_error", note)
    journal = new_journal(tmp_path)
    publisher = publisher_of(journal, callbacks=callbacks, heartbeat_s=1000.0)
    journal.stream("logs").append(0.0, {"text": "x"})
    publisher.start()
    assert failed.wait(60)
    for _ in range(5):
        journal._room.hurry()
        turned = threading.Event()
        publisher._loop.call_soon_threadsafe(turned.set)  # behind what it has asked for
        assert turned.wait(60)
    assert attempts == [1]
    failed.clear()
    publisher.wake()
    assert failed.wait(60) and attempts == [1, 2]
    publisher.abandon()
    publisher._threads[0].join(60)
    assert not publisher.is_alive()
