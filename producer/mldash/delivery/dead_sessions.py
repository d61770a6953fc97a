"""Events that dead sessions of this host left for the same servers, sent beside the own ones, each guarded by itself.

A session that can't be read or sent stays as it is, is told of once, and tried again after a growing delay. It holds up
neither the others nor the events of this process.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from mldash.answers.shapes import Connection
from mldash.callbacks import warn
from mldash.events.schema import Record
from mldash.journal.session_folder import Head, SessionFolder
from mldash.journal.sessions import lock_dead_sessions
from mldash.process.clock import GrowingDelay

from .lane import Lane, lane_of_dead
from .producer import BatchRefused, KafkaTrouble, NotTaken, Producer
from .refusals import Refusals, told
from .signals import send_signals

LOOK_S = 60.0
POLL_S = 0.25
_MOST_DELAY_S = 600.0


class DeadSessions:
    """Sent by a task of their own on the publisher's loop."""

    def __init__(self, root: Path, refusals: Refusals, is_ours: Callable[[Head], bool]) -> None:
        """`is_ours`: whether a session was made for the servers that this process sends to."""
        self._root, self._refusals, self._is_ours = root, refusals, is_ours
        self._lanes: list[Lane] = []
        self._next_look = 0.0
        self._delays: dict[str, tuple[GrowingDelay, float]] = {}
        """Session → how long it is left alone, and until when."""
        self._told = set[Path]()
        self._woken = asyncio.Event()

    async def send(self, kafka: Producer, connection: Connection) -> None:
        """Until it is cancelled. Raises KafkaTrouble where the producer is of no more use."""
        for lane in [*self._lanes]:
            with self._guarded(lane):
                lane.begin(connection.content_type, connection.schema_minor)
        while True:
            if monotonic() >= self._next_look:
                self._next_look = monotonic() + LOOK_S
                self._look(connection)
            if not await self._advance(kafka):
                await self._rest()

    def close(self) -> None:
        """Let go of all of them."""
        for lane in [*self._lanes]:
            self._let_go(lane)

    async def _advance(self, kafka: Producer) -> bool:
        """Send a little of what is left; whether there was any."""
        for lane in [*self._lanes]:
            with self._guarded(lane):
                before = lane.checkpoint.place
                if lane.settle() > before:
                    self._delays.pop(lane.folder.head.session, None)
                if lane.has_room and await lane.send_round(kafka):
                    await asyncio.sleep(0)  # the own events get their turn
                    return True
                if lane.is_idle:
                    await send_signals(kafka, lane, final=True, alive=False)
                    if not lane.finish():
                        self._put_off(lane.folder)
                    self._lanes.remove(lane)
        return False

    def _look(self, connection: Connection) -> None:
        """Lock those that are left to us."""
        try:
            for folder in lock_dead_sessions(self._root, self._tell):
                if (lane := self._lane_of(folder, connection)) is None:
                    folder.unlock()
                else:
                    self._lanes.append(lane)
        except OSError as error:
            self._tell(self._root, error)

    def _lane_of(self, folder: SessionFolder, connection: Connection) -> Lane | None:
        _, until = self._delays.get(folder.head.session, (None, 0.0))
        if not self._is_ours(folder.head) or monotonic() < until:
            return None
        try:
            return lane_of_dead(folder, connection, self._refusals, self._woken.set, self._teller_of(folder))
        except Exception as error:
            self._tell(folder.path, error)
            self._put_off(folder)
            return None

    def _teller_of(self, folder: SessionFolder) -> Callable[[list[Record], int], None]:
        return lambda records, kept_bytes: self._tell(folder.path, f"Kafka refuses {told(records[0])} for the size")

    @contextlib.contextmanager
    def _guarded(self, lane: Lane) -> Iterator[None]:
        try:
            yield
        except NotTaken as error:  # the topic is missing, or has no leader: the others' have
            self._leave(lane, error)
        except BatchRefused:
            raise
        except KafkaTrouble:  # of all, or of this one's topics only: the next producer does without it for a while
            self._put_off(lane.folder)
            self._let_go(lane)
            raise
        except Exception as error:
            self._leave(lane, error)

    def _leave(self, lane: Lane, error: Exception) -> None:
        self._tell(lane.folder.path, error)
        self._put_off(lane.folder)
        self._let_go(lane)

    def _let_go(self, lane: Lane) -> None:
        self._lanes.remove(lane)
        lane.close()
        lane.folder.unlock()

    def _put_off(self, folder: SessionFolder) -> None:
        delay, _ = self._delays.get(folder.head.session, (GrowingDelay(LOOK_S, _MOST_DELAY_S), 0.0))
        self._delays[folder.head.session] = (delay, monotonic() + delay.next())

    def _tell(self, folder: Path, problem: object) -> None:
        """Once of each session."""
        if folder not in self._told:
            self._told.add(folder)
            warn(f"what is left in {folder} is not sent now: {problem}. It stays there, and is tried again")

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_S if self._lanes else max(0.0, self._next_look - monotonic())):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()
