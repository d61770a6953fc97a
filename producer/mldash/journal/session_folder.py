"""A session's folder: its files, and the lock that tells a live session from a dead one.

The folder is made under a temporary name, locked, given its session.json, and only then named for its session:
whoever finds a session folder finds it whole. The lock is an flock: it goes with the process, however that ends, and
lives on in forked children, so these close it (docs/protocol.md 9.5). On a network file system a heartbeat takes its
place (ownership.py): a folder that has one has no lock, whoever looks.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from mldash.errors import JournalUnwritable
from mldash.events.topics import TopicAddress
from mldash.mode import Mode

from .checkpoint import Base, Place, make_checkpoint, read_checkpoint, write_base
from .descriptors import Descriptor
from .ownership import Ownership, Takeover, end_of, has_heartbeat, take_over
from .segment import segment_name

_JOURNAL_FORMAT = 1
_FORMAT_WITH_HELD = 2
"""Of a folder that holds refused events too (held.py)."""
_IN_PLACE_BYTES = 4096
"""A kill does not tear one write within a page."""
_HEAD_NAME = "session.json"
_FORMATS = (_JOURNAL_FORMAT, _FORMAT_WITH_HELD)
MAKING = ".making-"
GONE = ".gone-"


class Head(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """session.json: all that is needed to send a journal whose process is gone."""

    format: int = _JOURNAL_FORMAT
    schema: tuple[int, int] = (1, 0)
    prefix: str
    session: str
    """32 hexadecimal digits."""
    mode: Mode
    host: str = ""
    pid: int = 0
    rank: int | None = None
    started: float = 0.0
    remote: str | None = None
    """The API that the session was made for; whoever sends the journal asks the same, unless told otherwise."""
    kafka: str | None = None
    topics: dict[str, TopicAddress] | None = None
    """Kind → topic and partition count, fixed at the first handshake, before the first send."""
    content_type: str = "application/msgpack"

    @property
    def session_id(self) -> bytes:
        return bytes.fromhex(self.session)


_decode_head = msgspec.json.Decoder(Head).decode


class SessionFolder:
    """One session's files."""

    def __init__(
        self, path: Path, head: Head, lock: Descriptor | None = None, ownership: Ownership | None = None
    ) -> None:
        self.path, self.head = path, head
        self.ownership = ownership
        """Set on file systems without locks, where this process writes here."""
        self.takeover: Takeover | None = None
        """Set on file systems without locks, where this process delivers a dead session's events."""
        self._lock = lock

    @property
    def checkpoint_path(self) -> Path:
        return self.path / "checkpoint"

    @property
    def base_path(self) -> Path:
        return self.path / "base"

    def segment_path(self, number: int) -> Path:
        return self.path / segment_name(number)

    def segments(self) -> list[int]:
        """Numbers of the segments that are there, rising."""
        return sorted(int(path.stem) for path in self.path.glob("[0-9]*.seg"))

    def checkpoint(self) -> Place:
        return read_checkpoint(self.checkpoint_path)

    def fix_topics(self, topics: dict[str, TopicAddress], content_type: str) -> None:
        """Write down, once and for all, where this session's records go. Raises OSError.

        `content_type` is that of today, for versions before 0.2, which kept to it: each connection says it anew.
        """
        head = msgspec.structs.replace(self.head, topics=topics, content_type=content_type)
        _write_head(self.path, head)
        self.head = head

    def use_format_2(self) -> None:
        """Before events are held: a version that knows nothing of them leaves the folder alone. Raises OSError."""
        if self.head.format != _FORMAT_WITH_HELD:
            head = msgspec.structs.replace(self.head, format=_FORMAT_WITH_HELD)
            _write_head(self.path, head)
            self.head = head

    def try_lock(self, find_end: Callable[["SessionFolder"], Place]) -> bool:
        """Whether the session is ours now: False while the process that writes it lives, or another one sends it.

        `find_end` says where its last whole frame ends; it is asked on file systems without locks
        (`sessions.try_lock`).
        """
        if self.ownership is not None or self.takeover is not None:
            return True
        if has_heartbeat(self.path):
            self.takeover = take_over(self.path, lambda: find_end(self))
            return self.takeover is not None
        if self._lock is None:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                self._lock = _lock(self.path / "lock")
        return self._lock is not None

    @property
    def is_lost(self) -> bool:
        """Whether the files that this process wrote are another's now, for it was silent for too long."""
        return self.ownership is not None and self.ownership.is_lost

    def covers(self, place: Place) -> bool:
        """After a write up to `place`: whether it counts as this session's; always so where there are locks."""
        return self.ownership is None or self.ownership.covers(place)

    def end(self) -> Place | None:
        """Where the session was ended by others, or for others; None: where its last whole frame ends."""
        if self.takeover is not None:
            return self.takeover.end
        return end_of(self.path) if has_heartbeat(self.path) else None

    def unlock(self) -> None:
        """Also for a forked child: closing its copy leaves the parent's lock alone."""
        lock, self._lock = self._lock, None
        if lock is not None:
            _unlock(lock)
        ownership, self.ownership = self.ownership, None
        if ownership is not None:
            ownership.let_go()
        takeover, self.takeover = self.takeover, None
        if takeover is not None:
            takeover.release()

    def remove(self) -> None:
        """Delete all of it; for who holds the lock. Raises OSError."""
        if self.ownership is not None and not self.ownership.holds():
            return  # it is another's now
        # Renamed first: at no moment, also after a kill, is there half a session under its name. Where there are no
        # locks another host may have done it before.
        gone = self.path.with_name(f"{GONE}{self.path.name}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(gone)
        # What a process of this host has still open can't go yet on a network, and goes with a later look.
        remove_tree(gone)
        self.unlock()


def create_session_folder(root: Path, head: Head, dead_after_s: float | None = None) -> SessionFolder:
    """A new session's folder, this process's. Raises JournalUnwritable.

    `dead_after_s`: without locks; the process counts as dead after so many seconds without a heartbeat.
    """
    making = root / f"{MAKING}{head.session}"
    lock = ownership = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Local sessions may be read by whoever may read the experiment's files that they lie beside: that is for the
        # user's umask to say. Others lie where all of the user's experiments do.
        making.mkdir(mode=0o777 if head.mode == "local" else 0o700)
        if dead_after_s is not None:
            ownership = Ownership(making, dead_after_s)
        else:
            lock = _lock(making / "lock")
            if lock is None:
                raise OSError(errno.EWOULDBLOCK, "its lock is taken")
        _write_head(making, head)
        path = making.rename(root / head.session)
    except BaseException as error:  # also what a signal's handler throws into it
        if lock is not None:
            _unlock(lock)
        remove_tree(making)
        if isinstance(error, OSError):
            raise JournalUnwritable(str(root), error.strerror or str(error)) from error
        raise
    if ownership is not None:
        ownership.start(path)
    return SessionFolder(path, head, lock, ownership)


def make_places(folder: SessionFolder, base: Base, *, force: bool) -> None:
    """The files of a new session that say where it is read from; without them it is removed. Raises JournalUnwritable.

    Both have their blocks from now on: on a full disk they must still be written to make room.
    """
    try:
        write_base(folder.base_path, base, force=force)
        if force:
            force_name(folder.path.parent)
        make_checkpoint(folder.checkpoint_path)
    except BaseException as error:
        folder.remove()
        if isinstance(error, OSError):
            raise JournalUnwritable(str(folder.path), error.strerror or str(error)) from error
        raise


def open_session_folder(path: Path) -> SessionFolder | None:
    """The session in a folder; None where there is none, or one of a format that this version does not know."""
    try:
        head = _decode_head((path / _HEAD_NAME).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    return SessionFolder(path, head) if head.format in _FORMATS else None


def force_name(folder: Path) -> None:
    """Force to the disk what a folder holds: a file whose name is lost with the power is lost. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Removes as much of it as possible."""
    import shutil  # it brings three packers of archives: not with the SDK

    shutil.rmtree(folder, ignore_errors=True)


def _write_head(folder: Path, head: Head) -> None:
    path = folder / _HEAD_NAME
    new = folder / f"{_HEAD_NAME}.new"
    data = msgspec.json.format(msgspec.json.encode(head), indent=2) + b"\n"
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or len(data) > _IN_PLACE_BYTES or not path.exists():
            raise
        # What the session holds makes room once it is sent: over the old bytes, which have their block.
        with path.open("r+b") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _lock(path: Path) -> Descriptor | None:
    descriptor = Descriptor(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor.number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        descriptor.close()
        return None
    except BaseException:
        descriptor.close()
        raise
    return descriptor


def _unlock(lock: Descriptor) -> None:
    """In the process that has it: for copies of it too, that a child may have which was forked in this moment."""
    if lock.is_mine:
        fcntl.flock(lock.number, fcntl.LOCK_UN)
    lock.close()
