"""What no snapshot says of the first numbers of fields is read from the stream once, and stays."""

import asyncio
import math
from typing import Any

import msgspec
import pytest

from mldash.events.field_statistics import is_number
from mldash_api.search.documents import statistics_of
from mldash_compactor.budget import ByteBudget
from mldash_compactor.chunks.errors import StoreRefused
from mldash_compactor.chunks.s3 import open_store
from mldash_compactor.upkeep import first_numbers
from mldash_compactor.upkeep.first_numbers import read_first_numbers
from mldash_ingest.documents.buckets import bucket_id
from mldash_ingest.documents.snapshot import Snapshot
from tests.world import World

from . import chains
from .chains import Chain, compacting, eventually

pytestmark = pytest.mark.integration

COUNT, COLD, FLOOR = 21_500, 20_000, 10_000


def event(index: int) -> dict[str, Any]:
    """`early` ends before the floor, `late` begins in the second chunk, `hot` behind both."""
    fields: dict[str, Any] = {"whole": index - 5, "nan": math.nan if index < FLOOR + 9 else 0.5, "flag": True}
    fields["text"] = "none" if index < 7 else index / 4
    if index < 20:
        fields["early"] = -index
    if index >= 12_345:
        fields["late"] = float(index)
    if index >= 20_700:
        fields["hot"] = index
    return fields


def firsts_from(begin: int) -> dict[str, Any]:
    """The first number of each field in what is kept, counted in plain Python; None: none is kept."""
    found = dict.fromkeys(("whole", "nan", "text", "early", "late", "hot"))
    for index in range(begin, COUNT):
        for name, value in event(index).items():
            if is_number(value) and found[name] is None:
                found[name] = value
    return found


async def stored_before(world: World, monkeypatch: pytest.MonkeyPatch, name: str = "loss") -> Chain:
    """Two chunks cold and the rest hot, by a version that kept no first numbers."""
    monkeypatch.setattr(chains, "event", event)
    chain = await Chain(world, name=name).make()
    await chain.grow(COUNT)
    await forget(chain)
    async with compacting(world.compactor(idle_s=600)):

        async def cold() -> bool:
            return await chain.cold() == COLD

        await eventually(cold)
    return chain


async def forget(chain: Chain) -> None:
    await chain.world.mongo.streams.update_one({"_id": chain.id}, {"$unset": {"firsts": ""}})


async def read(world: World) -> int:
    return await read_first_numbers(world.mongo, world.objects, ByteBudget(1 << 28), asyncio.Event())


async def told(chain: Chain) -> dict[str, Any]:
    """As whoever folds on knows them."""
    return {name: one.first for name, one in (await snapshot_of(chain)).statistics.items()}


async def snapshot_of(chain: Chain) -> Snapshot:
    return Snapshot.from_document("metrics", await chain.document())


@pytest.mark.parametrize("floor", [0, FLOOR])
async def test_they_are_read_from_the_floor_on_hot_and_cold(
    world: World, monkeypatch: pytest.MonkeyPatch, floor: int
) -> None:
    chain = await stored_before(world, monkeypatch)
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": floor}})
    assert await told(chain) == dict.fromkeys(firsts_from(0))
    assert await read(world) == 6
    assert repr(sorted((await told(chain)).items())) == repr(sorted(firsts_from(floor).items()))
    searched = statistics_of(await chain.document())
    kept = {name for name, first in firsts_from(floor).items() if first is not None}
    assert {name for name, statistic in searched if statistic == "first"} == kept
    assert (searched["late", "first"], searched["text", "last"]) == (12_345.0, (COUNT - 1) / 4)
    assert await read(world) == 0, "each is read once, those of which none is kept too"


async def test_they_stay_whoever_writes_snapshots_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker holds a snapshot of before and goes on with it; then one loads what is there and goes on."""
    chain = await stored_before(world, monkeypatch)
    of_before = await snapshot_of(chain)
    assert await read(world) == 6
    chain.snapshot = of_before
    await chain.grow(100)
    assert (await chain.document())["firsts"] == []
    assert repr(sorted((await told(chain)).items())) == repr(sorted(firsts_from(0).items()))
    chain.snapshot = await snapshot_of(chain)
    await chain.grow(100)
    assert repr(dict((await chain.document())["firsts"])["text"]) == repr(event(7)["text"])
    assert await read(world) == 0


async def test_two_passes_at_once_say_each_field_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = await stored_before(world, monkeypatch)
    assert sum(await asyncio.gather(read(world), read(world))) == 6
    names = [name for name, _ in (await chain.document())["firstsRead"]]
    assert sorted(names) == sorted(firsts_from(0))


async def test_a_field_that_began_under_a_worker_of_before_is_read_beside_those_that_are_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It folded on, wrote `stats`, and left `firsts` as it was."""
    monkeypatch.setattr(chains, "event", lambda index: {"loss": 1.5} if index < 5 else {"new": -7, "loss": 0.5})
    chain = await Chain(world).make()
    await chain.grow(5)
    assert await told(chain) == {"loss": 1.5}
    firsts = (await chain.document())["firsts"]
    await chain.grow(3)
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"firsts": firsts}})
    assert await told(chain) == {"loss": 1.5, "new": None}
    chain.snapshot = await snapshot_of(chain)
    await chain.grow(2)
    assert await told(chain) == {"loss": 1.5, "new": None}, "what is not known is not guessed"
    assert await read(world) == 1
    assert await told(chain) == {"loss": 1.5, "new": -7}


async def test_closed_streams_are_left_alone_and_a_broken_one_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "event", event)
    sound, broken, closed = [await Chain(world, name=name).make() for name in ("a", "b", "c")]
    for chain in (sound, broken, closed):
        await chain.grow(2_000, bucket_events=500)
        await forget(chain)
    await world.mongo.buckets.delete_one({"_id": bucket_id(broken.id, 0)})
    await world.mongo.streams.update_one({"_id": closed.id}, {"$set": {"next": 2**62, "cold": 2**62}})
    assert await read(world) == 4
    assert [("firstsRead" in await chain.document()) for chain in (sound, broken, closed)] == [True, False, False]


async def test_what_cannot_be_read_is_left_and_what_comes_before_it_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the fields behind an object that is gone nobody says that no number is kept: it may come back."""
    chain = await stored_before(world, monkeypatch)
    document = await world.mongo.chunks.find_one({"_id.s": chain.id, "_id.k": 1})
    assert document is not None
    lost = {"_id": document["_id"]}
    await world.mongo.chunks.update_one(lost, {"$set": {"live.key": "gone"}})
    assert await read(world) == 4
    expected = firsts_from(0)
    said = {name: expected[name] for name in ("whole", "nan", "text", "early")}
    assert repr(sorted((await chain.document())["firstsRead"])) == repr([[name, said[name]] for name in sorted(said)])
    assert await read(world) == 0
    await world.mongo.chunks.update_one(lost, {"$set": {"live.key": document["live"]["key"]}})
    assert await read(world) == 2
    assert repr(sorted((await told(chain)).items())) == repr(sorted(expected.items()))


async def test_where_the_store_itself_is_shut_the_step_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = await stored_before(world, monkeypatch)
    async with open_store(msgspec.structs.replace(world.servers, s3_bucket=f"{world.name}-none")) as shut:
        with pytest.raises(StoreRefused):
            await read_first_numbers(world.mongo, shut, ByteBudget(1 << 28), asyncio.Event())
    assert "firstsRead" not in await chain.document()


async def test_no_search_looks_at_more_streams_than_a_page_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB's own profile of them: nothing is lacking but in the last, and each command ends soon all the same."""
    monkeypatch.setattr(chains, "event", lambda index: {"loss": 1.5})
    monkeypatch.setattr(first_numbers, "STREAMS_AT_ONCE", 3)
    made = sorted([await Chain(world, name=f"m{number}").make() for number in range(10)], key=lambda one: one.id)
    for chain in made:
        await chain.grow(5)
    await forget(made[-1])
    database = world.mongo.database
    await database.command("profile", 2)
    assert await read(world) == 1
    await database.command("profile", 0)
    searches = database["system.profile"].find({"ns": f"{world.name}.streams", "command.limit": 3})
    looked = [one["docsExamined"] async for one in searches]
    assert len(looked) == 4 and max(looked) == 3
