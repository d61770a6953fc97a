"""The errors of a local stack. Each is told to the user as its one line; none is retried by itself.

StackError
  NotOnThisSystem     a server has no build for this operating system or processor
  LibraryMissing      the system lacks a shared library that a server is linked against
  PackageMissing      the extra that brings the servers is not installed
  JarRefused          a jar of Kafka could not be fetched, or is not the pinned one
  PortTaken           a kept port is in use by someone else
  AlreadyRunning      another supervisor holds this data folder
  NotRunning          no stack runs on this data folder
  ServerDidNotStart   a process ended or stayed silent: its last log lines
  StopIncomplete      something had to be killed, or still lives
  NotSecured          --secure on a folder whose servers began without
  DataFolderUnusable  the data folder can't be made, read or understood
"""

from __future__ import annotations

from pathlib import Path


class StackError(Exception):
    """All errors of the local stack."""


class NotOnThisSystem(StackError):
    """Servers that cannot be brought here, and the variables that name one's own."""

    def __init__(self, system: str, servers: list[tuple[str, str]]) -> None:
        super().__init__(system, servers)
        self.system, self.servers = system, servers

    def __str__(self) -> str:
        names = ", ".join(name for name, _ in self.servers)
        variables = ", ".join(f"{variable} ({name})" for name, variable in self.servers)
        return f"no {names} can be brought on {self.system}, only on Linux x86_64: name your own with {variables}"


class LibraryMissing(StackError):
    """Shared libraries that the system lacks."""

    def __init__(self, server: str, libraries: list[str], install: str) -> None:
        super().__init__(server, libraries, install)
        self.server, self.libraries, self.install = server, libraries, install

    def __str__(self) -> str:
        return f"{self.server} needs {', '.join(self.libraries)}, which this system lacks: {self.install}"


class PackageMissing(StackError):
    """A package of the `stack` extra is not there."""

    def __init__(self, server: str, package: str) -> None:
        super().__init__(server, package)
        self.server, self.package = server, package

    def __str__(self) -> str:
        return f"{self.server} needs the package {self.package}: pip install 'mldash[stack]'"


class JarRefused(StackError):
    """A jar could not be fetched, or what came is not what was pinned."""

    def __init__(self, coordinate: str, url: str, reason: str) -> None:
        super().__init__(coordinate, url, reason)
        self.coordinate, self.url, self.reason = coordinate, url, reason

    def __str__(self) -> str:
        return (
            f"{self.coordinate} could not be fetched from {self.url}: {self.reason}. Check the network and run it "
            "again: what has arrived is kept. MLDASH_STACK_JARS_REPOSITORY names a mirror"
        )


class PortTaken(StackError):
    """Someone else listens on a port that this stack chose at its first start."""

    def __init__(self, port: int, server: str, holder: str | None, ports_file: Path) -> None:
        super().__init__(port, server, holder, ports_file)
        self.port, self.server, self.holder, self.ports_file = port, server, holder, ports_file

    def __str__(self) -> str:
        holder = self.holder or "another process"
        return (
            f"port {self.port} of {self.server} is taken by {holder}: stop it, "
            f"or change the port in {self.ports_file} (clients must then read the new addresses)"
        )


class AlreadyRunning(StackError):
    """One supervisor a data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        super().__init__(folder, pid)
        self.folder, self.pid = folder, pid

    def __str__(self) -> str:
        by = f" (pid {self.pid})" if self.pid else ""
        return f"a stack runs on {self.folder} already{by}: `mldash status --data {self.folder}` shows it"


class NotRunning(StackError):
    """Something was asked of a stack that is not up."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"no stack runs on {self.folder}: `mldash up --data {self.folder}` starts one"


class ServerDidNotStart(StackError):
    """A process ended before it was ready, or was not ready in time."""

    def __init__(self, name: str, reason: str, log_path: Path, last_lines: list[str]) -> None:
        super().__init__(name, reason, log_path, last_lines)
        self.name, self.reason, self.log_path, self.last_lines = name, reason, log_path, last_lines

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.name} did not start: {self.reason}. The end of {self.log_path}:{lines}"


class PrepareFailed(StackError):
    """A server answered, and did not let us make what the components need."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"topics, indexes and bucket could not be made: {self.reason}"


class StopIncomplete(StackError):
    """Processes that did not leave by themselves before the deadline and were killed."""

    def __init__(self, names: list[str], timeout_s: float) -> None:
        super().__init__(names, timeout_s)
        self.names, self.timeout_s = names, timeout_s

    def __str__(self) -> str:
        return f"{', '.join(self.names)} did not stop within {self.timeout_s:g} s and had to be killed"


class NotSecured(StackError):
    """What is in this folder was made by servers that asked nobody who they are."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"the stack of {self.folder} was begun without --secure, and stays so: name another folder with --data"


class DataFolderUnusable(StackError):
    """The data folder, or a file in it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} can't be used: {self.reason}"
