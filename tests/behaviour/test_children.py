"""Children of a process that logs: forked, spawned, pools that are terminated, threads that log during a fork."""

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


TERMINATED_AS_THEY_ARE_FORKED = """
import os, signal, sys, time
from mldash import Experiment

def dies_of_it(child):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == -signal.SIGTERM
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False

with Experiment("owner/project/run", root=sys.argv[1], echo=False).run:
    for _ in range(100):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(7)
        os.kill(child, signal.SIGTERM)
        assert dies_of_it(child)
"""


def test_children_that_are_terminated_as_they_are_forked_die_of_it(tmp_path: Path) -> None:
    """Python clears what has come to a child before its hooks; a pool would wait for such a worker for ever."""
    command = [sys.executable, "-c", TERMINATED_AS_THEY_ARE_FORKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert Experiment("owner/project/run", root=str(tmp_path), echo=False).run.status == "COMPLETED"


SIGTERM_WITHIN_A_FORK = """
import os, signal, sys, time

def terminate():
    if armed and os.getpid() == parent:
        os.kill(parent, signal.SIGTERM)

armed, parent = False, os.getpid()
os.register_at_fork(after_in_parent=terminate)  # comes before mldash's own
from mldash import Experiment

with Experiment("owner/project/run", root=sys.argv[1], echo=False).run:
    armed = True
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    time.sleep(60)
"""


def test_a_process_that_is_terminated_while_it_forks_ends_in_order(tmp_path: Path) -> None:
    """Python ignores what a handler raises within a hook of a fork."""
    command = [sys.executable, "-c", SIGTERM_WITHIN_A_FORK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (143, "")
    assert Experiment("owner/project/run", root=str(tmp_path), echo=False).run.status == "PREEMPTED"
