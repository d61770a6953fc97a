"""One process appends to an experiment's files at a time.

The lock is a POSIX record lock: the kernel drops it with the process, and a forked child does not inherit it. It
belongs to the process, so a lock between threads stands before it; all users of a folder in one process share one
ExperimentLock, because closing any descriptor of the lock's file would drop the record lock.

Where the folder is on a network file system, or a file system knows no locks, a lease (journal/lease.py) takes its
place. A holder that was paused may wake when another holds it: `still_held` is asked after what was appended is
acknowledged, and fence.py keeps its hands off the files.

    lock      the record lock
    lease     the lease
    leases    empty; from when it is there on, leases count in this folder, for all processes and whatever their setting
"""

import errno
import fcntl
import os
import threading
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Final

from mldash.journal.descriptors import Descriptor
from mldash.journal.lease import Lease
from mldash.process.locks import reentrant_lock

from .acknowledged import LEASES

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
        self.by_lease = use_lease
        """Whether a lease counts in this folder; known once the lock was held."""
        self._path = folder / "lock"
        self._leases_path = folder / LEASES
        self._lease = Lease(folder / "lease")
        self._threads = threading.Lock()
        self._descriptor: Descriptor | None = None
        self._nobody_locks = False

    def hold(self, timeout: float = 60.0) -> "_Hold":
        """Raises LockTimeout after `timeout` seconds; OSError where the folder can't be written."""
        return _Hold(self, timeout)

    def still_held(self) -> bool:
        """Whether what was appended is acknowledged: always by a record lock, by a lease if it is still ours."""
        return not self.by_lease or self._lease.renew()

    def marks(self) -> list[Path]:
        """While it is held: signs that another process may still believe to hold it (lease.py)."""
        return self._lease.marks() if self.by_lease else []

    def _acquire(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=max(0.0, timeout)):
            raise LockTimeout(str(self._path), timeout)
        try:
            if not self._path.parent.is_dir():
                self._path.parent.mkdir(parents=True, exist_ok=True)
            while not self._try_acquire():
                if time.monotonic() >= deadline:
                    raise LockTimeout(str(self._path), timeout)
                time.sleep(_POLL_S)
        except BaseException:
            self._close()
            self._threads.release()
            raise

    def _try_acquire(self) -> bool:
        if not self.by_lease:
            if not self._try_record_lock():
                return False  # also where the file system turns out to have no locks: by the lease, next time
            if not self._leases_path.exists():
                return True
            self._close()
            self.by_lease = True
        return self._try_lease()

    def _try_lease(self) -> bool:
        if not self._nobody_locks:
            self._leases_path.touch()
            # Who took the record lock before the line above is waited for; who takes it after it sees the file.
            if self._path.exists() and not (self._try_record_lock() or self._nobody_locks):
                return False
            self._close()
            self._nobody_locks = True
        return self._lease.try_take()

    def _try_record_lock(self) -> bool:
        if self._descriptor is None:
            self._descriptor = Descriptor(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(self._descriptor.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                self.by_lease = self._nobody_locks = True
                self._leases_path.touch()
            elif error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            return False
        return True

    def _release(self) -> None:
        try:
            self._lease.release()
            self._close()
        finally:
            self._threads.release()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            descriptor.close()


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
        lock = _registry.get(key)
        if lock is None:
            lock = _registry[key] = ExperimentLock(Path(key), use_lease)
        lock.by_lease = lock.by_lease or use_lease
        return lock


# Kept while it is in use: a process may make ten thousand runs. Its descriptor is closed with each release.
_registry: weakref.WeakValueDictionary[str, ExperimentLock] = weakref.WeakValueDictionary()
_registry_lock = reentrant_lock()


def _forget_in_child() -> None:
    """The record lock stays with the parent; a lock between threads that the parent held would never be freed here."""
    _registry.clear()


os.register_at_fork(after_in_child=_forget_in_child)
