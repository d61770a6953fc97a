"""Views: what a chart needs, drawn of hot and cold as one."""

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


async def test_what_can_not_be_asked_is_refused_by_name(client: Client) -> None:
    for wrong in ({"points": 0}, {"points": 100_001}, {"start": "nan"}, {"x": "x" * 2_000}):
        problem = await client.problem("/v1/metrics/view", 400, **LOSS, **wrong)
        assert problem["type"] == "wrong-parameter"
    empty = await client.get("/v1/metrics/view", prefix="nobody/ever", name="loss", fields="loss", start="-inf")
    assert (empty["totalPoints"], empty["fields"]) == (0, {"loss": {"x": [], "y": []}})
