"""The secured servers of a run, started with the first test that wants them (servers.py)."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import SecuredServers


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredServers]:
    made = SecuredServers(tmp_path_factory.mktemp("secured"))
    try:
        made.start()
        yield made
        made.note_documents()
    finally:
        made.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A connection whose handshake was refused is left by its client: asyncio says so when the collector finds it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            for kind in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}"))


@pytest.fixture(autouse=True)
def what_is_left_is_found_here() -> Iterator[None]:
    """Not within a test that comes later, which has nothing to do with it."""
    yield
    gc.collect()
