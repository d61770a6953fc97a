"""What processes that are gone have left: dead sessions' journals, and offline ones. Sent under the same session and
seq, so that sending twice adds nothing twice (docs/protocol.md 9.4)."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from msgspec import Struct

from mldash.producer.answers.shapes import Connection
from mldash.producer.clock import GrowingDelay
from mldash.producer.events.schema import Record
from mldash.producer.journal.rounds import Gatherer
from mldash.producer.journal.scan import Scan, StoredSource
from mldash.producer.journal.session_folder import SessionFolder, find_sessions, open_session_folder

from .lane import Lane, lane_of_dead
from .signals import send_signals

PATIENCE_S = 60.0


class Sent(Struct):
    """What became of one session's journal."""

    folder: SessionFolder
    event_count: int = 0
    left: str | None = None
    """Why something is left, or nothing was sent; None where all is sent, and the journal removed."""


def find_journals(path: Path) -> list[SessionFolder]:
    """The sessions that a path means: a session's folder, a folder of them, or a local experiment's."""
    one = open_session_folder(path)
    if one is not None:
        return [one]
    return [*find_sessions(path), *find_sessions(path / ".journal")]


def journal_bytes(folder: SessionFolder) -> int:
    """Bytes of its segments, for a progress bar: the last one is not full."""
    return sum(folder.segment_path(number).stat().st_size for number in folder.segments())


async def resend(
    folder: SessionFolder,
    connection: Connection,
    progress: Callable[[int], None] = lambda journal_bytes: None,
    patience_s: float = PATIENCE_S,
) -> Sent:
    """Send one session's journal. Run twice, or interrupted and run again, it adds nothing twice.

    Gives up after `patience_s` seconds without any progress. Its process must be gone: a live one sends by itself.
    """
    sent = Sent(folder)
    if not folder.try_lock():
        sent.left = "its process is running, or another one sends it"
        return sent
    woken = asyncio.Event()
    problems: list[str] = []
    try:
        lane = lane_of_dead(folder, connection, woken.set, problems.append)
        sent.left = await _send(lane, connection, woken, progress, patience_s)
        sent.event_count = lane.event_count
        if sent.left is None and not lane.finish():
            sent.left = f"Kafka refuses {problems[0] if problems else 'something'} for its size"
        return sent
    finally:
        folder.unlock()


async def _send(
    lane: Lane, connection: Connection, woken: asyncio.Event, progress: Callable[[int], None], patience_s: float
) -> str | None:
    """None when all was sent, else what was in the way."""
    from .kafka import KafkaProducer, KafkaTrouble

    delay = GrowingDelay(most=3.0)
    moved_at = monotonic()
    while True:
        problem: str
        kafka = None
        try:
            kafka = await KafkaProducer.start(connection.kafka, "mldash-sync", lane.batch_bytes)
            lane.rewind()
            while True:
                before = lane.byte_count
                lane.settle()
                if lane.byte_count > before:
                    moved_at = monotonic()
                    progress(lane.byte_count - before)
                if lane.has_room and await lane.send_round(kafka):
                    await asyncio.sleep(0)
                    continue
                if lane.is_idle:
                    await send_signals(kafka, lane, final=True)
                    return None
                if monotonic() - moved_at > patience_s:
                    return f"Kafka has acknowledged nothing for {patience_s:g} s"
                woken.clear()
                try:
                    async with asyncio.timeout(0.5):
                        await woken.wait()
                except TimeoutError:
                    continue
        except KafkaTrouble as error:
            problem = error.reason
        finally:
            if kafka is not None:
                await kafka.abandon()
        if monotonic() - moved_at > patience_s:
            return problem
        await asyncio.sleep(delay.next())


def records_of(root: Path, prefix: str) -> Iterator[Record]:
    """All that the journals of a folder hold of one experiment, decoded, session after session; read only."""
    for folder in find_sessions(root):
        if folder.head.prefix != prefix:
            continue
        gatherer = Gatherer(Scan(StoredSource(folder)), prefix, decoded=True)
        while (found := gatherer.next_round()) is not None:
            yield from found.records
