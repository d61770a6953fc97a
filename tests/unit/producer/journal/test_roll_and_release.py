"""While one thread appends, another rolls, forces and releases: each event stays once, and no room is lost."""

import threading
from pathlib import Path
from typing import Any

import pytest

from mldash.callbacks import MldashWarning
from mldash.errors import JournalFull
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Base
from mldash.journal.plain_segment import PlainSegment
from mldash.journal.reading.scan import LiveSource, StoredSource
from mldash.journal.segment import MappedSegment

from .journals import events_in, new_journal

KINDS_OF_SEGMENT = pytest.mark.parametrize("make_segment", [MappedSegment, PlainSegment])


@KINDS_OF_SEGMENT
def test_an_event_whose_segment_is_released_before_it_is_forced_is_written_once(
    tmp_path: Path, make_segment: Any
) -> None:
    """fsync="always": between the write and the sync other threads roll the segment, and all of it is delivered."""
    journals: list[Journal] = []
    busy = threading.local()

    class ReleasedInBetween(make_segment):  # type: ignore[misc]
        def sync(self) -> None:
            journal = journals[0]
            if self.number == 0 and getattr(busy, "armed", False):
                busy.armed = False
                while len(journal.segments) < 2:
                    filler.append(0.0, {"text": "x" * 500})
                journal.release(Base(1, []))
            super().sync()

    journal = new_journal(tmp_path, segment_bytes=4096, fsync="always", make_segment=ReleasedInBetween)
    journals.append(journal)
    filler, train = journal.stream("logs"), journal.stream("metrics", "train")
    train.append(0.0, {"a": 0})
    busy.armed = True
    train.append(1.0, {"a": 1})
    assert not busy.armed
    held = b"".join(segment.read(0, segment.end) for segment in journal.segments.values())
    train.append(2.0, {"a": 2})
    assert b"\xa1a\x01" not in held, "the event was in the segment that is released: it is written a second time"


def test_segments_may_be_released_forced_and_read_while_another_thread_adds_them(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096)
    train = journal.stream("metrics", "train")
    train.append(0.0, {"a": 0})
    done = threading.Event()
    errors: list[BaseException] = []

    def walk() -> None:
        try:
            while not done.is_set():
                journal.release(Base(max(0, max(list(journal.segments)) - 2), []))
                journal.sync()
                LiveSource(journal).first()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=walk)
    thread.start()
    for number in range(40_000):
        train.append(float(number), {"text": "x" * 200})
    done.set()
    thread.join(30)
    assert not thread.is_alive() and not errors


def test_what_can_not_be_deleted_takes_room_until_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """The unlink of a released segment fails once: its bytes count on, the file goes with the next, and then the room
    is there."""
    journal = new_journal(tmp_path, segment_bytes=4096)
    train = journal.stream("metrics", "train")
    while len(journal.segments) < 4:
        train.append(0.0, {"text": "x" * 200})
    files = {number: segment.path for number, segment in journal.segments.items()}
    sizes = {number: segment.size for number, segment in journal.segments.items()}
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == files[1]:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        journal.release(Base(3, []))
    assert [number for number, path in files.items() if path.exists()] == [1, 3]
    assert journal._room.used_bytes == sizes[1] + sizes[3]
    assert any(issubclass(one.category, MldashWarning) for one in recwarn)
    while len(journal.segments) < 2:
        train.append(0.0, {"text": "x" * 200})
    journal.release(Base(4, []))
    assert not files[1].exists()
    assert journal._room.used_bytes == sum(segment.size for segment in journal.segments.values())


def test_room_comes_back_to_who_waits_for_it_when_a_file_can_be_deleted_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """Nothing more is delivered or released: who waits for room deletes what is left by itself."""
    journal = new_journal(tmp_path, segment_bytes=4096, limit_bytes=40_000, block_timeout_s=30.0)
    train = journal.stream("metrics", "train")
    while len(journal.segments) < 4:
        train.append(0.0, {"text": "x" * 200})
    unlink = Path.unlink
    refused: list[Path] = []

    def refuse_each_once(path: Path, missing_ok: bool = False) -> None:
        if path not in refused:
            refused.append(path)
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse_each_once)
    journal.release(Base(3, []))
    for number in range(100):
        train.append(float(number), {"text": "x" * 200})
    assert len(refused) == 3 and not any(path.exists() for path in refused)


def test_what_a_handler_logged_is_in_the_journal_though_what_it_interrupted_raised(tmp_path: Path) -> None:
    """The handler comes within a roll, and then something is thrown there; the run ends with no other event."""

    class Interrupted(MappedSegment):
        def __init__(self, path: Path, session: bytes, number: int, size: int) -> None:
            if number == 1 and not path.exists():
                train.append(7.0, {"from": "the handler"})
                raise KeyboardInterrupt
            super().__init__(path, session, number, size)

    journal = new_journal(tmp_path, segment_bytes=4096, make_segment=Interrupted)
    train = journal.stream("metrics", "train")
    appended = 0
    with pytest.raises(KeyboardInterrupt):
        while True:
            train.append(float(appended), {"text": "x" * 200})
            appended += 1
    journal._new_segments._make = MappedSegment
    journal.close()
    assert journal.folder is not None
    found = events_in(StoredSource(journal.folder))["metrics", "train"]
    assert found == [*((float(i), {"text": "x" * 200}) for i in range(appended)), (7.0, {"from": "the handler"})]


def test_whoever_takes_the_events_is_hurried_by_each_full_segment(tmp_path: Path) -> None:
    """So that a journal gets room before it is full, however long events are gathered."""
    hurried: list[int] = []
    journal = new_journal(tmp_path, segment_bytes=4096)
    journal.tell_in_haste(lambda: hurried.append(len(journal.segments)))
    logs = journal.stream("logs")
    while len(journal.segments) < 4:
        logs.append(0.0, {"text": "x" * 500})
    assert hurried == [2, 3, 4]


def test_whoever_takes_the_events_is_hurried_where_they_wait_for_room(tmp_path: Path) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096, limit_bytes=65536, block_timeout_s=60)
    logs = journal.stream("logs")
    logs.append(0.0, {"text": "first"})
    held: list[int] = []

    def hurry() -> None:
        if held and len(journal.segments) == held[-1]:  # no roll: the event waits
            journal.release(Base(max(journal.segments), []))
        held.append(len(journal.segments))

    journal.tell_in_haste(hurry)
    for _ in range(1000):
        logs.append(0.0, {"text": "x" * 500})
    assert held.count(1) > 1


@pytest.mark.parametrize("policy", ["drop", "raise"])
def test_whoever_takes_the_events_is_hurried_once_before_any_is_given_up_for_want_of_room(
    tmp_path: Path, policy: str
) -> None:
    """And once more when room was made. It may be about to linger, and nothing is to be gained by more."""
    journal = new_journal(tmp_path, limit_bytes=8192, segment_bytes=4096, policy=policy)
    train = journal.stream("metrics", "train")
    hurried: list[int] = []

    def fill() -> None:
        given_up = 0
        while given_up < 5:
            dropped = journal.dropped
            try:
                train.append(0.0, {"text": "x" * 500})
            except JournalFull:
                given_up += 1
            else:
                given_up += journal.dropped - dropped

    fill()
    journal.tell_in_haste(lambda: hurried.append(len(journal.segments)))
    fill()
    fill()
    assert len(hurried) == 1
    journal.release(Base(1, []))
    fill()
    assert len(hurried) == 3, "at the roll, and when it was full"
