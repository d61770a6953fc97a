"""What the SDK costs its user, beside the bare machine in the same run. `python -m benchmarks.sdk [--remote URL]`

Each case runs in a process of its own, several times; the table and benchmarks/results/sdk.json hold the medians.

  bare       a dict of four floats, one MessagePack encode, one copy into a mapped file not touched before
  log        metrics("train").log of four floats on a handle that is kept; each call is timed, as the bare ones are
  look-up    the same as experiment.metrics("train").log(…)
  delivered  points a second from the first log() until all is acknowledged by Kafka, or in the files
  publish    journal → records, without Kafka: what the publisher's thread costs an event
"""

import argparse
import json
import mmap
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

POINTS = 1_000_000
GOALS = {"p50": 2.2, "p50 with look-up": 3.0, "p99": 8.0, "p99.9": 60.0, "delivered": 0.25}


def quantiles(nanoseconds: list[int]) -> dict[str, float]:
    nanoseconds.sort()
    count = len(nanoseconds)
    at = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
    return {name: nanoseconds[int(count * part)] for name, part in at.items()} | {"worst": nanoseconds[-1]}


def measure_bare(points: int, folder: Path) -> dict[str, Any]:
    path = folder / "bare"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
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


def measure_log(points: int, folder: Path, settings: dict[str, Any], look_up: bool) -> dict[str, Any]:
    from mldash import Experiment

    clock = time.perf_counter_ns
    took = [0] * points
    with Experiment(f"bench/sdk/run-{time.time_ns()}", echo=False, **settings).run as experiment:
        metric = experiment.metrics("train")
        metric.log(loss=0.0, accuracy=0.2, rate=0.3, norm=0.4)
        experiment.flush()
        anonymous = _anonymous_bytes()
        begun = clock()
        if look_up:
            for i in range(points):
                before = clock()
                experiment.metrics("train").log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
                took[i] = clock() - before
        else:
            for i in range(points):
                before = clock()
                metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
                took[i] = clock() - before
        grown = _anonymous_bytes() - anonymous
        experiment.flush(120)
        seconds = (clock() - begun) / 1e9
    # The list of timings itself grows by an integer a call.
    return quantiles(took) | {"rate": points / seconds, "grown_bytes": grown - 32 * points}


def measure_publish(points: int, folder: Path) -> dict[str, Any]:
    from mldash.producer.callbacks import Callbacks
    from mldash.producer.events.encoding import encode_record
    from mldash.producer.journal.append import Journal
    from mldash.producer.journal.rounds import Gatherer
    from mldash.producer.journal.scan import LiveSource, Scan
    from mldash.producer.journal.session_folder import Head

    head = Head(prefix="bench/sdk", session=os.urandom(16).hex(), mode="offline")
    journal = Journal(
        folder / "journal", lambda: head, on_open=lambda _: None, callbacks=Callbacks(), limit_bytes=8 << 30
    )
    stream = journal.stream("metrics", "train")
    for i in range(points):
        stream.append(float(i), {"loss": i * 0.1, "accuracy": 0.2, "rate": 0.3, "norm": 0.4})
    begun = time.perf_counter_ns()
    gatherer = Gatherer(Scan(LiveSource(journal)), "bench/sdk")
    while (found := gatherer.next_round()) is not None:
        for record in found.records:
            encode_record(record)
    return {"p50": (time.perf_counter_ns() - begun) / points}


def _anonymous_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def measure(case: str, points: int, remote: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        if case == "bare":
            return measure_bare(points, folder)
        if case == "publish":
            return measure_publish(points, folder)
        mode, _, how = case.partition(" ")
        settings: dict[str, Any] = {"root": str(folder / "dash")}
        if mode == "remote":
            settings = {"remote": remote, "journal": str(folder / "journal")}
        return measure_log(points, folder, settings, how == "look-up")


def run_case(case: str, arguments: argparse.Namespace) -> dict[str, float]:
    """The medians over several runs, each in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sdk", "--case", case, "--points", str(arguments.points)]
    command += ["--remote", arguments.remote] if arguments.remote else []
    runs: list[dict[str, float]] = []
    for _ in range(arguments.repeat):
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def rows_of(mode: str, look_up: str, found: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    bare, here = found["bare"], found[f"{mode}{look_up}"]
    rows = []
    for name in ("p50", "p99", "p99.9", "worst"):
        goal = GOALS.get(f"{name} with look-up" if look_up and name == "p50" else name)
        ratio = here[name] / bare[name]
        rows.append(_row(f"{mode}{look_up} log {name}", here[name], "ns", bare[name], ratio, goal, most=True))
    rate, ratio = here["rate"], here["rate"] / bare["rate"]
    if mode == "remote":
        rows.append(
            _row(f"{mode}{look_up} delivered", rate, "points/s", bare["rate"], ratio, GOALS["delivered"], most=False)
        )
    else:
        row = _row(f"{mode}{look_up} delivered", rate, "points/s", bare["rate"], ratio, None, most=False)
        rows.append(row | {"goal": 100_000, "holds": rate >= 100_000})
    grown = here["grown_bytes"]
    return [*rows, _row(f"{mode}{look_up} RssAnon", grown, "bytes", 100e6, grown / 100e6, 1.0, most=True)]


def _row(
    name: str, value: float, unit: str, bare: float, ratio: float, goal: float | None, *, most: bool
) -> dict[str, Any]:
    holds = None if goal is None else (ratio <= goal if most else ratio >= goal)
    return {"name": name, "value": value, "unit": unit, "bare": bare, "ratio": ratio, "goal": goal, "holds": holds}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--remote", default=os.environ.get("MLDASH_REMOTE"), help="the API of a running stack")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.points, arguments.remote)))
        return
    modes = ["remote", "local"] if arguments.remote else ["local"]
    cases = ["bare", "publish", *(f"{mode}{how}" for mode in modes for how in ("", " look-up"))]
    found = {case: run_case(case, arguments) for case in cases}
    rows = [row for mode in modes for how in ("", " look-up") for row in rows_of(mode, how, found)]
    ratio = found["publish"]["p50"] / found["bare"]["p50"]
    rows.append(_row("publish, an event", found["publish"]["p50"], "ns", found["bare"]["p50"], ratio, None, most=True))
    for row in rows:
        goal = "" if row["goal"] is None else f"goal {row['goal']:g}  {'holds' if row['holds'] else 'MISSED'}"
        print(f"{row['name']:<32}{row['value']:>16,.0f} {row['unit']:<9}{row['ratio']:>8.2f} × bare  {goal}")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    (results / "sdk.json").write_text(json.dumps({"machine": machine, "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
