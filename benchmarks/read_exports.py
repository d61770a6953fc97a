"""The cases `export` and `files` of read.py: how fast, and in how much memory, whatever their length."""

import asyncio
from typing import Final

from mldash.connections.servers import Servers
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import open_mongo

from .api_process import Query, api
from .case import Case, at_least, at_most, no_less
from .cold_stream import BEGIN, name_stream
from .limits import reads
from .read_streams import ENTRIES_A_SECOND, LONG, TRACK_CHUNKS, TRACKS

EXPORTED: Final = 10_000_000
FORMATS: Final = ("jsonl", "json", "msgpack", "parquet", "mocap", "mcap")
_ENTRIES: Final = TRACK_CHUNKS * CHUNK
_SHORT: Final = 10
"""The shorter export has one in so many."""


def export(servers: Servers, points: int) -> dict[str, float]:
    count = min(EXPORTED, points)
    query = {"prefix": LONG, "name": "train", "format": "arrow"}
    few, _ = _measure(servers, "/v1/metrics/export", {**query, "limit": count // _SHORT})
    peak, took = _measure(servers, "/v1/metrics/export", {**query, "limit": count})
    return {"rate": count / took, "bare": asyncio.run(_bare_rate(servers, count)), "peak": peak, "few": few}


def files(servers: Servers, points: int) -> dict[str, float]:
    found = dict[str, float]()
    for format in FORMATS:
        query: Query = {"prefix": TRACKS, "topic": "track", "format": format}
        end = BEGIN + (_ENTRIES // _SHORT - 0.5) / ENTRIES_A_SECOND
        found[f"{format} few"], _ = _measure(servers, "/v1/tracks/export", {**query, "end": end})
        found[f"{format} peak"], took = _measure(servers, "/v1/tracks/export", query)
        found[f"{format} rate"] = _ENTRIES / took
    return found


def _measure(servers: Servers, path: str, query: Query) -> tuple[float, float]:
    """The most memory of an API that does this alone, and the seconds that it takes."""
    with api(servers) as one:
        took = one.ask(path, query)
        return one.peak_bytes(), took


async def _bare_rate(servers: Servers, count: int) -> float:
    mongo = open_mongo(servers)
    async with open_store(servers) as objects:
        chunks = await manifest.live_chunks(mongo, name_stream(LONG, "train").id, 0, count // CHUNK - 1)
        took = await reads.arrow_seconds(objects, [chunk.live for chunk in chunks if chunk.live])
    await mongo.close()
    return count / took


def export_figures(one: dict[str, float]) -> list[Case]:
    return [
        at_least("export, 10,000,000 points as Arrow", one["rate"], "points/s", one["bare"], None),
        _memory("export, peak memory beside 1,000,000 points", one["peak"], one["few"]),
    ]


def file_figures(one: dict[str, float]) -> list[Case]:
    cases = list[Case]()
    for format in FORMATS:
        cases.append(no_less(f"1,000,000 entries as {format}", one[f"{format} rate"], "entries/s"))
        cases.append(_memory(f"{format}, peak memory beside 100,000", one[f"{format} peak"], one[f"{format} few"]))
    return cases


def _memory(name: str, peak: float, few: float) -> Case:
    """Ten times as much takes no more than half as much memory again: what is held does not grow with the length."""
    return at_most(name, peak / 1e6, "MB", few / 1e6, 1.5)
