"""The live stream, on a whole stack of this machine: `python -m benchmarks.live`.

An API process of its own tells; the stack's own answers the SDK. Each case has a stack of its own.

  latency   12,000 points a second go into four metrics of one experiment; a probe logs a point of another one every
            50 ms, and listens to it: from the end of its log() until the event has come
  thousand  12,000 points a second go into 100 experiments, and 1,000 listeners are open at one API process, each on one
            of these: whether each was told every point once and in order, how late, and the most memory that it took
  hour      only with `--hour` (or `--only hour --seconds 1200`): listeners come and go at one API for an hour; how much
            its memory grows (live_hour.py)
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from mldash import Experiment

from .api_process import Api, api, servers_of_stack
from .case import Case, no_less, no_more, run_alone
from .emitters import emitting
from .live_hour import HOUR_S, SMALL_CACHES, churn
from .live_many import EXPERIMENTS, Listener, Many, emitting_many, name_of
from .stack import running_stack
from .table import write
from .whole_stack import WholeStack, cpu_seconds, look_at

PACE: Final = 12_000
LISTENERS: Final = 1_000
_PREFIX: Final = "bench/live/run"
_METRIC: Final = "train"
_PROBE_S: Final = 0.05
_RECORD_S: Final = 0.1
"""Of one experiment, a record each."""
_WARM_UP_S: Final = 10.0
_LAST_S: Final = 60.0
_P50_MS, _P99_MS, _MEMORY_MB = 150, 400, 1_000
_GROWTH: Final = 0.05
"""Of its memory, an hour: less is called flat."""


class _Point(Struct):
    index: int
    data: dict[str, float]


class _Block(Struct):
    points: list[_Point]


_blocks = msgspec.json.Decoder(list[_Block])


async def _hear(address: str, query: str, told: Callable[[list[_Point]], bool], ready: Callable[[], None]) -> None:
    """The points of one live stream, until `told` says that it is enough."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=64 << 20)
    try:
        writer.write(f"GET /v1/live?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        name = b""
        while line := await reader.readuntil(b"\n"):
            if line.startswith(b"event: "):
                name = line[7:-1]
                if name == b"up-to-date":
                    ready()
            elif line.startswith(b"data: ") and name == b"points":
                points = [point for block in _blocks.decode(line[6:-1]) for point in block.points]
                if told(points):
                    return
    finally:
        writer.transport.abort()


def latency(stack_data: str, server: Api, seconds: float) -> dict[str, float]:
    """Milliseconds of every probe."""
    stack = look_at(stack_data)
    with emitting(f"{_PREFIX}-load", stack.api, _journal(stack_data), PACE) as emitters:
        time.sleep(_WARM_UP_S)
        before = emitters.logged(), time.monotonic()
        took = asyncio.run(_probe(stack.api, server.address, _journal(stack_data), seconds))
        logged = (emitters.logged() - before[0]) / (time.monotonic() - before[1])
        emitters.finish()
    percentiles = statistics.quantiles(took, n=100, method="inclusive")
    return {"p50": percentiles[49] * 1e3, "p99": percentiles[98] * 1e3, "probes": len(took), "logged": logged}


async def _probe(remote: str, address: str, journal: str, seconds: float) -> list[float]:
    prefix, count = f"{_PREFIX}-probe", int(seconds / _PROBE_S)
    ended, came, ready = dict[int, float](), dict[int, float](), asyncio.Event()

    def told(points: list[_Point]) -> bool:
        now = time.monotonic()
        came.update((int(point.data["number"]), now) for point in points)
        return len(came) == count

    hearing = asyncio.create_task(_hear(address, f"prefix={prefix}&kind=points", told, ready.set))
    await ready.wait()

    def log() -> None:
        with Experiment(prefix, remote=remote, journal=journal, echo=False, capture_context=False).run as experiment:
            metric, due = experiment.metrics(_METRIC), time.monotonic()
            for number in range(count):
                metric.log(number=number)
                ended[number] = time.monotonic()
                due += _PROBE_S
                time.sleep(max(0.0, due - time.monotonic()))

    await asyncio.to_thread(log)
    await asyncio.wait_for(hearing, _LAST_S)
    return [came[number] - ended[number] for number in range(count)]


def thousand(stack_data: str, server: Api, seconds: float) -> dict[str, float]:
    """What 1,000 listeners were told."""
    stack = look_at(stack_data)
    with emitting_many(servers_of_stack(stack_data), PACE, _RECORD_S) as emitters:
        time.sleep(_WARM_UP_S)
        return asyncio.run(_listen_many(stack, server, emitters, seconds))


async def _listen_many(stack: WholeStack, server: Api, emitters: Many, seconds: float) -> dict[str, float]:
    host, _, port = server.address.removeprefix("http://").partition(":")
    is_ready, loop, listeners = asyncio.Semaphore(0), asyncio.get_running_loop(), list[Listener]()
    begun = time.monotonic()
    for number in range(LISTENERS):
        query = f"prefix={name_of(number % EXPERIMENTS)}&kind=points"
        _, one = await loop.create_connection(partial(Listener, host, query, is_ready), host, int(port))
        listeners.append(one)
    for _ in range(LISTENERS):
        await is_ready.acquire()
    joined_s = time.monotonic() - begun
    for one in listeners:
        one.lags.clear()
    cpu, logged, begun = cpu_seconds(server.process.pid), emitters.logged(), time.monotonic()
    behind = list[int]()
    while time.monotonic() - begun < seconds:
        behind.append(await asyncio.to_thread(stack.lag_records))
        await asyncio.sleep(1.0)
    passed = time.monotonic() - begun
    cores, pace = (cpu_seconds(server.process.pid) - cpu) / passed, (emitters.logged() - logged) / passed
    lags = [lag for one in listeners for lag in one.lags]
    counts = await asyncio.to_thread(emitters.finish)
    complete, deadline = 0, time.monotonic() + _LAST_S
    while complete < LISTENERS and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        complete = sum(one.next == counts[number % EXPERIMENTS] for number, one in enumerate(listeners))
    for one in listeners:
        one.hang_up()
    percentiles = statistics.quantiles(lags, n=100, method="inclusive")
    return {
        "logged": pace,
        "joined": joined_s,
        "faults": sum(one.faults for one in listeners),
        "incomplete": LISTENERS - complete,
        "p50": percentiles[49] * 1e3,
        "p99": percentiles[98] * 1e3,
        "cores": cores,
        "unstored": statistics.median(behind),
        "memory": server.peak_bytes() / 1e6,
    }


def _journal(data: str) -> str:
    return str(Path(data, "journal").absolute())


CASES: Final[Mapping[str, tuple[Callable[[str, Api, float], dict[str, float]], float]]] = {
    "latency": (latency, 60.0),
    "thousand": (thousand, 60.0),
    "hour": (churn, HOUR_S),
}
_USUAL: Final = ("latency", "thousand")


def cases_of(name: str, found: dict[str, float]) -> list[Case]:
    if name == "latency":
        return [
            no_more("end of log() to event, p50", found["p50"], "ms", _P50_MS),
            no_more("end of log() to event, p99", found["p99"], "ms", _P99_MS),
            no_less("end of log() to event, load beside it", found["logged"], "points/s"),
        ]
    if name == "hour":
        return [
            no_less("listeners that come and go, minutes", found["minutes"], "minutes"),
            no_less("listeners that come and go, in all", found["listeners"], "listeners"),
            no_less("listeners that come and go, points logged", found["logged"], "points/s"),
            no_more("listeners that come and go, points told twice or out of order", found["faults"], "points", 0),
            *(
                no_more(f"listeners that come and go, memory, quarter {number}", found[f"quarter {number}"], "MB")
                for number in range(1, 5)
            ),
            no_more("listeners that come and go, the most it took", found["most"], "MB"),
            no_more("listeners that come and go, its growth", found["growth"], "MB/hour", _GROWTH * found["memory"]),
        ]
    return [
        no_less("1,000 listeners, points logged", found["logged"], "points/s"),
        no_more("1,000 listeners, until all were up to date", found["joined"], "s"),
        no_more("1,000 listeners, points told twice or out of order", found["faults"], "points", 0),
        no_more("1,000 listeners, without all points in the end", found["incomplete"], "listeners", 0),
        no_more("1,000 listeners, log() to event, p50", found["p50"], "ms"),
        no_more("1,000 listeners, log() to event, p99", found["p99"], "ms"),
        no_more("1,000 listeners, records that the worker has not stored, median", found["unstored"], "records"),
        no_more("1,000 listeners, cores of the API", found["cores"], "cores"),
        no_more("1,000 listeners, memory of the API", found["memory"], "MB", _MEMORY_MB),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it each case starts and stops one")
    parser.add_argument("--seconds", type=float, help="of each case (60)")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--hour", action="store_true", help="the case `hour` alone")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure, seconds = CASES[arguments.case]
        os.environ["MLDASH_API_LIVE_LISTENERS_OF_ONE"] = str(LISTENERS)
        os.environ.update(SMALL_CACHES if arguments.case == "hour" else {})
        with api(servers_of_stack(arguments.data)) as server:
            print(json.dumps(measure(arguments.data, server, arguments.seconds or seconds)))
        return
    wanted = ("hour",) if arguments.hour else _USUAL
    for name in arguments.only.split(",") if arguments.only else wanted:
        with running_stack(arguments.data) as data:
            options = ["--case", name, "--data", data]
            options += ["--seconds", str(arguments.seconds)] if arguments.seconds else []
            print(name, file=sys.stderr)
            write("live", cases_of(name, run_alone("benchmarks.live", options)))


if __name__ == "__main__":
    main()
