"""Between any two lines of a call of ours a handler may call anything of ours, or throw; and all goes on.

The lines are counted by a trace: for each n the call is made anew and interrupted at its n-th line, in our modules and
in `threading`. What is called or thrown there is what a signal's handler, or a finaliser, would.
"""

import functools
import linecache
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mldash import Experiment
from mldash.events.schema import End, Start
from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions

from .journal.journals import events_in

pytestmark = pytest.mark.filterwarnings(  # of files that were being opened
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)

BIG = "x" * 30_000
"""Two of these fill a segment: the third event begins another."""


class Thrown(BaseException):
    """What a handler throws, as KeyboardInterrupt."""


def interrupted(call: Callable[[], object], at: int, do: Callable[[], object]) -> bool:
    """Do something at the n-th line of a call; whether the call has that many."""
    lines = 0
    entered: set[tuple[FrameType, int]] = set()

    def is_no_place(frame: FrameType) -> bool:
        """The trace comes where no handler can: by a `with` again when that ends, and by the line of a `try`, which
        does nothing and lies in no handler of errors."""
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
        if not line.startswith("with "):
            return line == "try:"
        place = frame, frame.f_lineno
        if place in entered:
            return True
        entered.add(place)
        return False

    def on_line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if event == "line" and not is_no_place(frame):
            lines += 1
            if lines == at:
                sys.settrace(None)
                do()
        return on_line

    def on_call(frame: FrameType, event: str, _: Any) -> Any:
        file = frame.f_code.co_filename
        return on_line if "/producer/" in file or file == threading.__file__ or file.startswith("<mldash") else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines >= at


def throw() -> None:
    raise Thrown


def in_a_thread(test: Callable[[Path], None]) -> Callable[[Path], None]:
    """A trace that raises may leave its exception behind as the one that the thread handles: so that ends with it."""

    @functools.wraps(test)
    def run(tmp_path: Path) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(test, tmp_path).result()

    return run


def offline(tmp_path: Path, number: int, **more: Any) -> Experiment:
    """In a folder of its own: a start looks at what others have left in its journal's, line by line."""
    settings = {
        "journal": str(tmp_path / f"journal{number}"),
        "segment_bytes": 1 << 16,
        "capture_context": False,
        **more,
    }
    given = {**settings, "signals": False, "capture_context": False, **more}
    return Experiment(f"owner/project/run{number}", mode="offline", **given)


def stored(tmp_path: Path, number: int) -> list[dict[Any, list[Any]]]:
    """Of each session of a run: stream → fields, in order."""
    found = []
    for folder in find_sessions(tmp_path / f"journal{number}"):
        if folder.head.prefix == f"owner/project/run{number}":
            events = events_in(StoredSource(folder))
            found.append({stream: [fields for _, fields in those] for stream, those in events.items()})
    return found


def numbers(sessions: list[dict[Any, list[Any]]], stream: tuple[str, str] = ("metrics", "train")) -> list[int]:
    return [fields["n"] for session in sessions for fields in session.get(stream, [])]


@in_a_thread
def test_what_is_thrown_into_a_start_keeps_no_later_call_from_doing_its_part(tmp_path: Path) -> None:
    """The start is made again, or not; what was logged after it is stored once, and the run has its one end."""
    for at in range(1, 10_000, 3):  # a start has some hundreds of lines
        experiment = offline(tmp_path, at, echo=False)
        try:
            more = interrupted(experiment.run.start, at, throw)
        except Thrown:
            more = True
        experiment.run.start()
        experiment.metrics("train").log(n=1)
        experiment.metrics("train").log(n=2, text=BIG)
        session = experiment._session
        experiment.run.complete()
        assert session is not None and not session.openers
        sessions = stored(tmp_path, at)
        assert numbers(sessions) == [1, 2], at
        events = [fields["event"] for one in sessions for fields in one.get(("runs", ""), [])]
        assert isinstance(events[0], Start) and isinstance(events[-1], End) and events[-1].status == "COMPLETED", at
        if not more:
            break
    assert 50 < at < 9_999


@in_a_thread
def test_what_is_thrown_into_a_roll_keeps_no_later_call_from_doing_its_part(tmp_path: Path) -> None:
    """What returned is stored once, in order; what was thrown into is stored once or not."""
    for at in range(1, 10_000):
        experiment = offline(tmp_path, at, echo=False)
        experiment.run.start()
        train = experiment.metrics("train")
        for n in range(2):
            train.log(n=n, text=BIG)
        try:
            more = interrupted(lambda: train.log(n=2, text=BIG), at, throw)  # noqa: B023 - called at once
        except Thrown:
            more = True
        for n in range(3, 8):
            train.log(n=n, text=BIG)
        assert experiment._session is not None and len(experiment._session.journal.segments) > 3
        experiment.run.complete()
        found = numbers(stored(tmp_path, at))
        assert found in ([0, 1, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]), at
        if not more:
            assert 2 in found
            break
    assert 20 < at < 9_999


@pytest.mark.parametrize("what", ["start", "roll", "line", "print", "buffer", "summary", "complete"])
def test_a_handler_that_calls_anything_within_a_call_waits_for_nothing_and_loses_nothing(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It logs a point and a line, buffers, summarises, prints and flushes, at each line of the call."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        for at in range(1, 10_000, 5 if what in ("start", "complete") else 1):
            experiment = offline(tmp_path, at, capture_stdout=True)
            train, other = experiment.metrics("train"), experiment.metrics("other")
            handled = False

            def handle() -> None:
                nonlocal handled
                if experiment.run.is_open:  # noqa: B023 - called at once
                    other.log(n=1)  # noqa: B023
                    other.buffer(m=1)  # noqa: B023
                    experiment.log("from a handler", n=1)  # noqa: B023
                    print("printed by a handler")
                    experiment.flush()  # noqa: B023
                    experiment.metrics.buffer.log_summary("sum")  # noqa: B023
                    handled = True

            def call() -> None:
                if what == "start":
                    experiment.run.start()  # noqa: B023
                elif what == "roll":
                    train.log(n=2, text=BIG)  # noqa: B023
                elif what == "line":
                    experiment.log("from the loop", n=2)  # noqa: B023
                elif what == "print":
                    print("printed by the loop")
                elif what == "buffer":
                    train.buffer(k=1)  # noqa: B023
                elif what == "summary":
                    experiment.metrics.buffer.log_summary("sum")  # noqa: B023
                else:
                    experiment.run.complete()  # noqa: B023

            if what != "start":
                experiment.run.start()
                train.log(n=0, text=BIG)
                train.log(n=1, text=BIG)
                train.buffer(k=1)
            more = interrupted(call, at, handle)
            experiment.run.start()
            train.log(n=3)
            experiment.run.complete()
            sessions = stored(tmp_path, at)
            expected = {"start": [3], "roll": [0, 1, 2, 3]}.get(what, [0, 1, 3])
            assert [fields["n"] for one in sessions for fields in one["metrics", "train"] if "n" in fields] == expected
            sums = [fields["k.sum"] for one in sessions for fields in one["metrics", "train"] if "k.sum" in fields]
            means = [fields for one in sessions for fields in one["metrics", "train"] if "k.mean" in fields]
            assert bool(sums or means) == (what != "start"), (at, sums, means)
            others = [fields for one in sessions for fields in one.get(("metrics", "other"), []) if "n" in fields]
            assert len(others) == handled, at
            lines = [fields["message"] for one in sessions for fields in one.get(("logs", ""), [])]
            assert lines.count("from a handler") == handled, at
            assert lines.count("from the loop") == (what == "line"), at
            assert "".join(lines).count("printed by the loop") == (what == "print"), at
            os.set_blocking(reading, False)
            while True:
                try:
                    os.read(reading, 1 << 16)
                except BlockingIOError:
                    break
            if not more:
                break
        assert sys.stdout is pipe or getattr(sys.stdout, "uncaptured", None) is pipe
        assert at > 5
        monkeypatch.undo()
    os.close(reading)
