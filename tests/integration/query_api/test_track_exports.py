"""Entries as files: however a track was written, every format holds the fold of it, window after window."""

import csv
import io
import json
import random
import struct
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mldash.answers.columns import rows_of_table
from mldash.answers.mcap import MAGIC
from mldash.answers.mocap import mocap
from mldash.events.merging import merge_entries
from mldash_api.tracks import windows
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

POSE: dict[str, Any] = {"prefix": PREFIX, "topic": "pose"}
EXPORT = "/v1/tracks/export"
Entries = list[dict[str, Any]]


def field_value(name: str, draw: random.Random) -> Any:
    """`a` is a float, `b` an int here and a float there, `c` of any type, `d` a list of two."""
    if name == "a":
        return draw.random()
    if name == "b":
        return draw.choice([draw.randrange(9), draw.random()])
    if name == "d":
        return [draw.random(), draw.random()]
    return draw.choice([1, 1.5, True, "text", [1, "x"], {"deep": None}])


async def write(chain: Chain, draw: random.Random, turns: int, spread: float) -> Entries:
    """Buckets of 200 entries, the first 10,000 of them cold; what they fold to."""
    times, events = list[float](), list[dict[str, Any]]()
    for turn in range(turns):
        stamps = [round(turn * 20 + draw.uniform(0, spread), 1) for _ in range(200)]
        batch = [{name: field_value(name, draw) for name in draw.sample("abcd", 2)} for _ in stamps]
        await chain.append(batch, times=stamps)
        times, events = times + stamps, events + batch
        if chain.end % 10_000 == 0:
            await chain.move(chain.end // 10_000 - 1, chain.end)
    merged = merge_entries(times, events)
    return [{"timestamp": time, **merged[time]} for time in sorted(merged)]


async def exported(client: Client, format: str, **asked: Any) -> Entries:
    data = (await client.raw(EXPORT, **POSE, **asked, format=format)).content
    if format == "json":
        answer = json.loads(data)
        assert answer["count"] == len(answer["entries"])
        return list(answer["entries"])
    if format == "jsonl":
        return [json.loads(line) for line in data.splitlines()]
    if format == "msgpack":
        count = len((await client.raw(EXPORT, **POSE, **asked, format="jsonl")).content.splitlines())
        head = b"\xdd" + count.to_bytes(4, "big")  # an array's, before the maps that it would hold
        return list(msgspec.msgpack.decode(head + data))
    if format == "parquet":
        return rows_of_table(pq.read_table(io.BytesIO(data)))
    if format == "arrow":
        return rows_of_table(pa.ipc.open_stream(data).read_all())
    if format == "mcap":
        return mcap_messages(data)
    answer = json.loads(data)
    return [{"timestamp": frame.pop("time"), **frame} for frame in answer["frames"]]


def mcap_messages(data: bytes) -> Entries:
    """Every message of a file without compression, read as the specification says."""
    assert data.startswith(MAGIC)
    assert data.endswith(MAGIC)
    found, at, end = Entries(), len(MAGIC), len(data) - len(MAGIC)
    records = [(data, at, end)]
    while records:
        text, at, end = records.pop(0)
        while at < end:
            opcode, length = struct.unpack_from("<BQ", text, at)
            body = text[at + 9 : at + 9 + length]
            if opcode == 0x06:
                inside = 8 + 8 + 8 + 4 + 4
                records.append((body, inside + 8, len(body)))
            elif opcode == 0x05:
                (time,) = struct.unpack_from("<Q", body, 6)
                found.append({"timestamp": time / 1e9, **json.loads(body[22:])})
            at += 9 + length
    return found


def cell_of(value: Any) -> str:
    if isinstance(value, (bool, list, dict)):
        return msgspec.json.encode(value).decode()
    return "" if value is None else str(value)


def as_json(entries: Entries) -> Entries:
    return list(json.loads(msgspec.json.encode(entries)))


@pytest.mark.parametrize("spread", [20.0, 30.0, 5_000.0], ids=["in order", "overlapping", "in no order"])
async def test_every_format_holds_the_fold_of_the_track(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, spread: float
) -> None:
    """Windows of 1,500 entries, cut short at 2,500: over hot and cold, in whatever order it was written."""
    monkeypatch.setattr(windows, "WINDOW_ROWS", 1_500)
    monkeypatch.setattr(windows, "MOST_WINDOW_ROWS", 2_500)
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    chain = await Chain(world, "tracks", "pose").begin()
    whole = await write(chain, draw, 56, spread)
    low, high = sorted(draw.sample([one["timestamp"] for one in whole], 2))
    for format in ("json", "jsonl", "mcap", "mocap"):
        assert await exported(client, format) == as_json(whole), (seed, format)
    for format in ("msgpack", "arrow", "parquet"):
        assert await exported(client, format) == whole, (seed, format)
    text = (await client.raw(EXPORT, **POSE, format="csv")).text
    cells = list(csv.DictReader(io.StringIO(text)))
    told = [(float(one["timestamp"]), *(one[name] for name in "abcd")) for one in cells]
    assert told == [(one["timestamp"], *(cell_of(one.get(name)) for name in "abcd")) for one in whole], seed
    part = [one for one in whole if low <= one["timestamp"] <= high]
    assert await exported(client, "msgpack", start=low, end=high) == part, seed
    some = await exported(client, "parquet", columns=["a", "none"])
    kept = [{name: value for name, value in one.items() if name in ("timestamp", "a")} for one in whole]
    assert some == kept, seed


async def test_what_is_said_around_the_entries_is_what_the_sdk_says(world: World, client: Client) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    said = {"description": "where it is", "tags": ["a"], "metadata": {"fps": 60}}
    about = {part: {"v": msgspec.msgpack.encode(value)} for part, value in said.items()}
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"about": about}})
    await chain.append([{"time": 1.5, "y": "left"}, {"timestamp": 7}], times=[1.0, 2.0])
    entries: Entries = [{"timestamp": 1.0, "time": 1.5, "y": "left"}, {"timestamp": 2.0, "field:timestamp": 7}]
    summary: Any = said
    assert (await client.raw(EXPORT, **POSE, format="mocap")).json() == mocap("pose", entries, summary)
    table = pq.read_table(io.BytesIO((await client.raw(EXPORT, **POSE, format="parquet")).content))
    assert table.to_pylist() == [
        {"timestamp": 1.0, "time": 1.5, "y": "left", "field:timestamp": None},
        {"timestamp": 2.0, "time": None, "y": None, "field:timestamp": 7},
    ]
    data = (await client.raw(EXPORT, **POSE, format="mcap")).content
    schema = data[data.index(b"jsonschema") :]
    assert b'"field:timestamp":{"type":"number"}' in schema
    assert mcap_messages(data) == entries


async def test_what_is_not_there_is_a_file_without_entries(client: Client) -> None:
    for format, empty in (
        ("jsonl", b""),
        ("msgpack", b""),
        ("csv", b"timestamp\n"),
        ("json", b'{"entries":[],"count":0}'),
    ):
        assert (await client.raw(EXPORT, **POSE, format=format)).content == empty
    assert (await client.raw(EXPORT, **POSE, format="mocap")).json() == mocap("pose", [], None)
    table = pq.read_table(io.BytesIO((await client.raw(EXPORT, **POSE, format="parquet")).content))
    assert (table.num_rows, table.column_names) == (0, ["timestamp"])
    assert mcap_messages((await client.raw(EXPORT, **POSE, format="mcap")).content) == []


async def test_accept_says_the_format_where_the_query_does_not(world: World, client: Client) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1}], times=[1.0])
    for accept, kind in (
        ("*/*", "application/x-ndjson"),
        ("application/json", "application/json"),
        ("application/msgpack", "application/msgpack"),
        ("text/html;q=0.5, application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ):
        answer = await client.raw(EXPORT, {"Accept": accept}, **POSE)
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.headers["vary"] == "Accept"
    problem = await client.problem(EXPORT, 406, {"Accept": "text/html"}, **POSE)
    assert problem["type"] == "not-acceptable"
    assert "application/x-ndjson" in problem["accept"]
    both = await client.raw(EXPORT, {"Accept": "text/html"}, **POSE, format="jsonl")
    assert both.content == b'{"timestamp":1.0,"x":1}\n'


async def test_times_that_mcap_can_not_hold_are_refused_before_the_file_begins(world: World, client: Client) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1}, {"x": 2}], times=[5.0, 1e12])
    problem = await client.problem(EXPORT, 400, **POSE, format="mcap")
    assert (problem["type"], problem["parameter"]) == ("wrong-parameter", "format")
    assert len(mcap_messages((await client.raw(EXPORT, **POSE, format="mcap", end=9.0)).content)) == 1


async def test_a_broken_chunk_breaks_the_file_off_where_it_begins(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first window it is a problem that names the range; later the connection ends; around it all still read."""
    monkeypatch.setattr(windows, "WINDOW_ROWS", 700)
    chain = await Chain(world, "tracks", "pose").begin()
    for k in range(3):
        await chain.append([{"x": k} for _ in range(10_000)], times=[float(k * 10_000 + at) for at in range(10_000)])
        await chain.move(k, chain.end)
    keys = [one.key async for one in world.objects.list()]
    await world.objects.delete([key for key in keys if "/00000001-" in key])
    problem = await client.problem(EXPORT, 500, **POSE, format="jsonl", start=10_000.0)
    assert (problem["type"], problem["firstIndex"], problem["endIndex"]) == ("chunk-damaged", 10_000, 20_000)
    for format in ("jsonl", "json", "csv", "arrow", "parquet", "mocap", "mcap", "msgpack"):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.raw(EXPORT, **POSE, format=format)
    assert len(await exported(client, "jsonl", end=9_999.0)) == 10_000
    assert len(await exported(client, "jsonl", start=20_000.0)) == 10_000
