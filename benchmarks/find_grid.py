"""What many long runs on one grid cost over HTTP: `python -m benchmarks.find_grid`.

20 runs of 1,000,000 points each, all of them cold, on one grid of 1,000 columns as Arrow, one field. Medians, until the
answer's last byte is there.

  cold  the first grid in the life of an API process, several of them: nothing of these runs is in its memory
  warm  the same again and again
  range another half of it each time: a million points of each run are known, the ends of the half are not

The servers are on the same machine. The runs are made once, in a minute, and kept with `--data`.
"""

import argparse
import asyncio
import json
import random
import statistics
from typing import Final

from mldash.connections.servers import Servers
from mldash_compactor.chunks.s3 import open_store
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.mongo import open_mongo

from .api_process import Query, api, servers_of
from .case import Case, no_more, run_alone
from .cold_stream import load, name_stream
from .read_streams import make_short
from .stack import running_stack
from .table import write

RUNS: Final = 20
POINTS: Final = 1_000_000
COLUMNS: Final = 1_000
_GRID: Final = "/v1/metrics/grid"


def prefix_of(run: int) -> str:
    return f"bench/grid/run-{run:02}"


async def make_runs(servers: Servers, runs: int, points: int) -> None:
    """Those that are missing."""
    await prepare(servers)
    mongo = open_mongo(servers)
    async with open_store(servers) as objects:
        for run in range(runs):
            stream = name_stream(prefix_of(run), "train")
            there = await mongo.streams.find_one({"_id": stream.id}, {"next": 1})
            if there is None or there["next"] != points:
                await load(mongo, objects, stream, points)
    await mongo.close()


def grids(servers: Servers, runs: int, points: int) -> dict[str, float]:
    """Seconds."""
    query = {"prefixes": [prefix_of(run) for run in range(runs)], "name": "train", "fields": "loss"}
    whole: Query = {**query, "points": COLUMNS, "format": "arrow"}
    cold, draw = list[float](), random.Random(4)

    def moved() -> Query:
        start = draw.randrange(points // 2)
        return {**whole, "start": start, "end": start + points // 2 - 1}

    for _ in range(5):
        with api(servers) as one:
            cold.append(one.ask(_GRID, whole))
    with api(servers) as one:
        one.several(_GRID, lambda: whole, 5)
        took = sorted(one.ask(_GRID, whole) for _ in range(60))
        return {
            "cold": statistics.median(cold),
            "warm": statistics.median(took),
            "warm p90": took[53],
            "moved": one.several(_GRID, moved, 30),
        }


def cases(found: dict[str, float], runs: int) -> list[Case]:
    """With the goals of the design."""
    name = f"{runs} runs of 1,000,000 points on one grid"
    return [
        no_more(f"{name}, cold", found["cold"] * 1e3, "ms", 600),
        no_more(f"{name}, warm", found["warm"] * 1e3, "ms", 120),
        no_more(f"{name}, warm p90", found["warm p90"] * 1e3, "ms"),
        no_more(f"{name}, another range", found["moved"] * 1e3, "ms"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--points", type=int, default=POINTS, help="of each run")
    parser.add_argument("--alone", action="store_true", help="measure in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(grids(servers_of(arguments.data), arguments.runs, arguments.points)))
        return
    with running_stack(arguments.data, "--servers-only") as folder:
        asyncio.run(make_short(servers_of(folder)))
        asyncio.run(make_runs(servers_of(folder), arguments.runs, arguments.points))
        size = ["--runs", str(arguments.runs), "--points", str(arguments.points)]
        write(
            "find_grid", cases(run_alone("benchmarks.find_grid", ["--data", folder, *size, "--alone"]), arguments.runs)
        )


if __name__ == "__main__":
    main()
