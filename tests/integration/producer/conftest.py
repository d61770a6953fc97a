"""Journals of a test, topics on the session's broker, and a broker of the test's own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from .broker import Broker
from .emission import Sessions, Topics


@pytest.fixture
async def topics(kafka_address: str) -> AsyncIterator[Topics]:
    made = Topics(kafka_address)
    await made.make()
    yield made


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    made = Sessions(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Not started yet."""
    made = Broker(tmp_path / "broker")
    yield made
    await made.kill()
