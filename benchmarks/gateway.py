"""Records over HTTP beside records straight to Kafka, in the same run: `make bench-gateway`.

One process logs points of four floats, and each case takes the time from its first call until all is acknowledged by
Kafka; one API process passes records on; no worker runs. Cases take turns, `--repeat` times, and the table has medians.

  log        a million calls of log()
  log_many   NumPy columns of four floats
  cpu        what the API process spends on a point: the direct way costs it nothing
"""

import argparse
import json
import statistics
import time
from typing import Any

from mldash import Experiment

from .api_process import Api, api, servers_of_stack
from .case import Case, at_least, no_more, run_alone
from .stack import running_stack
from .table import write

POINTS = 1_000_000
MANY = 4_000_000
AT_ONCE = 100_000
GOAL = 0.5
WAYS = ("kafka", "http")
FORMS = ("log", "log_many")


def measure(form: str, points: int, remote: str, transport: str) -> dict[str, float]:
    """Points a second until all is acknowledged."""
    prefix = f"bench/gateway/run-{time.time_ns()}"
    with Experiment(prefix, remote=remote, transport=transport, echo=False, journal_bytes=4 << 30).run as experiment:
        metric = experiment.metrics("train")
        metric.log(loss=0.0, accuracy=0.2, rate=0.3, norm=0.4)
        experiment.flush()
        begun = time.perf_counter()
        if form == "log":
            for i in range(points):
                metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4)
        else:
            _log_many(metric, points)
        experiment.flush(300)
        return {"rate": points / (time.perf_counter() - begun)}


def _log_many(metric: Any, points: int) -> None:
    import numpy

    numbers = numpy.random.default_rng(7)
    columns = {name: numbers.random(points) for name in ("loss", "accuracy", "rate", "norm")}
    for at in range(0, points, AT_ONCE):
        metric.log_many(**{name: values[at : at + AT_ONCE] for name, values in columns.items()})


def cases(server: Api, repeat: int, scale: float) -> list[Case]:
    rates: dict[tuple[str, str], list[float]] = {}
    cpu: dict[str, list[float]] = {}
    for _ in range(repeat):
        for form in FORMS:
            points = round((POINTS if form == "log" else MANY) * scale)
            for way in WAYS:
                before = sum(server.process.cpu_times()[:2])
                arguments = ["--form", form, "--way", way, "--points", str(points), "--remote", server.address]
                rates.setdefault((form, way), []).append(run_alone("benchmarks.gateway", arguments)["rate"])
                if way == "http":
                    cpu.setdefault(form, []).append((sum(server.process.cpu_times()[:2]) - before) / points)
    found = []
    for form in FORMS:
        direct, passed_on = (statistics.median(rates[form, way]) for way in WAYS)
        found.append(at_least(f"{form} over HTTP, until acknowledged", passed_on, "points/s", direct, GOAL))
        found.append(no_more(f"{form}: CPU of the API", statistics.median(cpu[form]) * 1e6, "µs/point"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of points (1)")
    parser.add_argument("--form", choices=FORMS)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--points", type=int)
    parser.add_argument("--remote")
    given = parser.parse_args()
    if given.form:
        print(json.dumps(measure(given.form, given.points, given.remote, given.way)))
        return
    with running_stack(given.data, "--servers-only") as data, api(servers_of_stack(data)) as server:
        write("gateway", cases(server, given.repeat, given.scale))


if __name__ == "__main__":
    main()
