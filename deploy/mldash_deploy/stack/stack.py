"""A stack, up and down.

    up     lock the folder · stop leftovers of a killed supervisor · choose or check ports
           Kafka, MongoDB and S3 at the same time (those whose address is given are used and not started)
           topics, indexes and bucket
           workers, compactors and the API at the same time
    down   components first, so that they can finish what they have in hand, then the servers; one deadline over all

`state.json` is written at every step: it is all that `mldash status`, `env`, `down` and `up --detach` look at.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import fields

from mldash.connections.servers import Servers
from mldash.process.supervision import RestartDelays

from . import components, kafka, mongo, ports, s3
from .data_folder import DataFolder, ProcessState, State, created_at, find_process, stop_processes
from .errors import (
    DataFolderUnusable,
    NotOnThisSystem,
    NotSecured,
    PortTaken,
    PrepareFailed,
    StackError,
    StopIncomplete,
)
from .security import ADMIN, KAFKA_ROLES, OPERATOR, Security
from .settings import StackSettings
from .supervise import Command, Supervised

_PREPARE = "mldash_deploy.prepare"

# What the servers may still use when the components took all of the deadline.
_LEAST_FOR_SERVERS_S = 8.0
_STATE_EVERY_S = 0.1


class Watcher(Protocol):
    """The receiver of progress: the terminal, or a silent one."""

    def changed(self, state: State) -> None:
        """Something in the state changed."""

    def note(self, text: str) -> None:
        """A line for people: what died, what runs again."""


class Stack:
    """One stack under one supervisor, which is this process; components get `environment` over the supervisor's."""

    def __init__(self, settings: StackSettings, watcher: Watcher, environment: Mapping[str, str]) -> None:
        self.folder = DataFolder(settings.data)
        self.state = State(supervisor_pid=os.getpid(), supervisor_created=created_at(os.getpid()))
        self._settings, self._watcher, self._environment = settings, watcher, environment
        self._ports: dict[str, int] = {}
        self._security: Security | None = None
        self._supervised: dict[str, Supervised] = {}
        self._written_at = 0.0
        self._is_up = False

    async def run(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Bring it up, keep it up until `stop`, take it down. Raises StackError; all is down then."""
        self.folder.make()
        self.folder.lock()
        try:
            await self._run_locked(stop, on_ready)
        finally:
            self.folder.unlock()

    def kill(self) -> None:
        """Kill everything at once: the user asked a second time."""
        for supervised in self._supervised.values():
            supervised.kill()

    async def _run_locked(self, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        failure: StackError | None = None
        coming_up = asyncio.create_task(self._up(), name="stack up")
        stopping = asyncio.create_task(stop.wait(), name="wait for stop")
        try:
            await asyncio.wait((coming_up, stopping), return_when=asyncio.FIRST_COMPLETED)
            if coming_up.done():
                coming_up.result()
                on_ready()
                keepers = [supervised.keeper for supervised in self._supervised.values() if supervised.keeper]
                ended, _ = await asyncio.wait((stopping, *keepers), return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()  # a keeper ends before its time only by an error: it must not be lost
        except* StackError as group:
            failure = _first(group)
        finally:
            stopping.cancel()
            coming_up.cancel()
            await asyncio.wait((coming_up, stopping))
            try:
                await self._down()
            except StopIncomplete as error:
                failure = failure or error
        if failure is not None:
            self.state.failure = str(failure)
            self._publish()
            raise failure

    async def _up(self) -> None:
        settings = self._settings
        await asyncio.to_thread(self._stop_leftovers)
        self._security = await asyncio.to_thread(_secure, settings, self.folder)
        brought = _servers_to_bring(settings, self.folder, self._security)
        _check_system(brought)
        self._choose_ports(brought)
        servers = self._servers(brought)
        self.state.servers = self._as_user(servers, OPERATOR, brought)
        # Passwords everywhere, and an API that lets in every user of this host, would not go together.
        is_private = settings.private or self._security is not None
        if not settings.servers_only:
            self.state.api = components.api_address(self._ports)
            self.state.api_token_file = str(self.folder.api_token_path) if is_private else None
            self.state.api_link_file = str(self.folder.api_link_path) if is_private else None
        self.state.processes = [ProcessState(name=name) for name in (*brought, *components.names(settings))]
        self._publish()
        async with asyncio.TaskGroup() as group:
            for name in brought:
                group.create_task(self._start_server(name), name=f"start {name}")
            # The servers' clients take as long to import as a server to start: both at once.
            group.create_task(asyncio.to_thread(importlib.import_module, _PREPARE), name="import clients")
        self._step("making topics, indexes and bucket")
        users = self._security.passwords.kafka if self._security and kafka.NAME in brought else {}
        await _prepare(self._as_user(servers, ADMIN, brought), users, settings.group, settings.start_timeout_s)
        self._step("")
        environment = {**self._environment, **(components.private_variables(self.folder) if is_private else {})}
        async with asyncio.TaskGroup() as group:
            for name in components.names(settings):
                own = self._as_user(servers, name.partition("-")[0], brought)
                command = components.make_command(name, self.folder, self._ports, own, environment)
                group.create_task(self._start(command), name=f"start {name}")
        self._is_up = True
        self._publish()

    async def _down(self) -> None:
        """Components, then servers; what is still there at the deadline is killed and named."""
        self._is_up = False
        end = time.monotonic() + self._settings.stop_timeout_s
        ours = [name for name in self._supervised if name not in _SERVERS]
        theirs = [name for name in self._supervised if name in _SERVERS]
        killed = await self._stop(ours, end - min(_LEAST_FOR_SERVERS_S, self._settings.stop_timeout_s / 2))
        killed += await self._stop(theirs, end)
        if self._ports:
            await asyncio.to_thread(s3.remove_sockets, self._ports)
        self._publish()
        if killed:
            raise StopIncomplete(killed, self._settings.stop_timeout_s)

    async def _stop(self, names: list[str], deadline: float) -> list[str]:
        gently = await asyncio.gather(*(self._supervised[name].stop(deadline) for name in names))
        return [name for name, was_gentle in zip(names, gently, strict=True) if not was_gentle]

    async def _start_server(self, name: str) -> None:
        if name == kafka.NAME:
            cache = await self._fetch_jars()
            command = await kafka.make_command(self._settings, self.folder, self._ports, cache, self._security)
        elif name == mongo.NAME:
            security = self._security
            command = await asyncio.to_thread(mongo.make_command, self._settings, self.folder, self._ports, security)
        else:
            keys, bucket = self.folder.credentials(), self._settings.s3_bucket
            command = s3.make_command(self.folder, self._ports, keys, bucket, self._security)
        await self._start(command)

    async def _fetch_jars(self) -> Path:
        loop = asyncio.get_running_loop()

        def fetched(done: int, total: int) -> None:
            loop.call_soon_threadsafe(self._fetched, done, total)

        give_up = threading.Event()
        try:
            folder = await asyncio.to_thread(kafka.fetch, self._settings, fetched, give_up)
        finally:
            give_up.set()  # Ctrl-C cancels us and not the threads
        self.state.to_fetch_bytes = 0
        return folder

    def _fetched(self, done: int, total: int) -> None:
        self.state.fetched_bytes, self.state.to_fetch_bytes = done, total
        if time.monotonic() - self._written_at > _STATE_EVERY_S:
            self._publish()

    async def _start(self, command: Command) -> None:
        settings = self._settings
        delays = RestartDelays(settings.first_restart_s, settings.longest_restart_s, settings.healthy_after_s)
        supervised = Supervised(command, self.folder, delays, self._process_changed)
        self._supervised[command.name] = supervised
        self.state.processes = [
            supervised.state if process.name == command.name else process for process in self.state.processes
        ]
        await supervised.start(settings.start_timeout_s)

    def _process_changed(self, note: str) -> None:
        self._publish()
        if note:
            self._watcher.note(note)

    def _step(self, what: str) -> None:
        self.state.step = what
        self._publish()

    def _publish(self) -> None:
        self.state.ready = self._is_up and all(process.state == "running" for process in self.state.processes)
        self._written_at = time.monotonic()
        try:
            self.folder.write_state(self.state)
        except DataFolderUnusable as error:
            if not self._is_up:
                raise
            self._watcher.note(str(error))  # a full disk: what runs goes on, with an old state file
        self._watcher.changed(self.state)

    def _stop_leftovers(self) -> None:
        """Processes of a supervisor that was killed, where the kernel did not tell them or they are still leaving."""
        old = self.folder.read_state()
        if old is None:
            return
        found = [find_process(process.pid, process.created) for process in old.processes]
        stop_processes([process for process in found if process is not None], self._settings.stop_timeout_s)

    def _choose_ports(self, brought: list[str]) -> None:
        kept = self.folder.read_ports()
        wanted = {port: name for name in brought for port in _SERVERS[name]}
        wanted |= {name: name for name in components.names(self._settings)}
        chosen = ports.choose(wanted, kept)
        for port, name in wanted.items():
            if not ports.is_free(chosen[port]):
                raise PortTaken(chosen[port], name, ports.holder_of(chosen[port]), self.folder.ports_path)
        if chosen != kept:
            self.folder.write_ports(chosen)
        self._ports = chosen

    def _servers(self, brought: list[str]) -> Servers:
        """Addresses of what is started, and all that is given of the others; nobody's passwords of ours yet."""
        settings = self._settings
        given: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(Servers)}
        if kafka.NAME in brought:
            given = {name: value for name, value in given.items() if not name.startswith("kafka")}
            given["kafka"] = kafka.address(self._ports)
        if mongo.NAME in brought:
            given |= {"mongo": mongo.address(self._ports), "mongo_ca_file": None}
        if s3.NAME in brought:
            keys = self.folder.credentials()
            given |= {
                "s3_endpoint": s3.address(self._ports, self._security),
                "s3_ca_file": None,
                "s3_addressing": "auto",
            }
            given |= {"s3_access_key": keys.access_key, "s3_secret_key": keys.secret_key, "s3_session_token": None}
        return Servers(**given)

    def _as_user(self, servers: Servers, user: str, brought: list[str]) -> Servers:
        return self._security.servers_of(servers, user, brought) if self._security else servers


_SERVERS: Mapping[str, tuple[str, ...]] = {kafka.NAME: kafka.PORTS, mongo.NAME: mongo.PORTS, s3.NAME: s3.PORTS}
_VARIABLES = {kafka.NAME: "MLDASH_KAFKA", mongo.NAME: "MLDASH_MONGO", s3.NAME: "MLDASH_S3_ENDPOINT"}


def _secure(settings: StackSettings, folder: DataFolder) -> Security | None:
    """What a secured stack is made of; None where it is to be, and stays, an open one. Raises NotSecured."""
    security = Security(folder)
    if not settings.secure and not security.is_there:
        return None
    if not security.is_there and any((folder.path / name).exists() for name in _SERVERS):
        raise NotSecured(folder.path)
    security.make()
    return security


def _servers_to_bring(settings: StackSettings, folder: DataFolder, security: Security | None = None) -> list[str]:
    """Those whose address is not given, or is this very stack's own, as in a shell that ran `eval "$(mldash env)"`."""
    kept = folder.read_ports()
    given = {kafka.NAME: settings.kafka, mongo.NAME: settings.mongo, s3.NAME: settings.s3_endpoint}
    own = dict[str, str]()
    if all(port in kept for port in kafka.PORTS):
        own[kafka.NAME] = kafka.address(kept)
    if all(port in kept for port in mongo.PORTS):
        plain = mongo.address(kept)
        own[mongo.NAME] = security.mongo_uri(plain, OPERATOR) if security else plain
    if all(port in kept for port in s3.PORTS):
        own[s3.NAME] = s3.address(kept, security)
    return [name for name, address in given.items() if address is None or address == own.get(name)]


def _check_system(brought: list[str]) -> None:
    if brought and not (sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64")):
        raise NotOnThisSystem(f"{platform.system()} {platform.machine()}", [(n, _VARIABLES[n]) for n in brought])


async def _prepare(servers: Servers, users: Mapping[str, str], group: str, timeout_s: float) -> None:
    """`users` of Kafka with their passwords, the administrator's among them; none where it asks nobody."""
    try:
        async with asyncio.timeout(timeout_s):
            module = importlib.import_module(_PREPARE)
            await module.prepare(servers)
            if users:
                passwords = {user: users[user] for user in KAFKA_ROLES}
                await module.sign_up(servers, passwords, KAFKA_ROLES, group)
    except TimeoutError as error:
        raise PrepareFailed(f"not done within {timeout_s:g} s") from error
    except Exception as error:  # whatever a server's client raises: the stack comes down, and says why
        raise PrepareFailed(f"{type(error).__name__}: {error}") from error


def _first(group: BaseExceptionGroup[StackError]) -> StackError:
    """The first of what several servers had to say: the others were cancelled, or say the same."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
