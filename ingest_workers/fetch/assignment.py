"""Partitions come and go. Before they go, the batch in hand is finished or abandoned; nothing else needs releasing.

A worker that is paused and wakes can append only to the true end of a chain, and then only what is truly not stored, so
no lock and no claim outlives it (docs/protocol.md 3, Revoked).
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from mldash.ingest_workers import instruments

_log = structlog.get_logger()


class Assignment(ConsumerRebalanceListener):
    """Holds back a rebalance until the batch in hand is done, `patience_s` at most; then tells it to give up."""

    def __init__(self, on_revoked: Callable[[], None], patience_s: float) -> None:
        self.in_hand = asyncio.Lock()
        self.give_up = asyncio.Event()
        self.is_new = asyncio.Event()
        self.number = 0
        """Of the assignment that counts: each has its own."""
        self._lapsed = -1
        self._on_revoked = on_revoked
        self._patience_s = patience_s

    def lapse(self, number: int) -> None:
        """A commit was refused under the assignment `number`: nothing more may be read under it.

        What was fetched ahead has been dropped, and the consumer would go on behind it: a later record would be stored,
        and announced, before an earlier one. The next assignment begins at the committed offsets.
        """
        self._lapsed = number

    async def is_live(self, wait_s: float) -> bool:
        """Whether there is an assignment that may be read under; waits a moment for it."""
        if self.number == self._lapsed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.is_new.wait()
        return self.number != self._lapsed

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        if not revoked:
            return
        timer = asyncio.get_running_loop().call_later(self._patience_s, self.give_up.set)
        async with self.in_hand:
            self._on_revoked()
        timer.cancel()
        self.give_up.clear()
        _log.info("partitions revoked", count=len(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        instruments.partitions.set(len(assigned))
        self.number += 1
        self.is_new.set()
        _log.info("partitions assigned", count=len(assigned))
