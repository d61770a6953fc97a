"""What is put to the test: servers of its own (`mldash up --servers-only`), workers, a compactor, the API, emitters.

Servers are restarted by the stack's own supervisor when they die, components by processes.py.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mldash.connections.servers import Servers
from mldash.process.environment import to_variables
from mldash_deploy.stack.data_folder import DataFolder, ProcessState
from mldash_deploy.stack.local_servers import read_servers
from tests.components import free_port

from .access import Access
from .processes import REPOSITORY, Process
from .proxy import Proxies
from .sequences import EMITTERS, MAIN

WORKERS = 3
SESSION_TIMEOUT_S = 3.0
PURGE_AFTER_S = 20.0
KEEP_LINES_S = 30.0
"""Log lines expire after it."""
SNAPSHOT_SESSIONS = 6
"""Of a stream that more write, idle ones are moved out of the snapshot."""
GROUP = "mldash-ingest"
_TRIES = 30


class System:
    """All processes of one run, in one folder."""

    def __init__(self, folder: Path, seed: int, *, cuts: bool, over_http: bool, secured: bool = False) -> None:
        self.folder = folder
        self.data = DataFolder(folder / "stack")
        self._access = Access(self.data, secured=secured)
        self.api_port = free_port()
        self.proxies = Proxies(self.data, seed, WORKERS, self.api_port if over_http else None, cuts=cuts)
        self.accounts = folder / "accounts"
        self.workers: list[Process] = []
        self.emitters: list[Process] = []
        self._seed = seed
        self._lives = 0
        self._logs = folder / "logs"

    async def up(self) -> None:
        """The servers."""
        for part in (self.accounts, self._logs):
            part.mkdir(parents=True)
        advertised = {"MLDASH_STACK_KAFKA_ADVERTISED": self.proxies.kafka.address} if self.proxies.cuts else {}
        secure = ["--secure"] if self._access.is_secured else []
        await self._mldash("up", "--servers-only", "--detach", *secure, "--data", str(self.data.path), **advertised)
        self.servers: Servers = read_servers(self.data.path)
        await self.proxies.start_for_workers(self._access.tls_of_mongo())

    async def begin(self, workers: int, rate: float) -> None:
        """Components and emitters."""
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        own = self._told("api") | {"MLDASH_API_PORT": str(self.api_port)}
        self.api = self._component("api", own, self.api_port)
        self.compactor = self._component(
            "compactor", self._told("compactor") | self._compactor(port := free_port()), port
        )
        for slot, proxy in enumerate(self.proxies.workers):
            own = self._told("worker") | self._worker(slot, port := free_port())
            own |= {"MLDASH_MONGO": self._access.mongo_uri(proxy.address, "worker")}
            self.workers.append(self._component("worker", own, port, f"-{slot}"))
        await asyncio.gather(*(one.begin() for one in (self.api, self.compactor, *self.workers[:workers])))
        await asyncio.gather(*(one.until_ready() for one in (self.api, *self.workers[:workers])))
        await self.mldash("retention", MAIN.rpartition("/")[0], "--logs", f"{KEEP_LINES_S / 86_400:.9f}")
        self._rate = rate
        for number in range(EMITTERS):
            self.emitters.append(self._emitter(number))
        await asyncio.gather(*(one.begin() for one in self.emitters))

    def components(self) -> list[Process]:
        return [self.api, self.compactor, *self.workers]

    def running_workers(self) -> list[Process]:
        return [one for one in self.workers if one.runs and not one.is_paused]

    def new_emitter(self, number: int) -> Process:
        """The next life of an emitter that is gone; its journal is where it was."""
        self.emitters[number] = self._emitter(number)
        return self.emitters[number]

    def journal_of(self, number: int) -> Path:
        return self.folder / f"journal-{number}"

    def next_who(self) -> int:
        self._lives += 1
        return self._lives

    def server_pid(self, name: str) -> int | None:
        """`kafka`, `mongo` or `s3`; None while it is being started again."""
        return self._state_of(name).pid

    async def until_server_runs(self, name: str, other_than: int, timeout_s: float = 240.0) -> None:
        """Until its successor is ready. AssertionError with what its log says last."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._runs_again(name, other_than):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            said = "\n".join(self.data.last_lines(name))
            raise AssertionError(f"{name} is not back after {timeout_s:g} s: {self._state_of(name)}\n{said}") from None

    def _runs_again(self, name: str, other_than: int) -> bool:
        one = self._state_of(name)
        return one.state == "running" and one.pid not in (None, other_than)

    def _state_of(self, name: str) -> ProcessState:
        state = self.data.read_state()
        assert state is not None
        return next(one for one in state.processes if one.name == name)

    async def mldash(self, *arguments: str) -> str:
        """A command on this stack, as a user calls it; what it printed. AssertionError where it fails."""
        return await self._mldash(*arguments, **to_variables(self.servers, ""))

    async def persistently(self, *arguments: str) -> str:
        """The same, again where it fails, for some server was away."""
        for attempt in range(_TRIES):
            try:
                return await self.mldash(*arguments)
            except AssertionError:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(1.0)
        raise AssertionError("unreachable: the last try returns or raises")

    async def down(self) -> None:
        for process in (
            *self.emitters,
            *self.workers,
            *(getattr(self, n) for n in ("api", "compactor") if hasattr(self, n)),
        ):
            await process.leave()
        if self.data.path.exists():
            await self._mldash("down", "--data", str(self.data.path))

    def _told(self, kind: str) -> dict[str, str]:
        """Where the servers are, and as whom this component signs in."""
        variables = self._access.variables(kind)
        if self.proxies.cuts:
            variables["MLDASH_MONGO"] = self._access.mongo_uri(self.proxies.mongo.address, kind)
            if "MLDASH_KAFKA" in variables:
                variables["MLDASH_KAFKA"] = self.proxies.kafka.address
        return variables

    def _component(self, kind: str, variables: Mapping[str, str], port: int, more: str = "") -> Process:
        command = [sys.executable, "-P", "-m", "mldash", kind]
        return Process(f"{kind}{more}", command, variables, self._logs / f"{kind}{more}.log", port)

    def _worker(self, slot: int, port: int) -> dict[str, str]:
        return {
            "MLDASH_WORKER_GROUP": GROUP,
            "MLDASH_WORKER_SLOT": str(slot),
            "MLDASH_WORKER_INSTANCE": f"faults-{slot}",
            "MLDASH_WORKER_HEALTH_PORT": str(port),
            "MLDASH_WORKER_SESSION_TIMEOUT_MS": str(int(SESSION_TIMEOUT_S * 1_000)),
            "MLDASH_WORKER_IDLE_S": "5",
            "MLDASH_WORKER_ANNOUNCE_S": "1",
            "MLDASH_WORKER_SNAPSHOT_BUCKETS": "20",
            "MLDASH_WORKER_SNAPSHOT_SESSIONS": str(SNAPSHOT_SESSIONS),
        }

    def _compactor(self, port: int) -> dict[str, str]:
        return {
            "MLDASH_COMPACTOR_HEALTH_PORT": str(port),
            "MLDASH_COMPACTOR_POLL_S": "0.2",
            "MLDASH_COMPACTOR_LEASE_S": "4",
            "MLDASH_COMPACTOR_IDLE_S": "5",
            "MLDASH_COMPACTOR_KEEP_TRACK_EVENTS": "1000",
            "MLDASH_COMPACTOR_SWEEP_S": "3",
            "MLDASH_COMPACTOR_ORPHAN_AGE_S": "3",
            "MLDASH_COMPACTOR_PURGE_AFTER_S": str(PURGE_AFTER_S),
        }

    def _emitter(self, number: int) -> Process:
        who = self.next_who()
        over_http = self.proxies.api
        remote, way = (self.api_url, "kafka") if over_http is None else (f"http://{over_http.address}", "http")
        arguments = [self.accounts, who, number, remote, self.journal_of(number), self._seed, self._rate]
        command = [sys.executable, "-m", "tests.faults.emitters", *map(str, arguments)]
        told = {"MLDASH_TRANSPORT": way} | (self._access.emitter() if over_http is None else {})
        return Process(f"emitter-{number}", command, told, self._logs / f"emitter-{number}.log")

    async def _mldash(self, *arguments: str, **environment: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "mldash", *arguments),
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, problems = await process.communicate()
        if process.returncode:
            text = f"{output.decode()}\n{problems.decode()}"
            raise AssertionError(f"mldash {' '.join(arguments)} ended with {process.returncode}:\n{text}")
        return output.decode()
