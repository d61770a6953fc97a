"""A forked child closes its copies of our descriptors, and none of the user's, whenever the fork comes."""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mldash.journal.session_folder import create_session_folder
from mldash.journal.sessions import lock_dead_sessions
from mldash.local.state.lock import lock_of
from tests.unit.producer.scripts import run_script

from .journals import new_head

FORKS_IN_TIME_S = 0.3


def run_in_child(check: Callable[[], bool]) -> bool:
    """Whether `check` holds in a forked child, which has a time limit."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 20
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(done[1]) == 0


def forked_as_it_closes(
    close: Callable[[], object], monkeypatch: pytest.MonkeyPatch, user_file: Path
) -> tuple[bool, bool]:
    """Another thread closes a descriptor of ours. In the moment in which the number is free the user opens a file,
    which gets it, and forks. Whether that came about, and whether the child has the user's file."""
    closed, forked = threading.Event(), threading.Event()
    real_close = os.close
    numbers: list[int] = []

    def close_and_pause(number: int) -> None:
        real_close(number)
        if threading.current_thread() is closer and not closed.is_set():
            numbers.append(number)
            closed.set()
            forked.wait(FORKS_IN_TIME_S)  # a fork that has to wait for this thread comes later

    closer = threading.Thread(target=close)
    monkeypatch.setattr(os, "close", close_and_pause)
    closer.start()
    assert closed.wait(20)
    user = os.open(user_file, os.O_RDWR | os.O_CREAT)
    status = os.fstat(user)

    def is_there() -> bool:
        found = os.fstat(user)
        return (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino)

    kept = run_in_child(is_there)
    forked.set()
    closer.join(20)
    real_close(user)
    return user == numbers[0], kept


def test_a_child_forked_as_a_session_lets_go_of_its_lock_keeps_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mldash.journal.append import Journal

    from .journals import new_journal

    journal: Journal = new_journal(tmp_path / "journal")
    journal.stream("metrics", "train").append(0.0, {"a": 1})
    assert journal.folder is not None
    journal.close()
    assert forked_as_it_closes(journal.folder.unlock, monkeypatch, tmp_path / "user") == (True, True)


def test_a_child_forked_as_the_experiments_lock_is_released_keeps_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = lock_of(tmp_path / "state")

    def hold_and_release() -> None:
        with lock.hold(5.0):
            pass

    assert forked_as_it_closes(hold_and_release, monkeypatch, tmp_path / "user") == (True, True)


def test_a_child_holds_no_lock_of_a_session_that_its_parent_has_taken_for_itself(tmp_path: Path) -> None:
    """The parent sends what a dead session left, forks meanwhile, and can't send it to the end: another process can."""
    folder = create_session_folder(tmp_path, new_head())
    folder.unlock()
    (taken,) = lock_dead_sessions(tmp_path)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        # As when the parent is killed: nothing unlocks, its descriptor only goes.
        assert taken._lock is not None
        number = taken._lock if isinstance(taken._lock, int) else taken._lock.number
        os.close(number)
        deadline = time.monotonic() + 10
        other = os.open(taken.path / "lock", os.O_RDWR)
        while True:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline, "the child holds the lock of a session that it knows nothing of"
                time.sleep(0.01)
        os.close(other)
    finally:
        os.close(writing)
        os.waitpid(child, 0)
        if not isinstance(taken._lock, int) and taken._lock is not None:
            os.open(os.devnull, os.O_RDONLY)  # the number is open again for what still knows it
            taken.unlock()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/fd")
def test_of_hundreds_of_forks_among_runs_that_begin_and_end_none_loses_a_file_of_the_users(tmp_path: Path) -> None:
    """Two threads log and end runs, two open and close files, the main thread forks; each child looks at every file
    that the user's threads have open."""
    errors = run_script(
        tmp_path,
        f"""
        import faulthandler, random
        faulthandler.dump_traceback_later(50, exit=True)
        root = {str(tmp_path)!r}
        stop = threading.Event()
        files, noting = {{}}, threading.Lock()
        def log(number):
            while not stop.is_set():
                with Experiment(f"owner/project/run{{number}}", root=root, mode="local", capture_context=False,
                                echo=False).run as run:
                    for step in range(20):
                        run.metrics("train").log(step=step)
                    run.flush()
        def open_and_close(number):
            while not stop.is_set():
                mine = []
                for count in range(6):
                    with noting:
                        descriptor = os.open(f"{{root}}/user{{number}}-{{count}}", os.O_RDWR | os.O_CREAT)
                        files[descriptor] = os.fstat(descriptor).st_ino
                    mine.append(descriptor)
                for descriptor in mine:
                    with noting:
                        del files[descriptor]
                        os.close(descriptor)
        threads = [threading.Thread(target=log, args=(n,)) for n in range(2)]
        threads += [threading.Thread(target=open_and_close, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        lost = unraisable = 0
        ending = time.monotonic() + 12
        for count in range(300):  # of 206 four lost one before
            if time.monotonic() > ending:
                break
            with noting:
                child = os.fork()
                if child == 0:
                    try:
                        for descriptor, inode in files.items():
                            assert os.fstat(descriptor).st_ino == inode
                    except BaseException:
                        os._exit(1)
                    os._exit(0)
            lost += os.waitpid(child, 0)[1] != 0
        stop.set()
        for thread in threads:
            thread.join(20)
        assert count > 50, count
        assert not lost, f"{{lost}} of {{count}} children have lost a file"
        os._exit(0)
        """,
    )
    assert "Exception ignored" not in errors, errors


def test_a_fork_that_begins_before_the_hooks_are_there_goes_on_without_a_word(tmp_path: Path) -> None:
    """The SDK imports as it first needs it, and another thread may fork meanwhile."""
    errors = run_script(
        tmp_path,
        """
        assert "mldash.journal.descriptors" not in sys.modules
        def import_it():
            import mldash.journal.descriptors
        os.register_at_fork(before=import_it)
        child = os.fork()
        if child == 0:
            from mldash.journal.descriptors import Descriptor
            from pathlib import Path
            Descriptor(Path(os.devnull), os.O_RDONLY).close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0)
        assert os.waitpid(grandchild, 0)[1] == 0
        """,
    )
    assert not errors, errors
