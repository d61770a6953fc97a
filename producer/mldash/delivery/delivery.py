"""What the two deliveries share, of the publisher (remote mode) and the drain (local mode): a thread that takes one
journal's events, how to wait for it, and how it ends.
"""

import threading
from abc import abstractmethod
from collections.abc import Callable

from mldash.journal.append import Journal
from mldash.journal.barrier import Barrier
from mldash.journal.checkpoint import Place
from mldash.process import threads
from mldash.process.clock import Deadline
from mldash.process.locks import Flag

from .delivery_line import what_is_left

_STOP_S = 5.0


class Delivery:
    """Takes one journal's events on a thread of its own, from the first event on."""

    def __init__(self, journal: Journal, name: str) -> None:
        self.journal = journal
        self.barrier = Barrier()
        self._stopping = Flag()
        self._name = f"mldash-{name}"
        self._has_thread = True
        self._begun = threading.Lock()
        """Only ever tried."""
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Where no thread can begin, as in functions of `atexit`, flush() and close() deliver on the caller's.

        Again where something was thrown into it, a signal's exception: of several threads the first delivers."""
        self.journal.tell_in_haste(self.hurry)
        thread = threading.Thread(target=self._run_once, name=self._name, daemon=True)
        self._threads.append(thread)
        self._has_thread = threads.begin(thread)

    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run_once(self) -> None:
        if self._begun.acquire(blocking=False):
            self._run()

    @property
    def _is_this_thread(self) -> bool:
        """Of a finaliser that the collector runs in the thread that delivers: that can't wait for itself."""
        return threading.current_thread() in self._threads

    @abstractmethod
    def wake(self) -> None:
        """Do not linger: somebody waits."""

    def hurry(self) -> None:
        """Do not linger: the journal needs room."""
        self.wake()

    @abstractmethod
    def _run(self) -> None:
        """Until `_stopping` is set and everything is delivered, or time is up."""

    def flush(self, timeout: float) -> None:
        """Returns when everything that is in the journal now is delivered. Raises TimeoutError with what is left, and
        EventsRefused where that is what Kafka takes no more."""
        target = self.journal.end()
        if not self._is_this_thread:
            self._deliver_without_thread()
        if not self._wait(target, 0.0 if self._is_this_thread else timeout, self.wake):
            left = what_is_left(self.unsent_bytes(), "events")
            why = f": {self.barrier.problem}" if self.barrier.problem else ""
            raise TimeoutError(f"after {timeout:g} s {left}{why}. They are in {self._where()}")
        if self.barrier.refused is not None:
            raise self.barrier.refused

    def _wait(self, target: Place, timeout: float, wake: Callable[[], None]) -> bool:
        """Whether what lies before `target` was delivered in time, with what whoever waits expects of that."""
        return self.barrier.wait(target, timeout, wake)

    def close(self, timeout: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Deliver within the time, and end the thread; False where there is something left: the thread goes on.

        `meanwhile` is called again and again while it waits.
        """
        if self._is_this_thread:
            return False
        deadline = Deadline(timeout)
        self._deliver_without_thread()

        def hurry() -> None:
            self.wake()
            meanwhile()

        if not self._wait(self.journal.end(), timeout, hurry):
            return False
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(deadline.left, _STOP_S))
        return not self.is_alive() and self.barrier.place >= self.journal.end()

    def _deliver_without_thread(self) -> None:
        """One try on this thread: it ends when all is delivered, or at the first trouble."""
        if self._has_thread or self._stopping.is_set():
            return
        self._stopping.set()
        try:
            self._run()
        finally:
            self._stopping.clear()

    def finish(self) -> None:
        """After a `close` that delivered all, when the journal takes nothing more, and before it is deleted."""

    def abandon(self) -> None:
        """Its session is another's: end, whatever is left."""
        self._stopping.set()
        self.wake()

    def unsent_bytes(self) -> int:
        """Bytes of the journal that are not acknowledged."""
        done, end = self.barrier.place, self.journal.end()
        if done >= end:
            return 0
        left = end.offset - (done.offset if done.segment == end.segment else 0)
        for number, segment in [*self.journal.segments.items()]:
            if done.segment <= number < end.segment:  # sealed: its size is its end
                left += segment.size - (done.offset if number == done.segment else 0)
        return left

    def _where(self) -> str:
        return str(self.journal.folder.path if self.journal.folder else self.journal.root)
