"""Views: what a chart needs, drawn of hot and cold as one."""

import math
import random
from typing import Any

import pytest

from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}


async def test_a_spike_is_seen_wherever_it_lies(world: World, client: Client) -> None:
    """In a chunk, in a bucket, and next to the seam on either side."""
    events: list[dict[str, Any]] = [{"loss": float(at % 7), "step": 2 * at} for at in range(12_000)]
    spikes = {5_000: -5_000.0, 9_999: 9_999.0, 10_000: -10_000.0, 11_500: 11_500.0}
    for at, spike in spikes.items():
        events[at]["loss"] = spike
    chain = await Chain(world).begin()
    for first in range(0, 12_000, 2_000):
        await chain.append(events[first : first + 2_000])
    await chain.move(0, 10_000)
    view = await client.get("/v1/metrics/view", **LOSS, fields="loss", points=50)
    series = view["fields"]["loss"]
    points = dict(zip(series["x"], series["y"], strict=True))
    assert {at: points[at] for at in spikes} == spikes
    assert (view["sampled"], view["totalPoints"], len(view["edges"])) == (True, 12_000, 51)
    by_step = await client.get("/v1/metrics/view", **LOSS, x="step", start=19_990, end=20_010, points=50)
    assert by_step["fields"] == {
        "loss": {"x": list(range(19_990, 20_011, 2)), "y": [e["loss"] for e in events[9_995:10_006]]}
    }
    assert (by_step["sampled"], by_step["totalPoints"]) == (False, 11)


async def test_events_of_very_many_fields_are_drawn_too(world: World, client: Client) -> None:
    """Their bucket keeps whole events."""
    chain = await Chain(world).begin()
    await chain.append([{f"f{at}.{field}": at for field in range(1_500)} for at in range(2)])
    view = await client.get("/v1/metrics/view", **LOSS, fields=["f0.0", "f1.7"], x="index")
    assert view["fields"] == {"f0.0": {"x": [0], "y": [0]}, "f1.7": {"x": [1], "y": [1]}}


async def test_a_field_without_summaries_is_drawn_from_its_points(world: World, client: Client) -> None:
    """A chunk has them for 256 fields; by index and by time, the whole and a part."""
    chain = await Chain(world).begin()
    names = [f"f{at:03}" for at in range(300)]
    for first in range(0, 10_000, 2_500):
        await chain.append([dict.fromkeys(names, float(at % 50)) for at in range(first, first + 2_500)])
    await chain.move(0, 10_000)
    for x, start, end in (
        ("index", 0, 9_999),
        ("time", 1_000.0, 10_999.0),
        ("index", 10, 19),
        ("time", 1_010.0, 1_019.0),
    ):
        view = await client.get("/v1/metrics/view", **LOSS, fields=["f299"], x=x, start=start, end=end, points=5)
        assert (view["totalPoints"], view["start"], view["end"]) == (end - start + 1, start, end)
        expected = [at for at in range(10_000) if start <= (at if x == "index" else 1_000 + at) <= end]
        ys = view["fields"]["f299"]["y"]
        assert (min(ys), max(ys)) == (min(at % 50 for at in expected), max(at % 50 for at in expected))


async def test_no_spike_is_lost_where_times_come_in_no_order(world: World, client: Client) -> None:
    """Drawn from summaries: each drawn point is one that was logged, at its own time, and every spike is among them."""
    draw = random.Random(11)
    times = [1_000.0 + at for at in range(40_000)]
    for first in range(0, 40_000, 4_000):  # in no order within 4,000, and these are in no order either
        part = times[first : first + 4_000]
        draw.shuffle(part)
        times[first : first + 4_000] = part
    blocks = [times[first : first + 4_000] for first in range(0, 40_000, 4_000)]
    draw.shuffle(blocks)
    times = [time for block in blocks for time in block]
    events = [{"loss": math.sin(time)} for time in times]
    spikes = {at: 100.0 + at for at in range(250, 40_000, 2_000)}
    for at, value in spikes.items():
        events[at]["loss"] = value
    chain = await Chain(world).begin()
    for first in range(0, 40_000, 2_000):
        await chain.append(events[first : first + 2_000], times=times[first : first + 2_000])
    for k in range(4):
        await chain.move(k, (k + 1) * 10_000)
    at_time = {time: event["loss"] for time, event in zip(times, events, strict=True)}
    for points in (4, 40, 80):  # of chunks, and of every 500
        view = await client.get("/v1/metrics/view", **LOSS, fields="loss", x="time", points=points)
        series = view["fields"]["loss"]
        drawn = dict(zip(series["x"], series["y"], strict=True))
        assert drawn.items() <= at_time.items()
        kept = [at for at in spikes if times[at] in drawn]
        assert len(kept) >= min(points, len(spikes)) / 2
        assert max(drawn.values()) == max(at_time.values())
        assert (view["totalPoints"], view["sampled"]) == (40_000, True)
        assert len(view["spans"]) in ((0, points) if points == 4 else (points,)), "columns overlap"
        spans = [span for span in view["spans"] if span is not None] or [[view["start"], view["end"]]]
        assert all(any(low <= x <= high for low, high in spans) for x in drawn)
    part = await client.get("/v1/metrics/view", **LOSS, fields="loss", x="time", start=5_000.0, end=9_000.0, points=5)
    assert part["totalPoints"] == 4_001
    assert all(5_000 <= x <= 9_000 for x in part["fields"]["loss"]["x"])


async def test_what_can_not_be_asked_is_refused_by_name(client: Client) -> None:
    for wrong in ({"points": 0}, {"points": 100_001}, {"start": "nan"}, {"x": "x" * 2_000}, {"filter": "loss"}):
        problem = await client.problem("/v1/metrics/view", 400, **LOSS, **wrong)
        assert problem["type"] == "wrong-parameter"
    empty = await client.get("/v1/metrics/view", prefix="nobody/ever", name="loss", fields="loss", start="-inf")
    assert (empty["totalPoints"], empty["fields"]) == (0, {"loss": {"x": [], "y": []}})
