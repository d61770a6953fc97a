"""What a sink writes from the records, the metadata of streams: who waits for it, and what becomes of it at an end."""

import errno
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mldash.callbacks import Callbacks
from mldash.delivery import drain as drain_file
from mldash.delivery.drain import SinkDrain
from mldash.delivery.pace import Pace
from mldash.events.schema import Record
from mldash.journal.append import Journal
from mldash.process.locks import Bell
from tests.unit.producer.journal.journals import PREFIX, new_journal

FULL = OSError(errno.ENOSPC, "No space left on device")


class Files:
    """A sink that notes what is asked of it."""

    def __init__(self) -> None:
        self.events = 0
        self.settled_at: list[int] = []
        """After how many events."""
        self.is_full = False
        """Its disk: rows find room, and what follows from them does not."""
        self.wrote = 0
        self.taken_over: list[bytes] = []

    def deliver(self, records: Sequence[Record]) -> None:
        self.events += sum(record.count for record in records)
        if not records:
            if self.is_full:
                raise FULL
            self.wrote += 1

    def settle(self) -> None:
        self.settled_at.append(self.events)

    def take_over(self, session: bytes) -> None:
        self.taken_over.append(session)

    def finish(self, session: bytes) -> None:
        return

    def close(self) -> None:
        self.deliver(())


class ScriptedBell(Bell):
    """Nobody sleeps: each rest is noted, and `at_rest` goes on with the story."""

    def __init__(self, at_rest: Callable[[float], None]) -> None:
        super().__init__()
        self._at_rest = at_rest

    def wait(self, seconds: float) -> bool:
        if seconds > 0:
            self._at_rest(seconds)
        return super().wait(0)


def log(journal: Journal, value: int) -> None:
    journal.stream("metrics", "train").append(1.0, {"i": value})


def drain_of(journal: Journal, sink: Files, callbacks: Callbacks | None = None, **more: Any) -> SinkDrain:
    pace = Pace(1.0, 0.5, fixed_s=0.0)
    return SinkDrain(journal, lambda: sink, callbacks or Callbacks(), prefix=PREFIX, pace=pace, **more)


def test_who_waits_is_seen_also_where_each_turn_finds_the_next_one_due(tmp_path: Path) -> None:
    """An event comes within each turn: there is never a look that finds nothing."""
    journal = new_journal(tmp_path)

    class Busy(Files):
        def deliver(self, records: Sequence[Record]) -> None:
            super().deliver(records)
            if records and self.events == 5:
                drain.wake()
            if records and self.events < 50:
                log(journal, self.events)
            else:
                drain._stopping.set()

    sink = Busy()
    drain = drain_of(journal, sink)
    log(journal, 0)
    drain._run()
    assert sink.events == 50
    assert sink.settled_at == [6], "what was in the journal when it rang"


def test_an_end_waits_until_what_follows_from_the_events_is_written_or_says_that_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush before has settled, which is less where streams are many."""
    monkeypatch.setattr(drain_file, "_TIDY_AFTER_S", 3600.0)
    journal, sink = new_journal(tmp_path), Files()
    attempts: list[int] = []
    callbacks = Callbacks()
    callbacks.on("network_error", lambda error, number: attempts.append(number))
    drain = drain_of(journal, sink, callbacks)
    log(journal, 0)
    drain.start()
    drain.flush(60)
    sink.is_full = True

    def until_it_was_tried() -> None:
        if len(attempts) == 3:
            assert "No space left" in str(drain.barrier.problem)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain.close(60, until_it_was_tried)
    assert attempts[:3] == [1, 2, 3], "after growing delays"
    assert not drain.close(0.0) and drain.is_alive()
    assert drain.barrier.place == journal.end()
    sink.is_full = False
    log(journal, 1)
    assert drain.close(60)
    assert sink.events == 2 and sink.wrote and sink.taken_over
    journal.close()
    journal.forget(remove=True)


def test_a_try_without_a_thread_that_could_not_write_it_leaves_it_to_the_next_one(tmp_path: Path) -> None:
    """The next try has a sink of its own, which knows nothing of it."""
    journal, sink = new_journal(tmp_path), Files()
    drain = drain_of(journal, sink)
    drain._has_thread = False
    log(journal, 0)
    sink.is_full = True
    assert not drain.close(0.0)
    sink.is_full = False
    assert drain.close(0.0)
    assert sink.wrote and journal.folder is not None
    assert sink.taken_over == [journal.folder.head.session_id]


def test_a_function_told_of_a_delivery_may_read_on_the_thread_that_delivers(tmp_path: Path) -> None:
    """It can't wait for what this thread would do next."""
    raised: list[Exception | None] = []
    told = threading.Event()
    journal = new_journal(tmp_path)

    class FullOnce(Files):
        def deliver(self, records: Sequence[Record]) -> None:
            if records and not raised:
                raised.append(None)
                raise FULL
            super().deliver(records)

    def delivered() -> None:
        try:
            drain.flush(5)
        except TimeoutError as error:
            raised.append(error)
        told.set()

    callbacks = Callbacks()
    callbacks.on("delivered", delivered)
    drain = drain_of(journal, FullOnce(), callbacks)
    log(journal, 0)
    drain.start()
    assert told.wait(60) and raised == [None]
    assert drain.close(60)


def test_what_a_look_at_dead_sessions_left_marked_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that could be read no further was taken over all the same."""
    monkeypatch.setattr(drain_file, "drain_dead_sessions", lambda *given: 0)
    monkeypatch.setattr(drain_file, "_TIDY_AFTER_S", -1.0)
    journal, sink = new_journal(tmp_path), Files()
    drain = drain_of(journal, sink)
    log(journal, 0)
    found: list[int] = []

    def at_rest(seconds: float) -> None:
        found.append(sink.wrote)
        drain._next_look = 0.0
        if len(found) == 3:
            drain._stopping.set()

    drain._wake = ScriptedBell(at_rest)
    drain._run()
    assert found == [1, 2, 3]


def test_a_rest_ends_when_the_journal_is_to_be_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.04 s after the last time, of which an earlier rest has taken three quarters."""
    now = 100.0
    monkeypatch.setattr(drain_file, "monotonic", lambda: now)
    journal, rests, forced = new_journal(tmp_path), list[float](), list[float]()
    log(journal, 0)
    monkeypatch.setattr(journal, "sync", lambda: forced.append(now))
    drain = drain_of(journal, Files(), fsync_s=0.04)

    def at_rest(seconds: float) -> None:
        nonlocal now
        rests.append(seconds)
        now += seconds if len(rests) > 1 else 0.03
        if forced:
            drain._stopping.set()

    drain._wake = ScriptedBell(at_rest)
    drain._pace.fixed_s = 0.05
    drain._run()
    assert rests[:2] == [pytest.approx(0.04), pytest.approx(0.01)]
    assert forced[:1] == [pytest.approx(100.04)]
