"""Records by way of an API: in order, one request at a time, and again when the API says so."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiokafka.codec import zstd_decode

from mldash.delivery import gateway
from mldash.delivery.gateway import LEAST_GATHERED, MOST_GATHERED, GatewayProducer, Post, Way
from mldash.delivery.kafka import acknowledged
from mldash.delivery.producer import KafkaTrouble, NotTaken, Route, TooLarge
from mldash.errors import RequestRefused, ServerUnreachable
from mldash.events.batches import BatchAnswer, RecordBatch
from mldash.events.encoding import headers
from mldash.events.limits import RECORD_BYTES
from mldash.process import threads

ROUTE = Route("topic", 0, b"key", 4)


class FakeApi:
    """Takes every record, and says where it is; `answers` come before, one a request."""

    def __init__(self) -> None:
        self.requests: list[list[bytes]] = []
        self.answers: list[Exception | Callable[[list[bytes]], list[Any]]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()
        self.at_once = self.most_at_once = 0

    def post(self, body: bytes) -> bytes:
        self.at_once += 1
        self.asked.set()
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            assert self.may_answer.wait(10)
            batch = msgspec.msgpack.decode(zstd_decode(body), type=RecordBatch)
            values = [one.value for one in batch.records]
            if values and self.answers:
                answer = self.answers.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return msgspec.msgpack.encode(BatchAnswer(answer(values)))
            before = sum(map(len, self.requests))
            self.requests += [values] if values else []
            return msgspec.msgpack.encode(BatchAnswer([(0, before + place) for place in range(len(values))]))
        finally:
            self.at_once -= 1


def refused(status: int, retry_after_s: float | None = None) -> RequestRefused:
    error = RequestRefused(status, "Refused", "for a reason")
    error.retry_after_s = retry_after_s
    return error


async def send(producer: GatewayProducer, *values: bytes) -> list[asyncio.Future[Any]]:
    return [await producer.send(ROUTE, value, headers(), lambda done: None) for value in values]


@pytest.fixture(params=["thread", "no thread"])
def post(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeApi], Post]:
    """The second as while the interpreter is leaving: the loop itself waits for each answer."""
    if request.param == "no thread":
        monkeypatch.setattr(threads, "begin", lambda thread: False)
    return lambda api: api.post


async def test_records_keep_their_order_and_what_comes_meanwhile_goes_together(
    post: Callable[[FakeApi], Post],
) -> None:
    api = FakeApi()
    producer = await GatewayProducer.start(Way(post(api)))
    values = [b"%d" % number for number in range(50)]
    futures = await send(producer, *values)
    await asyncio.wait(futures)
    assert [acknowledged(one).offset for one in futures] == list(range(50))
    assert [one for request in api.requests for one in request] == values
    assert api.most_at_once == 1
    assert len(api.requests) < 50
    await producer.abandon()


async def test_while_one_request_is_on_its_way_no_other_one_is() -> None:
    api = FakeApi()
    producer = await GatewayProducer.start(Way(api.post))
    api.may_answer.clear()
    api.asked.clear()
    first = await send(producer, b"first")
    assert await asyncio.to_thread(api.asked.wait, 10)
    behind = await send(producer, *[b"behind"] * 10)
    api.may_answer.set()
    await asyncio.wait([*first, *behind])
    assert [len(one) for one in api.requests] == [1, 10] and api.most_at_once == 1
    await producer.abandon()


async def test_a_busy_api_is_asked_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    api, paused = FakeApi(), list[float]()

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(gateway, "_pause", pause)
    api.answers = [refused(429, 3.0), refused(503)]
    producer = await GatewayProducer.start(Way(api.post))
    [future] = await send(producer, b"one")
    await asyncio.wait([future])
    assert acknowledged(future).offset == 0
    assert paused == [3.0, 1.0]
    await producer.abandon()


@pytest.mark.parametrize(
    "error",
    [refused(429, 60.0), refused(500), refused(401), ServerUnreachable("http://api", "gone"), ValueError("ours")],
    ids=["busy for long", "a fault of its own", "no token", "out of reach", "a fault of ours"],
)
async def test_what_no_pause_mends_ends_the_producer_and_all_that_waits_is_told_why(error: Exception) -> None:
    api = FakeApi()
    producer = await GatewayProducer.start(Way(api.post))
    api.answers = [error]
    api.may_answer.clear()
    futures = await send(producer, *[b"x" * 3_000_000] * 3)
    api.may_answer.set()
    await asyncio.wait(futures)
    for one in futures:
        with pytest.raises(KafkaTrouble) as raised:
            acknowledged(one)
        assert raised.value.retry_after_s == (60.0 if getattr(error, "status", 0) == 429 else 0.0)
    with pytest.raises(NotTaken):
        await send(producer, b"later")
    await producer.abandon()


async def test_a_record_that_is_refused_is_told_of_and_the_others_are_stored() -> None:
    api = FakeApi()
    producer = await GatewayProducer.start(Way(api.post))
    api.answers = [lambda values: [(0, 7), "not yours", None]]
    taken, foreign, large = await send(producer, b"a", b"b", b"c")
    await asyncio.wait([taken, foreign, large])
    assert acknowledged(taken) == (0, 7)
    with pytest.raises(NotTaken, match="not yours"):
        acknowledged(foreign)
    with pytest.raises(TooLarge):
        acknowledged(large)
    api.answers = [refused(403)]
    [all_foreign] = await send(producer, b"d")
    await asyncio.wait([all_foreign])
    with pytest.raises(NotTaken, match="for a reason"):
        acknowledged(all_foreign)
    [again] = await send(producer, b"e")  # the producer is as good as before
    await asyncio.wait([again])
    assert acknowledged(again).partition == 0
    await producer.abandon()


async def test_an_api_of_before_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def post(body: bytes) -> bytes:
        raise refused(404)

    with pytest.raises(KafkaTrouble, match=r"version before 0\.2"):
        await GatewayProducer.start(Way(post))


async def test_what_no_request_may_hold_is_refused_when_it_is_handed_over() -> None:
    producer = await GatewayProducer.start(Way(FakeApi().post))
    with pytest.raises(TooLarge):
        await send(producer, bytes(RECORD_BYTES + 1))
    await producer.abandon()


async def test_a_proxy_that_takes_small_requests_only_gets_these() -> None:
    api = FakeApi()

    def post(body: bytes) -> bytes:
        values = msgspec.msgpack.decode(zstd_decode(body), type=RecordBatch).records
        if sum(len(one.value) for one in values) > 1_000_000:
            raise refused(413)
        return api.post(body)

    producer = await GatewayProducer.start(Way(post))
    values = [bytes([number]) * 300_000 for number in range(8)]
    futures = await send(producer, *values, b"x" * 1_000_001)
    await asyncio.wait(futures)
    assert [one for request in api.requests for one in request] == values
    assert [acknowledged(one).offset for one in futures[:8]] == list(range(8))
    with pytest.raises(TooLarge):
        acknowledged(futures[8])
    await producer.abandon()


def test_a_slow_line_gets_small_requests_and_a_fast_one_large_ones_again() -> None:
    way = Way(FakeApi().post)
    for _ in range(10):
        way.took(10.0)
    assert way.gathered_bytes == LEAST_GATHERED
    way.took(2.0)
    assert way.gathered_bytes == LEAST_GATHERED
    for _ in range(10):
        way.took(0.1)
    assert way.gathered_bytes == MOST_GATHERED


async def test_what_a_request_has_computed_is_known_with_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told of the answer asks what it has cost."""
    known: list[float] = []
    tell = gateway._Poster._tell

    def told(poster: Any, *outcome: Any) -> None:
        known.append(poster.cpu_s)
        tell(poster, *outcome)

    monkeypatch.setattr(gateway, "thread_time", lambda: 7.0)
    monkeypatch.setattr(gateway._Poster, "_tell", told)
    producer = await GatewayProducer.start(Way(FakeApi().post))
    await producer.abandon()
    assert known == [7.0]
