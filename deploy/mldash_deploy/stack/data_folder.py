"""The one folder of a stack, and who may use it.

    lock               held (flock) by the supervisor while it lives: one supervisor a folder
    ports.json         chosen at the first start, kept
    credentials.json   the S3 keys made at the first start; mode 0600
    api_token          of a private stack: what the API wants of every caller; mode 0600
    api_link           of a private stack: an address that signs a browser in, once, soon after the start; mode 0600
    signing_keys       of a private stack: what signs browsers' cookies, over restarts; mode 0600
    state.json         what runs, as `mldash status` shows it; replaced whole at every change
    logs/NAME.log      what each process printed; the one before it as NAME.log.1
    kafka/ mongo/ s3/  the servers' own files
    security/          of a secured stack: certificates and passwords (security.py)

A process is named by its pid and the time it was created, because pids are used again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import psutil
from msgspec import Struct

from mldash.connections.servers import Servers

from .errors import AlreadyRunning, DataFolderUnusable

ProcessStage = Literal["waiting", "starting", "running", "restarting", "stopping", "stopped"]

# Two readings of one process's creation may differ when the clock was set between them.
_CREATED_TOLERANCE_S = 2.0
_ROTATE_BYTES = 16 << 20

StructT = TypeVar("StructT")


class ProcessState(Struct, kw_only=True):
    """One process of the stack."""

    name: str
    pid: int | None = None
    created: float = 0.0
    state: ProcessStage = "waiting"
    restarts: int = 0


class State(Struct, kw_only=True):
    """The content of `state.json`. `failure` is why the supervisor gave up, for `mldash up --detach` to tell."""

    supervisor_pid: int
    supervisor_created: float
    ready: bool = False
    api: str | None = None
    api_token_file: str | None = None
    """Of a private stack."""
    api_link_file: str | None = None
    servers: Servers | None = None
    processes: list[ProcessState] = []
    step: str = ""
    fetched_bytes: int = 0
    to_fetch_bytes: int = 0
    failure: str | None = None


class Credentials(Struct, frozen=True):
    """Keys of the S3 that this stack runs."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, •••)"


class DataFolder:
    """Paths and small files. Reading needs no lock; only the holder of the lock writes."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        self.logs = self.path / "logs"
        self._lock_descriptor: int | None = None

    def log_path(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.logs / f"{name}.log"

    @property
    def ports_path(self) -> Path:
        """Kept ports."""
        return self.path / "ports.json"

    @property
    def api_token_path(self) -> Path:
        """The API makes it at its first start."""
        return self.path / "api_token"

    @property
    def api_link_path(self) -> Path:
        """The API writes it at each start."""
        return self.path / "api_link"

    def signing_keys_path(self) -> Path:
        """Made at the first call. Its owner may put further keys into it."""
        path = self.path / "signing_keys"
        if not path.exists():
            write_private(path, f"{secrets.token_urlsafe(32)}\n".encode())
        return path

    def make(self) -> None:
        """Make the folder, for its owner alone: it holds keys and data."""
        if any(letter in str(self.path) for letter in ",\n"):
            raise DataFolderUnusable(self.path, "servers take a comma in a path for the end of it")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise DataFolderUnusable(self.path, error.strerror or str(error)) from error

    def lock(self) -> None:
        """Become the folder's supervisor until this process ends. Raises AlreadyRunning."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            state = self.read_state()
            raise AlreadyRunning(self.path, state.supervisor_pid if state else None) from None
        self._lock_descriptor = descriptor

    def unlock(self) -> None:
        """Let the next supervisor in."""
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def is_locked(self) -> bool:
        """Whether a supervisor lives."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read_state(self) -> State | None:
        """The last state that a supervisor wrote; None before the first one ran."""
        return self._read(self.path / "state.json", State)

    def write_state(self, state: State) -> None:
        """Replace the state: a reader sees the old one or the new one, whole."""
        self._write(self.path / "state.json", state)

    def read_ports(self) -> dict[str, int]:
        """The kept ports, empty before the first start."""
        return self._read(self.ports_path, dict[str, int]) or {}

    def write_ports(self, ports: dict[str, int]) -> None:
        """Keep them."""
        self._write(self.ports_path, ports)

    def credentials(self) -> Credentials:
        """The S3 keys, made at the first call."""
        path = self.path / "credentials.json"
        credentials = self._read(path, Credentials)
        if credentials is None:
            credentials = make_keys()
            self._write(path, credentials)
        return credentials

    def open_log(self, name: str) -> int:
        """A descriptor that appends to a process's log; a long log is set aside first, as NAME.log.1."""
        path = self.log_path(name)
        if path.exists() and path.stat().st_size > _ROTATE_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def last_lines(self, name: str, count: int = 12) -> list[str]:
        """The end of a process's log."""
        try:
            with self.log_path(name).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 65_536))
                return file.read().decode(errors="replace").splitlines()[-count:]
        except FileNotFoundError:
            return []

    def _read(self, path: Path, kind: type[StructT]) -> StructT | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise DataFolderUnusable(path, str(error)) from error

    def _write(self, path: Path, value: object) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(value)))
            Path(name).replace(path)
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise DataFolderUnusable(path, error.strerror or str(error)) from error


def write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def make_keys() -> Credentials:
    """A pair of S3 keys."""
    return Credentials(f"MLDASH{secrets.token_hex(7).upper()}", secrets.token_urlsafe(30))


def created_at(pid: int) -> float:
    """When a living process was created; 0.0 where it has gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def find_process(pid: int | None, created: float) -> psutil.Process | None:
    """The very process, or None where it has gone, also when another has its pid now."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < _CREATED_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def stop_processes(found: Iterable[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """SIGTERM, wait, then SIGKILL; answers those that had to be killed."""
    living = list(found)
    for process in living:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    stubborn: list[psutil.Process]
    _, stubborn = psutil.wait_procs(living, timeout=timeout_s)
    for process in stubborn:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(stubborn, timeout=5)
    return stubborn
