"""The thread that hands the journal to a sink (local mode).

One step: a round of records → the sink → the checkpoint → segments below it go. A crash between two is a repeat, and
the sink drops what it has. What dead sessions left in the same folder comes first.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, thread_time

from mldash.callbacks import Callbacks, warn
from mldash.journal.append import Journal
from mldash.journal.barrier import Barrier
from mldash.journal.checkpoint import START, Checkpoint, Place
from mldash.journal.reading.rounds import Gatherer, Round
from mldash.journal.reading.scan import LiveSource, Scan, SessionLost, Source, StoredSource
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import lock_dead_sessions
from mldash.process.clock import Deadline, GrowingDelay
from mldash.process.locks import Bell

from .delivery import Delivery
from .pace import Pace
from .sink import Sink

DEAD_LOOK_S = 30.0
_TIDY_AFTER_S = 1.0


class SinkDrain(Delivery):
    """Delivers to a sink."""

    def __init__(
        self,
        journal: Journal,
        make_sink: Callable[[], Sink],
        callbacks: Callbacks,
        *,
        prefix: str,
        pace: Pace,
        fsync_s: float | None = None,
    ) -> None:
        super().__init__(journal, "drain")
        self._make_sink = make_sink
        self._callbacks = callbacks
        self._prefix = prefix
        self._pace = pace
        self._fsync_s = fsync_s
        self._wake = Bell()
        self._next_look = 0.0
        self._told = set[Path]()
        self._sink: Sink | None = None
        self._settled = Barrier()
        """Up to where the sink has written what follows from the records too, as far as a flush waits for it."""
        self._written = Barrier()
        """And up to where all of it."""
        self._is_ending = False

    def wake(self) -> None:
        self._wake.ring()

    def _wait(self, target: Place, timeout: float, wake: Callable[[], None]) -> bool:
        deadline = Deadline(timeout)
        if not super()._wait(target, timeout, wake):
            return False
        if self._is_this_thread:  # what follows from the records is written when it goes on
            return True
        return (self._written if self._is_ending else self._settled).wait(target, deadline.left, wake)

    def close(self, timeout: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """False also where what follows from the events could not be written: whoever finds the journal makes up for
        it, so the journal must stay."""
        before, self._is_ending = self._is_ending, True  # a handler may close it too, within this wait
        try:
            return super().close(timeout, meanwhile) and self._written.place >= self.journal.end()
        finally:
            self._is_ending = before

    def finish(self) -> None:
        folder = self.journal.folder
        if self._sink is not None and folder is not None:
            self._sink.finish(folder.head.session_id)

    def _run(self) -> None:
        delay = GrowingDelay(most=5.0)
        while True:
            try:
                self._drain(delay)
                return
            except SessionLost:
                return
            except Exception as error:  # a full disk, a lock that is held, or a fault of ours: told, and tried again
                self.barrier.trouble(f"{type(error).__name__}: {error}")
                self._callbacks.network_error(error, delay.attempts + 1)
                if self._stopping.wait(delay.next()):
                    return

    def _drain(self, delay: GrowingDelay) -> None:
        folder = self.journal.folder
        assert folder is not None
        sink = self._sink = self._make_sink()
        if delay.attempts or self._written.place < self.barrier.place:
            sink.take_over(folder.head.session_id)  # what the sink before, which has failed, had put off
        checkpoint = Checkpoint(folder.checkpoint_path)
        gatherer = Gatherer(Scan(LiveSource(self.journal)), self._prefix, decoded=True, after=checkpoint.place)
        synced = delivered_at = monotonic()
        turn_end = START
        awaited: Place | None = None  # who rang waits for what lies before it
        is_tidy = False
        try:
            while True:
                if monotonic() >= self._next_look:
                    self._next_look = monotonic() + DEAD_LOOK_S
                    drain_dead_sessions(self.journal.root, sink, self._tell_of_unreadable)
                    is_tidy = False  # one that could be read no further was taken over all the same
                if awaited is None and self._wake.wait(0):
                    awaited = self.journal.end()
                if awaited is not None and gatherer.place >= awaited:  # seen also where one turn follows another
                    self._write_what_follows(sink, gatherer.place, delay, all_of_it=self._is_ending)
                    awaited = None
                now = monotonic()
                end = self.journal.end()
                if end > gatherer.place >= turn_end and (
                    awaited is not None or self._stopping.is_set() or self._pace.is_due(now)
                ):
                    self._pace.begin(now)
                    turn_end = end
                done = gatherer.next_round() if gatherer.place < turn_end else None
                if done is not None:
                    delivered_at = now
                    is_tidy = False
                    _deliver(done, sink, checkpoint)
                    if done.end > self.barrier.place:  # else it is read again, up to the checkpoint
                        self.barrier.advance(done.end)  # whatever becomes of the files that held it
                        self._tell_of_recovery(delay)
                    self.journal.release(done.base)
                    self._pace.spend(thread_time())
                else:
                    if self._stopping.is_set() and gatherer.place >= self.journal.end():
                        break
                    if not is_tidy and now - delivered_at > _TIDY_AFTER_S:
                        self._write_what_follows(sink, gatherer.place, delay, all_of_it=True)
                        is_tidy = True
                    if self._wake.wait(self._rest_s(is_tidy, synced)):
                        awaited = self.journal.end()
                if self._fsync_s is not None and monotonic() - synced >= self._fsync_s:
                    synced = monotonic()
                    self.journal.sync()
        finally:
            checkpoint.close()
        sink.close()
        self._settled.advance(gatherer.place)
        self._written.advance(gatherer.place)

    def _tell_of_recovery(self, delay: GrowingDelay) -> None:
        self.barrier.problem = None
        if delay.attempts:
            self._callbacks.delivered()
        delay.reset()

    def _write_what_follows(self, sink: Sink, place: Place, delay: GrowingDelay, *, all_of_it: bool) -> None:
        """From the records before `place`."""
        if all_of_it:
            sink.deliver(())  # it may write what it has put off
            self._written.advance(place)
        else:
            sink.settle()
        self._settled.advance(place)
        self._tell_of_recovery(delay)
        self._pace.spend(thread_time())

    def _rest_s(self, is_tidy: bool, synced: float) -> float:
        self._pace.forget(thread_time())
        now = monotonic()
        rest_s = self._pace.rest_s(now)
        if not is_tidy:
            rest_s = min(rest_s, _TIDY_AFTER_S)
        return rest_s if self._fsync_s is None else min(rest_s, max(0.0, synced + self._fsync_s - now))

    def _tell_of_unreadable(self, folder: Path, error: Exception) -> None:
        """Once of each session: it is looked at again and again."""
        if folder not in self._told:
            self._told.add(folder)
            warn(f"what is left in {folder} is not read now: {error}. It stays there, and is tried again")


def _deliver(done: Round, sink: Sink, checkpoint: Checkpoint) -> None:
    if done.records:
        sink.deliver(done.records)
    checkpoint.advance(done.end)


def drain_dead_sessions(
    root: Path, sink: Sink, unreadable: Callable[[Path, Exception], None] = lambda path, error: None
) -> int:
    """Give a sink what processes that are gone have left, and remove their folders. How many sessions there were.

    `unreadable` is told of a session that can't be read: it is left as it is. Raises what the sink raises.
    """
    count = 0
    for folder in lock_dead_sessions(root, unreadable):
        try:
            with _reading(folder):
                source = StoredSource(folder)
            drain_session(folder, source, sink)
            sink.deliver(())  # what it has put off is known in this memory only, once the journal is gone
            sink.finish(folder.head.session_id)
            folder.remove()
            count += 1
        except Unreadable as error:
            unreadable(folder.path, error.reason)
        finally:
            folder.unlock()
    return count


def drain_session(folder: SessionFolder, source: Source, sink: Sink) -> int:
    """Give a sink all that a session's journal holds from its checkpoint on. How many events that were.

    Raises Unreadable, and what the sink raises.
    """
    sink.take_over(folder.head.session_id)
    with _reading(folder):
        checkpoint = Checkpoint(folder.checkpoint_path)
        gatherer = Gatherer(Scan(source), folder.head.prefix, decoded=True, after=checkpoint.place)
    count = 0
    try:
        while True:
            with _reading(folder):
                done = gatherer.next_round()
            if done is None:
                return count
            _deliver(done, sink, checkpoint)
            count += done.event_count
    finally:
        checkpoint.close()


class Unreadable(Exception):
    """A dead session's journal can't be read, for `reason`."""

    def __init__(self, folder: Path, reason: Exception) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return f"{self.folder} can't be read: {self.reason}"


@contextlib.contextmanager
def _reading(folder: SessionFolder) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # EIO, a folder in place of a file, or bytes of an unknown format
        raise Unreadable(folder.path, error) from error
