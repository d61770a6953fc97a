"""Heartbeats and claims: what a session says of itself, straight from the publisher, and takes no seq.

A claim says which seqs of a stream are acknowledged, and where the last one is; the audit compares it with the store.
Claims are sent for streams that moved, with the heartbeat, and for all of them once more, as final, at the end.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from time import time
from typing import Any

from mldash.events.encoding import encode_record, headers
from mldash.events.schema import Claim, Heartbeat, Record, Signals

from .lane import Lane, Progress
from .producer import Producer

TIMEOUT_S = 5.0
_CLAIMS_BYTES = 64 << 10
"""Of the claims in one record, so that a broker which takes small records only takes these too."""
_CLAIM_BYTES = 100
"""Of one claim, beside its stream's name."""


def _claims_of(lane: Lane, now: float, *, final: bool) -> Iterator[Claim]:
    """Of the streams that moved since they were last told. Final: of all that the session ever wrote, also of those
    whose acknowledgement an earlier process had, so that their place on Kafka is not known any more."""
    written = lane.written if final else {}
    for kind, name in {**dict.fromkeys(lane.progress), **written} if final else [*lane.changed]:
        at = lane.progress.get((kind, name)) or Progress(0, lane.routes.of(kind, name).partition, -1)
        seq = max(at.seq, written.get((kind, name), 0))
        if seq:
            yield Claim(now, kind, name, seq, at.partition, at.offset, final)  # type: ignore[arg-type]


def signals_of(lane: Lane, *, final: bool = False, alive: bool = True) -> Iterator[Record]:
    """Records with a heartbeat (`alive`: not of a dead session, which would look as if it ran) and claims. What moved
    counts as told from here on."""
    now = time()
    signals: list[Heartbeat | Claim] = [Heartbeat(now)] if alive else []
    signals += _claims_of(lane, now, final=final)
    lane.changed.clear()
    for some in in_records(signals):
        yield Record(
            prefix=lane.folder.head.prefix,
            kind="runs",
            name="",
            session=lane.folder.head.session_id,
            first_seq=lane.progress[("runs", "")].seq if ("runs", "") in lane.progress else 0,
            logged_at=now,
            blocks=[Signals(some)],
        )


def in_records(signals: Iterable[Heartbeat | Claim]) -> Iterator[list[Heartbeat | Claim]]:
    """The signals of one record each."""
    some: list[Heartbeat | Claim] = []
    size = 0
    for signal in signals:
        more = _CLAIM_BYTES + (len(signal.name or "") if isinstance(signal, Claim) else 0)
        if some and size + more > _CLAIMS_BYTES:
            yield some
            some, size = [], 0
        some.append(signal)
        size += more
    if some:
        yield some


async def send_signals(kafka: Producer, lane: Lane, *, final: bool = False, alive: bool = True) -> None:
    """What is lost on the way is told again with the next, and nothing waits long for it. Raises KafkaTrouble."""
    route = lane.routes.of("runs", "")
    content_type = lane.content_type
    futures = []
    untold = set(lane.changed)
    try:
        async with asyncio.timeout(2 * TIMEOUT_S):
            for record in signals_of(lane, final=final, alive=alive):
                value = encode_record(record, content_type)
                done = _tell_again(lane, record)
                futures.append(await kafka.send(route, value, headers(content_type), done))
    except BaseException:
        lane.changed |= untold
        raise
    if final and futures:
        await asyncio.wait(futures, timeout=TIMEOUT_S)


def _tell_again(lane: Lane, record: Record) -> Callable[["asyncio.Future[Any]"], None]:
    """A claim that was not acknowledged is told with the next. The failure shows by the producer's end."""
    claimed = [
        (signal.kind, signal.name)
        for block in record.blocks
        if isinstance(block, Signals)
        for signal in block.signals
        if isinstance(signal, Claim)
    ]

    def done(future: "asyncio.Future[Any]") -> None:
        if future.cancelled() or future.exception() is not None:
            lane.changed.update(stream for stream in claimed if stream in lane.progress)

    return done
