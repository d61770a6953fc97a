"""The window against a model: whatever is answered, refused and cut off in whatever order, places leave in theirs."""

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from hypothesis import given, settings
from hypothesis import strategies as some

from mldash.delivery import window
from mldash.delivery.producer import Acknowledged, BatchRefused, Route, Routes
from mldash.delivery.refusals import Refusals
from mldash.delivery.window import Window
from mldash.events.encoding import JSON, MSGPACK, decode_record
from mldash.events.schema import Record, Rows
from mldash.events.topics import TopicAddress

ROOM, MOST = 20_000, 3_000
SMALL, LARGE = 50, 4_000

places_of = some.lists(some.lists(some.sampled_from([SMALL, SMALL, SMALL, 900, LARGE]), max_size=6), max_size=12)


class Model:
    """A broker that takes batches of MOST bytes, and what it has taken; places are what the journal has."""

    def __init__(self, places: list[list[int]], content_type: str) -> None:
        self.refusals = Refusals(len)
        self.window: Window[int] = Window(self.refusals, wake=lambda: None, took=self.take)
        self.window.content_type = content_type
        self.routes = Routes("a/b", {"logs": TopicAddress("logs", 1)})
        self.records: list[Record] = []
        seq = 0
        for sizes in places:
            rows = Rows(["message"], [0.0] * len(sizes), [["x" * size] for size in sizes])
            self.records.append(
                Record(
                    prefix="a/b", kind="logs", name="", session=bytes(16), first_seq=seq, logged_at=0.0, blocks=[rows]
                )
            )
            seq += len(sizes)
        self.is_large = [size == LARGE for sizes in places for size in sizes]
        self.pending: deque[tuple[bytes, asyncio.Future[Any]]] = deque()
        self.taken, self.held = set[int](), set[int]()
        self.retired = self.sent = 0

    async def send(self, route: Route, value: bytes, headers: Any, done: Any) -> Any:
        decode_record(value, headers)
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(done)
        self.pending.append((value, future))
        return future

    def take(self, record: Record, at: Acknowledged) -> None:
        self.taken.update(range(record.first_seq, record.first_seq + record.count))

    async def send_next(self) -> None:
        record = self.records[self.sent]
        await self.window.send(self, self.routes, self.sent, [record] if record.count else [])  # type: ignore[arg-type]
        self.sent += 1

    async def answer(self, at: int, together: int) -> None:
        """One batch: records next to each other that it had room for, or one alone."""
        self.pending.rotate(-at)
        batch = [self.pending.popleft()]
        while self.pending and together > len(batch):
            if sum(len(value) for value, _ in batch) + len(self.pending[0][0]) > self.refusals.batch_bytes:
                break
            batch.append(self.pending.popleft())
        size = sum(len(value) for value, _ in batch)
        for _, future in batch:
            if size > MOST:
                future.set_exception(MessageSizeTooLargeError())
            else:
                future.set_result(SimpleNamespace(partition=0, offset=0))
        await asyncio.sleep(0)  # the callbacks' turn

    def settle(self) -> None:
        try:
            self.window.settle()
        except BatchRefused:
            self.begin_again()
        while (sent := self.window.first_done()) is not None:
            assert sent.item == self.retired, "places leave in their order, each once"
            self.held.update(record.first_seq for record in sent.held)
            record = self.records[sent.item]
            assert set(range(record.first_seq, record.first_seq + record.count)) <= self.taken | self.held
            self.window.retire()
            self.retired += 1

    def begin_again(self) -> None:
        self.window.begin(self.window.content_type, 1)
        self.pending.clear()
        self.sent = self.retired

    def check(self) -> None:
        assert self.window._flight.bytes == sum(len(value) for value, _ in self.pending), "bytes leave with the answer"
        assert not (self.window.is_idle and self.pending)
        assert self.pending or self.window.has_room, "nothing but what is unanswered takes room"


@settings(deadline=None, max_examples=60)
@given(places=places_of, content_type=some.sampled_from([MSGPACK, JSON]), data=some.data())
def test_places_leave_in_order_and_bytes_with_their_answers(
    places: list[list[int]], content_type: str, data: some.DataObject
) -> None:
    """Rounds are sent, answered in any order, refused for their size, and cut off with their producer."""

    async def run() -> None:
        model = Model(places, content_type)
        for _ in range(2_000):
            if model.retired == len(places):
                break
            can_send = model.sent < len(places) and model.window.has_room
            can = [*["send"] * can_send, *["answer"] * bool(model.pending), "settle"]
            match data.draw(some.sampled_from([*can, "cut"] if data.draw(some.integers(0, 20)) == 0 else can)):
                case "send":
                    await model.send_next()
                case "answer":
                    at = data.draw(some.integers(0, len(model.pending) - 1))
                    await model.answer(at, data.draw(some.integers(1, 4)))
                case "cut":
                    model.begin_again()
                case _ if not model.pending and can_send:
                    await model.send_next()
                case _:
                    model.settle()
            model.check()
        else:
            while model.retired < len(places):  # as a publisher does it, so that it ends
                while model.sent < len(places) and model.window.has_room:
                    await model.send_next()
                while model.pending:
                    await model.answer(0, 4)
                model.settle()
        assert model.held == {seq for seq, large in enumerate(model.is_large) if large}
        assert model.taken == {seq for seq, large in enumerate(model.is_large) if not large}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "IN_FLIGHT_BYTES", ROOM)
        asyncio.run(run())


def test_a_size_that_was_refused_is_not_tried_again_until_it_is_old() -> None:
    now = [0.0]
    refusals = Refusals(len, clock=lambda: now[0])
    large = bytes(2 << 20)
    refusals.refuse("logs", large, is_one_event=True)
    assert refusals.expects("logs", large) and not refusals.expects("logs", large[1:])
    assert not refusals.expects("metrics", large), "each topic has a limit of its own"
    now[0] = 601.0
    assert not refusals.expects("logs", large)


def test_batches_grow_smaller_until_who_is_to_blame_is_alone_and_then_grow_back() -> None:
    refusals = Refusals(len)
    refusals.refuse("logs", bytes(30_000), is_one_event=True)
    assert refusals.batch_bytes == 16 << 10 and not refusals.expects("logs", bytes(30_000))
    refusals.refuse("logs", bytes(30_000), is_one_event=True)
    assert refusals.batch_bytes == 1 << 20 and refusals.expects("logs", bytes(30_000))
    for _ in range(40):
        refusals.refuse("metrics", bytes(900), is_one_event=False)
    assert refusals.batch_bytes == 1
