"""Partitions come and go. Before they go, the batch in hand is finished or abandoned; nothing else needs releasing.

A worker that is paused and wakes can append only to the true end of a chain, and then only what is truly not stored, so
no lock and no claim outlives it (docs/protocol.md 3, Revoked).
"""

import asyncio
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
        self._on_revoked = on_revoked
        self._patience_s = patience_s

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
        self.is_new.set()
        _log.info("partitions assigned", count=len(assigned))
