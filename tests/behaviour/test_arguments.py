"""Every argument of a read means the same in every mode: the same answer, or the same error with the same text."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment

NAMES = [None, [], ["x"], "x", ("x", "nope"), [1], 1, b"x", ["y" * 1025], ["\ud800"], [*map(str, range(2000)), "x"]]
COUNTS = [
    *(0, 1, 3, 10_001, 10**9, 2**63, 10**30, -1, True, np.int64(2), np.uint8(3)),
    *(1.0, 2.5, math.nan, math.inf, "2", "", None, [], np.float64(2)),
]
TIMES = [
    *(None, 0, 2, 2.5, -1, math.nan, math.inf, -math.inf, 10**400, 1e300, -1e300, True, np.float32(2), np.int64(2)),
    *("2", "1970-01-01T00:00:02Z", "x", "", b"2", [], {}, object),
    *(datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC), datetime(1970, 1, 2), date(1970, 1, 2)),
    *(np.datetime64("1970-01-01T00:00:03"), np.datetime64("NaT", "s")),
]
RATES = [1.0, 2, np.float32(0.5), 0, -1, math.nan, math.inf, 1e9, "2", None, True]
LEVELS = [None, [], "info", ["INFO", "warning"], ("error",), "nope", "", 1, [1], b"info"]
SEARCHES = [None, "", "LINE", "x" * 1000, "x" * 1001, 1, b"l", "\ud800", "nothing such"]
WAITS = [None, 5, 5.0, np.float32(5), True, math.inf, math.nan, "1", []]
FILTERS = [None, [], "x < 2", ["x < 2", "x >= 1"], "x", "", "x < nan", 1, [1], ["x < 1"] * 21]


def calls(experiment: Experiment) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """A name, the odd arguments, and what is called with one of them."""
    metric, track, logs = experiment.metrics("m"), experiment.tracks("t"), experiment.logs
    yield "read limit", COUNTS, lambda one: metric.read(limit=one)
    yield "read start_index", COUNTS, lambda one: metric.read(one)
    yield "iter start_index", COUNTS, lambda one: list(metric.iter(one))
    yield "iter end_index", COUNTS, lambda one: list(metric.iter(0, one))
    yield "read_columns start_index", COUNTS, lambda one: metric.read_columns(one)
    yield "read_columns limit", COUNTS, lambda one: metric.read_columns(0, one)
    yield "read_columns fields", NAMES, lambda one: metric.read_columns(fields=one)
    yield "view fields", NAMES, lambda one: metric.view(one)
    yield "view points", COUNTS, lambda one: metric.view(points=one)
    yield "view start", TIMES, lambda one: metric.view(start=one)
    yield "view end", TIMES, lambda one: metric.view(end=one)
    yield "view start of time", TIMES, lambda one: metric.view("x", x="time", start=one)
    yield "view x", ["index", "time", "x", "", None, 1, "\ud800"], lambda one: metric.view(x=one)
    yield "view filter", FILTERS, lambda one: metric.view(filter=one)
    yield "tracks start", TIMES, lambda one: track.read(one)
    yield "tracks end", TIMES, lambda one: track.read(None, one)
    yield "tracks columns", NAMES, lambda one: track.read(columns=one)
    yield "tracks format", ["json", "jsonl", "xml", "", None, 1], lambda one: track.read(format=one)
    yield "tracks slice", TIMES, lambda one: [list(track.slice(one)), repr(track.slice(one))]
    yield "tracks at", [*TIMES, [1, 2.5], np.array([1.0, 9.0]), ["2"]], lambda one: track.at(one)
    yield "tracks at columns", NAMES, lambda one: track.at(2.5, one)
    yield "find_by_time", TIMES, lambda one: track.slice().find_by_time(one)
    yield "resampled rate", RATES, lambda one: track.resampled(one)
    yield "resampled start", TIMES, lambda one: track.resampled(1.0, one)
    yield (
        "resampled end",
        [one for one in TIMES if not isinstance(one, date)],
        lambda one: track.resampled(1.0, None, one),
    )
    yield "resampled columns", NAMES, lambda one: track.resampled(1.0, columns=one)
    yield "logs limit", COUNTS, lambda one: logs.read(limit=one)
    yield "logs offset", COUNTS, lambda one: logs.read(offset=one)
    yield "logs level", LEVELS, lambda one: logs.read(one)
    yield "logs search", SEARCHES, lambda one: logs.read(search=one)
    yield "logs start", TIMES, lambda one: logs.read(start=one)
    yield "logs end", TIMES, lambda one: logs.read(end=one)
    yield "wait of read", WAITS, lambda one: metric.read(wait=one)
    yield "wait of params", WAITS, lambda one: experiment.params.get(wait=one)
    yield "wait of list", WAITS, lambda one: [experiment.metrics.list(wait=one), experiment.tracks.list(wait=one)]
    yield "wait of stats", WAITS, lambda one: metric.stats(wait=one)["fields"]
    yield "wait of tracks", WAITS, lambda one: track.read(wait=one)
    yield "wait of logs", WAITS, lambda one: logs.read(wait=one)


def outcome(call: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return without_times(call(argument))
    except Exception as error:  # whatever it is, it has to be the same
        return type(error).__name__, str(error)


def without_times(answer: Any) -> Any:
    """Without what says when it was logged, and ids: both are others in each experiment."""
    if isinstance(answer, dict):
        return {
            name: without_times(value)
            for name, value in answer.items()
            if name not in ("createdAt", "updatedAt", "metricId", "trackId")
            and not (name == "timestamp" and isinstance(value, str))
        }
    return [without_times(one) for one in answer] if isinstance(answer, list) else answer


def filled(experiment: Experiment) -> Experiment:
    with experiment.run:
        experiment.params.set(a=1)
        for at in range(5):
            experiment.metrics("m").log(x=at, y="text", _ts=float(at))
            experiment.tracks("t").append(x=at, y="text", _ts=float(at))
            experiment.log(f"line {at}", level=["info", "warn", "error"][at % 3])
    return experiment


def test_every_argument_of_a_read_means_the_same_in_every_mode(
    make_experiment: MakeExperiment, prefix: str, tmp_path: Path
) -> None:
    """Local mode's outcomes are those that the other modes have to have, one for one."""
    local = filled(Experiment(prefix, root=str(tmp_path / "to-compare"), echo=False))
    other = filled(make_experiment())
    differ = []
    for (name, arguments, there), (_, _, here) in zip(calls(local), calls(other), strict=True):
        for argument in arguments:
            wanted, found = outcome(there, argument), outcome(here, argument)
            if repr(wanted) != repr(found):
                differ.append(f"{name} {argument!r:.60}: local {wanted!r:.200}, here {found!r:.200}")
    assert not differ, "\n".join(differ)
