"""How long events have waited to be acknowledged, and who is told."""

import threading
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.journal.checkpoint import Place
from mldash.local.state.lock import lock_of
from mldash.session import lag as lag_module
from mldash.session.lag import LAG_AFTER_S, Lag


def at(offset: int) -> Place:
    return Place(0, offset)


def test_the_lag_is_that_of_the_oldest_event_that_waits() -> None:
    lag = Lag()
    assert lag.look(0.0, at(0), at(0)) == 0.0
    assert lag.look(5.0, at(0), at(10)) == 0.0
    assert lag.look(10.0, at(0), at(20)) == 5.0
    assert lag.look(15.0, at(9), at(20)) == 10.0
    assert lag.look(20.0, at(10), at(20)) == 10.0  # what came first is through: the next was seen at 10 s
    assert lag.look(25.0, at(20), at(20)) == 0.0


def test_a_lag_is_told_once_a_minute_and_its_end_once() -> None:
    lag = Lag()
    assert not lag.is_news(0.0, LAG_AFTER_S - 1)
    assert [now for now in range(0, 200, 5) if lag.is_news(float(now), LAG_AFTER_S + now)] == [0, 60, 120, 180]
    assert not lag.is_over(LAG_AFTER_S)
    assert lag.is_over(0.0)
    assert not lag.is_over(0.0)


def test_each_object_of_an_experiment_hears_of_a_lag_and_of_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the lock of the experiment's files, as one that was stopped would."""
    monkeypatch.setattr(lag_module, "LAG_AFTER_S", 0.1)
    monkeypatch.setattr(lag_module, "LOOK_S", 0.01)
    told: list[tuple[float, int]] = []
    lagging, over = threading.Event(), threading.Event()
    first, second = (Experiment("owner/project/run", root=str(tmp_path), echo=False) for _ in range(2))

    def on_lagging(seconds: float, unsent_bytes: int) -> None:
        told.append((seconds, unsent_bytes))
        lagging.set()

    second.events.on("lagging", on_lagging)
    first.events.on("delivered", over.set)
    with first.run, second.run:
        first.flush()
        with lock_of(tmp_path / "owner" / "project" / "run" / ".state").hold():
            second.metrics("m").log(x=1)
            assert lagging.wait(30)
        assert over.wait(30)
    seconds, waiting_bytes = told[0]
    assert seconds >= 0.1
    assert waiting_bytes > 0
