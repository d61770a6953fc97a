"""What version 0.1.0 left on servers, and journals that it left to be sent, arrive as they were meant.

The samples are those of tests/released/v0_1_0: nothing here makes them anew.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest
from aiokafka import AIOKafkaProducer

from mldash import Experiment
from mldash.connections.topic_reading import reading
from mldash.events.field_statistics import is_number
from mldash.events.identity import KINDS, parse_prefix
from mldash_api.audit.audit import audit
from mldash_api.audit.claims import Progress
from mldash_api.commands.audit import audit_experiment
from mldash_api.stores.streams import find_experiment
from mldash_compactor.budget import ByteBudget
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.upkeep.first_numbers import read_first_numbers
from mldash_ingest.dead_letters.browse import list_letters
from tests.integration.ingest_workers.emitting import eventually, working
from tests.integration.query_api.conftest import Running
from tests.released.samples import records, unpack
from tests.released.v0_1_0 import content
from tests.stack import run_mldash
from tests.unit.producer.same import same
from tests.world import World

pytestmark = pytest.mark.integration

Say = Callable[[str], Experiment]


async def restore(world: World, folder: Path) -> None:
    """All collections and all objects, as they were."""
    for path in sorted(unpack("mongo", folder / "mongo").glob("*.bson")):
        documents = bson.decode_all(path.read_bytes())
        if documents:
            await world.mongo.database[path.stem].delete_many({})
            await world.mongo.database[path.stem].insert_many(documents)
    objects = unpack("objects", folder / "objects")
    for path in sorted(one for one in objects.rglob("*") if one.is_file()):
        data = path.read_bytes()
        await world.objects.put(path.relative_to(objects).as_posix(), data, crc32c(data))


async def send(world: World) -> None:
    """Every record to the partition where it lay, in order; not the statements, which are the workers' to make."""
    async with AIOKafkaProducer(bootstrap_servers=world.servers.kafka, enable_idempotence=True) as producer:
        for one in records():
            if one.topic != "stored":
                await producer.send_and_wait(
                    f"{world.name}.{one.topic}", one.value, key=one.key, partition=one.partition, headers=one.headers
                )


async def in_thread(world: World, check: Callable[[Say], None]) -> None:
    """The check, with a maker of experiments that are read through an API of this version."""
    async with Running(world.api(stop_timeout_s=2.0)) as client:
        address = str(client.http.base_url).rstrip("/")
        await asyncio.to_thread(check, lambda prefix: Experiment(prefix, remote=address, echo=False))


def reads(there: Experiment, expected: dict[str, Any]) -> bool:
    return same(content.ordered(content.read_all(there)), content.ordered(expected))


async def test_what_0_1_0_stored_hot_and_cold_is_read(world: World, tmp_path: Path) -> None:
    """Restored documents and objects behind an API: every value of every stream, over all seams."""
    await restore(world, tmp_path)

    def check(say: Say) -> None:
        for prefix in ("released/packed/run", "released/json/run"):
            assert reads(say(prefix), content.everything())
            assert say(prefix).run.status == "COMPLETED"
        crowd = say("released/crowd/run").metrics("shared").read()["data"]
        assert [one["data"] for one in crowd] == [{"session": at // 3, "n": at % 3} for at in range(15)]
        gone = say("released/gone/run")
        assert [one["data"] for one in gone.metrics("new").read()["data"]] == [{"n": 1}]
        assert [one["name"] for one in gone.metrics.list()] == ["new"] and gone.params.get() == {}
        check_cold(say("released/cold/run"))

    await in_thread(world, check)


def check_cold(cold: Experiment) -> None:
    whole, mixed, pose = cold.metrics("whole"), cold.metrics("mixed"), cold.tracks("pose")
    count = content.WHOLE + content.WHOLE_HOT
    stats = whole.stats()
    assert (stats["totalDataPoints"], stats["chunkedDataPoints"], stats["bufferedDataPoints"]) == (
        count,
        content.WHOLE,
        content.WHOLE_HOT,
    )
    assert stats["fields"]["n"]["max"] == 100 and stats["fields"]["n"]["count"] == count
    assert whole.read_columns(limit=count)["n"] == [content.whole_value(index) for index in range(count)]
    for first in (0, 9_998, 499_999, content.WHOLE - 2):
        page = whole.read(first, 4)["data"]
        assert [one["index"] for one in page] == [*range(first, first + 4)]
        assert [one["data"]["n"] for one in page] == [content.whole_value(one["index"]) for one in page]
    view = whole.view(points=50)
    assert view["sampled"]
    found = [point["data"] for point in mixed.iter()]
    expected = [content.mixed_point(index) for index in range(content.MIXED_COLD + content.MIXED_HOT)]
    assert same(content.ordered(found), content.ordered(expected))
    assert mixed.stats()["bufferedDataPoints"] == content.MIXED_HOT
    entries = pose.read()["entries"]
    assert same(content.ordered(entries), content.ordered([content.pose(index) for index in range(content.POSES)]))


async def test_first_numbers_of_what_0_1_0_stored_are_not_known_until_they_are_read(
    world: World, tmp_path: Path
) -> None:
    """It kept none; the compactor reads them once, hot and cold, and then the audit counts them too."""
    await restore(world, tmp_path)
    points = [content.mixed_point(index) for index in range(content.MIXED_COLD + content.MIXED_HOT)]
    expected: dict[str, Any] = {}
    for point in points:
        for name, value in point.items():
            if is_number(value) and name != "_ts":
                expected.setdefault(name, value)

    def firsts(say: Say, name: str) -> dict[str, Any]:
        """Of its fields, `_ts` aside."""
        fields = say("released/cold/run").metrics(name).stats()["fields"]
        return {field: one["first"] for field, one in fields.items() if field != "_ts"}

    def before(say: Say) -> None:
        assert firsts(say, "whole") == {"n": None} and set(firsts(say, "mixed").values()) == {None}

    def after(say: Say) -> None:
        assert firsts(say, "whole") == {"n": content.whole_value(0)} and same(
            content.ordered(firsts(say, "mixed")), content.ordered(expected)
        )

    await in_thread(world, before)
    budget = ByteBudget(1 << 28)
    assert await read_first_numbers(world.mongo, world.objects, budget, asyncio.Event()) > len(expected)
    assert await read_first_numbers(world.mongo, world.objects, budget, asyncio.Event()) == 0
    await in_thread(world, after)
    await assert_sound(world)


async def assert_sound(world: World) -> None:
    passed = {kind: dict.fromkeys((0, 1), Progress(1 << 40, 1 << 40)) for kind in KINDS}
    for name in ("packed", "json", "crowd", "gone", "cold"):
        experiment = await find_experiment(world.mongo, parse_prefix(f"released/{name}/run"))
        assert experiment is not None
        report = await audit(world.mongo, world.objects, experiment, passed, [])
        assert report.ok, [str(one) for one in report.findings if one.is_damage]
        assert report.event_count > 0


async def test_the_audit_finds_nothing_wrong_with_what_0_1_0_stored(world: World, tmp_path: Path) -> None:
    """The topics of then are gone: their records count as passed, for all of them were."""
    await restore(world, tmp_path)
    await assert_sound(world)


async def test_records_of_0_1_0_are_stored_by_todays_worker(world: World) -> None:
    """Both encodings, every kind; what was set aside then is set aside again, and the audit is content."""
    await send(world)
    prefixes = [parse_prefix(f"released/{one}/run") for one in ("packed", "json", "crowd")]

    async def there() -> bool:
        return all([await find_experiment(world.mongo, one) for one in prefixes])

    async def stored() -> bool:
        reports = [await audit_experiment(world.api(), world.name, one) for one in prefixes]
        return all(one.ok and one.event_count > 0 and not one.findings for one in reports)

    async with working(world.worker()):
        await eventually(there)
        await eventually(stored)

    def check(say: Say) -> None:
        for name in ("packed", "json"):
            assert reads(say(f"released/{name}/run"), content.everything())
        crowd = say("released/crowd/run").metrics("shared").read()["data"]
        assert [one["data"]["n"] for one in crowd] == [0, 1, 2] * 5

    await in_thread(world, check)
    async with reading(world.servers) as consumer:
        letters = await list_letters(consumer, world.name)
    assert len(letters) == 4, "two of then, and the same two of now"
    assert sum("newer" in one.reason for one in letters) == 2


@pytest.mark.parametrize(
    ("sample", "journal", "prefix"),
    [
        ("journal", "offline", "released/offline/run"),
        ("journal", "network", "released/network/run"),
        ("journal", "killed", "released/vanished/run"),
        ("dash", "released/done", "released/done/run"),
    ],
)
def test_what_0_1_0_left_on_a_disk_is_sent_by_todays_sync(
    remote: dict[str, Any], kafka_address: str, tmp_path: Path, sample: str, journal: str, prefix: str
) -> None:
    """An offline run, the same by plain writes, a remote run that was killed, and a local folder."""
    folder = unpack(sample, tmp_path) / journal
    for _ in range(2):  # twice adds nothing
        run_mldash("sync", str(folder), "--remote", remote["remote"], "--kafka", kafka_address)
    there = Experiment(prefix, **remote)
    deadline = time.monotonic() + 90
    while not reads(there, content.everything()):
        assert time.monotonic() < deadline, content.read_all(there)
        time.sleep(0.1)
