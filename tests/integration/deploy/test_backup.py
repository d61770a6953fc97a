"""A backup is one moment of everything, taken while all runs; restored, nothing is lost and nothing is double."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.process.environment import to_variables
from mldash_api.commands.audit import audit_experiment
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.keys import KeyParts, object_key
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import run_steps
from mldash_deploy.backups.contents import Contents, SavedObject, read_objects
from mldash_deploy.backups.errors import NotEmpty, ObjectLacking, RestoredDiffers
from mldash_deploy.backups.files import Stage
from mldash_deploy.backups.objects import Part, copy_in, copy_out
from mldash_deploy.backups.restoring import check_backup, restore
from mldash_deploy.backups.taking import take_backup
from mldash_deploy.preparing.settings import PrepareSettings
from mldash_ingest.documents.buckets import CHUNK, first_index_of
from mldash_ingest.documents.collections import missing_indexes
from mldash_ingest.errors import GroupAtWork
from tests.integration.audit.conftest import committed_to_the_end
from tests.integration.compactor.chains import PREFIX as OF_CHAIN
from tests.integration.compactor.chains import Chain, compacting
from tests.integration.ingest_workers.emitting import eventually, working
from tests.integration.query_api.conftest import Patient, Running
from tests.stack import StackAddresses, run_mldash
from tests.world import World, stores_alone

PREFIX = "owner/project/run"
TRAIN = """
import pathlib, sys, time
from mldash import Experiment
remote, journal, end = sys.argv[1:]
experiment = Experiment("owner/project/run", remote=remote, journal=journal, heartbeat_s=0.1, echo=False)
experiment.run.start()
experiment.params.set(lr=0.1)
step = 0
while step < 10_500 or not pathlib.Path(end).exists():
    experiment.metrics("train").log(step=step, loss=1 / (step + 1))
    if step % 50 == 0:
        experiment.tracks("position").append(x=step, _ts=step / 100)
        experiment.log(f"line {step}")
    if step >= 10_500:
        time.sleep(0.001)
    step += 1
experiment.run.complete()
print(step)
"""

# One at a time: what MongoDB remembers is one setting of the whole server, raised and put back.
pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("backup")]


def silent(what: str, done: int, total: int) -> None:
    """Nobody looks at the bar."""


@pytest.fixture
async def target(stack: StackAddresses) -> AsyncIterator[World]:
    """An empty database and an empty bucket, as after a loss."""
    async with stores_alone(stack) as made:
        yield made


def moved_to(world: World, target: World) -> PrepareSettings:
    """The same Kafka and the same group, another database and bucket."""
    servers = {**msgspec.structs.asdict(world.servers), "mongo_database": target.name, "s3_bucket": target.name}
    return PrepareSettings(**servers, group=world.name)


async def points_of(settings: Any) -> list[Any]:
    """All that an API answers of the metric: index by index."""
    async with Running(settings) as client:
        patient, found = Patient(client.http), list[Any]()
        while True:
            page = await patient.get(
                "/v1/metrics/points", prefix=PREFIX, name="train", start_index=len(found), limit=10_000
            )
            found += page["data"]
            if not page["data"]:
                return found


async def stored_count(world: World) -> int:
    """Of the metric; at least as many as there were when this was called."""
    stream = stream_id(experiment_id(PREFIX), 0, "metrics", "train")
    last = await world.mongo.buckets.find_one({"s": stream}, sort=[("_id", -1)])
    end = 0 if last is None else first_index_of(last["_id"]) + int(last["n"])
    document = await world.mongo.streams.find_one({"_id": stream}, {"cold": 1})
    return max(end, 0 if document is None else int(document["cold"]))


async def is_cold(world: World) -> bool:
    document = await world.mongo.streams.find_one({"kind": "metrics", "cold": {"$gte": CHUNK}})
    return document is not None


async def back_up(world: World, folder: Path) -> str:
    """By the command; what it said. Five seconds, which the local stack's MongoDB remembers, are few here."""
    options = (str(folder), "--objects", "--history", "120")
    variables = to_variables(world.servers, "")
    done = await asyncio.to_thread(lambda: run_mldash("backup", *options, **variables))
    return done.stdout + done.stderr


async def restored_count(folder: Path, settings: PrepareSettings, contents: Contents) -> int:
    """Partitions that were set back, once Kafka keeps no place any more for the workers that have ended."""

    async def done() -> int:
        try:
            return await restore(settings, folder, contents, silent)
        except GroupAtWork:
            return 0

    count: int = await eventually(done)
    return count


@asynccontextmanager
async def training(remote: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that logs until the file `end` is in the folder, and prints how many points there are."""
    arguments = [remote, str(folder / "journal"), str(folder / "end")]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TRAIN, *arguments, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.time_limit(600)
async def test_what_was_stored_at_the_moment_is_restored_and_what_came_later_is_stored_once(
    whole_world: World, target: World, tmp_path: Path
) -> None:
    """A real run logs all the while. Its backup is taken between its points, some of them cold. Then the stores are
    lost: what a new worker reads from Kafka completes what was restored, and the audit has nothing to say."""
    world, folder = whole_world, tmp_path / "backup"
    again = {"mongo_database": target.name, "s3_bucket": target.name}
    running = Running(world.api())
    async with AsyncExitStack() as stack:
        async with running, working(world.worker()), compacting(world.compactor(idle_s=3_600.0)):
            remote = f"http://127.0.0.1:{running.api.port}"
            process = await stack.enter_async_context(training(remote, tmp_path))
            await eventually(lambda: is_cold(world))
            before = await stored_count(world)
            told = await back_up(world, folder)
            at_end = await stored_count(world)

            async def has_more() -> bool:
                return await stored_count(world) > at_end

            await eventually(has_more)
        lost = await points_of(world.api())
        assert await restored_count(folder, moved_to(world, target), check_backup(folder, silent)) > 0
        restored = await points_of(world.api(**again))
        assert before <= len(restored) <= at_end < len(lost)
        assert restored == lost[: len(restored)]
        worker, compactor = world.worker(mongo_database=target.name), world.compactor(**again, idle_s=3_600.0)
        async with working(worker), compacting(compactor):
            (tmp_path / "end").touch()
            printed, _ = await asyncio.wait_for(process.communicate(), 120)
            assert process.returncode == 0
            await eventually(lambda: committed_to_the_end(world))
    report = await audit_experiment(world.api(**again), world.name, Prefix(PREFIX))
    assert report.ok
    assert {one.what for one in report.findings} <= {"unfinished-move", "leftover"}, "a compactor was told to stop"
    whole = await points_of(world.api(**again))
    assert [one["data"]["step"] for one in whole] == list(range(int(printed)))
    assert whole[: len(lost)] == lost
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    secret = world.servers.s3_secret_key
    assert secret and secret not in told + (folder / "backup.json").read_text()


async def stored_chain(world: World) -> Chain:
    """A chunk on S3, the rest hot."""
    chain = await Chain(world).make()
    await chain.grow(CHUNK + 500)
    await run_steps(await chain.move(Range(0, CHUNK)))
    return chain


async def take(world: World, folder: Path, *, with_objects: bool = True) -> Contents:
    return await take_backup(world.compactor(), folder, with_objects=with_objects, history_s=120, tell=silent)


def into(world: World) -> PrepareSettings:
    return PrepareSettings(**msgspec.structs.asdict(world.servers), group=world.name)


async def held_by(world: World) -> tuple[int, list[str]]:
    """Documents, and keys of objects."""
    names = await world.mongo.database.list_collection_names()
    count = sum([await world.mongo.database[name].count_documents({}) for name in names])
    return count, [one.key async for one in world.objects.list()]


async def test_a_backup_is_restored_with_indexes_into_what_is_empty_and_nowhere_else(
    target: World, whole_world: World, tmp_path: Path
) -> None:
    """No worker has ever run there: none of its partitions has a place that would have to be set back."""
    chain = await stored_chain(target)
    contents = await take(target, tmp_path / "backup")
    folder, variables = str(tmp_path / "backup"), to_variables(whole_world.servers, "")
    done = await asyncio.to_thread(lambda: run_mldash("restore", folder, **variables))
    assert f"restored {contents.document_count} documents into '{whole_world.name}', and read them again" in done.stdout
    assert "workers begin 0 partitions of Kafka anew" in done.stdout
    there = Chain(whole_world)
    assert await there.read() == chain.events
    assert await missing_indexes(whole_world.mongo) == []
    was = await held_by(whole_world)
    with pytest.raises(NotEmpty, match=r"the database .* is not empty, it holds documents in"):
        await restore(into(whole_world), tmp_path / "backup", contents, silent)
    assert await held_by(whole_world) == was
    for name in await whole_world.mongo.database.list_collection_names():
        await whole_world.mongo.database[name].delete_many({})
    with pytest.raises(NotEmpty, match=r"the bucket .* is not empty, it holds owner="):
        await restore(into(whole_world), tmp_path / "backup", contents, silent)
    assert await held_by(whole_world) == (0, was[1])
    with pytest.raises(NotEmpty, match=r"the folder .* is not empty, it holds backup\.json"):
        await take(target, tmp_path / "backup")
    assert check_backup(tmp_path / "backup", silent) == contents


async def test_a_restore_that_goes_wrong_is_taken_back(target: World, whole_world: World, tmp_path: Path) -> None:
    """What is there in the end is not what the backup says: as when somebody else writes meanwhile."""
    await stored_chain(target)
    contents = await take(target, tmp_path / "backup")
    first, *others = contents.collections
    more = msgspec.structs.replace(first, documents=first.documents + 1)
    with pytest.raises(RestoredDiffers, match=f"{first.documents} documents, and {more.documents} were restored"):
        wrong = msgspec.structs.replace(contents, collections=[more, *others])
        await restore(into(whole_world), tmp_path / "backup", wrong, silent)
    assert await held_by(whole_world) == (0, [])
    assert await missing_indexes(whole_world.mongo) == []


async def test_a_backup_without_objects_lists_them_and_is_restored_beside_them_alone(
    target: World, whole_world: World, tmp_path: Path
) -> None:
    chain = await stored_chain(target)
    contents = await take(target, tmp_path / "backup", with_objects=False)
    (listed,) = read_objects(tmp_path / "backup")
    assert [listed.key] == await chain.object_keys()
    data = await target.objects.get(listed.key)
    assert (listed.bytes, listed.crc32c) == (len(data), None)
    with pytest.raises(ObjectLacking, match="it is not in the bucket"):
        await restore(into(whole_world), tmp_path / "backup", contents, silent)
    await whole_world.objects.put(listed.key, data[:-1], crc32c(data[:-1]))
    with pytest.raises(ObjectLacking, match=f"it has {len(data) - 1} bytes there, not {len(data)}"):
        await restore(into(whole_world), tmp_path / "backup", contents, silent)
    assert (await held_by(whole_world))[0] == 0
    await whole_world.objects.put(listed.key, data, crc32c(data))
    await restore(into(whole_world), tmp_path / "backup", contents, silent)
    assert await Chain(whole_world).read() == chain.events


async def test_a_backup_that_is_interrupted_leaves_nothing(target: World, tmp_path: Path) -> None:
    """Ctrl-C among the documents: no folder, no hold. A damaged object ends it likewise, and is named."""
    chain = await stored_chain(target)
    taking: list[asyncio.Task[Contents]] = []

    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            taking[0].cancel()

    settings, folder = target.compactor(), tmp_path / "backup"
    begun = take_backup(settings, folder, with_objects=True, history_s=120, tell=interrupt)
    taking.append(asyncio.create_task(begun))
    with pytest.raises(asyncio.CancelledError):
        await taking[0]
    assert not folder.exists()
    assert await target.mongo.holds.count_documents({}) == 0
    (key,) = await chain.object_keys()
    data = bytearray(await target.objects.get(key))
    data[7] ^= 1
    await target.objects.put(key, bytes(data), crc32c(bytes(data)))
    folder.mkdir()
    with pytest.raises(ChunkDamaged, match="the manifest says"):
        await take(target, folder)
    assert list(folder.iterdir()) == []


async def test_objects_that_go_in_parts_are_copied_out_and_in_byte_for_byte(target: World, tmp_path: Path) -> None:
    """Joined ones are larger than what is sent at once: here the third part is a short one."""
    data = random.Random(7).randbytes((8 << 20) * 2 + 12_345)
    key = object_key(OF_CHAIN, KeyParts(b"s" * 16, 0, 0, 1, chunk_count=2))
    halves = [data[: 9 << 20], data[9 << 20 :]]
    await target.objects.put(key, data, crc32c(data))
    parts = [Part(0, len(halves[0]), crc32c(halves[0])), Part(9 << 20, len(halves[1]), crc32c(halves[1]))]
    stage = Stage(silent, "objects", len(data))
    saved = await copy_out(target.objects, {key: parts}, {key: len(data)}, tmp_path, stage)
    assert saved == [SavedObject(key=key, bytes=len(data), crc32c=crc32c(data))]
    await target.objects.delete([key])
    await copy_in(target.objects, saved, tmp_path, stage)
    assert await target.objects.get(key) == data
