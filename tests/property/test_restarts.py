"""Random sessions of events, with restarts of the worker and moves to S3 between them, read as a model says.

Each example is an experiment of its own on one set of topics, so that hundreds of records take seconds.
"""

import asyncio
import base64
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record, Rows
from mldash.events.topics import event_topic, partition_of
from mldash_api.app import Api
from mldash_compactor.compactor import Compactor
from mldash_deploy.prepare import prepare
from mldash_ingest.worker import Worker
from tests.components import free_port
from tests.model.experiment import ModelExperiment
from tests.plain_http import plain_http
from tests.stack import StackAddresses
from tests.world import PARTITIONS, World

pytestmark = [
    pytest.mark.integration,
    # A worker that is killed closes nothing; the kernel would do it for a process, here the collector says so.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Events = list[tuple[float, dict[str, Any]]]


class Emit(Struct, frozen=True):
    """A record; `back` seqs before the session's next one, so that it repeats some."""

    session: int
    kind: str
    name: str
    events: Events
    back: int


class Restart(Struct, frozen=True):
    """The worker ends, in order or killed in the middle of what it does, and another begins."""

    killed: bool


values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.lists(st.integers(0, 9), max_size=3)
)
field_names = st.sampled_from(["loss", "a.b", "a", "$set", ""])
fields = st.dictionaries(field_names, values, max_size=4)
times = st.integers(0, 6).map(float)
metadata = st.dictionaries(field_names, values, min_size=1, max_size=2)
lines = st.tuples(st.sampled_from(["info", "error"]), st.text(max_size=12), st.none() | metadata).map(
    lambda line: dict(zip(("level", "message", "metadata"), line[: 2 if line[2] is None else 3], strict=False))
)


def emits(kind: str, names: list[str], event: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Emit]:
    events = st.lists(st.tuples(times, event), min_size=1, max_size=6)
    return st.builds(
        Emit, st.integers(0, 2), st.just(kind), st.sampled_from(names), events, st.sampled_from([0, 0, 0, 1, 5])
    )


steps = st.lists(
    emits("metrics", ["train", "eval/π"], fields)
    | emits("tracks", ["robot/pose"], fields)
    | emits("logs", [""], lines)
    | emits(
        "params", [""], st.dictionaries(st.sampled_from(["m", "m.a", "m.a.b", "lr"]), values, min_size=1, max_size=2)
    )
    | st.builds(Restart, st.booleans()),
    min_size=3,
    max_size=25,
)


class Pipeline:
    """A worker that can be restarted, a compactor and the API, on one world."""

    def __init__(self, world: World, producer: AIOKafkaProducer, client: httpx.AsyncClient) -> None:
        self._world, self._producer, self._client = world, producer, client
        self._begin()

    def _begin(self) -> None:
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(Worker(self._world.worker()).run(self._stop))

    async def restart(self, killed: bool) -> None:
        await self.end(killed)
        self._begin()

    async def end(self, killed: bool = False) -> None:
        if killed:
            self._running.cancel()
        self._stop.set()
        await asyncio.gather(self._running, return_exceptions=killed)

    async def send(self, prefix: str, emit: Emit, first_seq: int) -> None:
        record = Record(
            prefix=prefix,
            kind=emit.kind,  # type: ignore[arg-type]
            name=emit.name,
            session=session_id(prefix, emit.session),
            first_seq=first_seq,
            logged_at=1.0,
            blocks=[Rows(list(one), [time], [list(one.values())]) for time, one in emit.events],
        )
        key = stream_key(experiment_id(prefix), emit.kind, emit.name)
        topic = event_topic(self._world.name, emit.kind)
        place = partition_of(key, PARTITIONS[emit.kind])
        await self._producer.send_and_wait(topic, encode_record(record), key=key, partition=place, headers=headers())

    async def read(self, path: str, written: list[list[Any]], **query: Any) -> Any:
        """An answer that holds everything in `written`: [kind, name, session, next seq] of each stream."""
        wanted = base64.urlsafe_b64encode(msgspec.msgpack.encode(written)).decode()
        answer = await self._client.get(
            path,
            params=query,
            headers={"Accept": "application/msgpack", "Mldash-Written": wanted, "Mldash-Wait": "15"},
        )
        assert answer.status_code == 200, answer.text
        return msgspec.msgpack.decode(answer.content)


def session_id(prefix: str, number: int) -> bytes:
    return hashlib.blake2b(f"{prefix}/{number}".encode(), digest_size=16).digest()


@asynccontextmanager
async def running(component: Any) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(component.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def pipeline(addresses: StackAddresses) -> AsyncIterator[Pipeline]:
    world, port = World(addresses), free_port()
    await prepare(world.servers, PARTITIONS)
    async with (
        running(Api(world.api(port=port))),
        running(Compactor(world.compactor(idle_s=0.2))),
        AIOKafkaProducer(bootstrap_servers=world.servers.kafka, enable_idempotence=True) as producer,
        plain_http(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        made = Pipeline(world, producer, client)
        yield made
        await made.end()
    await world.mongo.database.client.drop_database(world.name)
    await world.mongo.close()


@pytest.fixture(scope="module")
def loop_and_pipeline(stack: StackAddresses) -> Iterator[tuple[asyncio.Runner, Pipeline]]:
    """One loop and one set of components for all examples."""
    with asyncio.Runner() as runner:
        context = pipeline(stack)
        made = runner.run(context.__aenter__())
        yield runner, made
        runner.run(context.__aexit__(None, None, None))


# Without shrinking: each try of a failing example would wait for what does not come; the seed is printed.
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(drawn=steps)
def test_what_is_read_is_what_a_model_says(
    loop_and_pipeline: tuple[asyncio.Runner, Pipeline], drawn: list[Emit | Restart]
) -> None:
    """Points dense and exact, entries merged by time, lines in order, params folded, wherever they lie by now."""
    runner, made = loop_and_pipeline
    runner.run(one_experiment(made, drawn))


async def one_experiment(made: Pipeline, drawn: list[Emit | Restart]) -> None:
    prefix = f"property/test/{uuid.uuid4().hex}"
    model, next_seqs = ModelExperiment(), dict[tuple[int, str, str], int]()
    for step in drawn:
        if isinstance(step, Restart):
            await made.restart(step.killed)
            continue
        stream = (step.session, step.kind, step.name)
        first = max(0, next_seqs.get(stream, 0) - step.back)
        # What is sent again is what was sent before: a publisher repeats, it never changes.
        await made.send(prefix, step, first)
        model.take(session_id(prefix, step.session), step.kind, step.name, first, step.events)
        next_seqs[stream] = max(next_seqs.get(stream, 0), first + len(step.events))
    written = [[kind, name, session_id(prefix, session), seq] for (session, kind, name), seq in next_seqs.items()]
    await compare(made, prefix, model, written)


async def compare(made: Pipeline, prefix: str, model: ModelExperiment, written: list[list[Any]]) -> None:
    for name, points in model.points.items():
        page = await made.read("/v1/metrics/points", written, prefix=prefix, name=name, start_index=0, limit=1000)
        assert [(one["index"], one["data"]) for one in page["data"]] == list(enumerate(points))
        middle = await made.read("/v1/metrics/points", [], prefix=prefix, name=name, start_index=1, limit=2)
        assert [one["data"] for one in middle["data"]] == points[1:3]
        told = (await made.read("/v1/metrics/stats", written, prefix=prefix, name=name))["fields"]
        assert {field: (one["first"], one["last"]) for field, one in told.items()} == model.ends_of(name)
    for topic in model.entries:
        answer = await made.read("/v1/tracks/entries", written, prefix=prefix, topic=topic)
        assert answer["entries"] == model.entries_of(topic)
    if model.lines:
        answer = await made.read("/v1/logs/lines", written, prefix=prefix)
        found = [(one["level"], one["message"], one.get("metadata")) for one in answer["lines"]]
        assert found == model.lines
        assert [one["sequenceNumber"] for one in answer["lines"]] == list(range(len(model.lines)))
    if model.params:
        answer = await made.read("/v1/params", written, prefix=prefix)
        assert answer["params"] == model.params
