"""However a process ends, its events are in the journal, and its run says how it ended."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mldash import Experiment

from .scripts import PREAMBLE, end_of, run_script, sessions


@pytest.mark.parametrize(
    ("script", "status", "exit_code"),
    [
        ("experiment.run.start(); train.log(a=1)", "COMPLETED", 0),
        ("experiment.run.start(); train.log(a=1); sys.exit(0)", "COMPLETED", 0),
        ("with experiment: train.log(a=1); sys.exit(3)", "FAILED", 3),
        ("experiment.run.start(); train.log(a=1); raise KeyboardInterrupt", "CANCELLED", None),
        ("with experiment: train.log(a=1); raise KeyboardInterrupt", "CANCELLED", None),
        ("experiment.run.start(); train.log(a=1); experiment.run.fail('bad luck')", "FAILED", 0),
        ("experiment.run.start(); train.log(a=1); experiment.run.cancel(); experiment.run.complete()", "CANCELLED", 0),
        (
            "experiment.run.start(); train.log(a=1); terminate()",
            "PREEMPTED",
            143,
        ),
        ("with experiment: train.log(a=1); terminate()", "PREEMPTED", 143),
        ("@experiment.run\ndef main(): train.log(a=1)\nmain()", "COMPLETED", 0),
        (
            "import asyncio\n@experiment.run\nasync def main(): train.log(a=1)\nasyncio.run(main())",
            "COMPLETED",
            0,
        ),
    ],
)
def test_the_run_says_how_the_process_ended(tmp_path: Path, script: str, status: str, exit_code: int | None) -> None:
    run_script(tmp_path, script, exit_code=exit_code)
    (session,) = sessions(tmp_path)
    assert session["metrics", "train"] == [{"a": 1}]
    end = end_of(session)
    assert end is not None
    assert end.status == status


@pytest.mark.parametrize("opening", ["experiment.run.start()", "with experiment.run:"])
def test_an_exception_goes_on_and_is_kept_with_type_message_and_traceback(tmp_path: Path, opening: str) -> None:
    body = "train.log(a=1)\n    raise ZeroDivisionError('by nought')"
    separator = "\n    " if opening.endswith(":") else "\nif True:\n    "
    said = run_script(tmp_path, opening + separator + body, exit_code=1)
    assert "ZeroDivisionError: by nought" in said
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == "FAILED" and end.error is not None
    assert (end.error.type, end.error.message) == ("ZeroDivisionError", "by nought")
    assert "Traceback" in end.error.traceback


def test_a_long_traceback_is_cut_in_the_end_and_whole_in_the_log(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        def deep(n, text):
            if n == 0:
                raise ValueError(text)
            deep(n - 1, text)
        with experiment.run:
            deep(3, "x" * 9000)
        """,
        exit_code=1,
    )
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.error is not None
    assert len(end.error.traceback.encode()) <= 4096
    assert session["logs", ""][-1]["message"].endswith("x" * 9000 + "\n")


def test_the_handler_before_ours_is_called_and_swallowed_nothing(tmp_path: Path) -> None:
    said = run_script(
        tmp_path,
        """
        stop = []
        signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))
        with experiment.run:
            os.kill(os.getpid(), signal.SIGTERM)
            while not stop:
                time.sleep(0.01)
            train.log(saved=True)
        print(stop, experiment.run.status, file=sys.stderr)
        """,
    )
    assert "[15] PREEMPTED" in said
    (session,) = sessions(tmp_path)
    assert session["metrics", "train"] == [{"saved": True}]


def test_signals_can_be_turned_off(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        quiet = Experiment("owner/project/run", mode="offline", signals=False, capture_context=False)
        quiet.run.start()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        """,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_have_sessions_of_their_own(tmp_path: Path, method: str) -> None:
    """The loader workers of a training job: they log, and end by os._exit, where no atexit runs."""
    script = tmp_path / "script.py"
    script.write_text(
        PREAMBLE
        + textwrap.dedent(
            f"""
            def work(number):
                if not experiment.run.is_open:
                    experiment.run.start()
                for i in range(100):
                    train.log(worker=number, i=i)
            if __name__ == "__main__":
                experiment.run.start()
                train.log(worker=-1, i=0)
                context = multiprocessing.get_context("{method}")
                workers = [context.Process(target=work, args=(n,)) for n in range(3)]
                [worker.start() for worker in workers]
                [worker.join() for worker in workers]
                assert all(worker.exitcode == 0 for worker in workers)
            """
        )
    )
    environment = {**os.environ, "MLDASH_JOURNAL": str(tmp_path / "journal")}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    found = [session for session in sessions(tmp_path) if ("metrics", "train") in session]
    assert sorted(session["metrics", "train"][0]["worker"] for session in found) == [-1, 0, 1, 2]
    for session in found:
        end = end_of(session)
        assert end is not None and end.status == "COMPLETED"
        points = session["metrics", "train"]
        assert [point["i"] for point in points] == [*range(1 if points[0]["worker"] == -1 else 100)]


def test_a_child_killed_by_sigkill_leaves_its_events_and_no_end(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        "experiment.run.start(); [train.log(i=i) for i in range(1000)]; os.kill(os.getpid(), signal.SIGKILL)",
        exit_code=-signal.SIGKILL,
    )
    (session,) = sessions(tmp_path)
    assert [point["i"] for point in session["metrics", "train"]] == [*range(1000)]
    assert end_of(session) is None


def test_a_forked_child_that_logs_nothing_leaves_nothing(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        experiment.run.start()
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        """,
    )
    (session,) = sessions(tmp_path)
    assert end_of(session) is not None


def test_no_thread_and_no_file_before_the_run_is_started(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        assert threading.active_count() == 1
        assert not os.path.exists(os.environ["MLDASH_JOURNAL"])
        """,
    )


@pytest.mark.parametrize("how", ["os._exit(0)", "os.abort()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_an_end_that_runs_no_python_leaves_all_in_the_journal(tmp_path: Path, how: str) -> None:
    run_script(tmp_path, f"experiment.run.start(); [train.log(i=i) for i in range(1000)]; {how}", exit_code=None)
    (session,) = sessions(tmp_path)
    assert [point["i"] for point in session["metrics", "train"]] == [*range(1000)]
    assert end_of(session) is None


def test_a_child_of_fork_that_leaves_by_os_exit_has_its_events_in_a_journal_of_its_own(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        with experiment:
            train.log(i=-1)
            for number in range(2):
                if os.fork() == 0:
                    [train.log(i=i) for i in range(100)]
                    os._exit(0)
            os.wait(), os.wait()
        """,
    )
    found = sorted(sessions(tmp_path), key=lambda session: len(session["metrics", "train"]))
    assert [[point["i"] for point in one["metrics", "train"]] for one in found] == [[-1], [*range(100)], [*range(100)]]
    assert [end_of(one) is not None for one in found] == [True, False, False]


LOCAL = """
experiment = Experiment("owner/project/run", root=sys.argv[1], capture_context=False, echo=False, linger_s=60)
train = experiment.metrics("train")
"""


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("experiment.run.start(); train.log(a=1)", "COMPLETED"),
        ("with experiment: train.log(a=1); raise ValueError('no')", "FAILED"),
        ("experiment.run.start(); train.log(a=1); raise ValueError('no')", "FAILED"),
        ("with experiment: train.log(a=1); terminate()", "PREEMPTED"),
        ("experiment.run.start(); train.log(a=1); terminate()", "PREEMPTED"),
        ("with experiment: train.log(a=1); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)", "CANCELLED"),
        ("experiment.run.start(); train.log(a=1); os._exit(0)", "LOST"),
        ("experiment.run.start(); train.log(a=1); os.kill(os.getpid(), signal.SIGKILL)", "LOST"),
    ],
)
def test_local_files_say_how_the_process_ended_and_hold_what_it_logged(
    tmp_path: Path, script: str, status: str
) -> None:
    script = PREAMBLE + LOCAL.replace("sys.argv[1]", repr(str(tmp_path))) + script
    subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    there = Experiment("owner/project/run", root=tmp_path, echo=False)
    assert [point["data"] for point in there.metrics("train").read()["data"]] == [{"a": 1}]
    (session,) = there._reader().sessions()
    assert session["status"] == status
    if status == "FAILED":
        assert (session["error"]["type"], session["error"]["message"]) == ("ValueError", "no")
    if status != "LOST":
        assert not list((tmp_path / "owner" / "project" / "run" / ".journal").iterdir())


@pytest.mark.parametrize("daemon", [True, False])
@pytest.mark.parametrize("logs", [True, False])
def test_of_multiprocessings_children_only_those_that_log_and_are_no_daemons_handle_sigterm(
    tmp_path: Path, daemon: bool, logs: bool
) -> None:
    """A worker of a pool that waits for the pool's lock never comes to run a handler of Python's: the pool would wait
    for it for ever."""
    said = run_script(
        tmp_path,
        f"""
        import multiprocessing
        context = multiprocessing.get_context("fork")
        told = context.SimpleQueue()
        def work():
            if {logs}:
                train.log(a=2)
            told.put(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        with experiment.run:
            train.log(a=1)
            child = context.Process(target=work, daemon={daemon})
            child.start()
            child.join()
            print("default:", told.get(), file=sys.stderr)
        """,
    )
    assert f"default: {daemon or not logs}" in said
