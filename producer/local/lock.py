"""One process appends to an experiment's files at a time.

The lock is a POSIX record lock: the kernel drops it with the process, a forked child does not inherit it, and NFS knows
it. It belongs to the process, so a lock between threads stands before it; all users of a folder in one process share
one ExperimentLock, because closing any descriptor of the lock's file would drop the record lock.

Where a file system knows no locks, a lease file takes its place: made by O_EXCL, renewed by its owner, and broken by
who has seen it unchanged for LEASE_S by their own clock. An owner that was paused for longer finds out by
`still_held()`, which is asked before what was appended is acknowledged.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

LEASE_S: Final = 30.0
_POLL_S: Final = 0.01
_NO_LOCKS: Final = frozenset((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL))


class LockTimeout(TimeoutError):
    """Someone else holds the experiment's lock for longer than the caller waits."""

    def __init__(self, path: str, waited_s: float) -> None:
        super().__init__(path, waited_s)
        self.path, self.waited_s = path, waited_s

    def __str__(self) -> str:
        return f"the lock {self.path} was not free within {self.waited_s:g} s"


class ExperimentLock:
    """`with lock.hold(timeout): …`. Get it from `lock_of`, never by the class."""

    def __init__(self, folder: Path, use_lease: bool = False) -> None:
        self._path = folder / "lock"
        self._lease_path = folder / "lease"
        self._threads = threading.Lock()
        self._use_lease = use_lease
        self._descriptor: int | None = None
        self._lease: bytes | None = None

    def hold(self, timeout: float = 60.0) -> "_Hold":
        """Raises LockTimeout after `timeout` seconds; OSError where the folder can't be written."""
        return _Hold(self, timeout)

    def still_held(self) -> bool:
        """Whether what was appended may be acknowledged: always by a record lock, by a lease if it is still ours."""
        if self._lease is None:
            return True
        held = _read(self._lease_path) == self._lease
        if held:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._lease_path)
        return held

    def _acquire(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=max(0.0, timeout)):
            raise LockTimeout(str(self._path), timeout)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._use_lease:
                self._take_lease(deadline, timeout)
            else:
                self._take_record_lock(deadline, timeout)
        except BaseException:
            self._threads.release()
            raise

    def _take_record_lock(self, deadline: float, timeout: float) -> None:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            while True:
                try:
                    fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except OSError as error:
                    if error.errno in _NO_LOCKS:
                        self._use_lease = True
                        break
                    if error.errno not in (errno.EACCES, errno.EAGAIN):
                        raise
                if time.monotonic() >= deadline:
                    raise LockTimeout(str(self._path), timeout)
                time.sleep(_POLL_S)
        except BaseException:
            self._close()
            raise
        self._close()
        self._take_lease(deadline, timeout)

    def _take_lease(self, deadline: float, timeout: float) -> None:
        mine = b"%d %s" % (os.getpid(), secrets.token_hex(8).encode())
        seen, since = None, time.monotonic()
        while True:
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(self._lease_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                os.write(descriptor, mine)
                os.close(descriptor)
                self._lease = mine
                return
            now = _state(self._lease_path)
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > LEASE_S:
                # Renamed first: of two who break the same lease only one finds it under its name.
                broken = self._lease_path.with_name(f"lease.{secrets.token_hex(8)}")
                with contextlib.suppress(FileNotFoundError):
                    self._lease_path.rename(broken)
                    broken.unlink()
            if time.monotonic() >= deadline:
                raise LockTimeout(str(self._lease_path), timeout)
            time.sleep(_POLL_S)

    def _release(self) -> None:
        try:
            if self._lease is not None:
                if _read(self._lease_path) == self._lease:
                    with contextlib.suppress(FileNotFoundError):
                        self._lease_path.unlink()
                self._lease = None
            self._close()
        finally:
            self._threads.release()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _Hold:
    def __init__(self, lock: ExperimentLock, timeout: float) -> None:
        self._lock, self._timeout = lock, timeout

    def __enter__(self) -> ExperimentLock:
        self._lock._acquire(self._timeout)
        return self._lock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock._release()


def lock_of(folder: Path, use_lease: bool = False) -> ExperimentLock:
    """This process's lock of an experiment whose state lies in `folder`."""
    key = os.path.realpath(folder)
    with _registry_lock:
        return _registry.setdefault(key, ExperimentLock(Path(key), use_lease))


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _state(path: Path) -> tuple[bytes | None, int]:
    try:
        return path.read_bytes(), path.stat().st_mtime_ns
    except FileNotFoundError:
        return None, 0


_registry: dict[str, ExperimentLock] = {}
_registry_lock = threading.Lock()


def _forget_in_child() -> None:
    """The record lock stays with the parent; a lock between threads that the parent held would never be freed here."""
    global _registry_lock
    for lock in _registry.values():
        lock._close()
    _registry.clear()
    _registry_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_in_child)
