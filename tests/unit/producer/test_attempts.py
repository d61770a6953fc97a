"""No thread of the SDK ends by what one of its steps raises."""

import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mldash.callbacks import Callbacks, MldashWarning
from mldash.capture.system_metrics import SystemMetrics
from mldash.journal.forcing import IntervalSync
from mldash.journal.ownership import HEARTBEAT_NAME, Ownership
from mldash.process.attempts import Attempts
from mldash.remote import standing
from mldash.session import lag
from tests.own_errors import own_errors

WAIT_S = 10.0


class Faulty:
    """Raises each error of ours once, then signals that it was called once more."""

    def __init__(self, answer: Any = None) -> None:
        self.errors, self.went_on, self._answer = [*own_errors()], threading.Event(), answer

    def __call__(self, *_: Any, **__: Any) -> Any:
        if self.errors:
            raise self.errors.pop()
        self.went_on.set()
        return self._answer


def the_lag(faulty: Faulty, monkeypatch: pytest.MonkeyPatch, _: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    monkeypatch.setattr(lag, "LOOK_S", 0.001)
    monkeypatch.setattr(lag.Lag, "look", lambda *_: faulty() or 0.0)
    delivery: Any = SimpleNamespace(
        barrier=SimpleNamespace(place=None), journal=SimpleNamespace(end=lambda: None), unsent_bytes=lambda: 0
    )
    watch = lag.LagWatch(delivery, Callbacks())
    return watch.start, watch.stop


def the_standing(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch, _: Path
) -> tuple[Callable[[], None], Callable[[], None]]:
    monkeypatch.setattr(standing, "ask", faulty)
    transport: Any = SimpleNamespace(close=lambda: None)
    watch = standing.StandingWatch(transport, "a/b", b"s" * 16, 0.0001, Callbacks())
    return watch.start, watch.stop


def the_load(faulty: Faulty, _: pytest.MonkeyPatch, __: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    metrics = SystemMetrics(faulty, 0.001)
    return metrics.start, metrics.stop


def the_sync(faulty: Faulty, _: pytest.MonkeyPatch, __: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    journal: Any = SimpleNamespace(sync=faulty)
    sync = IntervalSync(journal, 0.001, Callbacks())
    return sync.start, sync.stop


def the_heartbeat(
    faulty: Faulty, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> tuple[Callable[[], None], Callable[[], None]]:
    owner = Ownership(folder, 0.01)
    monkeypatch.setattr(owner, "_take_back", faulty)
    monkeypatch.setattr(owner, "_beat", SimpleNamespace(seconds=1e9))
    faulty._answer = True
    return lambda: owner.start(folder), owner.let_go


@pytest.fixture
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield told


@pytest.mark.parametrize("thread", [the_lag, the_standing, the_load, the_sync, the_heartbeat])
def test_a_thread_outlives_every_error_of_ours(
    thread: Callable[..., tuple[Callable[[], None], Callable[[], None]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    quiet: list[warnings.WarningMessage],
) -> None:
    """Each class is thrown out of its step, one after another; then the step is called once more."""
    faulty = Faulty({"standing": "counted"} if thread is the_standing else None)
    start, stop = thread(faulty, monkeypatch, tmp_path)
    start()
    try:
        assert faulty.went_on.wait(WAIT_S), f"the thread ended with {len(faulty.errors)} errors left"
    finally:
        stop()
    assert thread is not the_heartbeat or (tmp_path / HEARTBEAT_NAME).exists()


def test_a_kind_of_error_is_told_once_with_its_place(quiet: list[warnings.WarningMessage]) -> None:
    attempts = Attempts("the heartbeat")
    for error in (ValueError("one"), ValueError("two"), KeyError("three")):
        step = Faulty()
        step.errors = [error]
        assert attempts.attempt(step) is None
    assert attempts.failures == 3
    messages = [str(one.message) for one in quiet if one.category is MldashWarning]
    assert [message.split("\n")[0] for message in messages] == [
        "the heartbeat failed: ValueError: one; it is tried again",
        "the heartbeat failed: KeyError: 'three'; it is tried again",
    ]
    assert all("Traceback" in message and "test_attempts.py" in message for message in messages)
    assert attempts.attempt(lambda: 7) == 7
    assert attempts.failures == 0


def test_what_ends_a_process_ends_the_thread() -> None:
    step = Faulty()
    step.errors = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        Attempts("x").attempt(step)
