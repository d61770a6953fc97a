"""The journal that this process writes, and what is not the common case of a log(): it begins with a refused write.

no segment yet     the first event: make the folder, start whoever takes the events from here (on_open)
segment full       roll: a new segment, then seal the old one
stream unknown     each segment names its streams, and what their rows hold, before their first event in it
journal full       the policy: block, drop or raise
files taken away   where there are no locks: this process stood still for too long (ownership.py); a new session
forked child       a session and journal of its own; the page behind `here` is wiped in the child by the kernel, so
                   that also children made without Python's hook are seen (docs/protocol.md 9.5)
closed             RuntimeError

Between any two steps of these a signal's handler may log, or throw: what it logs in their middle is deferred behind
what it interrupted, and each step leaves what the next call can go on from
(docs/decisions/0020-what-may-interrupt-a-call.md).
"""

import contextlib
import errno
import mmap
import os
import time as clock
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

from mldash.callbacks import Callbacks, warn
from mldash.errors import JournalFull, JournalUnwritable
from mldash.events.limits import CALL_BYTES
from mldash.process.locks import Bell, Registry, reentrant_lock

from .checkpoint import Base, Place, make_checkpoint, write_base
from .frame import HEADER_BYTES, MAX_PAYLOAD_BYTES, pack_frame
from .layout import make_layout
from .segment import SEGMENT_HEADER_BYTES, MappedSegment, NoSpace, Segment, segment_bytes_for
from .session_folder import Head, SessionFolder, create_session_folder
from .writers import EntryWriter, RowWriter, StreamWriter, no_room

Policy = Literal["block", "drop", "raise"]
MakeSegment = Callable[[Path, bytes, int, int], Segment]

FIRST_SEGMENT_BYTES = 1 << 20
"""The first segment is small and each next one twice as large: a short job takes little of the disk."""

MOST_LAYOUTS = 1000
"""Of one journal: each is declared in each segment that has rows of it."""

LARGEST_SEGMENT_BYTES = SEGMENT_HEADER_BYTES + HEADER_BYTES + MAX_PAYLOAD_BYTES
"""So no payload above the limit of a call fits an ordinary segment, and the hot path need not look at sizes."""

DISK_FULL = "the disk is full"

MADV_WIPEONFORK = 18


class Journal:
    """One process's events of one experiment, on disk. Thread-safe; in a forked child it begins anew by itself."""

    def __init__(
        self,
        root: Path,
        make_head: Callable[[], Head],
        *,
        on_open: Callable[["Journal"], None],
        callbacks: Callbacks,
        limit_bytes: int,
        segment_bytes: int = LARGEST_SEGMENT_BYTES,
        policy: Policy = "block",
        block_timeout_s: float = 60.0,
        fsync: Literal["never", "interval", "always"] = "never",
        dead_after_s: float | None = None,
        make_segment: MakeSegment = MappedSegment,
    ) -> None:
        """Nothing is on the disk before the first event. `on_open` is called then, and again in a forked child; also
        with the next event where something was thrown into it.

        `block_timeout_s`: how long the policy "block" waits without any room being made before it raises.
        `dead_after_s`: no locks, but heartbeats; a silence of so many seconds counts as this process's death.
        """
        self.root = root
        self.folder: SessionFolder | None = None
        self.segments: dict[int, Segment] = {}
        self.here = _page_that_forks_empty()
        self.dropped = 0
        self._has_failed_to_delete = False
        self.policy = policy
        self._make_head = make_head
        self._on_open = on_open
        self._callbacks = callbacks
        self._limit_bytes = limit_bytes
        self._segment_bytes = max(4096, min(segment_bytes, LARGEST_SEGMENT_BYTES, limit_bytes // 4))
        self._block_timeout_s = block_timeout_s
        self._fsync = fsync
        self._dead_after_s = dead_after_s
        self._make_segment = make_segment
        self._writers: dict[tuple[str, str | None], StreamWriter] = {}
        self._numbers = count()
        """Of streams and layouts; not counted by these, for a handler may make another one in between."""
        self._row_writers: dict[tuple[int, str, tuple[str, ...]], RowWriter] = {}
        self._begin()
        _journals.add(self)

    def _begin(self) -> None:
        """The state of a journal that has nothing yet: of a new one, and of a forked child's."""
        self.pid = os.getpid()
        self.dropped = 0
        self._first_number = self._forced_before = 0
        self._current: Segment | None = None
        self._forget_files()
        self._closed = False
        self._deferred: deque[tuple[StreamWriter | RowWriter, int, bytes]] = deque()
        self._appending = reentrant_lock()
        self._lock = reentrant_lock()
        """Of writers that are made."""
        self._room = Bell()
        self.here[0] = 1

    def _forget_files(self) -> None:
        for writer in self._all_writers():
            writer._write, writer._segment = no_room, None
        self._first_number = self._next_number
        self._current = None
        self.segments = {}
        self._undeleted: dict[int, Segment] = {}
        self._kept_bytes = 0
        self._is_opened = False
        self.folder = None

    @property
    def _next_number(self) -> int:
        """Of the segment that comes next. Not counted beside the segments: nothing can come between the two."""
        return self._first_number if self._current is None else self._current.number + 1

    @property
    def _used_bytes(self) -> int:
        """Of what is there: likewise not counted beside it."""
        held = [*list(self.segments.values()), *list(self._undeleted.values())]
        return self._kept_bytes + sum(segment.size for segment in held)

    # -- for the handles

    def stream(self, kind: str, name: str | None = "") -> StreamWriter:
        """The same writer for the same stream."""
        writer = self._writers.get((kind, name))
        if writer is None:
            with self._lock:
                make = EntryWriter if kind == "tracks" else StreamWriter
                writer = self._writers.setdefault((kind, name), make(self, next(self._numbers), kind, name))
        return writer

    def rows(self, stream: StreamWriter, types: str, fields: tuple[str, ...]) -> RowWriter | None:
        """The same writer for the same layout of the same stream; None where there are too many."""
        key = (stream._number, types, fields)
        writer = self._row_writers.get(key)
        if writer is None:
            with self._lock:
                if len(self._row_writers) >= MOST_LAYOUTS:
                    return None
                layout = make_layout(next(self._numbers), stream._number, types, fields)
                writer = self._row_writers.setdefault(key, RowWriter(self, stream, layout))
        return writer

    def append_slowly(self, writer: StreamWriter | RowWriter, kind: int, payload: bytes) -> None:
        """What the hot path could not do: see the head of this file."""
        if os.getpid() != self.pid:
            self.begin_in_child()
        self._check_open()  # before the lock: where the interpreter ends, a thread may have died with it
        if self._appending._is_owned():  # a handler's, in the middle of this very function
            self._deferred.append((writer, kind, payload))
            return
        with self._appending:
            self._check_open()
            patience_s = 0.0
            try:
                self._append_slowly(writer, kind, payload, self._block_timeout_s)
                patience_s = self._block_timeout_s
            finally:  # also where the handler has thrown something: its events are in no other hands
                self._append_deferred(patience_s)

    # -- for whoever takes the events

    def end(self) -> Place:
        """The place behind the last event that is in the journal."""
        segment = self._current
        return Place(0, 0) if segment is None else Place(segment.number, segment.end)

    def release(self, base: Base) -> None:
        """Segments below base.segment are acknowledged: delete them. Called from one thread only. Raises OSError."""
        done = [number for number in list(self.segments) if number < base.segment]
        if not done or self.folder is None:
            return
        write_base(self.folder.base_path, base)
        for number in sorted(done):
            segment = self._undeleted[number] = self.segments[number]
            del self.segments[number]
            segment.close()
        self._delete_released()

    def keep(self, more_bytes: int) -> None:
        """So much of the disk is taken by events that were set aside: it counts for the journal's limit too."""
        self._kept_bytes += more_bytes  # by one thread only

    def sync(self) -> None:
        """Force what is written to the disk, also in segments that were full since the last time. Raises OSError."""
        current = self._current
        for number, segment in list(self.segments.items()):
            if number >= self._forced_before:
                self._force(segment)
        if current is not None:
            self._forced_before = current.number

    def count_seqs(self) -> dict[tuple[str, str | None], int]:
        """The seq of each stream's next event, counted from the disk."""
        from .reading.rounds import count_events
        from .reading.scan import LiveSource, Scan

        while self.folder is not None:
            try:
                return count_events(Scan(LiveSource(self)))
            except ValueError:  # a segment was released under the scan: from the new base
                continue
        return {}

    def close(self) -> Place:
        """No event is taken any more; the files and the lock stay until `forget`. The place behind the last event: one
        may have come after whoever closes it has looked last."""
        with self._appending, self._lock:
            self._append_deferred(0.0)
            self._closed = True
            for writer in self._all_writers():
                writer._write = no_room
            current = self._current
            return Place(0, 0) if current is None else Place(current.number, current.seal())

    def forget(self, *, remove: bool) -> None:
        """Let go of the files; `remove` deletes them: for when all is acknowledged. Only after `close`."""
        for segment in list(self.segments.values()):
            segment.close()
        self.segments = {}
        if self.folder is not None:
            if remove:
                self.folder.remove()
            self.folder.unlock()

    def begin_in_child(self) -> None:
        """In a forked child: leave the parent's files alone and begin anew with the next event."""
        if self.folder is not None:
            self.folder.unlock()  # else the parent's session would not look dead while the child lives
        for segment in list(self.segments.values()):
            segment.leave_to_parent()
        self._begin()

    # -- inside, under the lock

    def _all_writers(self) -> Iterator[StreamWriter | RowWriter]:
        return chain(self._writers.values(), self._row_writers.values())

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the run is not started: call experiment.run.start() first")

    def _append_slowly(self, writer: StreamWriter | RowWriter, kind: int, payload: bytes, patience_s: float) -> None:
        if len(payload) > MAX_PAYLOAD_BYTES:
            of = f"{writer.kind} {writer.name!r}" if writer.name else writer.kind
            raise ValueError(f"one call of {len(payload)} bytes to {of}: at most {CALL_BYTES} are allowed")
        frame = pack_frame(kind, payload)
        declaration = writer.declaration()
        patience: _Patience | None = None
        while (reason := self._try_append(writer, frame, declaration, len(payload))) is not None:
            patience = patience or _Patience(patience_s)
            if not self._wait_for_room(patience, reason):
                self.dropped += 1
                self._callbacks.dropped(self.dropped)
                return

    def _try_append(
        self, writer: StreamWriter | RowWriter, frame: bytes, declaration: bytes, payload_bytes: int
    ) -> str | None:
        """None when the frame is written, else why there is no room for it."""
        while True:
            self._check_open()  # a handler may have ended the run meanwhile
            if self.folder is not None and self.folder.is_lost:
                self._leave_lost_session()
            if self.folder is None:
                self._open()
            if not self._is_opened:
                self._on_open(self)
                self._is_opened = True
            segment = self._current
            if segment is not None:
                try:
                    if writer._segment is not segment:
                        segment.write(declaration)
                        writer._segment, writer._write = segment, self._writing(segment)
                    writer._write(frame)
                    return None
                except NoSpace:
                    return DISK_FULL
                except ValueError:  # it is full, or lost; or a handler has forked, and this is the child
                    if self.folder is None or self.folder.is_lost:
                        continue
            assert self.folder is not None
            reason = self._try_roll(self.folder, self._size_for(payload_bytes))
            if reason is not None:
                return reason

    def _open(self) -> None:
        folder = create_session_folder(self.root, self._make_head(), self._dead_after_s)
        if folder.ownership is not None:
            folder.ownership.find_end = self._end_on_disk
        # Segments go on being counted after a session was lost: nothing that is left of it can mean a new one.
        # And both files have their blocks from now on: on a full disk they must still be written to make room.
        try:
            write_base(folder.base_path, Base(self._next_number, []), force=self._fsync != "never")
            if self._fsync != "never":
                _force_name(self.root)
            make_checkpoint(folder.checkpoint_path)
        except BaseException as error:
            folder.remove()
            if isinstance(error, OSError):
                raise JournalUnwritable(str(folder.path), error.strerror or str(error)) from error
            raise
        self.folder = folder

    def _leave_lost_session(self) -> None:
        """Its files are another's, up to an end that is fixed now at the latest."""
        assert self.folder is not None and self.folder.ownership is not None
        self.folder.ownership.fix_end()
        segments = self.segments
        self._forget_files()
        for segment in segments.values():
            segment.close()

    def _end_on_disk(self) -> Place:
        end = self.end()
        self.sync()
        return end

    def _writing(self, segment: Segment) -> Callable[[bytes], Any]:
        if self._fsync != "always":
            return segment.write

        def write_and_force(frame: bytes) -> None:
            segment.write(frame)
            self._force(segment)

        return write_and_force

    def _force(self, segment: Segment) -> None:
        """To the disk; one that was released meanwhile holds nothing that is still needed. Raises OSError."""
        try:
            segment.sync()
        except (ValueError, OSError):  # OSError too: it may have been unmapped within the call
            if self.segments.get(segment.number) is segment:
                raise

    def _append_deferred(self, patience_s: float) -> None:
        """What handlers have logged while a slow append was going on. They were told that it is in the journal: where
        it turns out that it can't be, that is said."""
        while self._deferred:
            try:
                deferred = self._deferred.popleft()
            except IndexError:  # a handler was faster
                return
            try:
                self._append_slowly(*deferred, patience_s)
            except (JournalFull, JournalUnwritable, ValueError, OSError) as error:
                self.dropped += 1
                warn(f"what a signal handler logged is lost: {error}")

    def _delete_released(self) -> None:
        """Delete the files of segments that are released. One that can't be deleted takes its room until it can be: it
        is tried again with the next, and by who waits for room."""
        for number, segment in list(self._undeleted.items()):
            try:
                segment.path.unlink(missing_ok=True)
            except OSError as error:
                if not self._has_failed_to_delete:
                    self._has_failed_to_delete = True
                    warn(f"{segment.path} can't be deleted and goes on taking room: {error.strerror or error}")
            else:
                self._undeleted.pop(number, None)
                self._room.ring()

    def _size_for(self, payload_bytes: int) -> int:
        size = min(self._segment_bytes, FIRST_SEGMENT_BYTES << min(self._next_number, 10))
        return max(size, segment_bytes_for(payload_bytes))

    def _wait_for_room(self, patience: "_Patience", reason: str) -> bool:
        """What the policy says: wait a little, or False where the event is dropped. Raises JournalFull."""
        assert self.folder is not None
        if self.policy == "drop":
            return False
        if self.policy == "raise" or patience.is_over:
            raise JournalFull(str(self.folder.path), self._used_bytes, reason)
        if patience.is_new:
            patience.is_new = False
            self._callbacks.journal_full(str(self.folder.path), self._used_bytes, reason)
        used = self._used_bytes
        self._delete_released()
        if self._used_bytes == used:
            self._room.wait(0.5)  # the disk may also get room by other hands
        if self._used_bytes < used:
            patience.begin_again()
        return True

    def _try_roll(self, folder: SessionFolder, size: int) -> str | None:
        """None when there is a new segment, else why there is none."""
        number, old = self._next_number, self._current
        made = self.segments.get(number)  # of a roll that something was thrown into
        if made is None or made.size < size:
            if made is None and self.segments and self._used_bytes + size > self._limit_bytes:
                return f"its limit is {self._limit_bytes} bytes"
            try:
                made = self._make_anew(folder, number, size)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    return DISK_FULL
                raise JournalUnwritable(str(folder.path), error.strerror or str(error)) from error
            self.segments[number] = made
        if self._fsync != "never":
            _force_name(folder.path)
        if old is not None:
            old.seal()  # whoever reads the seal finds the next segment
        self._current = made
        return None

    def _make_anew(self, folder: SessionFolder, number: int, size: int) -> Segment:
        """Raises OSError."""
        path = folder.segment_path(number)
        try:
            return self._make_segment(path, folder.head.session_id, number, size)
        except FileExistsError:  # made, and then something was thrown: nothing was ever written to it
            if self.folder is not folder:  # a handler has forked, this is the child, and it is the parent's
                raise
            path.unlink()
            return self._make_segment(path, folder.head.session_id, number, size)


class _Patience:
    """How long the policy "block" waits: from when room was made last."""

    def __init__(self, seconds: float) -> None:
        self.is_new = True
        self._seconds = seconds
        self.begin_again()

    def begin_again(self) -> None:
        self._deadline = clock.monotonic() + self._seconds

    @property
    def is_over(self) -> bool:
        return clock.monotonic() > self._deadline


def _force_name(folder: Path) -> None:
    """Force to the disk what a folder holds: a file whose name is lost with the power is lost. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _page_that_forks_empty() -> memoryview:
    """A number that is 1 here and 0 in a forked child, whoever forks (Linux 4.14; elsewhere the hook below does it)."""
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError, ValueError):
        page.madvise(MADV_WIPEONFORK)
    return memoryview(page).cast("Q")


_journals: Registry[Journal] = Registry()


def _leave_the_parents_journals() -> None:
    for journal in _journals:
        journal.here[0] = 0
        journal.begin_in_child()


os.register_at_fork(after_in_child=_leave_the_parents_journals)
