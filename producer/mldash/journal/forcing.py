"""The setting fsync="interval" where no delivery thread runs: offline."""

import threading

from mldash.callbacks import Callbacks
from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.locks import Flag

from .append import Journal


class IntervalSync:
    """Forces a journal to the disk now and then, on a thread of its own."""

    def __init__(self, journal: Journal, interval_s: float, callbacks: Callbacks) -> None:
        self._journal, self._interval_s, self._callbacks = journal, interval_s, callbacks
        self._stopping = Flag()
        self._failures = 0

    def start(self) -> None:
        threads.begin(threading.Thread(target=self._run, name="mldash-fsync", daemon=True))

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        attempts = Attempts("forcing the journal to the disk")
        while not self._stopping.wait(self._interval_s):
            attempts.attempt(self._sync)

    def _sync(self) -> None:
        try:
            self._journal.sync()
            self._failures = 0
        except OSError as error:
            self._failures += 1
            self._callbacks.network_error(error, self._failures)
