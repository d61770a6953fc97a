"""Reads of what a run is made of, for many experiments at once: three queries by index, whatever there is of each."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from mldash.events.identity import Prefix
from mldash.events.run_status import SessionTimes
from mldash_api.experiments.annotations import Annotation, read_annotations
from mldash_api.experiments.sessions import Runs
from mldash_api.stores.streams import ExperimentRef
from mldash_ingest.documents.collections import CLOSED
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.run_states import FoldedRuns

from .documents import Facts, part_of_stream
from .table import Part, Run, Values

_SEARCHED: Final = ("params", "metrics", "runs", "logs")
_OF_STREAM: Final = dict.fromkeys(
    ("exp", "gen", "kind", "name", "cold", "stats", "firsts", "firstsRead", "data", "lastAt"), 1
)
_OF_SESSION: Final = dict.fromkeys(
    ("exp", "gen", "heartbeat", "first_at", "stored_at", "seen_at", "skew", "context"), 1
)
_OF_EXPERIMENT: Final = {"prefix": 1, "gen": 1, "created_at": 1}

_IN_ONE_BATCH: Final = 5_000

Document = Mapping[str, Any]


class Loaded(Struct, frozen=True):
    """All of a run. `updated`: the newest time in its streams."""

    facts: Facts
    times: list[SessionTimes]
    parts: list[tuple[Part, Values]]
    updated: float | None


class LoadedPlain(Struct, frozen=True):
    """What changes with runs, sessions and annotations."""

    facts: Facts
    times: list[SessionTimes]
    updated: float | None


class LoadedStream(Struct, frozen=True):
    """What one stream has to say; `part` None: no more than how new it is."""

    experiment: bytes
    generation: int
    part: tuple[Part, Values] | None
    updated: float | None


async def all_experiments(mongo: Mongo, at_once: int) -> AsyncIterator[list[Document]]:
    """So many at a time, in the order in which they lie on the disk: what belongs to an experiment was mostly written
    with it, and so is near to what belongs to the next one. By id, which is a hash, each is somewhere else."""
    part = list[Document]()
    async for one in mongo.experiments.find({}, _OF_EXPERIMENT, batch_size=at_once).sort("$natural", 1):
        part.append(one)
        if len(part) == at_once:
            yield part
            part = []
    if part:
        yield part


async def experiments_of(mongo: Mongo, ids: Iterable[bytes]) -> list[Document]:
    """Those that are there."""
    return [one async for one in mongo.experiments.find({"_id": {"$in": list(ids)}}, _OF_EXPERIMENT)]


async def load(mongo: Mongo, experiments: Sequence[Document]) -> list[Loaded]:
    """All of these that were not deleted, in their present generation."""
    streams = await _streams(mongo, experiments, _SEARCHED)
    sessions = await _sessions(mongo, experiments)
    annotations = await read_annotations(mongo, [_reference(one) for one in experiments])
    present = [one for one in experiments if not one["gen"] or one["_id"] in sessions]
    # Decoding takes longer than reading: in a thread, so that requests get their turn.
    return await asyncio.to_thread(_loaded, present, streams, sessions, annotations)


async def load_plain(mongo: Mongo, experiments: Sequence[Document]) -> list[LoadedPlain]:
    """Likewise, without parameters and metrics."""
    streams = await _streams(mongo, experiments, ("runs",))
    sessions = await _sessions(mongo, experiments)
    annotations = await read_annotations(mongo, [_reference(one) for one in experiments])
    return [
        _plain(one, streams.get(one["_id"], []), sessions.get(one["_id"], {}), annotations.get(one["_id"]))
        for one in experiments
    ]


async def load_streams(mongo: Mongo, ids: Iterable[bytes]) -> tuple[list[LoadedStream], set[bytes]]:
    """What these streams say, and the experiments whose run events are among them."""
    query = {"_id": {"$in": list(ids)}, "kind": {"$in": list(_SEARCHED)}, "cold": {"$lt": CLOSED}}
    documents = [one async for one in mongo.streams.find(query, _OF_STREAM)]
    found = [
        LoadedStream(one["exp"], one["gen"], part_of_stream(one), one.get("lastAt"))
        for one in documents
        if one["kind"] != "runs"
    ]
    return found, {one["exp"] for one in documents if one["kind"] == "runs"}


async def experiments_of_sessions(mongo: Mongo, ids: Iterable[bytes]) -> set[bytes]:
    return {one["exp"] async for one in mongo.sessions.find({"_id": {"$in": list(ids)}}, {"exp": 1})}


async def _streams(mongo: Mongo, experiments: Sequence[Document], kinds: Sequence[str]) -> dict[bytes, list[Document]]:
    """By experiment, of its present generation."""
    generations = {one["_id"]: one["gen"] for one in experiments}
    found = defaultdict[bytes, list[Document]](list)
    # Which generations there are bounds the index too, though a pair may be another experiment's.
    query = {
        "exp": {"$in": list(generations)},
        "gen": {"$in": list(set(generations.values()))},
        "kind": {"$in": list(kinds)},
    }
    async for one in mongo.streams.find(query, _OF_STREAM, batch_size=_IN_ONE_BATCH):
        if one["gen"] == generations[one["exp"]] and one["cold"] < CLOSED:
            found[one["exp"]].append(one)
    return found


async def _sessions(mongo: Mongo, experiments: Sequence[Document]) -> dict[bytes, dict[bytes, Document]]:
    generations = {one["_id"]: one["gen"] for one in experiments}
    found = defaultdict[bytes, dict[bytes, Document]](dict)
    async for one in mongo.sessions.find({"exp": {"$in": list(generations)}}, _OF_SESSION):
        if one["gen"] == generations[one["exp"]]:
            found[one["exp"]][one["_id"]] = one
    return found


def _loaded(
    experiments: Sequence[Document],
    streams: Mapping[bytes, list[Document]],
    sessions: Mapping[bytes, dict[bytes, Document]],
    annotations: Mapping[bytes, Annotation],
) -> list[Loaded]:
    made = list[Loaded]()
    for one in experiments:
        id_ = one["_id"]
        own = streams.get(id_, [])
        plain = _plain(one, own, sessions.get(id_, {}), annotations.get(id_))
        parts = [part for stream in own if (part := part_of_stream(stream)) is not None]
        updated = max((at for stream in own if (at := stream.get("lastAt")) is not None), default=plain.updated)
        made.append(Loaded(plain.facts, plain.times, parts, updated))
    return made


def _plain(
    experiment: Document,
    streams: Sequence[Document],
    sessions: dict[bytes, Document],
    annotation: Annotation | None,
) -> LoadedPlain:
    created_at = experiment.get("created_at")
    if experiment["gen"] and sessions:
        created_at = min(one.get("first_at", float("inf")) for one in sessions.values())
    run = Run(experiment["_id"], experiment["prefix"], experiment["gen"], created_at)
    folded, last_at = FoldedRuns(), None
    for stream in streams:
        if stream["kind"] == "runs":
            folded = FoldedRuns.from_items([(item["k"], item["v"]) for item in stream.get("data", ())])
            last_at = stream.get("lastAt")
    runs = Runs(folded, dict(sessions), last_at)
    return LoadedPlain(Facts(run, runs, annotation), runs.times(), last_at if last_at is not None else created_at)


def _reference(document: Document) -> ExperimentRef:
    return ExperimentRef(Prefix(document["prefix"]), document["_id"], document["gen"], document.get("created_at"))
