"""Children of a process that logs: forked, spawned, pools that are terminated, threads that log during a fork."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mldash import Experiment

JOB = """
import multiprocessing, os, sys, threading
from mldash import Experiment

ROOT, METHOD, NETWORK = sys.argv[1], sys.argv[2], sys.argv[3] == "network"
experiment = Experiment("owner/project/run", root=ROOT, echo=False, network_files=NETWORK)

def load(item):
    # A loader's worker: what it inherited where it was forked, its own where it was spawned.
    if not experiment.run.is_open:
        experiment.run.start()
    experiment.metrics("loader").log(item=item, pid=os.getpid())
    return item

if __name__ == "__main__":
    context = multiprocessing.get_context(METHOD)
    stop = threading.Event()
    counts = [0, 0, 0]

    def log(thread):
        while not stop.is_set() or counts[thread] < 100:
            experiment.metrics("train").log(thread=thread, i=counts[thread])
            counts[thread] += 1
            stop.wait(0.0005)

    with experiment.run:
        threads = [threading.Thread(target=log, args=(thread,)) for thread in range(3)]
        for thread in threads:
            thread.start()
        for epoch in range(3):  # new workers each epoch, terminated at its end
            pool = context.Pool(2)
            items = range(epoch * 40, epoch * 40 + 40)
            assert sorted(pool.imap_unordered(load, items)) == list(items)
            pool.terminate()
            pool.join()
        stop.set()
        for thread in threads:
            thread.join()
    print(*counts)
"""


@pytest.mark.parametrize("files", ["locks", "network"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_terminated_workers_and_threads_beside_them_have_logged_is_there_once(
    tmp_path: Path, method: str, files: str
) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB)
    command = [sys.executable, str(script), str(tmp_path / "dash"), method, files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    counts = [int(count) for count in done.stdout.split()]
    there = Experiment("owner/project/run", root=str(tmp_path / "dash"), echo=False)
    loaded = [point["data"] for point in there.metrics("loader").iter()]
    assert sorted(one["item"] for one in loaded) == list(range(120))
    assert len({one["pid"] for one in loaded}) >= 3, "each epoch has had workers of its own"
    points = [point["data"] for point in there.metrics("train").iter()]
    for thread, count in enumerate(counts):
        assert [one["i"] for one in points if one["thread"] == thread] == list(range(count))
    if method == "fork":  # they were a part of the run; the others have each started one, and none has ended it
        assert there.run.status == "COMPLETED"


EARLY_SIGTERM = """
import os, signal, sys

def terminate():
    if armed:
        os.kill(os.getpid(), signal.SIGTERM)

armed = False
os.register_at_fork(after_in_child=terminate)  # before mldash's own
from mldash import Experiment

with Experiment("owner/project/run", root=sys.argv[1], echo=False).run:
    armed = True
    child = os.fork()
    if child == 0:
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_that_is_terminated_as_it_is_forked_dies_of_it(tmp_path: Path) -> None:
    """Python ignores what a handler raises in a hook of a fork; a pool would wait for such a worker for ever."""
    command = [sys.executable, "-c", EARLY_SIGTERM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.strip(), done.stderr) == (str(-signal.SIGTERM), "")
    there = Experiment("owner/project/run", root=str(tmp_path), echo=False)
    assert there.run.status == "COMPLETED"
