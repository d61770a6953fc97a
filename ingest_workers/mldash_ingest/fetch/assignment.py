"""Partitions come and go. Before they go, the batches in hand are finished or abandoned; nothing else needs releasing.

A worker that is paused and wakes can append only to the true end of a chain, and only events that are truly missing, so
it needs neither lock nor claim (docs/protocol.md 3, Revoked).

Between the beginning of a rebalance and its end the worker fetches nothing: at the beginning, while its partitions are
still the old ones, it drops a fetch under way, and it starts the next after it has checked the new ones. So it reads
records of a new assignment only once it knows that their partition is the one that the committed offset speaks of.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from mldash_ingest import instruments

_log = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):
    """Holds back a rebalance until the batches in hand are done, `patience_s` at most; then tells them to give up.

    `stop_fetching` is called at its beginning, `forget` when the batches in hand are done.
    """

    def __init__(self, stop_fetching: Callable[[], None], forget: Callable[[], None], patience_s: float) -> None:
        self.give_up = asyncio.Event()
        self._in_hand = 0
        self._idle = asyncio.Event()
        self.number = 0
        """Of the assignment that holds; a new one has a new number."""
        self._holds = asyncio.Event()
        self._stop_fetching, self._forget = stop_fetching, forget
        self._patience_s = patience_s

    @property
    def holds(self) -> bool:
        """False from the beginning of a rebalance to its end."""
        return self._holds.is_set()

    def take(self) -> None:
        """A batch is in hand from now on, until `release`. Call it before anything else can run that ends `holds`."""
        self._in_hand += 1
        self._idle.clear()

    def release(self) -> None:
        """A batch is stored and committed, or given up."""
        self._in_hand -= 1
        if not self._in_hand:
            self._idle.set()

    def lapse(self, number: int) -> None:
        """A commit was refused under the assignment `number`: nothing more may be read under it.

        What was fetched ahead has been dropped, and the consumer would go on behind it: a later record would be stored,
        and announced, before an earlier one. The next assignment begins at the committed offsets.
        """
        if self.number == number:
            self._holds.clear()

    async def wait(self, seconds: float) -> bool:
        """Whether an assignment holds, now or within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._holds.wait()
        except TimeoutError:
            return False
        return True

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        # With a first assignment nothing is revoked, and a fetch may be waiting all the same.
        self._holds.clear()
        self._stop_fetching()
        timer = asyncio.get_running_loop().call_later(self._patience_s, self.give_up.set)
        while self._in_hand:
            await self._idle.wait()
        self._forget()
        timer.cancel()
        self.give_up.clear()
        instruments.partitions.set(0)
        if revoked:
            _log.info("partitions revoked", count=len(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.number += 1
        self._holds.set()
        instruments.partitions.set(len(assigned))
        _log.info("partitions assigned", count=len(assigned))
