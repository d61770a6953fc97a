"""Views of a long stream: drawn from summaries, and still what a loop over every point would keep."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.cold_stream import BEGIN, SECONDS_A_POINT, Stream, columns_of_chunk, load, name_stream, times_of_chunk
from mldash.answers.kept_points import columns_of
from mldash.answers.pixel_columns import Span
from mldash.answers.pixel_columns import edges as plain_edges
from mldash_api.charts import planning
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.checksum import crc32c
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source, to_document
from mldash_ingest.documents.columns import Column
from tests.world import World

from .conftest import Client

pytestmark = pytest.mark.integration

PREFIX = "owner/project/long"
HOT = 1_500


class LongStream:
    """Cold from 0 on, `HOT` points hot behind; and all of its points."""

    def __init__(self, world: World, cold: int) -> None:
        self.world, self.cold, self.end = world, cold, cold + HOT
        self.stream: Stream = name_stream(PREFIX, "train")
        chunks = [columns_of_chunk(k) for k in range(cold // CHUNK)]
        hot = np.cos(np.arange(HOT) / 9.0) * 7
        self.loss = np.concatenate([*(np.frombuffer(one[0].data, "<f8") for one in chunks), hot])

    async def make(self, *, joined: bool = True) -> "LongStream":
        await load(self.world.mongo, self.world.objects, self.stream, self.cold, joined=joined)
        for first in range(self.cold, self.end, 500):
            await self.world.mongo.buckets.insert_one(to_document(self.bucket(first, 500)))
        return self

    def bucket(self, first: int, count: int) -> Bucket:
        index = np.arange(first, first + count)
        times = BEGIN + index * SECONDS_A_POINT
        loss, step = self.loss[first : first + count].astype("<f8"), index.astype("<i8")
        return Bucket(
            stream=self.stream.id,
            kind="metrics",
            first_index=first,
            count=count,
            sources=[Source(b"1" * 16, first - self.cold, count)],
            t0=float(times[0]),
            t1=float(times[-1]),
            times=times.astype("<f8").tobytes(),
            columns=[Column("loss", "float64", loss.tobytes()), Column("step", "int64", step.tobytes())],
        )

    def times(self) -> NDArray[np.float64]:
        cold = [times_of_chunk(k) for k in range(self.cold // CHUNK)]
        return np.concatenate([*cold, BEGIN + np.arange(self.cold, self.end) * SECONDS_A_POINT])


def check(view: Any, x: NDArray[Any], y: NDArray[Any]) -> None:
    """`x` and `y`: every point of the range. In the columns that the answer names, nothing is missing or invented."""
    assert (view["totalPoints"], view["start"], view["end"]) == (len(x), x[0], x[-1])
    series = view["fields"]["loss"]
    at = np.searchsorted(x, series["x"])
    assert (x[at] == series["x"]).all()
    assert (y[at] == series["y"]).all()
    assert view["sampled"] == (len(at) < len(x))
    if not view["sampled"]:
        return
    edges = np.asarray(view["edges"])
    assert (np.diff(edges) >= 0).all()
    assert len(at) <= 4 * (len(edges) - 1)
    span = Span(view["start"], view["end"])
    if view["edges"] == plain_edges(span, len(edges) - 1):  # of points alone: where they lie is a fraction
        column = columns_of(x.astype(np.float64), span, len(edges) - 1)
    else:
        column = np.minimum(np.searchsorted(edges, x, side="right") - 1, len(edges) - 2)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column)) + 1))
    stops = np.append(starts[1:], len(x))
    kept = set(at.tolist())
    assert set(starts.tolist()) <= kept
    assert set((stops - 1).tolist()) <= kept
    for extreme in (np.minimum, np.maximum):
        drawn = np.full(len(x), np.inf if extreme is np.minimum else -np.inf)
        drawn[at] = y[at]
        assert (extreme.reduceat(drawn, starts) == extreme.reduceat(y, starts)).all()


async def test_every_pixel_column_keeps_its_extremes_whatever_it_is_made_of(world: World, client: Client) -> None:
    """Levels, manifest, objects, points and buckets, in every mixture that ranges and widths bring."""
    long = await LongStream(world, 1_030_000).make()
    index, random = np.arange(long.end), np.random.default_rng(1)
    ranges = [(0, long.end - 1, 100), (0, long.end - 1, 1000), (999_999, long.end - 1, 40), (5, 1_029_999, 7)]
    ranges += [
        (int(first), int(min(first + width, long.end - 1)), int(points))
        for first, width, points in zip(
            random.integers(0, 1_000_000, 12),
            random.integers(10, 700_000, 12),
            random.integers(1, 900, 12),
            strict=True,
        )
    ]
    for start, end, points in ranges:
        asked = {"prefix": PREFIX, "name": "train", "fields": "loss", "points": points}
        view = await client.get("/v1/metrics/view", **asked, start=start, end=end)
        check(view, index[start : end + 1], long.loss[start : end + 1])
    times = long.times()
    for start, end, points in ranges:
        asked = {"prefix": PREFIX, "name": "train", "fields": "loss", "points": points, "x": "time"}
        view = await client.get("/v1/metrics/view", **asked, start=float(times[start]), end=float(times[end]))
        check(view, times[start : end + 1], long.loss[start : end + 1])
    everything = await client.get("/v1/metrics/view", prefix=PREFIX, name="train", points=100)
    assert list(everything["fields"]) == ["loss", "step"]
    assert everything["fields"]["step"]["y"] == everything["fields"]["step"]["x"]


async def test_chunks_that_stand_alone_are_drawn_from_their_own_summaries(world: World, client: Client) -> None:
    long = await LongStream(world, 60_000).make(joined=False)
    for points in (3, 20, 100, 1000):
        view = await client.get("/v1/metrics/view", prefix=PREFIX, name="train", fields="loss", points=points)
        check(view, np.arange(long.end), long.loss)


async def test_a_broken_object_breaks_only_what_has_to_look_into_it(world: World, client: Client) -> None:
    """The whole is drawn from levels; what needs the object says which range, and why; what lies beside it is read."""
    long = await LongStream(world, 1_030_000).make()
    chunk = await manifest.read(world.mongo, long.stream.id, 0)
    assert chunk is not None
    assert chunk.live is not None
    data = bytearray(await world.objects.get(chunk.live.key))
    assert chunk.live.joined is not None
    data[chunk.live.joined.blocks_offset + chunk.live.joined.blocks_bytes - 30] ^= 255  # within the last frame
    data[chunk.live.offset + chunk.live.bytes // 2] ^= 255
    await world.objects.put(chunk.live.key, bytes(data), crc32c(bytes(data)))
    asked = {"prefix": PREFIX, "name": "train"}
    view = await client.get("/v1/metrics/view", **asked, fields="loss", points=50)
    check(view, np.arange(long.end), long.loss)
    problem = await client.problem("/v1/metrics/view", 500, **asked, start=0, end=999_999, points=1000)
    assert (problem["type"], problem["firstIndex"], problem["endIndex"]) == ("chunk-damaged", 0, 1_000_000)
    problem = await client.problem("/v1/metrics/view", 500, **asked, start=0, end=99, points=1000)
    assert (problem["type"], problem["firstIndex"], problem["endIndex"]) == ("chunk-damaged", 0, CHUNK)
    beside = await client.get("/v1/metrics/view", **asked, fields="loss", start=10_000, end=29_999, points=500)
    check(beside, np.arange(10_000, 30_000), long.loss[10_000:30_000])
    await world.objects.delete([chunk.live.key])
    problem = await client.problem("/v1/metrics/view", 500, **asked, start=0, end=999_999, points=1000)
    assert "the object is not there" in problem["detail"]


async def test_x_that_is_a_field_is_drawn_from_a_million_points_and_says_so(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "RAW_POINTS", 30_000)
    long = await LongStream(world, 60_000).make()
    asked = {"prefix": PREFIX, "name": "train", "fields": "loss", "x": "step"}
    view = await client.get("/v1/metrics/view", **asked)
    assert view["sampled"]
    assert 10_000 < view["totalPoints"] <= 30_000
    xs = np.asarray(view["fields"]["loss"]["x"])
    assert (long.loss[xs] == view["fields"]["loss"]["y"]).all()
    assert xs.max() >= 60_000, "parts lie evenly, to the last"


async def test_a_filter_is_drawn_from_a_million_points_and_says_so(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By time too: what is asked for is found first, and only of that it is told whether anything was left out."""
    long = await LongStream(world, 60_000).make()
    asked = {"prefix": PREFIX, "name": "train", "fields": "loss", "filter": ["step >= 20000", "loss > 0.5"]}
    passing = np.flatnonzero((np.arange(long.end) >= 20_000) & (long.loss > 0.5))
    whole = await client.get("/v1/metrics/view", **asked, points=50)
    check(whole, passing, long.loss[passing])
    monkeypatch.setattr(planning, "RAW_POINTS", 30_000)
    some = await client.get("/v1/metrics/view", **asked, points=50)
    assert some["sampled"]
    xs = np.asarray(some["fields"]["loss"]["x"])
    assert set(xs.tolist()) <= set(passing.tolist())
    times = long.times()
    part = await client.get("/v1/metrics/view", **asked, x="time", start=times[30_000], end=times[31_000], points=9_999)
    inside = passing[(passing >= 30_000) & (passing <= 31_000)]
    assert (part["sampled"], part["totalPoints"]) == (False, len(inside))
    assert part["fields"]["loss"]["y"] == long.loss[inside].tolist()


async def test_the_same_field_of_many_experiments_is_one_request(world: World, client: Client) -> None:
    long = await LongStream(world, 20_000).make()
    both = [PREFIX, "nobody/ever"]
    answer = await client.get("/v1/metrics/views", prefixes=both, name="train", fields="loss", points=50)
    assert [one["prefix"] for one in answer["views"]] == both
    check(answer["views"][0]["view"], np.arange(long.end), long.loss)
    assert answer["views"][1]["view"]["fields"] == {"loss": {"x": [], "y": []}}
    problem = await client.problem("/v1/metrics/views", 400, prefixes=["a/b"] * 101, name="train")
    assert problem["parameter"] == "number of prefixes"
