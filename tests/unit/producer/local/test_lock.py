"""One process appends at a time, and none waits for the dead."""

import os
import signal
import threading
from pathlib import Path

import pytest

from mldash.journal import lease as lease_module
from mldash.local.state.lock import LockTimeout, lock_of


def in_child(action: object) -> int:
    """The exit code of a forked child that does it."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(int(action()))  # type: ignore[operator]
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def is_free(folder: Path, *, use_lease: bool = False) -> bool:
    def attempt() -> int:
        try:
            with lock_of(folder, use_lease).hold(0.05):
                return 0
        except LockTimeout:
            return 1

    return in_child(attempt) == 0


@pytest.mark.parametrize("use_lease", [False, True])
def test_another_process_waits_while_the_lock_is_held(tmp_path: Path, use_lease: bool) -> None:
    with lock_of(tmp_path, use_lease).hold() as held:
        assert not is_free(tmp_path, use_lease=use_lease)
        assert held.still_held()
    assert is_free(tmp_path, use_lease=use_lease)


def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock_of(tmp_path).hold():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    def die_holding() -> int:
        with lock_of(tmp_path).hold():
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert in_child(die_holding) == -signal.SIGKILL
    assert is_free(tmp_path)


def test_a_forked_child_does_not_hold_what_its_parent_held(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with lock_of(tmp_path).hold():
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # lives on until the parent has looked
            os._exit(0)
    assert is_free(tmp_path)
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


def test_a_lease_that_nobody_renews_is_broken_and_its_owner_finds_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LEASE_S", 0.05)
    with lock_of(tmp_path, use_lease=True).hold() as mine:

        def take() -> int:
            with lock_of(tmp_path, use_lease=True).hold(10):
                return 0

        assert in_child(take) == 0
        assert not mine.still_held()


def test_the_error_says_what_was_waited_for(tmp_path: Path) -> None:
    with lock_of(tmp_path).hold(), pytest.raises(LockTimeout, match="was not free within 0"):
        thread_error: list[BaseException] = []

        def attempt() -> None:
            try:
                with lock_of(tmp_path).hold(0):
                    pass
            except LockTimeout as error:
                thread_error.append(error)

        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
        raise thread_error[0]
