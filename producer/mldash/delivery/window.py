"""Records on their way to Kafka: one window for the rounds of a journal (lane.py) and rows of files (local_files.py).

    bytes   leave at acknowledgement: they bound the memory that the client takes, and nothing else
    places  leave in the order in which they came, each when all of it is answered: sent, or held

An event is held where the broker takes none of its size, in no encoding: its place is retired with the others, and
whoever has it keeps the event (docs/protocol.md 9.3). Where a place waits for its answer, what goes on behind it has a
bound of its own: a new producer sends all of that again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from mldash.events.column_types import value_bytes
from mldash.events.encoding import JSON, MSGPACK, encode_record, headers
from mldash.events.limits import RECORD_BYTES
from mldash.events.schema import SCHEMA_VERSION, Columns, Record, Rows, RunEvents

from .kafka import acknowledged
from .producer import Acknowledged, BatchRefused, KafkaTrouble, NotTaken, Producer, Route, Routes, TooLarge
from .refusals import Refusals

IN_FLIGHT_BYTES = 8 << 20
"""Of encoded records that are not acknowledged; the client keeps them, and perhaps a compressed copy, in memory."""

_AHEAD_BYTES = 8 * IN_FLIGHT_BYTES
"""Sent behind the first place that waits for an answer: acknowledged or not, a new producer sends it again."""

SILENCE_S = 10.0
"""A broker that has not answered for so long is told of. It may only be slow: nothing is sent again yet."""

STALL_S = 30.0
"""What is in flight for so long ends its producer."""

_MINORS = range(SCHEMA_VERSION[1] + 1)
_HEADERS = {(encoding, minor): headers(encoding, minor) for encoding in (MSGPACK, JSON) for minor in _MINORS}

ItemT = TypeVar("ItemT")


class _Flying(NamedTuple):
    """A record that was handed to the client."""

    record: Record
    topic: str
    content_type: str
    size: int
    future: "asyncio.Future[Any]"


class _Flight(Struct):
    """The bytes that one producer has on their way; they are forgotten with the producer."""

    bytes: int = 0


class Sent(Struct, Generic[ItemT]):
    """A place on its way."""

    item: ItemT
    since: float
    begin: int
    """Bytes that were sent before it."""
    waiting: int = 0
    flying: list[_Flying] = []
    held: list[Record] = []
    """Of one event each; the broker takes none of them."""


class Window(Generic[ItemT]):
    """Sends records with whatever producer there is, and says which places are done."""

    def __init__(
        self,
        refusals: Refusals,
        *,
        wake: Callable[[], None],
        took: Callable[[Record, Acknowledged], None],
        silent: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`wake` is called with each answer, `took` with each record that was acknowledged; `silent`, with SILENCE_S
        and again and again, while Kafka has not answered for so long."""
        self.refusals = refusals
        self.content_type = MSGPACK
        """What records are sent in; one that is too large for it goes as MessagePack, and its header says so."""
        self.minor = SCHEMA_VERSION[1]
        """The schema's minor version that the servers read."""
        self._wake, self._took, self._silent = wake, took, silent
        self._places: deque[Sent[ItemT]] = deque()
        self._unanswered: deque[Sent[ItemT]] = deque()
        self._flight, self._sent_bytes = _Flight(), 0
        self._heard_at = 0.0

    def begin(self, content_type: str, minor: int) -> None:
        """For a new producer: nothing is in flight, and all places come again, encoded as is said now."""
        self.content_type, self.minor = content_type, min(minor, SCHEMA_VERSION[1])
        self._places.clear()
        self._unanswered.clear()
        self._flight, self._sent_bytes = _Flight(), 0

    @property
    def is_idle(self) -> bool:
        """Nothing is in flight, and `settle` has looked at every answer."""
        return not any(place.waiting or place.flying for place in self._unanswered)

    @property
    def is_empty(self) -> bool:
        return not self._places

    @property
    def has_room(self) -> bool:
        ahead = self._sent_bytes - self._unanswered[0].begin if self._unanswered else 0
        return self._flight.bytes < IN_FLIGHT_BYTES and ahead < _AHEAD_BYTES

    async def send(self, kafka: Producer, routes: Routes, item: ItemT, records: Sequence[Record]) -> None:
        """Send a place's records. Raises KafkaTrouble."""
        place = Sent(item, monotonic(), self._sent_bytes)
        self._places.append(place)
        self._unanswered.append(place)
        for record in records:
            await self._send(kafka, routes.of(record.kind, record.name), place, record)

    def settle(self) -> None:
        """Take note of what is answered. Raises KafkaTrouble, BatchRefused."""
        refused: list[_Flying] = []
        troubles: list[KafkaTrouble] = []
        for place in self._unanswered:
            if place.waiting:
                waited = monotonic() - place.since
                if waited > STALL_S:
                    troubles.append(KafkaTrouble(f"Kafka has not answered for {STALL_S:g} s"))
                if waited > SILENCE_S:
                    self._tell_of_silence()
            if place.flying:
                self._look(place, refused, troubles)
        if refused:
            # The largest of a batch is to blame for it. Its producer is of no more use: a refused batch leaves a gap
            # in the producer's own sequence, for which the next ones are refused too.
            largest = max(refused, key=lambda one: one.size)
            value = encode_record(largest.record, largest.content_type, self.minor)
            self.refusals.refuse(largest.topic, value, is_one_event=largest.record.count == 1)
            raise BatchRefused(largest.size)
        if troubles:
            raise troubles[0]
        while self._unanswered and not self._unanswered[0].waiting:
            self._unanswered.popleft()

    def first_done(self) -> "Sent[ItemT] | None":
        """The first place, if it is done: whoever has dealt with it calls `retire`."""
        place = self._places[0] if self._places else None
        return None if place is None or place.waiting or place.flying else place

    def retire(self) -> None:
        self._places.popleft()

    def _look(self, place: Sent[ItemT], refused: list[_Flying], troubles: list[KafkaTrouble]) -> None:
        """What was taken of a place is told of; what was not is added to the lists."""
        answered = [one for one in place.flying if one.future.done()]
        if not answered:
            return
        place.flying = [one for one in place.flying if not one.future.done()]
        for one in answered:
            try:
                at = acknowledged(one.future)
            except TooLarge:
                refused.append(one)
            except KafkaTrouble as error:
                troubles.append(error)
            else:
                self._took(one.record, at)

    async def _send(self, kafka: Producer, route: Route, place: Sent[ItemT], record: Record) -> None:
        value, content_type = encode_record(record, self.content_type, self.minor), self.content_type
        halves = halve(record) if len(value) > self.refusals.batch_bytes else None
        if halves is not None:
            for half in halves:
                await self._send(kafka, route, place, half)
            return
        if record.count == 1 and not self._may_pass(route, value):
            if content_type != MSGPACK:
                value, content_type = encode_record(record, MSGPACK), MSGPACK
            if content_type == self.content_type or not self._may_pass(route, value):
                place.held.append(record)
                return
        await self._hand_over(kafka, route, place, record, value, content_type)

    def _may_pass(self, route: Route, value: bytes) -> bool:
        return len(value) <= RECORD_BYTES and not self.refusals.expects(route.topic, value)

    async def _hand_over(
        self, kafka: Producer, route: Route, place: Sent[ItemT], record: Record, value: bytes, content_type: str
    ) -> None:
        flight, size = self._flight, len(value)
        flight.bytes += size
        self._sent_bytes += size
        place.waiting += 1

        def done(future: "asyncio.Future[Any]") -> None:
            place.waiting -= 1
            flight.bytes -= size
            if not future.cancelled() and future.exception() is None:  # settle() looks at what failed
                self._heard_at = monotonic()
            self._wake()

        telling = asyncio.get_running_loop().call_later(SILENCE_S, self._tell_of_silence)
        try:
            async with asyncio.timeout(STALL_S):
                future = await kafka.send(route, value, _HEADERS[content_type, self.minor], done)
        except TimeoutError as error:
            raise NotTaken(f"Kafka has not answered for {STALL_S:g} s") from error
        except TooLarge:  # for the client itself: nothing was sent
            place.waiting -= 1
            flight.bytes -= size
            place.held.append(record)
            return
        finally:
            telling.cancel()
        place.flying.append(_Flying(record, route.topic, content_type, size, future))

    def _tell_of_silence(self) -> None:
        """Unless something was acknowledged meanwhile: behind a silence that is over, the next rounds are old too."""
        if monotonic() - self._heard_at >= SILENCE_S:
            self._silent(SILENCE_S)


def halve(record: Record) -> tuple[Record, Record] | None:
    """A record as two, where a broker takes no batch of its size; None where it is one event."""
    count = record.count
    if count < 2:
        return None
    middle = count // 2
    first, second = [], []
    at = 0
    for block in record.blocks:
        cut = min(max(middle - at, 0), block.count)
        if cut:
            first.append(_slice(block, 0, cut))
        if cut < block.count:
            second.append(_slice(block, cut, block.count))
        at += block.count
    replace = msgspec.structs.replace
    return replace(record, blocks=first), replace(record, blocks=second, first_seq=record.first_seq + middle)


def _slice(block: Any, start: int, stop: int) -> Any:
    if isinstance(block, Rows):
        return Rows(block.fields, block.times[start:stop], block.rows[start:stop])
    if isinstance(block, RunEvents):
        return RunEvents(block.events[start:stop])
    columns = []
    for column in block.columns:
        if column.type == "values":
            values = msgspec.msgpack.decode(column.data, type=list[msgspec.Raw])
            data = msgspec.msgpack.encode(values[start:stop])
        else:
            width = value_bytes(column.type, column.shape)
            data = column.data[start * width : stop * width]
        columns.append(msgspec.structs.replace(column, data=data))
    return Columns(block.fields, stop - start, block.times[start * 8 : stop * 8], columns)
