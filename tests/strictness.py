"""Strictness for every test: a clean environment, and nothing left behind."""

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import psutil
import pytest

from mldash.session.registry import all_sessions, forget_session

_TO_END_S = 10.0
_KEPT = ("MLDASH_TEST_", "MLDASH_STACK_JARS_REPOSITORY")
"""Where a stack's jars come from is the machine's, not the person's."""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches one."""
    for name in list(os.environ):
        if name.startswith("MLDASH_") and not name.startswith(_KEPT):
            monkeypatch.delenv(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs in a loop is looked at there: first set up, last torn down."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "no_task_left_behind")


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """A test that leaves a task running fails; one that is about to end may."""
    yield
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        _, left = await asyncio.wait(left, timeout=_TO_END_S)
        assert not left, f"tasks left behind: {left}"


@pytest.fixture(autouse=True)
def runs_end_with_their_test() -> Iterator[None]:
    """What a test left undelivered is tried for as long as the process lives, and warns of it: in another's test."""
    before = {session.id for session in all_sessions()}
    yield
    for session in all_sessions():
        if session.id not in before and session.delivery is not None:
            session.delivery.abandon()
            forget_session(session)


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
    with suppress(ChildProcessError):  # there is none, which the kernel says at once: a walk over /proc takes longer
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return set(psutil.Process().children(recursive=True))
    return set()
