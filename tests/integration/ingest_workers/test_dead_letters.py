"""A letter can be found, understood, and sent back to where it came from; then it is stored, once."""

import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from mldash.connections.errors import TopicMissing
from mldash.connections.topic_reading import partitions_of, read_all, reading
from mldash.events.encoding import encode_record, headers
from mldash.events.identity import Prefix, experiment_id, stream_key
from mldash.events.letter import Letter, Place
from mldash.events.schema import Columns, Record, Rows
from mldash.events.topics import event_topic, partition_of
from mldash_api.experiments.standing import set_aside_of
from mldash_ingest.dead_letters.browse import Summary, fetch_letters, list_letters
from mldash_ingest.dead_letters.replay import replay
from mldash_ingest.errors import LetterMissing
from mldash_ingest.kafka import make_producer
from mldash_ingest.statements import Statements
from tests.integration.audit.conftest import committed_to_the_end
from tests.integration.query_api.conftest import Running
from tests.stack import run_mldash
from tests.world import PARTITIONS, World

from .emitting import PREFIX, emitting, eventually, points, until_stored, working

ONE, TWO, THREE = b"1" * 16, b"2" * 16, b"3" * 16
NEWER = [("content-type", b"application/msgpack"), ("schema", b"mldash/2.0")]

pytestmark = pytest.mark.integration


async def letters(world: World, count: int) -> list[Summary]:
    """The letters, once there are so many."""

    async def enough() -> list[Summary]:
        async with reading(world.servers) as consumer:
            found = await list_letters(consumer, world.name)
        return found if len(found) >= count else []

    found: list[Summary] = await eventually(enough)
    return found


async def fetch(world: World, place: Place) -> Letter:
    async with reading(world.servers) as consumer:
        (letter,) = await fetch_letters(consumer, world.name, [place])
    return letter


async def replay_all(world: World, places: list[Place]) -> None:
    producer = make_producer(world.servers, "test")
    await producer.start()
    try:
        async with reading(world.servers) as consumer:
            await replay(consumer, producer, world.name, places)
    finally:
        await producer.stop()


def record_bytes(session: bytes, first_seq: int, count: int) -> bytes:
    record = Record(
        prefix=PREFIX,
        kind="metrics",
        name="loss",
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[points(session, first_seq, count)],
    )
    return encode_record(record)


async def with_gaps(world: World, emitter: Any) -> None:
    """64 gaps in the session's seqs, and a record that would open one more: it becomes a letter."""
    for gap in range(65):
        await emitter.send(ONE, 2 * gap + 1, points(ONE, 2 * gap + 1, 1))


async def test_a_letter_says_where_it_came_from_what_is_in_it_and_why_it_was_set_aside(world: World) -> None:
    async with emitting(world) as emitter, working(world.worker()):
        await with_gaps(world, emitter)
        (letter,) = await letters(world, 1)
    assert letter.reason == "too many gaps in the session's events"
    assert letter.origin.topic == event_topic(world.name, "metrics")
    assert (letter.prefix, letter.kind, letter.name, letter.session) == (PREFIX, "metrics", "loss", ONE)
    assert (letter.first_seq, letter.count, letter.replayed_at) == (129, 1, None)
    assert (await fetch(world, letter.place)).value == (await at_origin(world, letter)).value


async def test_a_session_is_told_how_many_of_its_events_were_set_aside_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a rule of the decoder, of a stream of which nothing is stored, and by a limit of the stream. The worker fails
    between the note and the commit, begins again, and sets the same records aside again."""
    announce, failures = Statements.announce, 0

    async def fails(self: Statements, offsets: Any) -> None:
        nonlocal failures
        if failures < 2:
            failures += await set_aside_of(world.mongo, Prefix(PREFIX), ONE) is not None
            raise RuntimeError("between the note and the commit")
        await announce(self, offsets)

    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, Rows(["a", "b"], [1.0, 2.0], [[1], [2]]), name="other")
        await emitter.send_bytes(b"\xc1 nobody's")
        for _ in range(2):
            await emitter.send(THREE, 0, Columns(["x"], 1 << 62, b"", []))  # together more than 64 bits hold
        await with_gaps(world, emitter)
        await emitter.send(TWO, 0, points(TWO, 0, 1))
        monkeypatch.setattr(Statements, "announce", fails)
        async with working(world.worker(retry_s=0.05)):
            await until_stored(world, 65)
            await eventually(lambda: committed_to_the_end(world))
    assert len(await letters(world, 6)) >= 6
    asked = {"prefix": PREFIX, "session": ONE.hex()}
    async with Running(world.api()) as client:
        told = await client.get("/v1/sessions/standing", **asked)
        other = await client.get("/v1/sessions/standing", **{**asked, "session": TWO.hex()})
        wild = await client.get("/v1/sessions/standing", **{**asked, "session": THREE.hex()})
    reasons = ("too many gaps in the session's events", "a row has not one value for each of the 2 fields")
    assert (told["deadLettered"], told["deadLetterReason"] in reasons) == (3, True)
    assert other == {"session": TWO.hex(), "standing": "counted"}
    assert wild["deadLettered"] == 2 << 31


async def at_origin(world: World, letter: Summary) -> Any:
    async with reading(world.servers) as consumer:
        partition = TopicPartition(letter.origin.topic, letter.origin.partition)
        async for record in read_all(consumer, [partition], {partition: letter.origin.offset}):
            return record
    raise AssertionError("it is gone")


async def test_a_replayed_letter_is_stored_exactly_once_and_marked(world: World) -> None:
    """Replayed too early it becomes a letter again; once the gaps are filled it is stored; again: nothing more."""
    async with emitting(world) as emitter, working(world.worker()):
        await with_gaps(world, emitter)
        (first,) = await letters(world, 1)
        await replay_all(world, [first.place])
        again, *_ = [one for one in await letters(world, 2) if one.replayed_at is None]
        await emitter.send(ONE, 0, points(ONE, 0, 129))
        await until_stored(world, 129)
        await replay_all(world, [again.place])
        await until_stored(world, 130)
        await replay_all(world, [again.place])
        await emitter.send(TWO, 0, points(TWO, 0, 1))
        found = await until_stored(world, 131)
        marked = await letters(world, 2)
    assert sorted(found) == [(ONE, seq) for seq in range(130)] + [(TWO, 0)]
    assert all(one.replayed_at is not None for one in marked)
    assert len(marked) == 2


async def test_a_replay_is_byte_for_byte_at_the_same_topic_and_partition(world: World) -> None:
    """Key, value and headers, those of another's too."""
    key = stream_key(experiment_id(PREFIX), "metrics", "loss")
    partition = TopicPartition(event_topic(world.name, "metrics"), partition_of(key, PARTITIONS["metrics"]))
    strange = [*NEWER, ("traceparent", b"\x00\xff"), ("empty", b"")]
    async with emitting(world) as emitter, working(world.worker()):
        await emitter.send_bytes(b"from the future", headers=strange)
        (letter,) = await letters(world, 1)
        await replay_all(world, [letter.place])
        await letters(world, 2)
    async with reading(world.servers) as consumer:
        records = [record async for record in read_all(consumer, [partition])]
    first, second = ((one.key, one.value, list(one.headers)) for one in records)
    assert first == second == (key, b"from the future", strange)


async def test_a_letter_of_a_newer_version_is_stored_once_its_version_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an upgrade is: the same letter, replayed, is an ordinary record."""
    async with emitting(world) as emitter, working(world.worker()):
        await emitter.send_bytes(record_bytes(ONE, 0, 3), headers=NEWER)
        (letter,) = await letters(world, 1)
        monkeypatch.setattr("mldash.events.encoding.SCHEMA_VERSION", (2, 0))
        await replay_all(world, [letter.place])
        assert await until_stored(world, 3) == [(ONE, 0), (ONE, 1), (ONE, 2)]


async def test_records_without_anything_become_letters_and_the_partition_goes_on(world: World) -> None:
    """Neither key nor value; and null headers, which Kafka allows: no record may stop a worker."""
    topic = event_topic(world.name, "metrics")
    key = stream_key(experiment_id(PREFIX), "metrics", "loss")
    partition = partition_of(key, PARTITIONS["metrics"])
    nothing = AIOKafkaProducer(bootstrap_servers=world.servers.kafka, value_serializer=lambda value: None)
    async with nothing, emitting(world) as emitter, working(world.worker()):
        await nothing.send_and_wait(topic, b"made nothing by the serializer", partition=partition)
        null: Any = [("schema", b"mldash/1.0"), ("content-type", None)]
        await emitter.send_bytes(b"x", headers=null)
        await emitter.send(ONE, 0, points(ONE, 0, 2))
        await until_stored(world, 2)
        reasons = [one.reason for one in await letters(world, 2)]
    assert reasons == ["no schema header", "content type '' is not known"]


async def test_what_is_not_there_is_said(world: World) -> None:
    async with reading(world.servers) as consumer:
        with pytest.raises(LetterMissing, match="no dead letter at 0/7"):
            await fetch_letters(consumer, world.name, [Place(0, 7)])
        with pytest.raises(TopicMissing, match=r"nowhere\.dead-letters"):
            await list_letters(consumer, "nowhere")
        assert await partitions_of(consumer, [event_topic(world.name, "metrics")])


async def test_the_commands_list_show_and_replay(world: World) -> None:
    variables = {"MLDASH_KAFKA": world.servers.kafka, "MLDASH_TOPIC_PREFIX": world.name}
    async with emitting(world) as emitter, working(world.worker()):
        await emitter.send_bytes(b"from the future", headers=NEWER)
        await emitter.send_bytes(record_bytes(ONE, 0, 3), headers=headers("text/plain"))
        await with_gaps(world, emitter)
        await letters(world, 3)
        await emitter.send_bytes(bytes(60_000), headers=NEWER)
        await letters(world, 4)
    listed = json.loads(run_mldash("dead-letters", "list", "--json", **variables).stdout)
    assert [one["place"] for one in listed] == ["0/0", "0/1", "0/2", "0/3"]
    assert listed[2]["experiment"] == PREFIX
    by_experiment = run_mldash("dead-letters", "list", "--experiment", "owner/project", **variables).stdout
    assert by_experiment.splitlines()[0].startswith("0/2  ")
    assert "too many gaps" in by_experiment
    assert "from seq 129" in by_experiment
    shown = json.loads(run_mldash("dead-letters", "show", "2", "--json", **variables).stdout)
    assert (shown["record"]["first_seq"], shown["record"]["blocks"][0]["rows"][0][1]) == (129, 129)
    assert "newer" in run_mldash("dead-letters", "show", "0/0", **variables).stdout
    long = run_mldash("dead-letters", "show", "0/3", **variables).stdout
    assert len(long) < 6_000 and "60000 bytes in all: --json shows them, --raw writes them" in long
    only = ["--all", "--reason", "GAPS"]
    dry = json.loads(run_mldash("dead-letters", "replay", *only, "--dry-run", "--json", **variables).stdout)
    assert dry == ["0/2"]
    assert run_mldash("dead-letters", "replay", *only, check=False, **variables).returncode == 130  # it asks
    assert "replayed 1 letters" in run_mldash("dead-letters", "replay", *only, "--yes", **variables).stdout
    left = json.loads(run_mldash("dead-letters", "list", "--json", **variables).stdout)
    assert [one["place"] for one in left] == ["0/0", "0/1", "0/3"]
    everything = json.loads(run_mldash("dead-letters", "list", "--all", "--json", **variables).stdout)
    assert everything[2]["replayed_at"] > 0
    refused = run_mldash("dead-letters", "replay", check=False, **variables)
    assert (refused.returncode, "say which letters" in refused.stderr) == (2, True)
    missing = run_mldash("dead-letters", "show", "99", check=False, **variables)
    assert missing.stderr.startswith("mldash: dead-letters: there is no dead letter at 0/99")
