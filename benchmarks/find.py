"""Runs found over HTTP by filter, order and group, over 100,000 runs: `python -m benchmarks.find`.

Each run has 50 parameters and 20 numeric fields of metrics (find_runs.py). The API runs in a process of its own on the
machine of the servers, with one connection; times are until the answer's last byte.

  10, 1,000, 50,000   so many runs pass a filter of three conditions; sorted by another field, the first page of 50 rows
                      with 12 columns. Each request has another filter, and another field to sort by · bare: one find of
                      50 documents of `experiments` by their ids
  count               how many pass, of 50,000 · names  the first 20 names that begin with two letters
  group               10,000 runs by two parameters, with the bootstrap interval of a metric in each group
  memory              of the process with the index, less what it had before · build  until the first search is answered
  lag                 from the acknowledged write of a metric's snapshot to a search that sees it, one by one; and the
                      lag that answers say while 500 snapshots a second are written
"""

import argparse
import asyncio
import http.client
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import psutil

from mldash.connections.servers import Servers
from mldash.events.identity import experiment_id, stream_id
from mldash.process.configuration import addresses_of_stack
from mldash_ingest.documents.mongo import UpdateOne, open_mongo

from .api_process import Api, api
from .case import Case, at_most, no_more, run_alone
from .find_runs import FIELDS, NAMES, make_runs, prefix_of
from .stack import running_stack
from .table import write

RUNS: Final = 100_000
MATCHES: Final = (10, 1_000, 50_000)
_REQUESTS: Final = 300
_COLUMNS: Final = [
    *("status", "started", "duration", "tags", "params.model.name", "params.optimizer.lr", "params.data.batch"),
    *("params.seed", "metrics.eval.f0.max", "metrics.eval.f1.last", "metrics.train.f0.min", "metrics.train.f2.mean"),
]
_LAG_WRITES: Final = 50
_BUSY_S: Final = 10.0
_A_SECOND: Final = 500


def filter_of(matching: int, draw: random.Random) -> str:
    """So many runs pass it, and it is another text each time."""
    return (
        f"params.data.order < {matching} and metrics.eval.f{draw.randrange(10)}.max > -{draw.random()} "
        f'and status in ("COMPLETED", "FAILED", "CANCELLED")'
    )


def page_of(matching: int, draw: random.Random) -> dict[str, Any]:
    sort = f"-metrics.train.{draw.choice(FIELDS)}.{draw.choice(['last', 'min', 'mean'])}"
    return {"filter": filter_of(matching, draw), "sort": sort, "fields": _COLUMNS, "limit": 50}


def searches(servers: Servers, runs: int) -> dict[str, float]:
    """Seconds."""
    draw, found = random.Random(7), dict[str, float]()
    with api(servers) as one:
        before = psutil.Process(one.process.pid).memory_info().rss
        found["build"] = built(one)
        found["memory"] = psutil.Process(one.process.pid).memory_info().rss - before
        for matching in MATCHES:
            took = _times(one, lambda matching=matching: page_of(min(matching, runs), draw))  # type: ignore[misc]
            found |= {f"{matching} p50": took[0], f"{matching} p99": took[1]}
        counting = {"filter": filter_of(runs // 2, draw), "limit": 0}
        found["count"], _ = _times(one, lambda: counting, requests=100)
        found["names"], _ = _times(one, lambda: {"prefix": "params.n", "limit": 20}, "/v1/fields", 100)
        group = {
            "filter": f"params.data.order < {runs // 10}",
            "group": ["params.model.name", "params.data.batch"],
            "values": "metrics.eval.f0.max",
        }
        found["group"], _ = _times(one, lambda: group, requests=20)
        found |= asyncio.run(_lags(servers, one, runs))
        found["memory then"] = psutil.Process(one.process.pid).memory_info().rss - before
    found["bare"] = asyncio.run(_bare(servers, runs))
    return found


def built(one: Api) -> float:
    """Until a search is answered; whoever asks too early is told to ask again."""
    begun = time.perf_counter()
    while True:
        try:
            one.ask("/v1/experiments", {"filter": "archived", "limit": 0})
            return time.perf_counter() - begun
        except RuntimeError:
            one.hang_up()


def _times(
    one: Api, query: Callable[[], dict[str, Any]], path: str = "/v1/experiments", requests: int = _REQUESTS
) -> tuple[float, float]:
    """Median and 99th percentile."""
    took = sorted(one.ask(path, query()) for _ in range(requests))
    return statistics.median(took), took[min(requests - 1, round(requests * 0.99))]


async def _lags(servers: Servers, one: Api, runs: int) -> dict[str, float]:
    mongo, connection, took = open_mongo(servers), _connection(one), list[float]()
    draw = random.Random(3)
    try:
        for at in range(_LAG_WRITES):
            prefix, value = prefix_of(draw.randrange(runs)), 1e6 + at
            await mongo.streams.bulk_write([_snapshot(prefix, value, 2_000 + at)])
            begun = time.perf_counter()
            while not _ask(connection, {"filter": f"metrics.eval.f0.max = {value}", "limit": 0})["count"]:
                pass
            took.append(time.perf_counter() - begun)
        said, until = list[float](), time.monotonic() + _BUSY_S
        while time.monotonic() < until:
            begun = time.monotonic()
            await mongo.streams.bulk_write(
                [_snapshot(prefix_of(draw.randrange(runs)), draw.random(), 3_000) for _ in range(_A_SECOND // 10)]
            )
            said.append(_ask(connection, {"filter": "params.data.order < 10", "limit": 0})["lagS"])
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))
    finally:
        connection.close()
        await mongo.close()
    said.sort()
    return {
        "lag p50": statistics.median(took),
        "lag most": max(took),
        "busy lag p50": statistics.median(said),
        "busy lag most": said[-1],
    }


def _snapshot(prefix: str, value: float, upto: int) -> UpdateOne:
    """As a worker writes it."""
    statistics_ = [[name, 1_001, 1_000.0, 0.0, value if name == "f0" else 1.0, 0.5, 0] for name in FIELDS]
    stream = stream_id(experiment_id(prefix), 0, "metrics", "eval")
    return UpdateOne({"_id": stream}, {"$set": {"next": upto, "stats": statistics_, "lastAt": time.time()}})


def _connection(one: Api) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(one.address.removeprefix("http://"), timeout=120)


def _ask(connection: http.client.HTTPConnection, query: dict[str, Any]) -> dict[str, Any]:
    connection.request("GET", f"/v1/experiments?{urlencode(query)}", headers={"Accept": "application/msgpack"})
    answer: dict[str, Any] = msgspec.msgpack.decode(connection.getresponse().read())
    return answer


async def _bare(servers: Servers, runs: int) -> float:
    """One find of 50 experiments by id, median of 100."""
    mongo, draw, took = open_mongo(servers), random.Random(5), list[float]()
    for _ in range(100):
        ids = [experiment_id(prefix_of(draw.randrange(runs))) for _ in range(50)]
        begun = time.perf_counter()
        assert len([one async for one in mongo.experiments.find({"_id": {"$in": ids}})])
        took.append(time.perf_counter() - begun)
    await mongo.close()
    return statistics.median(took)


def cases(found: dict[str, float]) -> list[Case]:
    """With the goals of the design."""
    made, bare = list[Case](), found["bare"] * 1e3
    for matching in MATCHES:
        beside = at_most(f"first page of {matching:,}, p50", found[f"{matching} p50"] * 1e3, "ms", bare, None)
        p50 = no_more(beside.name, beside.value, "ms", 60)
        made.append(msgspec.structs.replace(p50, bare=bare, ratio=beside.ratio))
        made.append(no_more(f"first page of {matching:,}, p99", found[f"{matching} p99"] * 1e3, "ms", 250))
    return [
        *made,
        no_more("count of half of them", found["count"] * 1e3, "ms", 60),
        no_more("names for completion", found["names"] * 1e3, "ms", 30),
        no_more("groups of 10,000 with intervals", found["group"] * 1e3, "ms", 500),
        no_more("memory of the index", found["memory"] / 1e6, "MB", 1_000),
        no_more("memory after 5,000 changes", found["memory then"] / 1e6, "MB", 1_000),
        no_more("reading all of it", found["build"], "s"),
        no_more("from a stored snapshot to a search, p50", found["lag p50"] * 1e3, "ms"),
        no_more("from a stored snapshot to a search, most", found["lag most"] * 1e3, "ms"),
        no_more("lag said at 500 snapshots a second, p50", found["busy lag p50"] * 1e3, "ms"),
        no_more("lag said at 500 snapshots a second, most", found["busy lag most"] * 1e3, "ms"),
    ]


def servers_of(data: str, runs: int) -> Servers:
    known: dict[str, Any] = addresses_of_stack(Servers, "servers", data)
    return Servers(**{**known, "mongo_database": f"{NAMES}{runs}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--alone", action="store_true", help="measure in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(searches(servers_of(arguments.data, arguments.runs), arguments.runs)))
        return
    with running_stack(arguments.data) as folder:
        asyncio.run(make_runs(servers_of(folder, arguments.runs), arguments.runs))
        found = run_alone("benchmarks.find", ["--data", folder, "--runs", str(arguments.runs), "--alone"])
        write("find", cases(found))


if __name__ == "__main__":
    main()
