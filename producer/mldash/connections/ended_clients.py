"""Clients of Kafka that have ended inside: aiokafka leaves them to be called on, and they give or take nothing more.

A consumer fetches by one task, and keeps its place in the group by two; a producer sends by one. An error that aiokafka
does not expect ends such a task: under uvloop a write to a connection that was just closed raises RuntimeError, where
aiokafka expects OSError (findings/aiokafka_fetch_ends_under_uvloop.sh). Of the fetching task no call tells: `getmany`
gives nothing, for ever. Nothing begins such a task again, so a new client is needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


def why_consumer_ended(consumer: AIOKafkaConsumer) -> str | None:
    """None while a started consumer works, or waits for a broker. Else what has ended it."""
    fetching = getattr(consumer._fetcher, "_fetch_task", None)
    coordinating = getattr(consumer._coordinator, "_coordination_task", None)  # none without a group
    # Heartbeats end in order with each rebalance; ended by an error, they are begun again by the next one alone.
    beating = getattr(consumer._coordinator, "_heartbeat_task", None)
    return _why_ended(fetching) or _why_ended(coordinating) or (_why_ended(beating) if _has_failed(beating) else None)


def why_producer_ended(producer: AIOKafkaProducer) -> str | None:
    """None while a started producer works, or waits for a broker. Else what has ended it."""
    return _why_ended(producer._sender.sender_task)


def _has_failed(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.done() and not task.cancelled() and task.exception() is not None


def _why_ended(task: asyncio.Task[Any] | None) -> str | None:
    if task is None or not task.done():
        return None
    if task.cancelled():
        return "a task of its own was cancelled"
    error = task.exception()
    if error is None:
        return "a task of its own has returned"
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"
