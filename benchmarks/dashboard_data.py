"""What the dashboard is measured on: made by the SDK, as users make it, and for the largest by documents."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from mldash import Experiment

from . import find, find_grid, find_runs
from .api_process import servers_of
from .whole_stack import look_at

SCOPE: Final = "bench/page"
WIDE: Final = f"{SCOPE}/wide"
LOGGED: Final = f"{SCOPE}/logged"
COMPARED: Final = [f"{SCOPE}/compared-{number}" for number in range(10)]
_STORED_S: Final = 300.0
_LEVELS: Final = ("debug", "info", "info", "warn")
_spawn = get_context("spawn")


class Sizes(Struct, frozen=True, kw_only=True):
    """How much there is of each; the defaults are those of the goals."""

    runs: int = 10_000
    charted: int = 20
    points: int = 1_000_000
    metrics: int = 2_000
    columns: int = 12_000
    lines: int = 200_000
    seconds: float = 30.0
    """Of each live case."""


def make_table(data: str, sizes: Sizes) -> None:
    asyncio.run(find_runs.make_runs(find.servers_of(data, sizes.runs), sizes.runs))


def make_grid(data: str, sizes: Sizes) -> None:
    asyncio.run(find_grid.make_runs(servers_of(data), sizes.charted, sizes.points))


def make_wide(data: str, sizes: Sizes) -> None:
    """A run of many metrics, 200 points each."""
    with _logging(data, WIDE) as run:
        for number in range(sizes.metrics):
            losses = [math.exp(-step / (20 + number % 50)) for step in range(200)]
            run.metrics(f"group-{number % 20:02}/m{number:04}").log_many(loss=losses)
    _until(data, WIDE, "/v1/compare", lambda answer: len(answer["statistics"]) >= sizes.metrics)


def make_compared(data: str, sizes: Sizes) -> None:
    for number, prefix in enumerate(COMPARED):
        draw = random.Random(number)
        with _logging(data, prefix) as run:
            run.params.set(**{f"c{column:05}": draw.random() for column in range(sizes.columns)})
        _until(data, prefix, "/v1/compare", lambda answer: len(answer["params"]) >= sizes.columns)


def make_logged(data: str, sizes: Sizes) -> None:
    with _logging(data, LOGGED) as run:
        for number in range(sizes.lines):
            run.log(f"step {number}: loss {math.exp(-number / 1e5):.4f}", level=_LEVELS[number % len(_LEVELS)])
    last = {"offset": sizes.lines - 1, "limit": 1}
    _until(data, LOGGED, "/v1/logs/lines", lambda answer: len(answer["lines"]) == 1, last)


@contextmanager
def feeding(data: str, metrics: int, points: int, rate: float) -> Iterator[str]:
    """The prefix of a new run: its metrics have so many points, and get `rate` more a second from another process."""
    ready, stop = _spawn.Event(), _spawn.Event()
    prefix = f"{SCOPE}/live-{time.time_ns()}"
    given = (look_at(data).api, str(Path(data, "journal").absolute()), prefix, metrics, points, rate, ready, stop)
    process = _spawn.Process(target=_feed, args=given)
    process.start()
    try:
        if not ready.wait(_STORED_S):
            raise RuntimeError(f"{prefix} did not begin")
        _until(data, prefix, "/v1/compare", lambda answer: len(answer["statistics"]) >= metrics)
        yield prefix
    finally:
        stop.set()
        process.join(_STORED_S)
        if process.is_alive():
            process.kill()


def _feed(api: str, journal: str, prefix: str, metrics: int, points: int, rate: float, ready: Any, stop: Any) -> None:
    draw = random.Random(1)
    with Experiment(prefix, remote=api, journal=journal, echo=False, capture_context=False).run as run:
        handles = [run.metrics(f"live/m{number:02}") for number in range(metrics)]
        for handle in handles:
            handle.log_many(loss=[math.exp(-step / points) + draw.gauss(0, 0.05) for step in range(points)])
        ready.set()
        due = time.monotonic()
        while not stop.is_set():
            for handle in handles:
                handle.log(loss=math.exp(-1) + draw.gauss(0, 0.05))
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))


@contextmanager
def _logging(data: str, prefix: str) -> Iterator[Any]:
    journal = str(Path(data, "journal").absolute())
    with Experiment(prefix, remote=look_at(data).api, journal=journal, echo=False, capture_context=False).run as run:
        yield run


def _until(
    data: str, prefix: str, path: str, is_there: Callable[[Any], bool], query: dict[str, int] | None = None
) -> None:
    """Stored: others read it."""
    until = time.monotonic() + _STORED_S
    named = {"prefixes": prefix, "everything": "true"} if path == "/v1/compare" else {"prefix": prefix}
    with httpx.Client(base_url=look_at(data).api, timeout=60.0, trust_env=False) as http:
        while True:
            answer = http.get(path, params={**named, **(query or {})})
            if answer.status_code == 200 and is_there(answer.json()):
                return
            if time.monotonic() > until:
                raise RuntimeError(f"{prefix} is not stored: {answer.status_code} {answer.text[:200]}")
            time.sleep(0.5)
