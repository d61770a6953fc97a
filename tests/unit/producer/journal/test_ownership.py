"""Where there are no locks: a session's files are one process's at a time, whoever sleeps, wakes or dies."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash.errors import JournalUnwritable
from mldash.journal import lease as lease_module
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Place
from mldash.journal.lease import Lease
from mldash.journal.ownership import HEARTBEAT_NAME, end_of, fix_end, forget_taken
from mldash.journal.plain_segment import PlainSegment
from mldash.journal.reading.scan import LiveSource, SessionLost, StoredSource
from mldash.journal.segment import Segment
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import find_sessions, live_sessions, lock_dead_sessions, try_lock
from mldash.process import processes

from .journals import events_in, new_journal

DEAD_AFTER_S = 600.0


def network_journal(root: Path, **settings: Any) -> Journal:
    def make_segment(path: Path, session: bytes, number: int, size: int) -> Segment:
        assert journal.folder is not None
        return PlainSegment(path, session, number, size, journal.folder.covers)

    journal = new_journal(root, dead_after_s=DEAD_AFTER_S, make_segment=make_segment, **settings)
    return journal


def fall_silent(folder: SessionFolder) -> None:
    """As if its process had stood still since long before now."""
    assert folder.ownership is not None
    folder.ownership._beat._wall -= 2 * DEAD_AFTER_S
    then = time.time() - 2 * DEAD_AFTER_S
    os.utime(folder.path / HEARTBEAT_NAME, (then, then))


def other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on this process acts as one of another host: it can't tell who is gone there."""
    monkeypatch.setattr(processes, "host_id", lambda: "another host")


def opened(journal: Journal) -> SessionFolder:
    assert journal.folder is not None
    return journal.folder


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    made = network_journal(tmp_path)
    made.stream("metrics", "train").append(0.0, {"i": 0})
    yield made
    made.close()
    made.forget(remove=True)


def numbers(events: dict[Any, list[tuple[float, dict[str, Any]]]]) -> list[int]:
    return [fields["i"] for _, fields in events.get(("metrics", "train"), [])]


def test_a_session_without_a_lock_has_a_heartbeat_and_lives(journal: Journal, tmp_path: Path) -> None:
    folder = opened(journal)
    assert {path.name for path in folder.path.iterdir()} >= {HEARTBEAT_NAME, "session.json"}
    assert not (folder.path / "lock").exists()
    assert live_sessions(tmp_path) == live_sessions(tmp_path, for_people=True) == {folder.path.name}
    assert [*lock_dead_sessions(tmp_path)] == []


def test_it_is_taken_only_after_its_silence_and_only_by_one(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_host(monkeypatch)
    then = time.time() - DEAD_AFTER_S + 60
    heartbeat = opened(journal).path / HEARTBEAT_NAME
    os.utime(heartbeat, (then, then))
    assert [*lock_dead_sessions(tmp_path)] == []
    assert live_sessions(tmp_path, for_people=True) == set(), "people are told long before"
    fall_silent(opened(journal))
    (first,), (second,) = find_sessions(tmp_path), find_sessions(tmp_path)
    assert try_lock(first)
    assert not try_lock(second)
    first.unlock()
    assert try_lock(second)


def test_a_clock_that_is_wrong_takes_nothing(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host that looks is a year ahead; the file system's own clock decides."""
    other_host(monkeypatch)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 365 * 86_400)
    assert live_sessions(tmp_path) == set()
    assert [*lock_dead_sessions(tmp_path)] == []
    assert end_of(opened(journal).path) is None


_LOGGER = """
import sys, os
from pathlib import Path
from tests.unit.producer.journal.test_ownership import network_journal
stream = network_journal(Path(sys.argv[1])).stream("metrics", "train")
i = 0
while True:
    stream.append(float(i), {"i": i})
    i += 1
    os.write(1, b"%d\\n" % i)
"""


def test_a_killed_process_of_this_host_is_taken_at_once_and_whole(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _LOGGER, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(500)]
        (folder,) = find_sessions(tmp_path)
        assert not try_lock(folder)
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().splitlines(keepends=True)
    (folder,) = lock_dead_sessions(tmp_path)
    found = numbers(events_in(StoredSource(folder)))
    assert found == list(range(len(found)))
    assert len(found) >= int([line for line in told if line.endswith(b"\n")][-1])
    folder.remove()
    assert not folder.path.exists()


def test_who_has_let_go_can_be_taken_at_once_by_any_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = network_journal(tmp_path)
    journal.stream("metrics", "train").append(0.0, {"i": 0})
    journal.close()
    journal.forget(remove=False)
    other_host(monkeypatch)
    (folder,) = lock_dead_sessions(tmp_path)
    assert numbers(events_in(StoredSource(folder))) == [0]


def test_who_was_silent_and_whom_nobody_took_goes_on(journal: Journal, tmp_path: Path) -> None:
    folder = opened(journal)
    fall_silent(folder)
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    assert journal.folder is folder
    assert numbers(events_in(LiveSource(journal))) == [0, 1]
    assert [*lock_dead_sessions(tmp_path)] == []


class Taker:
    """Another host that takes a session over, step by step."""

    def __init__(self, root: Path) -> None:
        self.delivered: list[int] = []
        (self._folder,) = find_sessions(root)
        self._steps: list[Callable[[], None]] = [self._lock, self._deliver, self._folder.remove]
        self._has_it = True

    def go(self, steps: int) -> None:
        for step in [self._steps.pop(0) for _ in range(min(steps, len(self._steps)))]:
            if self._has_it:
                step()

    def _lock(self) -> None:
        self._has_it = try_lock(self._folder)

    def _deliver(self) -> None:
        self.delivered = numbers(events_in(StoredSource(self._folder)))


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("moment", ["before the write", "before the look", "before the next call"])
def test_an_event_is_delivered_once_whenever_its_process_stood_still(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, moment: str
) -> None:
    """It sleeps within log(); so far as `steps`, another host takes its session over meanwhile, and wholly later."""
    other_host(monkeypatch)
    folder, stream = opened(journal), journal.stream("metrics", "train")
    for i in range(1, 10):
        stream.append(float(i), {"i": i})
    taker = Taker(tmp_path)

    def sleep() -> None:
        fall_silent(folder)
        taker.go(steps)

    ownership, segment = folder.ownership, journal.segments[0]
    assert ownership is not None and isinstance(segment, PlainSegment)
    if moment == "before the next call":
        sleep()
    else:
        target, name = (segment, "_append") if moment == "before the write" else (ownership, "holds")
        real = getattr(target, name)

        def interrupted(*arguments: Any) -> Any:
            monkeypatch.setattr(target, name, real)
            sleep()
            return real(*arguments)

        monkeypatch.setattr(target, name, interrupted)
    stream.append(10.0, {"i": 10})
    stream.append(11.0, {"i": 11})
    taker.go(3)
    assert (journal.folder is folder) == (steps == 0), "what nobody was about to take it keeps"
    own = numbers(events_in(LiveSource(journal)))
    assert sorted(taker.delivered + own) == list(range(12)), (taker.delivered, own)


def test_a_delivery_that_stood_still_leaves_the_rest_to_who_took_it(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_host(monkeypatch)
    source = LiveSource(journal)
    taker = Taker(tmp_path)
    fall_silent(opened(journal))
    taker.go(1)
    with pytest.raises(SessionLost):
        source.read(Place(0, 32))
    taker.go(2)
    assert taker.delivered == [0]
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    assert numbers(events_in(LiveSource(journal))) == [1]


def test_of_two_who_take_it_the_second_delivers_no_further_than_the_first(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is paused with the lease, so the second breaks it; what the owner writes meanwhile is nobody's."""
    other_host(monkeypatch)
    fall_silent(opened(journal))
    first = Taker(tmp_path)
    first.go(1)
    monkeypatch.setattr(lease_module, "LEASE_S", -1.0)
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    (folder,) = [one for one in find_sessions(tmp_path) if one.path != opened(journal).path]
    assert try_lock(folder)
    assert numbers(events_in(StoredSource(folder))) == [0]
    first.go(2)
    assert first.delivered == [0]
    assert numbers(events_in(LiveSource(journal))) == [1]


def test_a_forked_child_leaves_its_parents_heartbeat_alone(journal: Journal, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        journal.stream("metrics", "train").append(1.0, {"i": 1})
        os._exit(0)
    os.waitpid(child, 0)
    assert live_sessions(tmp_path) == {opened(journal).path.name}
    (dead,) = lock_dead_sessions(tmp_path)
    assert numbers(events_in(StoredSource(dead))) == [1]


def test_the_end_of_a_session_is_decided_once_and_forgotten_when_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    assert fix_end(folder, Place(3, 400)) == Place(3, 400)
    assert fix_end(folder, Place(4, 32)) == Place(3, 400)
    forget_taken(tmp_path, 3600)
    assert end_of(folder) == Place(3, 400)
    forget_taken(tmp_path, -1)
    assert end_of(folder) is None


def test_without_room_for_a_lease_there_is_none(tmp_path: Path) -> None:
    """Half of one, left by a full disk, would keep everybody away."""
    lease = Lease(tmp_path / "lease")
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        try:
            lease.try_take()
        except OSError:
            os._exit(0 if [*tmp_path.iterdir()] == [] else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match="no journal can be kept in"):
        network_journal(tmp_path / "file").stream("metrics", "train").append(1.0, {})
