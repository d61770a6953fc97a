"""The journal that this process writes, and what is not the common case of a log(): it begins with a refused write.

no segment yet     the first event: make the folder, start whoever takes the events from here (on_open)
segment full       roll: a new segment, then seal the old one
stream unknown     each segment names its streams, and what their rows hold, before their first event in it
journal full       the policy: block, drop or raise
files taken away   without locks: this process stood still for too long (ownership.py); a new session
forked child       a session and journal of its own; the page behind `here` is wiped in the child by the kernel, so
                   that also children made without Python's hook are seen (docs/protocol.md 9.5)
closed             RuntimeError

Between any two steps of these a signal's handler may log, or throw: what it logs in their middle is deferred behind
what it interrupted, and each step leaves what the next call can go on from
(docs/decisions/0020-what-may-interrupt-a-call.md).
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

from mldash.callbacks import Callbacks, warn
from mldash.errors import JournalFull, JournalUnwritable
from mldash.events.limits import CALL_BYTES
from mldash.process.forked import page_that_forks_empty
from mldash.process.locks import Registry, reentrant_lock

from .checkpoint import Base, Place, write_base
from .frame import MAX_PAYLOAD_BYTES, pack_frame
from .layout import MOST_LAYOUTS, make_layout
from .new_segments import LARGEST_SEGMENT_BYTES, MakeSegment, NewSegments
from .room import DISK_FULL, Patience, Policy, Room
from .segment import MappedSegment, NoSpace, Segment
from .session_folder import Head, SessionFolder, create_session_folder, force_name, make_places
from .writers import EntryWriter, RowWriter, StreamWriter, no_room


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
        self.here = page_that_forks_empty()
        self._room = Room(limit_bytes, policy, callbacks)
        self._make_head, self._on_open = make_head, on_open
        self._callbacks = callbacks
        self._new_segments = NewSegments(segment_bytes, limit_bytes, make_segment)
        self._block_timeout_s, self._dead_after_s = block_timeout_s, dead_after_s
        self._fsync = fsync
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
        self._room.quiet()
        self.here[0] = 1

    def _forget_files(self) -> None:
        for writer in self._all_writers():
            writer._write, writer._segment = no_room, None
        self._first_number = self._next_number
        self._current = None
        self._room.forget()
        self._is_opened = False
        self.folder = None

    @property
    def _next_number(self) -> int:
        """Of the segment that comes next. Not counted beside the segments: nothing can come between the two."""
        return self._first_number if self._current is None else self._current.number + 1

    @property
    def segments(self) -> dict[int, Segment]:
        """By number."""
        return self._room.segments

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
        """Appends a frame that the hot path could not: see the head of this file."""
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

    def tell_in_haste(self, hurry: Callable[[], None]) -> None:
        """`hurry` is called from now on where a segment is full, and where events wait for room."""
        self._room.tell_in_haste(hurry)

    def release(self, base: Base) -> None:
        """Segments below base.segment are acknowledged: delete them. Called from one thread only. Raises OSError."""
        done = [number for number in list(self.segments) if number < base.segment]
        if not done or self.folder is None:
            return
        write_base(self.folder.base_path, base)
        self._room.release(done)

    def keep(self, more_bytes: int) -> None:
        """So much of the disk is taken by events that were set aside: it counts for the journal's limit too."""
        self._room.keep(more_bytes)

    def sync(self) -> Place:
        """Force what is written to the disk, also in segments that were full since the last time. The place behind it.
        Raises OSError."""
        current, end = self._current, self.end()
        for number, segment in list(self.segments.items()):
            if number >= self._forced_before:
                self._room.force(segment)
        if current is not None:
            self._forced_before = current.number
        return end

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
        self._room.segments = {}
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
        patience: Patience | None = None
        while (reason := self._try_append(writer, frame, declaration, len(payload))) is not None:
            assert self.folder is not None
            patience = patience or Patience(patience_s)
            if not self._room.wait(patience, reason, self.folder.path):
                self.dropped += 1
                self._callbacks.dropped(self.dropped)
                return

    def _try_append(
        self, writer: StreamWriter | RowWriter, frame: bytes, declaration: bytes, payload_bytes: int
    ) -> str | None:
        """None when the frame is written, else why it does not fit."""
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
            reason = self._try_roll(self.folder, self._new_segments.size(self._next_number, payload_bytes))
            if reason is not None:
                return reason

    def _open(self) -> None:
        # Segments go on being counted after a session was lost: nothing that is left of it can mean a new one.
        base = Base(self._next_number, [])
        folder = create_session_folder(self.root, self._make_head(), self._dead_after_s)
        if folder.ownership is not None:
            folder.ownership.find_end = self.sync
        make_places(folder, base, force=self._fsync != "never")
        self.folder = folder

    def _leave_lost_session(self) -> None:
        """Its files are another's, up to an end that is fixed now at the latest."""
        assert self.folder is not None and self.folder.ownership is not None
        self.folder.ownership.fix_end()
        segments = self.segments
        self._forget_files()
        for segment in segments.values():
            segment.close()

    def _writing(self, segment: Segment) -> Callable[[bytes], Any]:
        if self._fsync != "always":
            return segment.write

        def write_and_force(frame: bytes) -> None:
            segment.write(frame)
            self._room.force(segment)

        return write_and_force

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

    def _try_roll(self, folder: SessionFolder, size: int) -> str | None:
        """None when there is a new segment, else why there is none."""
        number, old = self._next_number, self._current
        made = self.segments.get(number)  # of a roll that something was thrown into
        if made is None or made.size < size:
            if made is None and self.segments and not self._room.is_within_limit(size):
                return self._room.over_limit
            try:
                made = self._new_segments.make(folder, number, size, lambda: self.folder is folder)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    return DISK_FULL
                raise JournalUnwritable(str(folder.path), error.strerror or str(error)) from error
            self.segments[number] = made
        if self._fsync != "never":
            force_name(folder.path)
        if old is not None:
            old.seal()  # whoever reads the seal finds the next segment
            self._room.hurry()
        self._current = made
        return None


_journals: Registry[Journal] = Registry()


def _leave_the_parents_journals() -> None:
    for journal in _journals:
        journal.here[0] = 0
        journal.begin_in_child()


os.register_at_fork(after_in_child=_leave_the_parents_journals)
