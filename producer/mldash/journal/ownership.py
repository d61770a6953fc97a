"""The ownership of a session's files on file systems without locks.

    {session}/heartbeat    JSON: the process that writes here, and after how long a silence it counts as dead; its mtime
                           is the last beat
    {session}/lease        held by who takes the files over (lease.py)
    .taken-{session}       beside the folder, a symbolic link to nowhere, "segment:offset": what lies before this place
                           belongs to the session, what lies behind it does not. Who makes it first decides

A process is dead when its host says so, when it has let go (an mtime of 0), or after `dead_after_s` without a beat by
the clock of the file system. It may still wake, in the middle of a log() or of a delivery. So

  the owner   looks, after each write and each read, at how long ago its last beat began. Above half of dead_after_s it
              must take the lease itself before it may say that the write counts. Where it can't, its files are, or will
              be, another's: it fixes the end, unless it is fixed, and goes on under a new session. Only what lies
              before the end counts as logged.
  the taker   holds the lease, looks at the heartbeat, fixes the end, unless it is fixed, and delivers up to there.

So each event that was logged is delivered by exactly one side of the end. What a host that is cut off from its file
server keeps to itself for longer than dead_after_s is lost with it: fsync is for that.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.clock import Stopwatch
from mldash.process.locks import Flag, reentrant_lock
from mldash.process.processes import Process, is_gone, this_process

from .checkpoint import START, Place
from .lease import LEASE_S, Lease

HEARTBEAT_NAME: Final = "heartbeat"
_LEASE_NAME: Final = "lease"
_BEATS_IN_A_LIFE: Final = 20
_SLOWEST_BEAT_S: Final = 60.0
_LOST_AFTER_BEATS: Final = 5
"""A session that is silent for so long reads as LOST, though other processes may not take its files yet."""


class Pulse(Struct, frozen=True):
    """The content of a heartbeat file."""

    process: Process
    dead_after_s: float

    @property
    def beat_s(self) -> float:
        """Seconds between two beats."""
        return min(_SLOWEST_BEAT_S, self.dead_after_s / _BEATS_IN_A_LIFE)


_decode_pulse = msgspec.json.Decoder(Pulse).decode


class Ownership:
    """The owner's side. Thread-safe."""

    def __init__(self, folder: Path, dead_after_s: float) -> None:
        """Writes the heartbeat file. Raises OSError."""
        self.is_lost = False
        self.find_end: Callable[[], Place] = lambda: START
        """Behind everything that is written and on its way to the disk; set by who writes."""
        self._folder = folder
        self._pid = os.getpid()
        self._pulse = Pulse(this_process(), dead_after_s)
        self._lock = reentrant_lock()
        self._ended = Flag()
        self._beat = Stopwatch()
        (folder / HEARTBEAT_NAME).write_bytes(msgspec.json.encode(self._pulse))

    def start(self, folder: Path) -> None:
        """Beat from now on, in the folder under its final name."""
        self._folder = folder
        threads.begin(threading.Thread(target=self._beat_on, name="mldash-heartbeat", daemon=True))

    def holds(self) -> bool:
        """After a read: whether what was read is still this process's to deliver."""
        if not self.is_lost and self._beat.seconds < self._pulse.dead_after_s / 2:
            return True
        with self._lock:
            self.is_lost = self.is_lost or not self._take_back()
            return not self.is_lost

    def covers(self, place: Place) -> bool:
        """After a write up to `place`: whether it counts. Raises OSError where the end can't be forced to the disk."""
        return self.holds() or place <= self.fix_end()

    def fix_end(self) -> Place:
        """Where the session ends; called when it is lost. Raises as `covers`."""
        end = end_of(self._folder)
        return fix_end(self._folder, self.find_end()) if end is None else end

    def let_go(self) -> None:
        """The owner writes no more: whoever comes may take the files. In a forked child: they are the parent's."""
        self._ended.set()
        if self._pid == os.getpid() and not self.is_lost:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._folder / HEARTBEAT_NAME, (0, 0))

    def _take_back(self) -> bool:
        """Beat under the lease, so that other processes can't take the files at the same time."""
        lease = Lease(self._folder / _LEASE_NAME)
        beat = Stopwatch()
        try:
            if end_of(self._folder) is not None or not lease.try_make():
                return False
            os.utime(self._folder / HEARTBEAT_NAME)
            held = lease.is_held()
            lease.release()
        except FileNotFoundError:
            return False
        if held:
            self._beat = beat
        return held

    def _beat_on(self) -> None:
        attempts = Attempts("a heartbeat of this process's journal")
        while not self._ended.wait(self._pulse.beat_s) and not self.is_lost:
            if attempts.attempt(self._try_to_beat) is False:
                return

    def _try_to_beat(self) -> bool:
        """False: there is nothing to beat for any more."""
        beat = Stopwatch()
        if self._beat.seconds >= self._pulse.dead_after_s / 2:
            self.holds()
            return True
        try:
            os.utime(self._folder / HEARTBEAT_NAME)
        except FileNotFoundError:
            return False  # removed: by its owner at its end, or by who took it, which the next write finds out
        except OSError:
            return True  # the server is away: the age of the last beat tells
        # The beat counts from before it was made: the process may have been paused within it.
        self._beat = beat
        return True


class Takeover:
    """The taker's side: a dead session's files are this process's to deliver, up to `end`."""

    def __init__(self, lease: Lease, end: Place | None) -> None:
        self.end = end
        """None: its process is certainly gone, so that nothing is added behind what is there."""
        self._lease = lease

    def renew(self) -> None:
        """Every now and then while it is delivered. Where the lease is lost, another delivers the same up to the same
        end, and seqs cut what comes twice."""
        if self._lease.unrenewed_s > LEASE_S / 3:
            self._lease.renew()

    def release(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._lease.release()


def take_over(folder: Path, find_end: Callable[[], Place]) -> Takeover | None:
    """Take over a session's files; None while its process lives, or another one delivers them.

    `find_end` is where the last whole frame ends.
    """
    if is_living(folder):
        return None
    lease = Lease(folder / _LEASE_NAME)
    try:
        if not lease.try_take():
            return None
        gone = _is_gone_or_has_let_go(folder)
        if not gone and end_of(folder) is None:
            # Once more, under the lease and by the clock of the file system: this host's may be wrong.
            pulse = read_pulse(folder)
            if pulse is None or lease.made_at - _last_beat(folder) <= pulse.dead_after_s:
                lease.release()
                return None
            fix_end(folder, find_end())
        return Takeover(lease, end_of(folder))
    except FileNotFoundError:  # another process has delivered and removed it meanwhile
        return None


def is_living(folder: Path, silent_s: float | None = None) -> bool:
    """Whether its process lives, as far as can be told here; `silent_s`: as if dead after that."""
    pulse = read_pulse(folder)
    if pulse is None or end_of(folder) is not None or _is_gone_or_has_let_go(folder):
        return False
    with contextlib.suppress(FileNotFoundError):
        age = time.time() - _last_beat(folder)
        return age <= (pulse.dead_after_s if silent_s is None else silent_s)
    return False


def is_beating(folder: Path) -> bool:
    """Whether it has been heard of lately: for people who look."""
    pulse = read_pulse(folder)
    return pulse is not None and is_living(folder, _LOST_AFTER_BEATS * pulse.beat_s)


def has_heartbeat(folder: Path) -> bool:
    """Whether the session's life is told by a heartbeat, not by a lock."""
    return (folder / HEARTBEAT_NAME).exists()


def read_pulse(folder: Path) -> Pulse | None:
    try:
        return _decode_pulse((folder / HEARTBEAT_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


def fix_end(folder: Path, place: Place) -> Place:
    """Where the session ends: here, unless that was decided before."""
    with contextlib.suppress(FileExistsError):
        _taken_path(folder).symlink_to(f"{place.segment}:{place.offset}")
    end = end_of(folder)
    return place if end is None else end


def end_of(folder: Path) -> Place | None:
    """None while it has not been taken."""
    try:
        segment, offset = _taken_path(folder).readlink().name.split(":")
    except FileNotFoundError:
        return None
    return Place(int(segment), int(offset))


def forget_taken(journal: Path, seconds: float) -> None:
    """Remove the ends of sessions that have long been delivered: their owners will not wake any more."""
    with contextlib.suppress(FileNotFoundError):
        for path in journal.glob(f"{_TAKEN}*"):
            with contextlib.suppress(FileNotFoundError):
                is_old = time.time() - path.lstat().st_mtime > seconds
                if is_old and not path.with_name(path.name.removeprefix(_TAKEN)).exists():
                    path.unlink()


_TAKEN: Final = ".taken-"


def _taken_path(folder: Path) -> Path:
    return folder.with_name(f"{_TAKEN}{folder.name}")


def _is_gone_or_has_let_go(folder: Path) -> bool:
    pulse = read_pulse(folder)
    with contextlib.suppress(FileNotFoundError):
        return pulse is not None and (is_gone(pulse.process) or _last_beat(folder) == 0)
    return False


def _last_beat(folder: Path) -> float:
    with (folder / HEARTBEAT_NAME).open("rb") as file:  # opened, for over a network that asks the server
        return os.fstat(file.fileno()).st_mtime
