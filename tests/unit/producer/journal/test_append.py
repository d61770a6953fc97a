"""What log() promises: back when the event is in the journal, from any thread, in any child, at any size."""

import mmap
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mldash.callbacks import Callbacks
from mldash.errors import JournalFull, JournalUnwritable
from mldash.events.limits import CALL_BYTES
from mldash.events.schema import Column, End, Start
from mldash.journal.checkpoint import Base
from mldash.journal.new_segments import FIRST_SEGMENT_BYTES
from mldash.journal.plain_segment import PlainSegment
from mldash.journal.reading.rounds import next_seqs
from mldash.journal.reading.scan import LiveSource, StoredSource
from mldash.journal.segment import MappedSegment
from mldash.journal.session_folder import open_session_folder
from mldash.journal.sessions import find_sessions, lock_dead_sessions, try_lock

from .journals import events_in, new_journal

KINDS_OF_SEGMENT = pytest.mark.parametrize("make_segment", [MappedSegment, PlainSegment])


def test_nothing_is_on_the_disk_before_the_first_event(tmp_path: Path) -> None:
    new_journal(tmp_path / "journal").stream("metrics", "train")
    assert not (tmp_path / "journal").exists()


@KINDS_OF_SEGMENT
def test_events_come_back_as_they_were_given_over_many_segments(tmp_path: Path, make_segment: Any) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096, make_segment=make_segment)
    train, lines = journal.stream("metrics", "train"), journal.stream("logs")
    points = [(float(i), {"loss": i / 7, "step": i, "text": "x" * (i % 50), "ok": i % 2 == 0}) for i in range(2_000)]
    for time, fields in points:
        train.append(time, fields)
        if time % 10 == 0:
            lines.append(time, {"level": "info", "message": str(time)})
    assert len(journal.segments) > 10
    expected = {
        ("metrics", "train"): points,
        ("logs", ""): [(time, {"level": "info", "message": str(time)}) for time, _ in points if time % 10 == 0],
    }
    assert journal.folder is not None
    assert events_in(LiveSource(journal)) == expected
    assert events_in(StoredSource(journal.folder)) == expected
    assert events_in(StoredSource(journal.folder), decoded=False) == expected
    assert train.next_seq == 2_000


def test_a_segment_may_be_released_as_soon_as_its_seal_can_be_read(tmp_path: Path) -> None:
    """The publisher's thread is quick, and log(), which has just written the seal, has not looked at it again."""
    made: list[MappedSegment] = []

    def make(path: Path, session: bytes, number: int, size: int) -> MappedSegment:
        segment = MappedSegment(path, session, number, size)
        read_at_once = ReadAtOnce(segment._map, lambda: journal.release(Base(number + 1, [])))
        segment._map = read_at_once  # type: ignore[assignment]
        made.append(segment)
        return segment

    journal = new_journal(tmp_path, segment_bytes=4096, make_segment=make)
    train = journal.stream("metrics", "train")
    for i in range(2_000):
        train.append(float(i), {"i": i})
    assert len(made) > 5
    assert [*journal.segments.values()] == made[-1:]
    assert [one.end for one in made[:-1]] == [one.size for one in made[:-1]], "whoever still holds it asks in vain"


class ReadAtOnce:
    """A segment's map that is given away with its seal; frames go another way."""

    def __init__(self, inner: mmap.mmap, release: Callable[[], None]) -> None:
        self.tell, self.close, self._inner, self._release = inner.tell, inner.close, inner, release

    def write(self, seal: bytes) -> int:
        written = self._inner.write(seal)
        self._release()
        return written


def test_columns_and_run_events_are_counted_by_their_events(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    stream.append(1.0, {"a": 1})
    stream.append_columns(bytes(24), 3, {"a": Column("int64", (7).to_bytes(8, "little") * 3)})
    stream.append(2.0, {"a": 2})
    runs = journal.stream("runs")
    runs.append_run_event(Start(time=5.0, host="h"))
    runs.append_run_event(End(time=6.0, status="COMPLETED"))
    found = events_in(LiveSource(journal))
    assert found["metrics", "train"] == [(1.0, {"a": 1}), *[(0.0, {"a": 7})] * 3, (2.0, {"a": 2})]
    assert [event["event"] for _, event in found["runs", ""]] == [
        Start(time=5.0, host="h"),
        End(time=6.0, status="COMPLETED"),
    ]
    assert next_seqs(journal) == {("metrics", "train"): 5, ("runs", ""): 2}


def test_an_event_as_large_as_a_call_may_be_passes_and_a_larger_one_is_refused_whole(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=1 << 16)
    lines = journal.stream("logs")
    lines.append(1.0, {"message": "a"})
    lines.append(2.0, {"message": "x" * (CALL_BYTES - 100)})
    with pytest.raises(ValueError, match=f"at most {CALL_BYTES} are allowed"):
        lines.append(3.0, {"message": "x" * (CALL_BYTES + 8_000)})
    lines.append(4.0, {"message": "b"})
    times = [time for time, _ in events_in(LiveSource(journal))["logs", ""]]
    assert times == [1.0, 2.0, 4.0]


def test_a_value_that_can_not_be_encoded_writes_nothing(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    with pytest.raises(TypeError):
        stream.append(1.0, {"a": object()})
    stream.append(2.0, {"a": 1})
    assert events_in(LiveSource(journal)) == {("metrics", "train"): [(2.0, {"a": 1})]}


@KINDS_OF_SEGMENT
def test_threads_lose_nothing_and_keep_their_own_order(tmp_path: Path, make_segment: Any) -> None:
    journal = new_journal(tmp_path, segment_bytes=1 << 14, make_segment=make_segment)
    streams = [journal.stream("metrics", name) for name in ("a", "b")]

    def log(thread: int) -> None:
        for i in range(2_000):
            streams[i % 2].append(float(i), {"thread": thread, "i": i})

    threads = [threading.Thread(target=log, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = events_in(LiveSource(journal))
    for number, name in enumerate(("a", "b")):
        for thread in range(6):
            order = [fields["i"] for _, fields in found["metrics", name] if fields["thread"] == thread]
            assert order == list(range(number, 2_000, 2))


def test_a_signal_handler_may_log_in_the_middle_of_a_log(tmp_path: Path) -> None:
    """SIGALRM comes 2,000 times a second, also in the middle of rolling to the next segment."""
    journal = new_journal(tmp_path, segment_bytes=4096)
    stream, from_handler = journal.stream("metrics", "train"), journal.stream("logs")
    heard = 0

    def on_alarm(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        mine, heard = heard, heard + 1  # the handler may itself be interrupted by the next alarm
        from_handler.append(float(mine), {"message": "x" * 500})

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for i in range(50_000):
            stream.append(float(i), {"i": i})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stream.append(50_000.0, {"i": 50_000})
    found = events_in(LiveSource(journal))
    assert [fields["i"] for _, fields in found["metrics", "train"]] == list(range(50_001))
    assert heard > 0
    assert sorted(time for time, _ in found["logs", ""]) == [float(i) for i in range(heard)]


def test_a_forked_child_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    stream.append(1.0, {"who": "parent"})
    child = os.fork()
    if child == 0:
        try:
            stream.append(2.0, {"who": "child"})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    stream.append(3.0, {"who": "parent"})
    found = [events_in(StoredSource(folder))["metrics", "train"] for folder in find_sessions(tmp_path)]
    assert sorted(found) == [[(1.0, {"who": "parent"}), (3.0, {"who": "parent"})], [(2.0, {"who": "child"})]]


def test_a_child_made_without_pythons_hook_is_seen_by_the_page_that_forks_empty(tmp_path: Path) -> None:
    """libc's fork, called past Python: no hook runs in the child."""
    import ctypes

    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    stream.append(1.0, {"who": "parent"})
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        try:
            stream.append(2.0, {"who": "child"})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len([*find_sessions(tmp_path)]) == 2
    assert events_in(LiveSource(journal)) == {("metrics", "train"): [(1.0, {"who": "parent"})]}


def test_a_dead_parents_session_looks_dead_while_its_child_lives(tmp_path: Path) -> None:
    """The parent's lock is not held on by the child, which has inherited it."""
    reading, writing = os.pipe()
    release, released = os.pipe()
    parent = os.fork()
    if parent == 0:
        journal = new_journal(tmp_path)
        journal.stream("metrics", "train").append(1.0, {})
        if os.fork() == 0:
            os.write(writing, b"x")
            os.read(release, 1)
        os._exit(0)
    os.waitpid(parent, 0)
    os.read(reading, 1)
    (folder,) = find_sessions(tmp_path)
    assert try_lock(folder)
    folder.unlock()
    os.write(released, b"x")
    for descriptor in (reading, writing, release, released):
        os.close(descriptor)


def test_a_full_journal_raises_where_that_is_the_policy_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, limit_bytes=1 << 16, policy="raise")
    stream = journal.stream("metrics", "train")
    written = 0
    with pytest.raises(JournalFull, match="limit is 65536 bytes"):
        for _ in range(10_000):
            stream.append(1.0, {"i": written})
            written += 1
    assert events_in(LiveSource(journal))["metrics", "train"] == [(1.0, {"i": i}) for i in range(written)]
    last = max(journal.segments)
    journal.release(Base(last, []))
    assert [*journal.segments] == [last]
    stream.append(2.0, {"i": -1})


def test_a_full_journal_counts_what_it_drops_where_that_is_the_policy(tmp_path: Path) -> None:
    callbacks, told = Callbacks(), []
    callbacks.on("dropped", told.append)
    journal = new_journal(tmp_path, callbacks, limit_bytes=1 << 16, policy="drop")
    stream = journal.stream("metrics", "train")
    for i in range(10_000):
        stream.append(1.0, {"i": i})
    kept = events_in(LiveSource(journal))["metrics", "train"]
    assert len(kept) + journal.dropped == 10_000
    assert told[-1] == journal.dropped > 0
    assert stream.next_seq == len(kept), "what is dropped takes no seq"


def test_a_full_journal_blocks_until_there_is_room(tmp_path: Path) -> None:
    callbacks = Callbacks()
    full = threading.Event()
    callbacks.on("journal_full", lambda *facts: full.set())
    journal = new_journal(tmp_path, callbacks, limit_bytes=1 << 16, policy="block", block_timeout_s=30)
    stream = journal.stream("metrics", "train")

    def log() -> None:
        for i in range(10_000):
            stream.append(1.0, {"i": i})

    thread = threading.Thread(target=log)
    thread.start()
    while thread.is_alive():
        if full.wait(0.01):
            full.clear()
            journal.release(Base(max(journal.segments), []))
            thread.join(0.01)
    assert journal.dropped == 0


def test_a_full_journal_that_nothing_empties_raises_after_its_time(tmp_path: Path) -> None:
    callbacks = Callbacks()
    callbacks.on("journal_full", lambda *facts: None)
    journal = new_journal(tmp_path, callbacks, limit_bytes=1 << 16, policy="block", block_timeout_s=0.05)
    stream = journal.stream("metrics", "train")
    with pytest.raises(JournalFull):
        for i in range(10_000):
            stream.append(1.0, {"i": i})


def test_a_full_disk_is_an_error_at_allocation(tmp_path: Path) -> None:
    """A segment that asks for more than the disk has."""

    def full(path: Path, session: bytes, number: int, size: int) -> MappedSegment:
        raise OSError(28, "No space left on device")

    journal = new_journal(tmp_path, policy="raise", make_segment=full)
    with pytest.raises(JournalFull, match="the disk is full"):
        journal.stream("metrics", "train").append(1.0, {})


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match="no journal can be kept in"):
        new_journal(tmp_path / "file").stream("metrics", "train").append(1.0, {})


def test_a_closed_journal_says_how_to_start(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("metrics", "train")
    stream.append(1.0, {})
    journal.close()
    with pytest.raises(RuntimeError, match="not started"):
        stream.append(2.0, {})
    folder = journal.folder
    assert folder is not None
    journal.forget(remove=False)
    assert open_session_folder(folder.path) is not None


def test_the_first_segment_is_small_and_the_next_ones_grow(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    stream = journal.stream("logs")
    for i in range(4):
        stream.append(float(i), {"message": "x" * 900_000})
    sizes = [segment.size for _, segment in sorted(journal.segments.items())]
    assert sizes[:2] == [FIRST_SEGMENT_BYTES, 2 * FIRST_SEGMENT_BYTES]


def test_what_kills_left_half_made_or_half_removed_is_cleared(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    journal.stream("metrics", "train").append(1.0, {})
    for name in (".making-old", ".making-new", ".gone-old"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / ".making-old", (1, 1))
    assert [*lock_dead_sessions(tmp_path)] == []
    assert journal.folder is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".making-new", journal.folder.path.name])
