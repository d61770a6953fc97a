"""Compactors know nothing of Kafka."""

from collections.abc import AsyncIterator

import pytest

from tests.stack import StackAddresses
from tests.world import World, stores_alone


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    async with stores_alone(stack) as made:
        yield made
