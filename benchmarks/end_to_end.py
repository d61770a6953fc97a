"""The whole way on one machine, from log() to what readers get: `python -m benchmarks.end_to_end`.

Four processes call log() of points of four fields, all into the same four metrics of one experiment; beside them run
Kafka, one worker, mongod, the compactor, S3 and the API (`mldash up`). Each case has a stack of its own.

  steady    at a pace of 130,000 points a second, for five minutes: what is stored in every ten seconds, how far it lags
            behind log(), which process takes the cores, and whether all is there in the end, each once (mldash audit)
  most      the pace rises by 10,000 every fifteen seconds, until what is stored lags by more than three seconds
  readable  at 12,000 points a second: from log() of a probe until another process reads it through the API

Lag in seconds is for how long the oldest point that is not stored has been logged.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from mldash import Experiment
from mldash.answers.shapes import MetricStatistics

from .case import Case, no_less, no_more, run_alone
from .emitters import Emitters, emitting
from .lag import Look, lags_s, rates
from .stack import mldash, running_stack
from .table import write
from .whole_stack import WholeStack, cpu_seconds, look_at

PREFIX: Final = "bench/end-to-end/run"
PACE: Final = 130_000
TENTH: Final = 12_000
WINDOW_S: Final = 10.0

_LOOK_S = 0.25
_WARM_UP_S = 10.0
_FIRST_STEP, _STEP, _STEP_S, _BEHIND_S = 60_000, 10_000, 15.0, 3.0
_STORED_WAIT_S = 300.0
_LAG_GOAL_S = 5.0


def steady(data: str, seconds: float) -> dict[str, float]:
    stack = look_at(data)
    with _emitting(stack, PACE) as emitters:
        time.sleep(_WARM_UP_S)
        cpu = _cpu_seconds(stack, emitters)
        looks = _watch(stack, emitters, seconds)
        cores = {name: (after - cpu[name]) / seconds for name, after in _cpu_seconds(stack, emitters).items()}
        resident = stack.resident_bytes("worker-1")
        ended_at, logged = time.monotonic(), emitters.finish()
    missing = _until_stored(stack, logged)
    caught_up_s = time.monotonic() - ended_at
    found = rates(looks, WINDOW_S)
    lags = lags_s(looks)
    third = len(lags) // 3
    return {
        "logged": (looks[-1].logged - looks[0].logged) / (looks[-1].at_s - looks[0].at_s),
        "least": min(found),
        "median": statistics.median(found),
        "lag_s": max(lags),
        "lag_first_third_s": max(lags[:third]),
        "lag_last_third_s": max(lags[-third:]),
        "lag_records": max(look.records for look in looks),
        "caught_up_s": caught_up_s,
        "points": logged,
        "missing": missing,
        "holes": _holes(data),
        "cold": sum(_stats(stack, name)["chunkedDataPoints"] for name in _metrics(stack)),
        "resident": resident,
        **{f"cores {name}": value for name, value in cores.items()},
    }


def most(data: str, seconds: float) -> dict[str, float]:
    del seconds  # as long as it takes
    stack = look_at(data)
    carried, pace = 0.0, _FIRST_STEP
    with _emitting(stack, pace) as emitters:
        time.sleep(_WARM_UP_S)
        while True:
            emitters.set_pace(pace)
            looks = _watch(stack, emitters, _STEP_S)
            stored = (looks[-1].stored - looks[0].stored) / (looks[-1].at_s - looks[0].at_s)
            logged = (looks[-1].logged - looks[0].logged) / (looks[-1].at_s - looks[0].at_s)
            lag = lags_s(looks)[-1]
            print(f"  {pace:,}: {logged:,.0f} logged, {stored:,.0f} stored, {lag:.2f} s behind", file=sys.stderr)
            if lag > _BEHIND_S or logged < 0.97 * pace:
                break
            carried, pace = min(logged, stored), pace + _STEP
        logged_points = emitters.finish()
    return {"carried": carried, "missing": _until_stored(stack, logged_points)}


def readable(data: str, seconds: float) -> dict[str, float]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    from demo_latency import probing

    stack = look_at(data)
    os.environ["MLDASH_REMOTE"], os.environ["MLDASH_JOURNAL"] = stack.api, _journal(stack)
    with _emitting(stack, TENTH) as emitters:
        time.sleep(_WARM_UP_S)
        with probing(f"{PREFIX}-probe") as measured:
            looks = _watch(stack, emitters, seconds)
            took = measured()
        emitters.finish()
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    logged = (looks[-1].logged - looks[0].logged) / (looks[-1].at_s - looks[0].at_s)
    return {"p50": percentiles[49], "p99": percentiles[98], "probes": len(took), "logged": logged}


CASES: Final[Mapping[str, tuple[Callable[[str, float], dict[str, float]], float]]] = {
    "steady": (steady, 300.0),
    "most": (most, 0.0),
    "readable": (readable, 60.0),
}


@contextmanager
def _emitting(stack: WholeStack, pace: float) -> Iterator[Emitters]:
    with emitting(PREFIX, stack.api, _journal(stack), pace) as emitters:
        yield emitters


def _cpu_seconds(stack: WholeStack, emitters: Emitters) -> dict[str, float]:
    """By process; and of all else on the machine: what has no place here, and this benchmark's looks."""
    busy = psutil.cpu_times()
    found = {name: cpu_seconds(pid) for name, pid in stack.pids.items()}
    found["emitters"] = sum(cpu_seconds(pid) for pid in emitters.pids)
    found["all else"] = sum(busy) - busy.idle - busy.iowait - busy.guest - busy.guest_nice - sum(found.values())
    return found


def _journal(stack: WholeStack) -> str:
    return str(Path(stack.data, "journal").absolute())


def _watch(stack: WholeStack, emitters: Emitters, seconds: float) -> list[Look]:
    """Looks at regular times."""
    looks = list[Look]()
    end = time.monotonic() + seconds
    while not looks or looks[-1].at_s < end:
        stored = stack.points_stored()
        looks.append(Look(time.monotonic(), emitters.logged(), stored, stack.lag_records()))
        time.sleep(_LOOK_S)
    return looks


def _until_stored(stack: WholeStack, logged: int) -> int:
    """Wait until as many points are readable as were logged; how many are missing (fewer than 0: too many)."""
    deadline = time.monotonic() + _STORED_WAIT_S
    while True:
        missing = logged - sum(_stats(stack, name)["totalDataPoints"] for name in _metrics(stack))
        if missing <= 0 or time.monotonic() > deadline:
            return missing
        time.sleep(_LOOK_S)


def _metrics(stack: WholeStack) -> list[str | None]:
    return [one["name"] for one in Experiment(PREFIX, remote=stack.api).metrics.list()]


def _stats(stack: WholeStack, name: str | None) -> MetricStatistics:
    return Experiment(PREFIX, remote=stack.api).metrics(name).stats()


def _holes(data: str) -> int:
    """0 where the audit finds nothing missing, double or damaged."""
    try:
        mldash("audit", PREFIX, "--quiet", "--data", data)
    except subprocess.CalledProcessError as error:
        print(error.stdout, file=sys.stderr)
        return 1
    return 0


def cases_of(name: str, found: dict[str, float]) -> list[Case]:
    if name == "readable":
        return [
            no_more("log() to readable, p50, at a tenth", found["p50"] * 1e3, "ms", 150),
            no_more("log() to readable, p99, at a tenth", found["p99"] * 1e3, "ms", 500),
            no_less("log() to readable, load beside it", found["logged"], "points/s"),
        ]
    if name == "most":
        return [
            no_less("the most that is carried", found["carried"], "points/s"),
            no_more("the most that is carried, missing in the end", found["missing"], "points", 0),
        ]
    cores = {part.removeprefix("cores "): value for part, value in found.items() if part.startswith("cores ")}
    return [
        no_less("steady, logged", found["logged"], "points/s"),
        no_less("steady, stored, median of ten seconds", found["median"], "points/s", 120_000),
        no_less("steady, stored, least of ten seconds", found["least"], "points/s", 120_000),
        no_more("steady, lag, most", found["lag_s"], "s", _LAG_GOAL_S),
        no_more("steady, lag, most of the first third", found["lag_first_third_s"], "s"),
        no_more("steady, lag, most of the last third", found["lag_last_third_s"], "s"),
        no_more("steady, lag in records, most", found["lag_records"], "records"),
        no_more("steady, from the last log() to all stored", found["caught_up_s"], "s"),
        no_less("steady, points in all", found["points"], "points"),
        no_more("steady, missing in the end", found["missing"], "points", 0),
        no_more("steady, what the audit finds", found["holes"], "faults", 0),
        no_less("steady, moved to S3 meanwhile", found["cold"], "points"),
        no_more("steady, worker resident", found["resident"] / 1e6, "MB", 500),
        *(no_more(f"steady, cores of {part}", value, "cores") for part, value in cores.items()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it each case starts and stops one")
    parser.add_argument("--seconds", type=float, help="of each case (steady: 300)")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure, seconds = CASES[arguments.case]
        print(json.dumps(measure(arguments.data, arguments.seconds or seconds)))
        return
    for name in arguments.only.split(",") if arguments.only else CASES:
        with running_stack(arguments.data) as data:
            options = ["--case", name, "--data", data]
            options += ["--seconds", str(arguments.seconds)] if arguments.seconds else []
            write("end_to_end", cases_of(name, run_alone("benchmarks.end_to_end", options)))


if __name__ == "__main__":
    main()
