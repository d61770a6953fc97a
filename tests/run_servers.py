"""The servers and the components of a run: the first test process that asks has them started, the others get the same.

They live in processes of their own (keeper.py) that end with the process that controls the run. Its end waits for
theirs; a component that did not end in order fails the run, and so does any process that tests leave (leftovers.py).

MLDASH_TEST_DATA names the data folder of a stack that already runs (`mldash up --servers-only --data DIR`): then that
one is used and left running, which makes a second run of one test start at once.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mldash_deploy.stack.local_servers import read_servers

from . import again, leftovers, secret_scan
from .keeper import is_held

ROOT = Path(__file__).parents[1]
_LONGEST_START_S = 170.0
_LONGEST_STOP_S = 70.0


class Shared:
    """The folder of a run's servers and components."""

    def __init__(self, folder: Path, controller_pid: int, environment: dict[str, str]) -> None:
        self.folder, self._controller_pid, self._environment = folder, controller_pid, environment

    def get(self, kind: str) -> dict[str, Any]:
        """What to know of `servers` or `components`; starts them if nobody has. Raises AssertionError with the why."""
        known = self.folder / f"{kind}.json"
        with (self.folder / "starting.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not known.exists():
                self._start(kind)
        answer: dict[str, Any] = json.loads(known.read_text())
        return answer

    def _start(self, kind: str) -> None:
        running = os.environ.get("MLDASH_TEST_DATA")
        if kind == "servers" and running:
            (self.folder / "servers.json").write_text(json.dumps({"data": str(Path(running).absolute())}))
            return
        if not self.failure(kind):
            command = [sys.executable, "-m", "tests.keeper", kind, str(self.folder), str(self._controller_pid)]
            subprocess.run(command, cwd=ROOT, env=self._environment, timeout=_LONGEST_START_S, check=False)
        if not (self.folder / f"{kind}.json").exists():
            raise AssertionError(f"the {kind} could not be started:\n{self.failure(kind)}")

    def failure(self, kind: str) -> str:
        """Why it could not be started or did not end in order; empty when nothing is wrong."""
        with suppress(FileNotFoundError):
            return (self.folder / f"{kind}.failed").read_text()
        return ""

    def mongo(self) -> str | None:
        """The address of the MongoDB that this run has started; None where it has started none."""
        if os.environ.get("MLDASH_TEST_DATA") or not (self.folder / "servers.json").exists():
            return None
        return read_servers(self.get("servers")["data"]).mongo

    def take_down(self) -> list[str]:
        """End what was started, and say what did not end in order."""
        for kind in ("components", "servers"):
            lock = self.folder / f"{kind}.lock"
            if not is_held(lock):
                continue
            with suppress(ProcessLookupError):
                os.kill(int(lock.read_text()), signal.SIGTERM)
            deadline = time.monotonic() + _LONGEST_STOP_S
            while is_held(lock) and time.monotonic() < deadline:
                time.sleep(0.02)
            if is_held(lock):
                return [f"the {kind} did not end within {_LONGEST_STOP_S:g} s; see {self.folder}"]
        return [failure for kind in ("components", "servers") if (failure := self.failure(kind))]


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    given: dict[str, Any] = getattr(config, "workerinput", {})
    if given:
        folder, controller_pid = Path(given["shared_folder"]), int(given["controller_pid"])
    else:
        folder, controller_pid = _base_temp(config) / "shared", os.getpid()
        folder.mkdir()
        os.environ[leftovers.VARIABLE] = str(folder)
    config.stash[_SHARED] = Shared(folder, controller_pid, dict(os.environ))
    again.watch(config, folder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's: told to each process."""
    node.workerinput["shared_folder"] = str(_base_temp(node.config) / "shared")
    node.workerinput["controller_pid"] = os.getpid()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput") or _SHARED not in session.config.stash:
        return
    shared = session.config.stash[_SHARED]
    wrong = session.config.stash[_WRONG] = []
    if (mongo := shared.mongo()) is not None:
        secret_scan.note_documents(shared.folder, mongo)
    session.config.stash[_ENDED] = again.RunServers(shared.folder).told()
    wrong += shared.take_down()
    wrong += [f"left behind and ended now: {process}" for process in leftovers.end(str(shared.folder))]
    wrong += secret_scan.find_told(_base_temp(session.config))
    if wrong and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Of all processes, in the one that controls the run."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        secret_scan.note_outputs(Path(os.environ[leftovers.VARIABLE]), report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ended := config.stash.get(_ENDED, []):
        terminalreporter.section("a server of the run ended by itself", yellow=True)
        terminalreporter.write("\n".join([*ended, ""]))
    for told in config.stash.get(_WRONG, []):
        terminalreporter.section("the run did not end in order", red=True)
        terminalreporter.line(told)


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Shared:
    """What all test processes of this run have in common."""
    return request.config.stash[_SHARED]


_SHARED = pytest.StashKey[Shared]()
_WRONG = pytest.StashKey[list[str]]()
_ENDED = pytest.StashKey[list[str]]()


def _base_temp(config: pytest.Config) -> Path:
    factory: pytest.TempPathFactory = getattr(config, "_tmp_path_factory")  # noqa: B009 - xdist takes it there too
    return factory.getbasetemp()
