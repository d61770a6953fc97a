"""The data folder: state replaced whole, one supervisor, pids that are used again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from mldash.connections.servers import Servers
from mldash_deploy.stack.data_folder import DataFolder, ProcessState, State, created_at, find_process, stop_processes
from mldash_deploy.stack.errors import AlreadyRunning, DataFolderUnusable


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


def a_state(number: int = 0) -> State:
    servers = Servers(kafka="127.0.0.1:1", mongo="mongodb://127.0.0.1:2", s3_secret_key="x" * 2_000)
    processes = [ProcessState(name="kafka", pid=number, restarts=number)]
    return State(supervisor_pid=number, supervisor_created=1.0, servers=servers, processes=processes)


def test_a_state_is_read_back_as_it_was_written(folder: DataFolder) -> None:
    assert folder.read_state() is None
    folder.write_state(a_state(7))
    assert folder.read_state() == a_state(7)


def test_a_reader_never_sees_half_a_state(folder: DataFolder) -> None:
    """One thread writes states whose parts belong together while another reads."""
    folder.write_state(a_state(0))
    done = threading.Event()

    def write() -> None:
        for number in range(300):
            folder.write_state(a_state(number))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        state = folder.read_state()
        assert state is not None
        assert state.supervisor_pid == state.processes[0].pid == state.processes[0].restarts
    writer.join()
    assert [path.name for path in folder.path.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_state_file_is_an_error_that_names_it(folder: DataFolder) -> None:
    (folder.path / "state.json").write_text('{"supervisor_pid": "x"')
    with pytest.raises(DataFolderUnusable, match=r"state\.json can't be used"):
        folder.read_state()


def test_a_folder_that_can_not_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match="file/data can't be used"):
        DataFolder(tmp_path / "file" / "data").make()


def test_keys_are_made_once_and_only_their_owner_reads_them(folder: DataFolder) -> None:
    credentials = folder.credentials()
    assert folder.credentials() == credentials
    assert DataFolder(folder.path.parent / "data").credentials() == credentials
    for name in ("credentials.json",):
        assert stat.S_IMODE((folder.path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_one_supervisor_a_folder(folder: DataFolder) -> None:
    folder.write_state(a_state(4_242))
    assert not folder.is_locked()
    folder.lock()
    other = DataFolder(folder.path)
    assert other.is_locked()
    with pytest.raises(AlreadyRunning, match=r"already \(pid 4242\)"):
        other.lock()
    folder.unlock()
    assert not other.is_locked()


def test_a_long_log_is_set_aside_and_its_end_is_told(folder: DataFolder) -> None:
    path = folder.log_path("kafka")
    path.write_bytes(b"old\n" * (5 << 20))
    os.close(folder.open_log("kafka"))
    assert path.read_bytes() == b""
    assert path.with_suffix(".log.1").exists()
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    assert folder.last_lines("kafka", 2) == ["line 98", "line 99"]
    assert folder.last_lines("nobody") == []


def test_a_pid_that_is_used_again_is_not_taken_for_the_old_process() -> None:
    pid = os.getpid()
    assert find_process(pid, created_at(pid)) == psutil.Process(pid)
    assert find_process(pid, created_at(pid) - 60) is None
    assert find_process(None, 0.0) is None


def test_a_process_that_ignores_sigterm_is_killed_and_named() -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        process = psutil.Process(stubborn.pid)
        assert stop_processes([process], 0.2) == [process]
    assert find_process(stubborn.pid, 0.0) is None
