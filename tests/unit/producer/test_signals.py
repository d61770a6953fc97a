"""A signal is noticed wherever the main thread is, and takes nothing from whoever else handles signals."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mldash.events.schema import End, Start
from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions
from mldash.session.grace import left_s

from .journal.journals import events_in
from .scripts import PREAMBLE, end_of, run_script, sessions

WITHIN_S = 60.0

IN_C = """
import ctypes
libc = ctypes.CDLL(None)
mutex = ctypes.create_string_buffer(64)
libc.pthread_mutex_init(mutex, None)
libc.pthread_mutex_lock(mutex)
def say_when_it_waits():
    while ctypes.c_int.from_buffer(mutex).value != 2:  # glibc's word for a lock that somebody waits for
        time.sleep(0.01)
    print("ready", flush=True)
def wait_in_c():
    threading.Thread(target=say_when_it_waits, daemon=True).start()
    libc.pthread_mutex_lock(mutex)  # as a collective does: no signal ends it, and no step of Python's comes
"""


@contextmanager
def started(tmp_path: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    """A script that says "ready", and then is there to be sent signals and lines."""
    environment = {**os.environ, "MLDASH_JOURNAL": str(tmp_path / "journal"), "TMP": str(tmp_path)}
    command = [sys.executable, "-c", PREAMBLE + IN_C + textwrap.dedent(script)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
            yield process
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> tuple[str, int]:
    """What it said, and its code."""
    said, complaints = process.communicate(timeout=WITHIN_S)
    return said + complaints, process.returncode


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def run_events(tmp_path: Path) -> list[object]:
    """Of the one session there is, which may be alive."""
    (folder,) = find_sessions(tmp_path / "journal")
    return [fields["event"] for _, fields in events_in(StoredSource(folder)).get(("runs", ""), [])]


def test_a_process_that_is_killed_in_c_code_after_sigterm_was_preempted(tmp_path: Path) -> None:
    """As torchrun ends ranks that wait in a collective whose peer has gone, and Slurm its steps: SIGTERM twice."""
    with started(tmp_path, "experiment.run.start(); train.log(a=1); wait_in_c()") as process:
        for number in (signal.SIGCONT, signal.SIGTERM, signal.SIGTERM):
            process.send_signal(number)
        until(lambda: isinstance(run_events(tmp_path)[-1], End))
        assert process.poll() is None
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == "PREEMPTED"
    assert sum(isinstance(fields["event"], End) for fields in session["runs", ""]) == 1


def test_a_main_thread_that_comes_after_all_goes_on_where_the_user_handles_sigterm(tmp_path: Path) -> None:
    script = """
        called = []
        signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))
        def free():
            sys.stdin.readline()
            libc.pthread_mutex_unlock(mutex)
        threading.Thread(target=free, daemon=True).start()
        with experiment.run:
            wait_in_c()
            train.log(goes_on=True)
            sys.stdin.readline()
        print(called)
    """
    with started(tmp_path, script) as process:
        assert process.stdin is not None
        process.send_signal(signal.SIGTERM)
        until(lambda: isinstance(run_events(tmp_path)[-1], End))
        print(file=process.stdin, flush=True)
        until(lambda: isinstance(run_events(tmp_path)[-1], Start))
        print(file=process.stdin, flush=True)
        assert leave(process) == ("[15]\n", 0)
    (session,) = sessions(tmp_path)
    assert session["metrics", "train"] == [{"goes_on": True}]
    end = end_of(session)
    assert end is not None and end.status == "PREEMPTED"


def test_a_second_sigterm_cuts_no_delivery_short_which_ends_within_the_grace(tmp_path: Path) -> None:
    """The close timeout is ten minutes; the grace eight seconds."""
    script = """
        experiment = Experiment(
            "owner/project/run", mode="remote", kafka="127.0.0.1:9", close_timeout_s=600, termination_grace_s=8,
            capture_context=False, echo=False,
        )
        train = experiment.metrics("train")
        def terminate_again():
            while experiment.run.is_open:
                time.sleep(0.01)
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.1)
            os.write(2, b"sent again\\n")
        with experiment:
            train.log(a=1)
            threading.Thread(target=terminate_again, daemon=True).start()
            terminate()
    """
    said = run_script(tmp_path, script, exit_code=143)
    assert said.index("sent again") < said.index("not delivered") and said.count("not delivered") == 1
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == "PREEMPTED"


def test_sigterm_in_the_middle_of_an_ordinary_end_shortens_it(tmp_path: Path) -> None:
    script = """
        experiment = Experiment(
            "owner/project/run", mode="remote", kafka="127.0.0.1:9", close_timeout_s=600, termination_grace_s=2,
            capture_context=False, echo=False,
        )
        def terminate_the_end():
            while experiment.run.is_open or not experiment._session.delivery.barrier.problem:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
        experiment.run.start()
        experiment.metrics("train").log(a=1)
        threading.Thread(target=terminate_the_end, daemon=True).start()
    """
    assert run_script(tmp_path, script, exit_code=0).count("not delivered") == 1
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == "COMPLETED"


def test_a_signal_that_announces_the_end_sends_all_at_once_and_the_process_goes_on(tmp_path: Path) -> None:
    """Nothing else sends: what is gathered waits for a minute. The main thread is in C code."""
    script = """
        called = []
        signal.signal(signal.SIGUSR2, lambda number, frame: called.append(number))
        experiment = Experiment(
            "owner/project/run", root=os.environ["TMP"], preemption_signals=["USR1", "USR2"], linger_s=60,
            capture_context=False, echo=False,
        )
        def free():
            sys.stdin.readline()
            libc.pthread_mutex_unlock(mutex)
        threading.Thread(target=free, daemon=True).start()
        with experiment.run:
            experiment.flush()
            experiment.metrics("train").log(a=1)
            wait_in_c()
            experiment.metrics("train").log(a=2)
        print(called, experiment.run.status)
    """
    rows = tmp_path / "owner" / "project" / "run" / "metrics" / "train" / "data.jsonl"
    with started(tmp_path, script) as process:
        assert process.stdin is not None
        assert not rows.exists() or not rows.read_text()
        process.send_signal(signal.SIGUSR1)
        until(lambda: rows.exists() and rows.read_text().count("\n") == 1)
        process.send_signal(signal.SIGUSR2)
        print(file=process.stdin, flush=True)
        assert leave(process) == (f"[{signal.SIGUSR2.value}] COMPLETED\n", 0)


@pytest.mark.parametrize("loop", ["asyncio.new_event_loop", "uvloop.new_event_loop"])
@pytest.mark.parametrize("first", ["loop", "run"])
def test_an_event_loop_hears_of_its_signals_once_whoever_was_first(tmp_path: Path, loop: str, first: str) -> None:
    add, start = "loop.add_signal_handler(signal.SIGUSR1, called.append, 1)", "experiment.run.start()"
    said = run_script(
        tmp_path,
        f"""
        import asyncio, uvloop
        called = []
        async def main():
            loop = asyncio.get_running_loop()
            {add if first == "loop" else start}
            {start if first == "loop" else add}
            for count in (1, 2):
                os.kill(os.getpid(), signal.SIGUSR1)
                while len(called) < count:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)  # for one that comes a second time
        with asyncio.Runner(loop_factory={loop}) as runner:
            runner.run(main())
        print("called", len(called), file=sys.stderr)
        terminate()
        """,
        exit_code=143,
    )
    assert "called 2" in said
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == "PREEMPTED"


def test_children_are_deaf_to_nothing_and_those_that_are_started_can_be_terminated(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        import subprocess
        experiment = Experiment(
            "owner/project/run", mode="offline", preemption_signals=["USR1"], capture_context=False, echo=False
        )
        experiment.run.start()
        if os.fork() == 0:
            forked = [signal.getsignal(number) is signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGUSR1)]
            os._exit(7 if all(forked) else 1)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
        for number in (signal.SIGTERM, signal.SIGUSR1):
            command = [sys.executable, "-c", "print(flush=True); input()"]
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            child.stdout.readline()
            child.send_signal(number)
            assert child.wait(50) == -number
        """,
    )


def test_a_forked_child_has_the_descriptor_that_was_set_before_ours(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        import socket
        there, here = socket.socketpair()
        here.setblocking(False)
        signal.set_wakeup_fd(here.fileno())
        experiment.run.start()
        if os.fork() == 0:
            os._exit(7 if signal.set_wakeup_fd(-1) == here.fileno() else 1)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
        assert signal.set_wakeup_fd(-1) not in (-1, here.fileno())
        """,
    )


def test_a_file_that_has_the_number_of_a_closed_descriptor_is_not_written_to(tmp_path: Path) -> None:
    """Whoever had set the wakeup's descriptor before has closed it, and a file was opened since."""
    run_script(
        tmp_path,
        f"""
        import pathlib, socket
        there, here = socket.socketpair()
        here.setblocking(False)
        signal.set_wakeup_fd(here.fileno())
        experiment = Experiment(
            "owner/project/run", root={str(tmp_path)!r}, preemption_signals=["USR1"], linger_s=60, echo=False,
            capture_context=False,
        )
        with experiment.run:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert there.recv(1) == bytes([signal.SIGUSR1])
            stranger = pathlib.Path({str(tmp_path / "stranger")!r}).open("wb")
            number = here.detach()
            os.dup2(stranger.fileno(), number)
            experiment.flush()
            experiment.metrics("train").log(a=1)
            os.kill(os.getpid(), signal.SIGUSR1)
            rows = pathlib.Path({str(tmp_path / "owner/project/run/metrics/train/data.jsonl")!r})
            while not rows.exists() or not rows.read_bytes():
                time.sleep(0.01)
        assert not os.fstat(number).st_size
        """,
    )


SLURM, TORCHRUN = {"SLURM_JOB_ID": "7"}, {"TORCHELASTIC_RUN_ID": "none"}


@pytest.mark.parametrize(
    ("environment", "told_s", "since_sigterm_s", "left"),
    [
        ({}, None, 3.0, math.inf),
        ({}, 60.0, None, math.inf),
        ({}, 60.0, 0.0, 50.0),
        ({}, 60.0, 20.0, 30.0),
        (SLURM, None, None, math.inf),
        (SLURM, None, 0.0, 25.0),
        (TORCHRUN, None, 5.0, 20.0),
        (TORCHRUN, 12.0, 5.0, 5.0),
        (TORCHRUN, None, 29.0, -4.0),
        (TORCHRUN, None, 31.0, math.inf),
        (SLURM | {"SLURM_JOB_END_TIME": "1060"}, None, None, 85.0),
        (SLURM | {"SLURM_JOB_END_TIME": "1060"}, None, 1.0, 24.0),
        (SLURM | {"SLURM_JOB_END_TIME": "990"}, None, None, 15.0),
        (SLURM | {"SLURM_JOB_END_TIME": "0"}, None, None, math.inf),
        (SLURM | {"SLURM_JOB_END_TIME": "soon"}, None, 0.0, 25.0),
    ],
)
def test_what_is_left_is_five_sixths_of_the_grace_and_all_again_for_who_outlives_it(
    environment: dict[str, str], told_s: float | None, since_sigterm_s: float | None, left: float
) -> None:
    assert left_s(environment, told_s, since_sigterm_s, now=1000.0) == left
