"""Strictness for every test: a clean environment, and nothing left behind."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.stack", "tests.world", "tests.components"]

settings.register_profile("ci", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

_KEPT = ("MLDASH_TEST_",)
_FAST_FIRST = (
    "architecture",
    "documentation",
    "unit",
    "examples",
    "protocol_model",
    "mutants",
    "property",
    "integration",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who breaks something small hears of it within the first minute."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return _FAST_FIRST.index(folder) if folder in _FAST_FIRST else len(_FAST_FIRST)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches one."""
    for name in list(os.environ):
        if name.startswith("MLDASH_") and not name.startswith(_KEPT):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test that leaves a thread that would hold the interpreter, or a child process, fails."""
    threads, children = set(threading.enumerate()), _children()
    yield
    left = [thread.name for thread in set(threading.enumerate()) - threads if not thread.daemon and thread.is_alive()]
    # Motor's and asyncio's pools end with their process; they wait for work and hold nothing.
    left = [name for name in left if not name.startswith(("ThreadPoolExecutor", "asyncio_"))]
    assert not left, f"threads left behind: {left}"
    more = [child for child in _children() - children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not more, f"child processes left behind: {more}"


def _children() -> set[psutil.Process]:
    from tests.components import RUNNING  # a plugin, which pytest wants to import itself first

    return {child for child in psutil.Process().children(recursive=True) if child.pid not in RUNNING}
