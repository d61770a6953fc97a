"""A child that is forked while another thread is inside a call of ours never waits for that thread."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.process.locks import reentrant_lock

from .journal.test_descriptors_over_forks import run_in_child


@pytest.fixture
def experiment(tmp_path: Path) -> Iterator[Experiment]:
    made = Experiment("owner/project/run", root=tmp_path, mode="local", capture_context=False, echo=False)
    with made.run:
        yield made


def fork_within(
    call: Callable[[], object], what: str, monkeypatch: pytest.MonkeyPatch, in_child: Callable[[], object]
) -> bool:
    """Fork while another thread stands in `os.{what}`, which `call` comes to; whether the child did its part."""
    inside, forked = threading.Event(), threading.Event()
    real = getattr(os, what)

    def pause(*given: Any, **named: Any) -> Any:
        if threading.current_thread() is thread and not inside.is_set():
            inside.set()
            forked.wait(20)
        return real(*given, **named)

    thread = threading.Thread(target=call)
    with monkeypatch.context() as patched:
        patched.setattr(os, what, pause)
        thread.start()
        assert inside.wait(20)
        done = run_in_child(lambda: in_child() is not False)
        forked.set()
        thread.join(20)
    return done


def test_a_worker_forked_while_another_thread_buffers_numbers_ends(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a run summarises what is gathered: of each metric, also of the one that the other thread is in."""
    metric = experiment.metrics("train")

    def end() -> bool:
        experiment.metrics("train").buffer(loss=2.0)
        taken = metric._buffered.peek((), 5)
        experiment.metrics._settle()
        return taken == {"loss": [2.0]}

    assert fork_within(lambda: metric.buffer(loss=1.0), "getpid", monkeypatch, end)
    experiment.metrics.buffer.log_summary()
    assert {"loss.mean": 1.0} in [point["data"] for point in metric.read()["data"]]


def test_a_worker_forked_while_another_thread_reads_can_read(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment.metrics("train").log(loss=1.0)
    experiment.flush()
    assert fork_within(
        lambda: experiment.metrics("train").read(),
        "stat",
        monkeypatch,
        lambda: experiment.metrics("train").read(wait=0)["total"] == 1,
    )


def test_a_child_that_a_handler_forks_goes_on_in_the_lock_that_its_thread_holds() -> None:
    lock = reentrant_lock()

    def within() -> bool:
        lock.release()
        return True

    lock.acquire()
    assert run_in_child(within)
    lock.release()
