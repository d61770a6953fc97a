"""Topics, indexes and bucket are made where they are missing."""

from time import monotonic

import pytest
from aiokafka.errors import InvalidReplicationFactorError

from mldash_deploy.prepare import prepare
from tests.stack import StackAddresses
from tests.world import World, opened

pytestmark = pytest.mark.integration


async def test_too_few_brokers_are_waited_for_and_then_named(stack: StackAddresses) -> None:
    """A broker whose heartbeats are late counts as none for a moment: once a suite ended by it."""
    async with opened(World(stack)) as new:
        began = monotonic()
        with pytest.raises(InvalidReplicationFactorError, match=r"topic .* could not be made"):
            await prepare(new.servers, replication=3, patience_s=0.6)
        assert monotonic() - began >= 0.6


async def test_preparing_again_changes_nothing(world: World) -> None:
    await prepare(world.servers)
