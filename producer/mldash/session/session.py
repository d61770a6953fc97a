"""This process's emission into one experiment: its id, its rank, its journal, and who takes the events from there.

One process has one session for a prefix and a place, however many `Experiment` objects. It begins with the first event:
before that it has neither file, thread nor socket. A forked child gets a session and a journal of its own with its
first event there; a spawned one is a process like any other.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mldash.callbacks import Callbacks, warn
from mldash.delivery.delivery_line import DeliveryLine, undelivered, who_sends_it
from mldash.errors import EventsRefused
from mldash.events.identity import Prefix, new_session_id
from mldash.events.schema import SCHEMA_VERSION, Describe, End, Start, Status
from mldash.journal.append import Journal
from mldash.journal.checkpoint import Place
from mldash.journal.new_segments import MakeSegment
from mldash.journal.placement import journal_root, limit_of, needs_plain_writes, on_network
from mldash.journal.segment import MappedSegment, Segment
from mldash.journal.session_folder import Head, SessionFolder
from mldash.journal.writers import StreamWriter
from mldash.mode import Mode
from mldash.process.locks import Registry, reentrant_lock
from mldash.process.processes import is_daemonic_child
from mldash.settings import SdkSettings

from .deliveries import interval_sync, listened_watch, make_delivery, standing_watch
from .grace import close_limit_s
from .lag import LagWatch
from .launchers import rank_of
from .waiting import Waits, close_within_grace

if TYPE_CHECKING:
    from mldash.capture.captures import Captures
    from mldash.delivery.delivery import Delivery
    from mldash.experiment import Experiment
    from mldash.journal.forcing import IntervalSync
    from mldash.remote.listened import ListenedWatch
    from mldash.remote.standing import StandingWatch


class Session:
    """Writes one experiment's events (mode.Writer). Thread-safe."""

    def __init__(
        self,
        prefix: Prefix,
        settings: SdkSettings,
        mode: Mode,
        callbacks: Callbacks,
        on_closed: Callable[[Session], None],
        on_child: Callable[[Session], None],
    ) -> None:
        """`on_child` is told where a forked child logs first in the run that it has inherited."""
        self._on_closed, self._on_child = on_closed, on_child
        self.prefix, self.settings, self.mode, self.callbacks = prefix, settings, mode, callbacks
        self.journal_folder = _journal_folder(prefix, settings, mode)
        known = settings.network_files
        self.is_on_network = on_network(self.journal_folder) if known is None else known
        self.id = new_session_id()
        self.run_start: Start | None = None
        """The start of the run that is open; None in a worker that is a part of its parent's."""
        self.openers: Registry[Experiment] = Registry()
        """The objects that have started the run, have not ended it, and are still alive."""
        self.dropped: list[Experiment] = []
        """Who has started it, and was dropped without an end. The run does not wait for these."""
        self.endings: list[tuple[Status, BaseException | str | None]] = []
        self.lifecycle = reentrant_lock()
        self.waits = Waits()
        self.delivery: Delivery | None = None
        self._watches: list[LagWatch | StandingWatch | ListenedWatch] = []
        self._captures: Captures | None = None
        self._written: dict[tuple[str, str | None], int] | None = None
        self._refused: EventsRefused | None = None
        """What Kafka took no more, once all else is delivered and the session is closed."""
        self._is_closed = False
        self._gave_up_at: tuple[Place, Place] | None = None
        """What was delivered, and what was to be, when the time was over."""
        self._pid = os.getpid()
        self._is_id_used = False
        self._interval_sync: IntervalSync | None = None
        self._begun_in: SessionFolder | None = None
        """Where the journal lies whose beginning this was told of."""
        make_segment: MakeSegment = MappedSegment
        if self.is_on_network or needs_plain_writes(self.journal_folder):
            make_segment = self._make_plain_segment
        self.journal = Journal(
            self.journal_folder,
            self._make_head,
            on_open=self._begin_delivery,
            callbacks=callbacks,
            limit_bytes=limit_of(self.journal_folder, settings.journal_bytes),
            segment_bytes=settings.segment_bytes,
            # Offline nothing makes room: waiting for it would be for ever.
            policy="raise" if mode == "offline" and settings.journal_policy == "block" else settings.journal_policy,
            block_timeout_s=settings.close_timeout_s,
            fsync=settings.fsync,
            dead_after_s=settings.dead_after_s if self.is_on_network else None,
            make_segment=make_segment,
        )
        self._runs = self.journal.stream("runs", "")

    # -- mode.Writer

    def stream(self, kind: str, name: str | None = "") -> StreamWriter:
        return self.journal.stream(kind, name)

    def append_run_event(self, event: Start | Describe | End) -> None:
        self._runs.append_run_event(event)

    def flush(self, timeout: float | None = None) -> None:
        with self.waits:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        delivery = self._delivery_here()
        if self._written is not None:
            if self._refused is not None:
                raise self._refused
            return
        if delivery is not None:
            delivery.flush(close_limit_s(self.settings) if timeout is None else timeout)
        elif self.settings.fsync != "never":
            self.journal.sync()

    def close(self, timeout: float | None = None) -> None:
        self.deliver_and_close(timeout)

    def deliver_and_close(self, timeout: float | None, *, line: DeliveryLine | None = None) -> None:
        """Deliver what can be delivered in time. All: the thread ends and the files go. Else the rest stays in the
        journal, one line says so, and the thread goes on as long as the process does. Harmless once it is closed: the
        end of a run and the end of the process both come here; who has given up already, and has not moved since,
        gives up at once. `line` tells the user what is waited for: None makes one."""
        if not self._is_closed:
            with self.waits:
                self._deliver_and_close(timeout, line)

    def _deliver_and_close(self, timeout: float | None, line: DeliveryLine | None) -> None:
        delivery = self._delivery_here()
        folder = self.journal.folder
        if folder is None or self._pid != os.getpid():
            self._on_closed(self)
            return
        timeout = close_limit_s(self.settings) if timeout is None else timeout
        if delivery is None:  # offline: the journal is where the events stay
            self.flush()
            self._let_go(remove=False)
            return
        if self._gave_up_at == (delivery.barrier.place, self.journal.end()):
            return
        line = line or DeliveryLine(delivery.unsent_bytes, timeout)
        begun = time.monotonic()
        try:
            delivered = close_within_grace(delivery, timeout, line, self.settings)
        except SystemExit:  # SIGTERM: who ends the process delivers, within what is left
            line.end()
            raise
        except BaseException:  # Ctrl-C, a signal: who waits is told, and does not want to wait
            line.end()
            self._say_what_is_left(delivery, time.monotonic() - begun)
            raise
        line.end()
        if delivered:
            self._written = self.written()
            self._refused = delivery.barrier.refused
            if self._refused is not None:
                warn(f"{self._refused}. {who_sends_it(folder.path)}")
            self._let_go(remove=self._refused is None)
        else:
            self._say_what_is_left(delivery, min(timeout, time.monotonic() - begun))

    def _say_what_is_left(self, delivery: Delivery, waited_s: float) -> None:
        """One line: how much, why, where it is and how it is sent."""
        assert self.journal.folder is not None
        self._gave_up_at = (delivery.barrier.place, self.journal.end())
        left, problem, folder = delivery.unsent_bytes(), delivery.barrier.problem, self.journal.folder
        warn(undelivered(self.prefix.text, left, waited_s, problem, folder.path))

    def _let_go(self, *, remove: bool) -> None:
        self._is_closed = True
        if self._interval_sync is not None:
            self._interval_sync.stop()
        self._stop_watches()
        last = self.journal.close()
        if remove and self.delivery is not None:
            if self.delivery.barrier.place < last and self.journal.folder is not None:  # a thread was still logging
                remove = False
                warn(f"events of {self.prefix.text} came as its run ended. {who_sends_it(self.journal.folder.path)}")
            else:
                self.delivery.finish()
        self.journal.forget(remove=remove)
        self._on_closed(self)

    # -- with the start and the end of a run

    def begin_captures(self) -> None:
        """Begin the captures that the settings ask for; without any, import nothing."""
        if self._captures is not None:
            return
        if self.settings.capture_stdout or self.settings.system_metrics_interval_s:
            from mldash.capture.captures import Captures

            self._captures = Captures(self.settings, self)
            self._captures.start()

    def end_captures(self) -> None:
        if self._captures is not None:
            self._captures.stop()
            self._captures = None

    # -- for reads

    def written(self) -> dict[tuple[str, str | None], int]:
        """Stream → how many of this session's events Kafka has acknowledged; after a flush these are all."""
        if self._written is not None:
            return self._written
        progress = getattr(self._delivery_here(), "progress", None)
        return {stream: at.seq for stream, at in progress().items()} if progress is not None else {}

    def missing(self) -> list[tuple[str, str | None, int]]:
        """(kind, name, events) of each stream that is not wholly acknowledged."""
        from mldash.journal.reading.rounds import next_seqs

        done = self.written()
        seqs = next_seqs(self.journal)
        return [(kind, name, seq - done.get((kind, name), 0)) for (kind, name), seq in seqs.items()]

    def unsent_bytes(self) -> int:
        delivery = self._delivery_here()
        return 0 if delivery is None else delivery.unsent_bytes()

    @property
    def has_ended(self) -> bool:
        """Closed, with all of it delivered: nothing more will come."""
        return self._is_closed

    @property
    def was_refused(self) -> bool:
        """Closed, and the broker has taken some of it never."""
        return self._refused is not None

    @property
    def has_events(self) -> bool:
        """Whether anything was written in this process."""
        return self._pid == os.getpid() and self.journal.folder is not None

    def _delivery_here(self) -> Delivery | None:
        """The parent's thread does not live in a forked child."""
        return self.delivery if self._pid == os.getpid() else None

    # -- with the first event, and with the first one in a forked child

    def _make_head(self) -> Head:
        if self._pid != os.getpid():
            self.id, self._pid, self.delivery, self._watches = new_session_id(), os.getpid(), None, []
        elif self._is_id_used:  # the files of that session were given to another process
            self.id = new_session_id()
        self._is_id_used = True
        settings = self.settings
        return Head(
            schema=SCHEMA_VERSION,
            prefix=self.prefix.text,
            session=self.id.hex(),
            mode=self.mode,
            host=socket.gethostname(),
            pid=self._pid,
            rank=rank_of(settings),
            started=time.time(),
            remote=settings.remote,
            kafka=settings.kafka,
        )

    def _begin_delivery(self, journal: Journal) -> None:
        """Comes again for the same folder where something was thrown into it, a signal's exception."""
        if self._begun_in is not journal.folder:
            if self.run_start is not None:
                self._go_on_with(self.run_start)
            if self.delivery is not None:
                self.delivery.abandon()
                self.delivery = None
            self._begun_in = journal.folder
        self._stop_watches()
        if self.mode == "offline":
            self._force_now_and_then(journal)
            return
        if self.delivery is None:
            self.delivery = make_delivery(self, journal)
        if not self.delivery.is_alive():
            self.delivery.start()
        self._watches = [LagWatch(self.delivery, self.callbacks), *standing_watch(self), *listened_watch(self)]
        for watch in self._watches:
            watch.start()

    def _stop_watches(self) -> None:
        for watch in self._watches:
            watch.stop()

    def _go_on_with(self, start: Start) -> None:
        """Of a forked child in an open run, and of a session that follows a lost one: what its journal begins with.

        A worker of a pool or a loader has no run of its own, it is a part of the one that it was forked in: whoever
        terminates a pool, as `with Pool()` does, has lost nothing, and its workers get no chance to say an end.
        """
        is_forked = start.pid != os.getpid()
        if is_forked and is_daemonic_child():
            self.run_start = None
        else:
            self.run_start = msgspec.structs.replace(start, time=time.time(), pid=os.getpid())
            self.append_run_event(self.run_start)
        if is_forked:
            self._on_child(self)

    def _force_now_and_then(self, journal: Journal) -> None:
        if self._interval_sync is not None:
            self._interval_sync.stop()
        self._interval_sync = interval_sync(self, journal)
        if self._interval_sync is not None:
            self._interval_sync.start()

    def _make_plain_segment(self, path: Path, session: bytes, number: int, size: int) -> Segment:
        from mldash.journal.plain_segment import PlainSegment

        folder = self.journal.folder
        assert folder is not None
        return PlainSegment(path, session, number, size, folder.covers)


def _journal_folder(prefix: Prefix, settings: SdkSettings, mode: Mode) -> Path:
    if mode != "local":
        return journal_root(settings.journal)
    from mldash.local.folder import experiment_folder

    return experiment_folder(settings.root, prefix.text).journal
