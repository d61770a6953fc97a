"""Processes that a run of the tests leaves behind: whatever has the run's folder in its environment, whoever began it.

A test that ends in order takes down what it started. One whose process is killed (Ctrl-C, a crash) can't, and a stack
that was started with --detach is no child of anybody's: without a look at the environment it would stay.
"""

import os
from contextlib import suppress

import psutil

VARIABLE = "MLDASH_TEST_RUN"
_TO_END_S = 20.0
_TO_TERMINATE_S = 30.0


def end(run: str) -> list[str]:
    """End the processes of a run, all but this one and its parents, and name those that did not by themselves."""
    _, left = psutil.wait_procs(_of(run), timeout=_TO_END_S)
    told = []
    for process in left:
        with suppress(psutil.Error):
            told.append(f"{process.pid}: {' '.join(process.cmdline())}")
            process.terminate()
    _, hard = psutil.wait_procs(left, timeout=_TO_TERMINATE_S)
    for process in hard:
        with suppress(psutil.Error):
            process.kill()
    return told


def _of(run: str) -> list[psutil.Process]:
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid not in own and process.environ().get(VARIABLE) == run:
                found.append(process)
    return found
