"""Heartbeats and claims: what a session says of itself, straight from the publisher, and takes no seq.

A claim says which seqs of a stream are acknowledged, and where the last one is; the audit compares it with the store.
Claims are sent for streams that moved, with the heartbeat, and for all of them once more, as final, at the end.
"""

import asyncio
from collections.abc import Iterator
from time import time
from typing import TYPE_CHECKING

from mldash.producer.events.encoding import encode_record, headers
from mldash.producer.events.schema import Claim, Heartbeat, Record, Signals

from .lane import Lane

if TYPE_CHECKING:
    from .kafka import KafkaProducer

TIMEOUT_S = 5.0
CLAIMS_IN_A_RECORD = 1_000


def signals_of(lane: Lane, *, final: bool = False, alive: bool = True) -> Iterator[bytes]:
    """Records with a heartbeat (`alive`: not of a dead session, which would look as if it ran) and the claims of what
    moved (final: of all), encoded. They count as sent."""
    now = time()
    streams = [*lane.progress] if final else [*lane.changed]
    lane.changed.clear()
    signals: list[Heartbeat | Claim] = [Heartbeat(now)] if alive else []
    for kind, name in streams:
        at = lane.progress[kind, name]
        signals.append(Claim(now, kind, name, at.seq, at.partition, at.offset, final))  # type: ignore[arg-type]
    head = lane.folder.head
    for start in range(0, len(signals), CLAIMS_IN_A_RECORD):
        record = Record(
            prefix=head.prefix,
            kind="runs",
            name="",
            session=head.session_id,
            first_seq=lane.progress[("runs", "")].seq if ("runs", "") in lane.progress else 0,
            logged_at=now,
            blocks=[Signals(signals[start : start + CLAIMS_IN_A_RECORD])],
        )
        yield encode_record(record, head.content_type)


async def send_signals(kafka: "KafkaProducer", lane: Lane, *, final: bool = False, alive: bool = True) -> None:
    """A lost one comes again with the next, and nothing waits long for it. Raises KafkaTrouble."""
    route = lane.routes.of("runs", "")
    content = headers(lane.folder.head.content_type)
    futures = []
    async with asyncio.timeout(2 * TIMEOUT_S):
        for value in signals_of(lane, final=final, alive=alive):
            futures.append(await kafka.send(route.topic, route.partition, route.key, value, content, _look_away))
    if final and futures:
        await asyncio.wait(futures, timeout=TIMEOUT_S)


def _look_away(future: "asyncio.Future[object]") -> None:
    """A failure is no news: the producer's own end tells it."""
    if not future.cancelled():
        future.exception()
