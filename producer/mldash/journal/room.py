"""The disk space of a journal: its segments, those that can't be deleted yet, and events set aside; its limit, and the
wait until there is room.

A signal's handler may log, or throw, between any two steps here, so a sum is not kept beside the things that it counts.
"""

import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mldash.callbacks import Callbacks, warn
from mldash.errors import JournalFull
from mldash.process.locks import Bell

from .segment import Segment

Policy = Literal["block", "drop", "raise"]

DISK_FULL = "the disk is full"


class Room:
    """The room of one journal. Thread-safe."""

    def __init__(self, limit_bytes: int, policy: Policy, callbacks: Callbacks) -> None:
        self.policy = policy
        self._limit_bytes = limit_bytes
        self._callbacks = callbacks
        self._has_failed_to_delete = False
        self._releases = 0
        self.tell_in_haste(_no_hurry)
        self.forget()
        self.quiet()

    def quiet(self) -> None:
        """For a journal that begins, and begins anew in a forked child: a bell of its own."""
        self._bell = Bell()

    def tell_in_haste(self, hurry: Callable[[], None]) -> None:
        """`hurry`: of whoever takes the events, and so makes room."""
        self.hurry = hurry
        self._hurried_after = -1

    def forget(self) -> None:
        """The files are another's now."""
        self.segments: dict[int, Segment] = {}
        self._undeleted: dict[int, Segment] = {}
        self._kept_bytes = 0

    @property
    def used_bytes(self) -> int:
        held = [*list(self.segments.values()), *list(self._undeleted.values())]
        return self._kept_bytes + sum(segment.size for segment in held)

    def is_within_limit(self, more_bytes: int) -> bool:
        return self.used_bytes + more_bytes <= self._limit_bytes

    @property
    def over_limit(self) -> str:
        """Why it is full, for people."""
        return f"its limit is {self._limit_bytes} bytes"

    def keep(self, more_bytes: int) -> None:
        """So much of the disk is taken by events that were set aside. Called from one thread only."""
        self._kept_bytes += more_bytes

    def release(self, numbers: list[int]) -> None:
        """Delete these segments. Called from one thread only."""
        for number in sorted(numbers):
            segment = self._undeleted[number] = self.segments[number]
            del self.segments[number]
            segment.close()
        self._releases += 1
        self._delete_released()

    def wait(self, patience: "Patience", reason: str, folder: Path) -> bool:
        """What the policy says: wait a little, or False where the event is dropped. Raises JournalFull."""
        if self.policy != "block":
            self._hurry_once()
        if self.policy == "drop":
            return False
        if self.policy == "raise" or patience.is_over:
            raise JournalFull(str(folder), self.used_bytes, reason)
        self.hurry()
        if patience.is_new:
            patience.is_new = False
            self._callbacks.journal_full(str(folder), self.used_bytes, reason)
        used = self.used_bytes
        self._delete_released()
        if self.used_bytes == used:
            self._bell.wait(0.5)  # the disk may also get room by other hands
        if self.used_bytes < used:
            patience.begin_again()
        return True

    def _hurry_once(self) -> None:
        """Until room was made: events that are given up may be many a second, and each would be a wake."""
        releases = self._releases
        if self._hurried_after != releases:
            self.hurry()
            self._hurried_after = releases

    def force(self, segment: Segment) -> None:
        """To the disk; one that was released meanwhile holds nothing that is still needed. Raises OSError."""
        try:
            segment.sync()
        except (ValueError, OSError):  # OSError too: it may have been unmapped within the call
            if self.segments.get(segment.number) is segment:
                raise

    def _delete_released(self) -> None:
        """Delete the files of released segments. A file that can't be deleted takes its room until it can be: it is
        tried again with the next, and by who waits for room."""
        for number, segment in list(self._undeleted.items()):
            try:
                segment.path.unlink(missing_ok=True)
            except OSError as error:
                if not self._has_failed_to_delete:
                    self._has_failed_to_delete = True
                    warn(f"{segment.path} can't be deleted and goes on taking room: {error.strerror or error}")
            else:
                self._undeleted.pop(number, None)
                self._bell.ring()


def _no_hurry() -> None:
    """Nobody takes the events: offline, and before the first one."""


class Patience:
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
