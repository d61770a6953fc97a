"""What the SDK costs its user, beside the bare machine in the same run: `make bench-sdk`.

Each case runs in a process of its own, several times; the table and benchmarks/results/sdk.json hold the medians. Kafka
is real and on the same machine (`--data`: the folder of a running stack; without it one is started and stopped); no
worker runs, for what is measured is the training job's side.

  bare       a dict of four floats, one MessagePack encode, one copy into a mapped file not touched before
  log        metrics("train").log of four floats on a handle that is kept; each call is timed, as the bare ones are
  look-up    the same as experiment.metrics("train").log(…)
  delivered  points a second from the first log() until all is acknowledged by Kafka, or in the files
  stopped    log, with the broker stopped (SIGSTOP) from the middle on until the last call has returned
  log_many   NumPy columns of four floats, until Kafka has acknowledged them, beside a bare producer of the same bytes
  publish    journal → records, without Kafka: what the publisher's thread costs an event
  eight      eight processes that log into one local experiment, until all is in its files
  chart      a view of 1,000 pixels of a million points in local files, the first in a process and the next ones. Bare:
             the same file read and its lines decoded, a megabyte at a time, and nothing else
  trackers   the same loop with whichever other trackers are installed (trackers.py), beside ml-dash in local mode
"""

import argparse
import asyncio
import json
import mmap
import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from .case import Case, at_least, at_most, no_less, no_more, run_alone
from .limits.kafka_produce import produce_seconds
from .stack import mldash, running_stack
from .table import write
from .trackers import TRACKERS, installed, measure_tracker

POINTS = 1_000_000
MANY = 4_000_000
MANY_AT_ONCE = 100_000
LOCAL_GOAL = 100_000.0
PROCESSES = 8
PREFIX = "bench/sdk/run"


def quantiles(nanoseconds: list[int]) -> dict[str, float]:
    nanoseconds.sort()
    count = len(nanoseconds)
    at = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    found = {name: float(nanoseconds[int(count * part)]) for name, part in at.items()}
    return found | {"worst": float(nanoseconds[-1])}


def measure_bare(points: int, folder: Path) -> dict[str, float]:
    descriptor = os.open(folder / "bare", os.O_CREAT | os.O_RDWR)
    os.posix_fallocate(descriptor, 0, points * 80)
    view = memoryview(mmap.mmap(descriptor, points * 80))
    encode = msgspec.msgpack.Encoder().encode
    clock = time.perf_counter_ns
    took = [0] * points
    at = 0
    begun = clock()
    for i in range(points):
        before = clock()
        payload = encode({"loss": i * 0.1, "accuracy": 0.2, "rate": 0.3, "norm": 0.4})
        end = at + len(payload)
        view[at:end] = payload
        at = end
        took[i] = clock() - before
    seconds = (clock() - begun) / 1e9
    return quantiles(took) | {"rate": points / seconds}


def measure_log(points: int, settings: dict[str, Any], look_up: bool, broker: int | None = None) -> dict[str, float]:
    """`broker`: the process that is stopped at half of the points, and goes on when the last has returned."""
    from mldash import Experiment

    took = [0] * points
    half = points // 2
    with Experiment(f"{PREFIX}-{time.time_ns()}", echo=False, **settings).run as experiment:
        metric = experiment.metrics("train")
        metric.log(loss=0.0, accuracy=0.2, rate=0.3, norm=0.4)
        experiment.flush()
        anonymous = _anonymous_bytes()
        begun = time.perf_counter_ns()
        time_calls = _time_look_ups if look_up else _time_calls
        try:
            time_calls(experiment, took, range(half))
            if broker is not None:
                os.kill(broker, signal.SIGSTOP)
            time_calls(experiment, took, range(half, points))
        finally:
            if broker is not None:
                os.kill(broker, signal.SIGCONT)
        grown = _anonymous_bytes() - anonymous
        experiment.flush(120)
        seconds = (time.perf_counter_ns() - begun) / 1e9
    # The list of timings itself grows by an integer a call.
    return quantiles(took) | {"rate": points / seconds, "grown": grown - 32 * points}


def _time_calls(experiment: Any, took: list[int], numbers: range) -> None:
    clock = time.perf_counter_ns
    metric = experiment.metrics("train")
    for i in numbers:
        before = clock()
        metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
        took[i] = clock() - before


def _time_look_ups(experiment: Any, took: list[int], numbers: range) -> None:
    clock = time.perf_counter_ns
    for i in numbers:
        before = clock()
        experiment.metrics("train").log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
        took[i] = clock() - before


def measure_log_many(points: int, settings: dict[str, Any], kafka: str) -> dict[str, float]:
    import numpy

    from mldash import Experiment

    numbers = numpy.random.default_rng(7)
    columns = {name: numbers.random(points) for name in ("loss", "accuracy", "rate", "norm")}
    with Experiment(f"{PREFIX}-{time.time_ns()}", echo=False, **settings).run as experiment:
        metric = experiment.metrics("train")
        metric.log(loss=0.0)
        experiment.flush()
        begun = time.perf_counter()
        for at in range(0, points, MANY_AT_ONCE):
            metric.log_many(**{name: column[at : at + MANY_AT_ONCE] for name, column in columns.items()})
        logged = time.perf_counter() - begun
        experiment.flush(120)
        seconds = time.perf_counter() - begun
    events, width = 5_000, 5 * 8  # a record of the publisher: four columns and the times
    value = numbers.random(events * width // 8).tobytes()
    bare = asyncio.run(produce_seconds(kafka, value, points // events))
    return {"logged": points / logged, "rate": points / seconds, "bare": points / bare}


def measure_publish(points: int, folder: Path) -> dict[str, float]:
    from mldash import Experiment
    from mldash.events.encoding import encode_record
    from mldash.journal.reading.rounds import Gatherer
    from mldash.journal.reading.scan import LiveSource, Scan

    with Experiment(PREFIX, mode="offline", journal=folder / "journal", echo=False).run as experiment:
        metric = experiment.metrics("train")
        for i in range(points):
            metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
        assert experiment._session is not None
        begun = time.perf_counter_ns()
        gatherer = Gatherer(Scan(LiveSource(experiment._session.journal)), PREFIX)
        while (found := gatherer.next_round()) is not None:
            for record in found.records:
                encode_record(record)
        return {"p50": (time.perf_counter_ns() - begun) / points}


def measure_eight(points: int, folder: Path) -> dict[str, float]:
    """All of `points` by eight processes together."""
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(PROCESSES + 1)
    each = points // PROCESSES
    emitters = [context.Process(target=_emit, args=(begin, str(folder / "dash"), each)) for _ in range(PROCESSES)]
    for emitter in emitters:
        emitter.start()
    begin.wait()
    begun = time.perf_counter()
    for emitter in emitters:
        emitter.join()
    seconds = time.perf_counter() - begun
    from mldash import Experiment

    stored = Experiment(PREFIX, root=str(folder / "dash")).metrics("train").stats()["totalDataPoints"]
    return {"rate": stored / seconds, "lost": each * PROCESSES - stored}


def _emit(begin: Any, root: str, points: int) -> None:
    from mldash import Experiment

    experiment = Experiment(PREFIX, root=root, echo=False)
    begin.wait()
    with experiment.run:
        metric = experiment.metrics("train")
        for i in range(points):
            metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)


def measure_chart(points: int, local: dict[str, Any]) -> dict[str, float]:
    from mldash import Experiment

    with Experiment("bench/sdk/chart", echo=False, **local).run as experiment:
        experiment.metrics("train").log_many(loss=[i * 0.1 for i in range(points)])
    [file] = Path(local["root"]).rglob("metrics/**/data.jsonl")
    took = list[float]()
    metric = Experiment("bench/sdk/chart", **local).metrics("train")
    for _ in range(6):
        begun = time.perf_counter()
        assert metric.view(fields=["loss"], points=1_000)["totalPoints"] == points
        took.append(time.perf_counter() - begun)
    decode = msgspec.json.Decoder().decode_lines
    begun = time.perf_counter()
    with file.open("rb") as lines:
        assert sum(len(decode(b"".join(some))) for some in iter(lambda: lines.readlines(1 << 20), [])) == points
    bare = time.perf_counter() - begun
    return {"first": took[0] * 1e3, "next": statistics.median(took[1:]) * 1e3, "bare": bare * 1e3}


def _anonymous_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def measure(case: str, points: int, kafka: str, broker: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        local: dict[str, Any] = {"root": str(folder / "dash")}
        remote: dict[str, Any] = {"mode": "remote", "kafka": kafka, "journal": str(folder / "journal")}
        cases: dict[str, Callable[[], dict[str, float]]] = {
            "bare": lambda: measure_bare(points, folder),
            "remote": lambda: measure_log(points, remote, look_up=False),
            "remote look-up": lambda: measure_log(points, remote, look_up=True),
            "remote stopped": lambda: measure_log(points, remote, look_up=False, broker=broker),
            "local": lambda: measure_log(points, local, look_up=False),
            "local look-up": lambda: measure_log(points, local, look_up=True),
            "log_many": lambda: measure_log_many(MANY * points // POINTS, remote, kafka),
            "publish": lambda: measure_publish(points, folder),
            "eight": lambda: measure_eight(points, folder),
            "chart": lambda: measure_chart(points, local),
            "ml-dash": lambda: measure_tracker("ml-dash", folder),
            **{tracker: lambda tracker=tracker: measure_tracker(tracker, folder) for tracker in TRACKERS},  # type: ignore[misc]
        }
        return cases[case]()


def cases_of(name: str, bare: dict[str, float], here: dict[str, float]) -> list[Case]:
    """The rows of one case. `bare` is that of the same run; of a tracker it is ml-dash's."""
    if name == "publish":
        return [at_most("publish, an event", here["p50"], "ns", bare["p50"], None)]
    if name == "log_many":
        return [
            at_least("log_many delivered", here["rate"], "points/s", here["bare"], 0.3),
            no_less("log_many returned", here["logged"], "points/s"),
        ]
    if name == "eight":
        return [
            no_less("eight processes, one local experiment", here["rate"], "points/s"),
            no_more("eight processes, points lost", here["lost"], "points", 0),
        ]
    if name == "chart":
        return [
            at_most("local chart of 1,000,000 points, the first", here["first"], "ms", here["bare"], None),
            at_most("local chart of 1,000,000 points, the next", here["next"], "ms", here["bare"], None),
        ]
    if name in ("ml-dash", *TRACKERS):
        return [at_least(f"same loop, {name}", here["rate"], "points/s", bare["rate"], None)]
    is_remote, looks_up = name.startswith("remote"), name.endswith("look-up")
    goals = {"p50": 3.0 if looks_up else 2.2, "p99": 8.0, "p99.9": 60.0, "worst": None}
    rows = [at_most(f"{name} log {part}", here[part], "ns", bare[part], goal) for part, goal in goals.items()]
    if name == "remote stopped":
        return rows
    if is_remote:
        rows.append(at_least(f"{name} delivered", here["rate"], "points/s", bare["rate"], 0.25))
    else:
        rows.append(no_less(f"{name} delivered", here["rate"], "points/s", LOCAL_GOAL))
    return [*rows, no_more(f"{name} RssAnon", here["grown"] / 1e6, "MB", 100)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--kafka", help=argparse.SUPPRESS)
    parser.add_argument("--broker", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.points, arguments.kafka, arguments.broker)))
        return
    with running_stack(arguments.data, "--servers-only") as data:
        status = json.loads(mldash("status", "--json", "--data", data))
        broker = next(one["pid"] for one in status["processes"] if one["name"] == "kafka")
        _run(arguments, status["addresses"]["kafka"], broker)


def _run(arguments: argparse.Namespace, kafka: str, broker: int) -> None:
    names = ["remote", "remote look-up", "remote stopped", "local", "local look-up", "log_many", "publish", "eight"]
    names.append("chart")
    names += ["ml-dash", *(tracker for tracker in TRACKERS if installed(tracker))]
    if arguments.only:
        names = arguments.only.split(",")
    found: dict[str, dict[str, float]] = {}
    for name in ["bare", *names]:
        options = ["--case", name, "--points", str(arguments.points), "--kafka", kafka, "--broker", str(broker)]
        found[name] = run_alone("benchmarks.sdk", options, arguments.repeat)
        if name == "bare":
            continue
        bare = found["ml-dash"] if name in TRACKERS else found["bare"]
        write("sdk", cases_of(name, found[name] if name == "ml-dash" else bare, found[name]))


if __name__ == "__main__":
    main()
