"""Who waits listens to what can make it come true, and looks by the clock at what no stream tells."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment
from mldash.client.live.events import Points
from mldash.errors import ServerUnreachable
from mldash_api.agents.waiting.hearing import Heard, Hearing, is_news, listening, of_condition, of_points
from mldash_api.agents.waiting.statistics import CarriedStatistics
from mldash_api.agents.waiting.told_points import ToldPoints
from mldash_api.agents.waiting.watching import until

RUN = "alice/heard/run"


async def nothing(seconds: float) -> None:
    pass


@pytest.mark.parametrize(
    ("filter", "kinds", "metrics", "is_all"),
    [
        ('status = "FAILED"', ("status",), (), True),
        ("metrics.eval.acc.max > 0.9 and params.lr < 1", ("status", "points", "params"), ("eval",), True),
        ('metrics."a[1]*".acc.max > 0.9', ("status", "points"), ("a[[]1][*]",), True),
        ('not tags has "good"', ("status",), (), False),
        ("started < now - 1h or context.host exists", ("status",), (), False),
        ("updated > now - 1h", ("status",), (), False),
    ],
)
def test_a_condition_is_heard_by_what_it_reads(
    filter: str, kinds: tuple[str, ...], metrics: tuple[str, ...], is_all: bool
) -> None:
    heard = of_condition(["a/b"], filter)
    assert (heard.kinds, heard.metrics, heard.is_all) == (kinds, metrics, is_all)


def waiters() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "mldash-wait"]


def told(first: int, *losses: float | None) -> Points:
    points = [{"index": at, "data": {"loss": loss}, "createdAt": ""} for at, loss in enumerate(losses, first)]
    return Points(prefix=RUN, name="train", first_index=first, points=points)  # type: ignore[arg-type]


def test_points_are_shown_as_told_where_none_is_missing_and_none_may_have_been_nan() -> None:
    whole = ToldPoints(5, 3)
    assert [whole.take(told(3, 0.1, 0.2, 0.3)), whole.take(told(6, 0.4, 0.5, 0.6))] == [6, 9]
    assert [point["index"] for point in whole.whole() or []] == [5, 6, 7] and whole.next == 9
    for events in ([told(5, 0.1, 0.2)], [told(5, 0.1), told(7, 0.2, 0.3, 0.4)], [told(5, 0.1, None, 0.3)]):
        part = ToldPoints(5, 3)
        for event in events:
            part.take(event)
        assert part.whole() is None


def test_statistics_are_carried_forward_by_points_in_turn_and_read_anew_where_one_may_be_nan() -> None:
    read: Any = {"totalDataPoints": 5, "fields": {"loss": {"count": 4, "min": 1, "max": 2, "mean": 1.5, "last": 2}}}
    known = CarriedStatistics(read)
    assert known.carry(told(3, 9.0, 9.0, 0.5)) and known.end == 6
    assert known.fields["loss"] == {"count": 5, "min": 0.5, "max": 2, "mean": 1.5, "last": 0.5}
    assert known.carry(told(4, 7.0)) and known.fields["loss"]["count"] == 5
    assert not known.carry(told(7, 1.0)) and not known.carry(told(6, None)) and known.end == 6
    other = [{"index": 6, "data": {"acc": 3, "ok": True, "text": "x"}, "createdAt": ""}]
    assert known.carry(Points(prefix=RUN, name="train", first_index=6, points=other))  # type: ignore[arg-type]
    assert known.fields["acc"] == {"count": 1, "min": 3, "max": 3, "first": 3, "last": 3}
    assert known.fields.keys() == {"loss", "acc"}


async def test_news_of_local_folders_is_heard_and_nothing_stays_behind(tmp_path: Path) -> None:
    client = Client(tmp_path)
    with Experiment(RUN, root=str(tmp_path), echo=False).run as experiment:
        experiment.metrics("train").log(loss=1.0)
        experiment.flush()
        with listening(client, of_points(RUN, "train"), is_news) as hearing:
            while not hearing.is_open:
                await asyncio.wait_for(hearing.heard.wait(), 60)
                hearing.heard.clear()
            await asyncio.to_thread(lambda: experiment.metrics("other").log(loss=0.5).flush())
            assert not hearing.heard.is_set()
            await asyncio.to_thread(lambda: experiment.metrics("train").log(loss=0.5).flush())
            await asyncio.wait_for(hearing.heard.wait(), 60)
            assert waiters()
    async with asyncio.timeout(60):
        while waiters():  # noqa: ASYNC110 - of a thread that ends, nothing tells
            await asyncio.sleep(0.01)


async def test_without_a_stream_it_is_looked_at_by_the_clock() -> None:
    """Nothing answers there."""
    with listening(Client("http://127.0.0.1:9"), of_points(RUN, None), is_news) as hearing:
        looks = iter([None, None, "found"])
        found = await until(lambda: next(looks), 60, hearing, nothing, asyncio.Event(), lambda seconds: None)
        assert found == "found" and not hearing.is_open


async def test_what_is_heard_is_looked_at_before_the_clock_says_so() -> None:
    """Everything is heard: the clock alone would look no more often than every few seconds."""
    hearing, looked = Hearing(), list[float]()
    hearing.is_open = True

    def look() -> str | None:
        looked.append(time.monotonic())
        return "found" if len(looked) == 22 else None

    async def ring() -> None:
        while True:
            await asyncio.sleep(0.01)
            hearing.heard.set()

    ringing = asyncio.create_task(ring())
    assert await until(look, 60, hearing, nothing, asyncio.Event(), lambda seconds: None) == "found"
    ringing.cancel()


async def test_an_api_that_goes_away_meanwhile_is_waited_for_and_that_is_told() -> None:
    hearing, looks, away = Hearing(), 0, list[float]()

    def look() -> str | None:
        nonlocal looks
        looks += 1
        if looks in (2, 3):
            raise ServerUnreachable("http://api", "refused")
        return "found" if looks == 4 else None

    assert await until(look, 60, hearing, nothing, asyncio.Event(), away.append) == "found"
    assert len(away) == 2 and away[1] > away[0]


async def test_an_api_that_never_answered_is_named_at_once() -> None:
    def look() -> None:
        raise ServerUnreachable("http://api", "refused")

    with pytest.raises(ServerUnreachable):
        await until(look, 60, Hearing(), nothing, asyncio.Event(), lambda seconds: None)


def test_very_many_runs_are_looked_at_by_the_clock(tmp_path: Path) -> None:
    async def listen() -> None:
        heard = Heard(prefixes=tuple(f"a/b/{'x' * 80}{at}" for at in range(200)), kinds=("status",))
        with listening(Client(tmp_path), heard, is_news) as hearing:
            assert not waiters() and not hearing.is_open

    asyncio.run(listen())
