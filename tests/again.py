"""A server of the run that ends by itself: it is told with its last words, and the tests that it met run once more.

MongoDB, Kafka and S3 are other people's programs, and one that crashes (seen: one run in thirty, mongod 6.0.5) says
nothing of what is tested. Their supervisor starts it again. A test that failed meanwhile runs a second time, once, from
new fixtures; one that would begin waits until all of them run. The summary names the server, what its log held at its
end, and each test that was run again: whoever reads it has a fault to look for, though not one of the tests'.

A test that ends a server on purpose has servers of its own, which are not looked at here.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from mldash_deploy.stack.data_folder import DataFolder, ProcessState

_TO_RUN_AGAIN_S = 120.0
_POLL_S = 0.1
_LINES = 12
_LINE_CHARACTERS = 400
_MARKS = ('"s":"F"', '"s":"E"', "FATAL", "Got signal")


class RunServers:
    """What the supervisor of the run's servers says of them. `folder`: that which all processes of the run share."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, DataFolder(folder / "stack")
        self._met = folder / "run_again.txt"

    def _processes(self) -> Sequence[ProcessState]:
        state = self._data.read_state()
        return state.processes if state is not None else ()

    def ends(self) -> int:
        """How often one of them has ended by itself."""
        return sum(one.restarts for one in self._processes())

    def wait(self) -> None:
        """Until all of them run; not for ever: then the test says what it lacks."""
        deadline = time.monotonic() + _TO_RUN_AGAIN_S
        while any(one.state != "running" for one in self._processes()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def note(self, test: str) -> None:
        """It is run again."""
        with self._met.open("a") as file:
            file.write(f"{test}\n")

    def told(self) -> list[str]:
        """How each ended, by its supervisor's words and its own last ones; and the tests. Empty where none did."""
        ended = [one for one in self._processes() if one.restarts]
        if not ended:
            return []
        supervisor = self._folder / "servers.log"
        lines = [line for line in supervisor.read_text(errors="replace").splitlines() if " ended " in line][-_LINES:]
        for one in ended:
            lines += [f"{one.name}: {line[:_LINE_CHARACTERS]}" for line in last_words(self._data.log_path(one.name))]
        with suppress(FileNotFoundError):
            lines += [f"run again: {test}" for test in self._met.read_text().splitlines()]
        return lines


def last_words(log: Path) -> list[str]:
    """The last errors and fatal lines of a server's log, as mongod and Kafka mark them."""
    said = log.read_text(errors="replace").splitlines()
    return [line for line in said if any(mark in line for mark in _MARKS)][-_LINES:]


_SERVERS = pytest.StashKey[RunServers]()


def watch(config: pytest.Config, folder: Path) -> None:
    """Look at these for the rest of the run."""
    config.stash[_SERVERS] = RunServers(folder)


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    servers = item.config.stash.get(_SERVERS, None)
    if servers is None or item.get_closest_marker("integration") is None:
        return None
    servers.wait()
    before = servers.ends()
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(report.failed for report in reports) and servers.ends() > before:
        servers.note(item.nodeid)
        servers.wait()
        _forget_fixtures(item)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _forget_fixtures(item: pytest.Item) -> None:
    """Those of its module and of the run too: what failed to be made is kept as a failure."""
    with suppress(Exception):  # what is taken down may want the server that was away
        item.session._setupstate.teardown_exact(None)
