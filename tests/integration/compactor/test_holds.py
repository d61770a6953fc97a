"""While somebody holds the objects, as a backup does, none is deleted; afterwards what was left goes."""

from time import time

import pytest

from mldash.events.identity import experiment_id
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.keys import KeyParts, object_key
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import run_steps
from mldash_compactor.upkeep.removal import Removal, finish_generation, go_on_with_removals, sweep_generation
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.holds import objects_are_held, place_hold, release_hold, renew_hold
from mldash_ingest.documents.removals import find_target, raise_generation
from tests.world import World

from .chains import PREFIX, Chain

ONE, TWO = b"1" * 16, b"2" * 16

pytestmark = pytest.mark.integration


async def cold_chunk(world: World) -> Chain:
    chain = await Chain(world).make()
    await chain.grow(CHUNK + 100)
    await run_steps(await chain.move(Range(0, CHUNK)))
    return chain


async def deleted(world: World) -> Removal:
    """The experiment is invisible, and nothing of it is gone yet."""
    target = await find_target(world.mongo, PREFIX)
    assert target is not None
    assert await raise_generation(world.mongo, target)
    return Removal(world.mongo, world.objects, PREFIX, target.generation)


async def test_an_orphan_stays_while_any_hold_stands_and_goes_with_the_next_sweep(world: World) -> None:
    chain = await cold_chunk(world)
    orphan = object_key(PREFIX, KeyParts(chain.id, 0, 0, 0))
    await world.objects.put(orphan, b"left", crc32c(b"left"))
    await place_hold(world.mongo, ONE, 600.0)
    await place_hold(world.mongo, TWO, 600.0)
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    await release_hold(world.mongo, ONE)
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    assert orphan in await chain.object_keys()
    await release_hold(world.mongo, TWO)
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert orphan not in await chain.object_keys()


async def test_a_hold_ends_with_its_time_and_can_be_renewed_only_before(world: World) -> None:
    await place_hold(world.mongo, ONE, 600.0)
    assert await renew_hold(world.mongo, ONE, -1.0)
    assert not await objects_are_held(world.mongo)
    assert not await renew_hold(world.mongo, ONE, 600.0), "objects may have been deleted since"
    await place_hold(world.mongo, TWO, 600.0)
    assert await objects_are_held(world.mongo)
    assert await renew_hold(world.mongo, TWO, 600.0)


async def test_a_deletion_leaves_held_objects_and_its_note_and_a_compactor_finishes_it(world: World) -> None:
    """The first pass, and the last one 30 days later, which otherwise takes away what says whose the objects are."""
    chain = await cold_chunk(world)
    removal = await deleted(world)
    await place_hold(world.mongo, ONE, 600.0)
    await sweep_generation(removal)
    assert removal.is_held
    assert await world.mongo.chunks.count_documents({}) == 0
    assert len(await chain.object_keys()) == 1
    await finish_generation(Removal(world.mongo, world.objects, PREFIX, removal.generation))
    assert await world.mongo.streams.count_documents({}) == 1
    await release_hold(world.mongo, ONE)
    assert await go_on_with_removals(world.mongo, world.objects, 3_600.0, time()) == 1
    assert await chain.object_keys() == []
    experiment = await world.mongo.experiments.find_one({"_id": experiment_id(PREFIX.text)})
    assert experiment is not None
    assert experiment["purge"][0]["swept_at"] is not None
