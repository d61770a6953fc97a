"""Runs in the form in which workers leave them in MongoDB, without their buckets: what the index of runs reads.

Each has 50 parameters (numbers, texts, booleans), two metrics of 10 numeric fields each, a session with a context, and
tags. `params.data.order` is a number of its own, so a filter on it passes as many runs as one likes.
"""

import os
import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from mldash.connections.servers import Servers
from mldash.events.field_statistics import FieldStatistics
from mldash.events.identity import experiment_id, stream_id
from mldash.events.schema import Describe, End, Start
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.collections import ensure_indexes
from mldash_ingest.documents.mongo import InsertOne, Mongo, open_mongo
from mldash_ingest.documents.snapshot import Snapshot

NAMES: Final = "mldashbenchfind"
BEGIN: Final = 1_767_225_600.0
MODELS: Final = [f"model-{at}" for at in range(10)]
BATCHES: Final = [2**at for at in range(4, 12)]
FIELDS: Final = [f"f{at}" for at in range(10)]
METRICS: Final = ("train", "eval")
_AT_ONCE: Final = 500
_STATUSES: Final = ["COMPLETED"] * 7 + ["FAILED"] * 2 + ["CANCELLED"]
_encode = msgspec.msgpack.Encoder().encode


def params_of(number: int, order: int, draw: random.Random) -> dict[str, Any]:
    """50 of them."""
    values: dict[str, Any] = {
        "model.name": MODELS[draw.randrange(len(MODELS))],
        "data.batch": BATCHES[draw.randrange(len(BATCHES))],
        "data.order": order,
        "optimizer.lr": 10 ** draw.uniform(-5, -1),
        "seed": number,
        "note": f"run {number}",
    }
    values |= {f"numbers.n{at}": draw.random() for at in range(24)}
    values |= {f"texts.t{at}": f"choice {draw.randrange(20)}" for at in range(14)}
    return values | {f"flags.b{at}": draw.random() < 0.5 for at in range(6)}


def statistics_of(draw: random.Random) -> dict[str, FieldStatistics]:
    """Of 1,000 points."""
    made = dict[str, FieldStatistics]()
    for name in FIELDS:
        low, last = draw.random(), draw.random()
        made[name] = FieldStatistics(1_000, 1_000 * last, low, low + last, last)
    return made


def orders(count: int) -> list[int]:
    """Of each run; all of them once."""
    drawn = list(range(count))
    random.Random(1).shuffle(drawn)
    return drawn


def prefix_of(number: int) -> str:
    return f"team-{number % 20}/project-{number % 200}/run-{number:06}"


def documents_of(number: int, order: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(collection, document) of one run."""
    draw = random.Random(number)
    prefix, began = prefix_of(number), BEGIN + 60.0 * number
    experiment, session = experiment_id(prefix), os.urandom(16)
    yield "experiments", {"_id": experiment, "prefix": prefix, "gen": 0, "created_at": began}
    context = {"git": {"commit": f"{number:040x}", "dirty": False}, "python": "3.12.1", "command": "train.py --fast"}
    yield (
        "sessions",
        {
            "_id": session, "exp": experiment, "gen": 0, "prefix": prefix, "first_at": began, "heartbeat": began + 600,
            "stored_at": began, "seen_at": began + 600, "skew": 0.0, "host": f"node-{number % 64}", "pid": number,
            "rank": 0, "user": f"user-{number % 50}", "context": _encode(context),
        },
    )  # fmt: skip
    runs = Snapshot("runs")
    assert runs.runs is not None
    runs.runs.add(session, 0, Start(began, f"node-{number % 64}", number, 0, 1, f"user-{number % 50}"))
    runs.runs.add(session, 1, Describe(began, description=f"run {number}", tags=[f"sweep-{number % 100}"]))
    runs.runs.add(session, 2, End(began + 600, _STATUSES[number % 10]))  # type: ignore[arg-type]
    params = Snapshot("params")
    assert params.params is not None
    params.params.set(params_of(number, order, draw).items())
    snapshots: list[tuple[str, str, Snapshot]] = [("runs", "", runs), ("params", "", params)]
    for name in METRICS:
        metric = Snapshot("metrics")
        metric.statistics, metric.fields = statistics_of(draw), dict.fromkeys(FIELDS)
        snapshots.append(("metrics", name, metric))
    for kind, name, snapshot in snapshots:
        snapshot.next, snapshot.first_at, snapshot.last_at = 1_000, began, began + 600
        own = {"_id": stream_id(experiment, 0, kind, name), "exp": experiment, "gen": 0, "kind": kind, "name": name}
        yield "streams", {**own, "chunk": CHUNK, "cold": 0, "floor": 0, **snapshot.to_update()}


async def make_runs(servers: Servers, count: int) -> None:
    """Once a stack: where they are there they stay."""
    mongo = open_mongo(servers)
    try:
        if await mongo.experiments.count_documents({}) == count:
            return
        await mongo.database.client.drop_database(mongo.database.name)
        await ensure_indexes(mongo)
        drawn = orders(count)
        for first in range(0, count, _AT_ONCE):
            await _write(mongo, range(first, min(count, first + _AT_ONCE)), drawn)
    finally:
        await mongo.close()


async def _write(mongo: Mongo, numbers: range, drawn: list[int]) -> None:
    writes: dict[str, list[Any]] = {"experiments": [], "sessions": [], "streams": []}
    for number in numbers:
        for collection, document in documents_of(number, drawn[number]):
            writes[collection].append(InsertOne(document))
    for collection, made in writes.items():
        await mongo.database[collection].bulk_write(made, ordered=False)
