"""Points by index: dense and exact, hot and cold as one, whatever lies where."""

from typing import Any

import httpx
import msgspec
import pytest

from mldash_compactor.chunks import points
from mldash_compactor.chunks.checksum import crc32c
from mldash_ingest.documents.buckets import CHUNK, Source
from tests.world import World

from .conftest import Client
from .writing import PREFIX, SESSION, Chain, numbered

pytestmark = pytest.mark.integration

LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}


async def read(client: Client, start: int, limit: int) -> list[tuple[int, object]]:
    page = await client.get("/v1/metrics/points", **LOSS, start_index=start, limit=limit)
    assert page["total"] == len(page["data"])
    return [(one["index"], one["data"]) for one in page["data"]]


def expected(start: int, end: int) -> list[tuple[int, object]]:
    return list(enumerate(numbered(start, end - start), start))


async def test_hot_points_come_back_from_any_index(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 100, 10):
        await chain.append(numbered(first, 10))
    for start, limit in [(0, 1000), (0, 100), (0, 1), (9, 2), (15, 20), (99, 5), (100, 5), (50, 0)]:
        assert await read(client, start, limit) == expected(start, min(100, start + limit))


async def test_a_page_says_where_it_ends_and_whether_more_is_behind(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.append(numbered(10, 10))

    async def bounds(start: int, limit: int) -> tuple[int, int, int, bool]:
        page = await client.get("/v1/metrics/points", **LOSS, start_index=start, limit=limit)
        return page["startIndex"], page["endIndex"], page["total"], page["hasMore"]

    assert await bounds(0, 10) == (0, 9, 10, True)
    assert await bounds(0, 15) == (0, 14, 15, True)
    assert await bounds(10, 10) == (10, 19, 10, False)
    assert await bounds(5, 0) == (5, 4, 0, True)
    assert await bounds(20, 10) == (20, 19, 0, False)
    assert await bounds(20, 0) == (20, 19, 0, False)


async def test_cold_points_and_those_over_the_seam_are_the_same_as_hot_ones(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 25_000, 2_500):
        await chain.append(numbered(first, 2_500))
    await chain.move(0, CHUNK)
    await chain.move(1, 2 * CHUNK)
    assert await world.mongo.buckets.count_documents({"s": chain.id}) == 2
    for start, limit in [(0, 3), (9_990, 20), (5_000, 10_000), (19_999, 2), (20_000, 5_000), (0, 30_000), (24_999, 9)]:
        assert await read(client, start, limit) == expected(start, min(25_000, start + limit))
    page = await client.get("/v1/metrics/points", **LOSS, start_index=0, limit=2 * CHUNK)
    assert page["hasMore"] is True


async def test_a_stream_that_is_wholly_cold_ends_where_its_last_short_chunk_ends(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 300))
    await chain.move(0, 300)
    page = await client.get("/v1/metrics/points", **LOSS)
    assert (len(page["data"]), page["hasMore"]) == (300, False)
    await chain.append(numbered(300, 20))
    assert await read(client, 290, 100) == expected(290, 320)
    page = await client.get("/v1/metrics/points", **LOSS, limit=300)
    assert page["hasMore"] is True


async def test_what_a_late_insert_left_below_the_cold_end_is_not_read(world: World, client: Client) -> None:
    """One that reaches beyond the cold end too, and one at an index that no chain has."""
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 300))
    await chain.move(0, 300)
    garbage = [{"n": -1}] * 100
    await chain.put(chain.bucket(250, garbage, None, [Source(SESSION, 0, 100)]))
    assert await read(client, 0, 1000) == expected(0, 300)
    assert await read(client, 310, 10) == []
    assert (await client.get("/v1/metrics/stats", **LOSS))["totalDataPoints"] == 300
    await chain.append(numbered(300, 20))
    assert await read(client, 240, 1000) == expected(240, 320)


async def test_rows_of_a_chunk_beyond_the_cold_end_are_taken_from_the_chain(world: World, client: Client) -> None:
    """The compactor died between its commit and the cold end: both stores hold the range."""
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 300))
    await chain.move(0, 300)
    await chain.append(numbered(300, 20))
    cold = (await world.mongo.streams.find_one({"_id": chain.id}) or {})["cold"]
    assert cold == 300
    await chain.commit_rows(0, points.fold([chain.bucket(0, numbered(0, 320), None, [])]))
    assert await read(client, 0, 1000) == expected(0, 320)


async def test_a_chain_that_begins_anew_behind_a_gap_is_an_error_that_names_it(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.put(chain.bucket(20, numbered(20, 5), None, [Source(SESSION, 20, 5)]))
    told = await client.problem("/v1/metrics/points", 500, **LOSS)
    assert (told["type"], told["index"]) == ("chain-has-gap", 10)
    assert "metrics 'loss' of owner/project/run" in told["detail"]
    assert await read(client, 0, 10) == expected(0, 10), "what is not behind the gap still reads"


async def test_a_chunk_that_the_manifest_does_not_have_is_an_error_that_names_its_range(
    world: World, client: Client
) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    await chain.advance(10)
    told = await client.problem("/v1/metrics/points", 500, **LOSS)
    assert (told["type"], told["index"]) == ("chain-has-gap", 0)


@pytest.mark.parametrize("fault", ["missing", "broken", "cut"])
async def test_a_damaged_object_is_told_with_its_range_and_every_other_range_reads(
    world: World, client: Client, fault: str
) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 30_000, CHUNK):
        await chain.append(numbered(first, CHUNK))
    lives = [await chain.move(k, (k + 1) * CHUNK) for k in range(3)]
    await _damage(world, lives[1].key, fault)
    told = await client.problem("/v1/metrics/points", 500, **LOSS, start_index=12_000, limit=10)
    assert (told["type"], told["firstIndex"], told["endIndex"]) == ("chunk-damaged", CHUNK, 2 * CHUNK)
    assert told["key"] == lives[1].key
    told = await client.problem("/v1/metrics/points", 500, **LOSS, start_index=0, limit=30_000)
    assert told["type"] == "chunk-damaged"
    assert await read(client, 0, CHUNK) == expected(0, CHUNK)
    assert await read(client, 2 * CHUNK, CHUNK) == expected(2 * CHUNK, 3 * CHUNK)


async def _damage(world: World, key: str, fault: str) -> None:
    if fault == "missing":
        await world.objects.delete([key])
        return
    data = await world.objects.get(key)
    data = data[:-100] if fault == "cut" else data[:500] + bytes([data[500] ^ 1]) + data[501:]
    await world.objects.put(key, data, crc32c(data))


async def test_every_value_survives_exactly(world: World, client: Client) -> None:
    values: list[object] = [
        1,
        1.0,
        True,
        None,
        -0.0,
        2**63 - 1,
        -(2**63),
        "π",
        b"\0\xff",
        [1, [2.5, None]],
        {"a": {"b": []}},
        5e-324,
    ]
    events = [{"v": value, f"only {row}": row} for row, value in enumerate(values)]
    chain = await Chain(world).begin()
    await chain.append(events)

    async def check() -> None:
        page = await client.get("/v1/metrics/points", **LOSS)
        found = [one["data"] for one in page["data"]]
        assert msgspec.msgpack.encode(found) == msgspec.msgpack.encode(events)

    await check()
    await chain.move(0, len(events))
    await check()


async def test_json_has_null_or_strings_where_it_has_no_number(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append([{"a": float("nan"), "b": float("inf"), "c": [-float("inf")], "d": b"ab", "e": 1.5}])
    path = "/v1/metrics/points"
    plain = (await client.raw(path, **LOSS)).json()["data"][0]
    assert plain["data"] == {"a": None, "b": None, "c": [None], "d": "YWI=", "e": 1.5}
    told = (await client.raw(path, **LOSS, nonfinite="string")).json()["data"][0]
    assert told["data"] == {"a": "NaN", "b": "Infinity", "c": ["-Infinity"], "d": "YWI=", "e": 1.5}
    assert plain["createdAt"] == "1970-01-01T00:16:40.000000Z"


async def test_the_unnamed_metric_and_one_called_nothing_or_none_are_three(world: World, client: Client) -> None:
    names: list[str | None] = [None, "", "None"]
    for row, name in enumerate(names):
        chain = await Chain(world, name=name).begin()
        await chain.append([{"row": row}])
    path = "/v1/metrics/points"
    found = [await client.get(path, prefix=PREFIX, unnamed=True)]
    found += [await client.get(path, prefix=PREFIX, name=name) for name in names if name is not None]
    assert [page["data"][0]["data"] for page in found] == [{"row": 0}, {"row": 1}, {"row": 2}]
    listed = await client.get("/v1/metrics", prefix=PREFIX)
    assert [one["name"] for one in listed["metrics"]] == [None, "", "None"]


async def test_what_is_not_there_is_empty_and_statistics_of_it_not_found(world: World, client: Client) -> None:
    empty = {"data": [], "startIndex": 3, "endIndex": 2, "total": 0, "hasMore": False}
    assert await client.get("/v1/metrics/points", **LOSS, start_index=3) == empty
    await Chain(world, name="other").begin()
    assert await client.get("/v1/metrics/points", **LOSS, start_index=3) == empty
    told = await client.problem("/v1/metrics/stats", 404, **LOSS)
    assert told["detail"] == "there is no metric 'loss'"


async def test_statistics_are_those_of_all_points_wherever_they_lie(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 10_300, 100):
        await chain.append([{"v": float(index), "word": "x"} for index in range(first, first + 100)])
        if first == 5_000:
            await chain.snapshot()
    await chain.move(0, CHUNK)
    await chain.append([{"v": float("nan")}, {"v": -1.0}])
    told = await client.get("/v1/metrics/stats", **LOSS)
    assert told["totalDataPoints"] == 10_302
    assert (told["bufferedDataPoints"], told["chunkedDataPoints"]) == (302, 10_000)
    assert (told["totalChunks"], told["chunkSize"]) == (1, 10_000)
    total = sum(range(10_300)) - 1.0
    assert told["fields"] == {
        "v": {"count": 10_301, "min": -1.0, "max": 10_299.0, "mean": total / 10_301, "last": -1.0, "first": 0.0}
    }


async def test_another_generation_is_another_experiment(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 5))
    await world.mongo.experiments.update_one({"_id": chain.experiment}, {"$set": {"gen": 1}})
    page = await client.get("/v1/metrics/points", **LOSS)
    assert page["data"] == []
    assert (await client.problem("/v1/experiment", 404, prefix=PREFIX))["type"] == "not-found"


async def test_answers_are_the_same_from_the_cache(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, CHUNK))
    live = await chain.move(0, CHUNK)
    first: httpx.Response = await client.raw("/v1/metrics/points", **LOSS, limit=CHUNK)
    await world.objects.delete([live.key])
    again = await client.raw("/v1/metrics/points", **LOSS, limit=CHUNK)
    assert first.content == again.content
