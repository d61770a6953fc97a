"""Many processes on one local experiment: all points, dense indices, nothing lost to a kill."""

import signal
import subprocess
import sys
from pathlib import Path

from mldash import Experiment

JOB = """
import os, sys, threading
from mldash import Experiment

root, rank, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Experiment("owner/project/run", root=root, rank=rank, echo=False).run as experiment:
    def work(thread):
        for i in range(count):
            experiment.metrics("train").log(rank=rank, thread=thread, i=i)
            experiment.tracks("pose").append(**{f"{rank}.{thread}": i}, _ts=i)
            if count > 100_000 and i % 100 == 0:
                os.write(1, b"%d %d\\n" % (thread, i))  # log() of everything before has returned
    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def start(root: Path, rank: int, count: int) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", JOB, str(root), str(rank), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def threads_of(experiment: Experiment) -> dict[tuple[int, int], list[int]]:
    """What each thread of each process logged, in the order of the metric; indices are dense."""
    found: dict[tuple[int, int], list[int]] = {}
    for index, point in enumerate(experiment.metrics("train").iter()):
        assert point["index"] == index
        found.setdefault((point["data"]["rank"], point["data"]["thread"]), []).append(point["data"]["i"])
    return found


def test_eight_processes_of_four_threads_write_160_000_points_into_one_experiment(tmp_path: Path) -> None:
    jobs = [start(tmp_path, rank, 5_000) for rank in range(8)]
    for job in jobs:
        job.communicate()
        assert job.returncode == 0
    experiment = Experiment("owner/project/run", root=str(tmp_path), echo=False)
    found = threads_of(experiment)
    assert found == {(rank, thread): list(range(5_000)) for rank in range(8) for thread in range(4)}
    (track,) = experiment.tracks.list()
    assert track["totalEntries"] == 5_000
    assert len(experiment.tracks("pose").read(7.0, 7.0)["entries"][0]) == 1 + 32


def test_a_process_killed_at_any_moment_loses_nothing_that_its_calls_had_returned_for(tmp_path: Path) -> None:
    """It says how far its threads are, then dies; a reader finds at least that much, and the next run drains it."""
    job = start(tmp_path, 0, 1_000_000)
    assert job.stdout is not None
    told: dict[int, int] = {}
    for line in job.stdout:
        thread, i = map(int, line.split())
        told[thread] = i
        if len(told) == 4 and min(told.values()) >= 500:
            job.send_signal(signal.SIGKILL)
    job.stdout.close()
    assert job.wait() == -signal.SIGKILL
    reader = Experiment("owner/project/run", root=str(tmp_path), echo=False)
    found = threads_of(reader)
    for thread, i in told.items():
        assert len(found[0, thread]) > i
        assert found[0, thread] == list(range(len(found[0, thread])))
    assert (reader._reader().experiment() or {})["status"] == "LOST"
    with Experiment("owner/project/run", root=str(tmp_path), echo=False).run as experiment:
        experiment.metrics("train").log(rank=1, thread=0, i=0)
    assert threads_of(reader) == {**found, (1, 0): [0]}
    journal = tmp_path / "owner" / "project" / "run" / ".journal"
    assert list(journal.iterdir()) == []
