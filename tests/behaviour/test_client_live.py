"""docs/sdk.md, Finding and comparing runs, `live`: what is new, as typed events, over the API and folders alike."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment, RequestRefused, ServerUnreachable
from mldash.client.live.asked import asked_live
from mldash.client.live.event_text import EventText
from mldash.client.live.events import (
    Changed,
    Closed,
    Entries,
    Fields,
    Gap,
    Lines,
    LiveEvent,
    Params,
    Points,
    Status,
    UpToDate,
)
from mldash.client.live.listener import Live
from mldash.client.live.resuming import Resuming

PLACES = ["local", pytest.param("remote", marks=pytest.mark.integration)]
WITHIN_S = 60.0


@pytest.fixture(params=PLACES)
def keywords(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    if request.param == "remote":
        return {"echo": False, **request.getfixturevalue("remote")}
    (tmp_path / ".dash").mkdir()
    return {"echo": False, "root": tmp_path / ".dash"}


@pytest.fixture
def client(keywords: dict[str, Any]) -> Client:
    return Client(keywords["remote"]) if "remote" in keywords else Client(keywords["root"])


class Heard:
    """Takes a listener's events until something holds."""

    def __init__(self, live: Live) -> None:
        self.live, self.events = live, list[LiveEvent]()

    def until(self, holds: Callable[[], bool]) -> None:
        guard = threading.Timer(WITHIN_S, self.live.close)  # a loop that waits for ever fails here
        guard.start()
        try:
            while not holds():
                self.events.append(next(self.live))
        finally:
            guard.cancel()
            guard.join()

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.events if isinstance(one, kind)]

    def indices(self, name: str | None = "loss", prefix: str | None = None) -> list[int]:
        return [
            point["index"]
            for one in self.of(Points)
            if one.name == name and prefix in (None, one.prefix)
            for point in one.points
        ]


def test_everything_that_is_logged_is_told_once_as_typed_events(
    keywords: dict[str, Any], client: Client, prefix: str
) -> None:
    """From the start, while the run goes on, until it ends."""
    with client.live(prefix, start="start", until="end") as live:
        heard = Heard(live)
        heard.until(lambda: bool(heard.of(UpToDate)))
        assert heard.of(Status)[0].experiment is None
        with Experiment(prefix, **keywords).run as experiment:
            experiment.params.set(lr=0.1, model={"depth": 2})
            experiment.metrics("loss").log(value=1.0)
            experiment.metrics("loss").log(value=float("nan"), more=2)
            experiment.metrics.log(step=1)
            experiment.log("it begins", level="warn", metadata={"at": 1})
            experiment.tracks("pose").append(x=1.0, _ts=0.5)
            experiment.flush()
            heard.until(lambda: bool(heard.indices() == [0, 1] and heard.of(Lines) and heard.of(Entries)))
            experiment.metrics("loss").log_many(value=[float(one) for one in range(2_500)])
        heard.until(lambda: bool(heard.of(Closed)))
        assert next(live, None) is None and heard.of(Closed)[0] == Closed(reason="ended", goes_on=False)
    assert heard.indices() == [*range(2_502)] and heard.indices(None) == [0]
    points = [point for one in heard.of(Points) if one.name == "loss" for point in one.points]
    assert [one["data"] for one in points[:3]] == [{"value": 1.0}, {"value": None, "more": 2}, {"value": 0.0}]
    assert {"lr": 0.1, "model.depth": 2} in [one for event in heard.of(Params) for one in event.sets]
    (line,) = [one for event in heard.of(Lines) for one in event.lines]
    assert (line["level"], line["message"], line["metadata"]) == ("warn", "it begins", {"at": 1})
    (entries,) = heard.of(Entries)
    assert (entries.topic, entries.count, entries.entries) == ("pose", 1, [{"timestamp": 0.5, "x": 1.0}])
    fields = {(one.kind, one.name, field) for one in heard.of(Fields) for field in one.fields}
    assert fields == {
        ("metrics", "loss", "value"), ("metrics", "loss", "more"), ("metrics", None, "step"), ("tracks", "pose", "x"),
    }  # fmt: skip
    statuses = [one.experiment["status"] for one in heard.of(Status) if one.experiment]
    assert statuses[-1] == "COMPLETED" and not heard.of(Gap)
    assert heard.of(Status)[-1].sessions == {"COMPLETED": 1}


def test_an_id_goes_on_behind_what_was_given(keywords: dict[str, Any], client: Client, prefix: str) -> None:
    asked: dict[str, Any] = {"kinds": "points", "metrics": ["lo*", "acc"]}
    with Experiment(prefix, **keywords).run as experiment:
        for name in ("loss", "acc", "other"):
            experiment.metrics(name).log_many(value=[0.0] * 10)
        experiment.flush()
        last: str | None = None
        told = set[tuple[str | None, int]]()
        while len(told) < 20:  # an event at a time, each by a listener of its own
            with client.live(prefix, start="start", after=last, **asked) as live:
                heard = Heard(live)
                heard.until(lambda heard=heard: bool(heard.of(Points)))  # type: ignore[misc]
                (block,) = heard.of(Points)
                told |= {(block.name, point["index"]) for point in block.points}
                if live.id == last:  # the API told both at once, and only the second one reaches the id
                    told |= {(block.name, point["index"]) for block in [next(live)] for point in block.points}  # type: ignore[union-attr]
                last = live.id
        assert told == {(name, at) for name in ("loss", "acc") for at in range(10)}
        experiment.metrics("loss").log_many(value=[1.0] * 5)
        experiment.metrics("acc").log(value=1.0)
        experiment.flush()
        with client.live(prefix, after=last, **asked) as live:
            heard = Heard(live)
            heard.until(lambda: len(heard.indices()) == 5 and len(heard.indices("acc")) == 1)
            assert (heard.indices(), heard.indices("acc"), heard.indices("other")) == ([*range(10, 15)], [10], [])


def test_what_is_listened_to_is_changed_and_a_scope_has_what_comes(
    keywords: dict[str, Any], client: Client, prefix: str
) -> None:
    first, second = f"{prefix}/first", f"{prefix}/second"
    with (
        Experiment(first, **keywords).run as one,
        client.live(first, kinds=["lines"], changeable=True) as live,
    ):
        one.metrics("loss").log(value=0.0)
        one.flush()
        heard = Heard(live)
        heard.until(lambda: bool(heard.of(UpToDate)))
        number = live.change(scopes=prefix, kinds="points", start="start")
        heard.until(lambda: Changed(change=number) in heard.events)
        with Experiment(second, **keywords).run as two:
            two.metrics("loss").log(value=0.0)
        heard.until(lambda: bool(heard.indices(prefix=first) == [0] and heard.indices(prefix=second) == [0]))
        with pytest.raises(ValueError, match="name runs"):
            live.change()


def test_a_change_before_the_first_event_takes_effect(keywords: dict[str, Any], client: Client, prefix: str) -> None:
    with Experiment(prefix, **keywords).run as one, client.live(f"{prefix}/none", changeable=True) as live:
        one.metrics("loss").log(value=0.0)
        one.flush()
        number = live.change(prefix, kinds="points", start="start")
        heard = Heard(live)
        heard.until(lambda: heard.indices() == [0])
        assert Changed(change=number) in heard.events


def test_a_loop_that_waits_ends_when_another_thread_closes_it(client: Client, prefix: str) -> None:
    live = client.live(prefix)
    heard = list[LiveEvent]()

    def close() -> None:
        while not any(isinstance(one, UpToDate) for one in heard):
            time.sleep(0.01)
        closed_at.append(time.monotonic())
        live.close()

    closed_at = list[float]()
    closing = threading.Thread(target=close)
    closing.start()
    heard.extend(_each_into(live, heard))
    ended_at = time.monotonic()
    closing.join()
    assert ended_at - closed_at[0] < 10 and next(live, None) is None
    live.close()


def _each_into(live: Live, heard: list[LiveEvent]) -> Iterator[LiveEvent]:
    for event in live:
        heard.append(event)
    return iter(())


def test_what_can_not_be_listened_to_is_refused_before_anything_is_asked(client: Client) -> None:
    for asked, text in [
        ({}, "name runs"),
        ({"prefixes": "one"}, "prefix"),
        ({"prefixes": "a/b/c", "kinds": "rows"}, "kinds 'rows': use points"),
        ({"prefixes": "a/b/c", "start": -1}, "an index of each stream"),
        ({"prefixes": "a/b/c", "levels": "loud"}, "Invalid log level"),
    ]:
        with pytest.raises(ValueError, match=text):
            client.live(**asked)


def test_an_id_that_is_none_is_an_error(client: Client) -> None:
    with pytest.raises((ValueError, RequestRefused), match=r"after"):
        next(client.live("a/b/c", after="???"))


def test_an_api_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(ServerUnreachable):
        next(Client("http://127.0.0.1:9").live("a/b/c"))


@pytest.mark.integration
def test_what_is_not_changeable_says_so(remote: dict[str, Any], prefix: str) -> None:
    with Client(remote["remote"]).live(prefix) as live, pytest.raises(RuntimeError, match="changeable=True"):
        live.change(prefix)


def test_a_folder_that_was_deleted_and_made_anew_is_told(tmp_path: Path, prefix: str) -> None:
    import shutil

    root = tmp_path / ".dash"
    root.mkdir()
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("loss").log_many(value=[0.0] * 10)
    with Client(root).live(prefix, kinds="points", start="start") as live:
        heard = Heard(live)
        heard.until(lambda: bool(heard.of(UpToDate)))
        shutil.rmtree(root / prefix)
        heard.until(lambda: bool(heard.of(Gap)))
        assert heard.of(Gap) == [Gap(reason="deleted", prefix=prefix)]
        with Experiment(prefix, root=root, echo=False).run as experiment:
            experiment.metrics("loss").log_many(value=[0.0] * 2)
        heard.until(lambda: heard.indices()[10:] == [0, 1])


def test_server_sent_events_are_read_wherever_they_are_cut() -> None:
    text = (
        b"retry: 2000\n\n: nothing new\n\nevent: points\nid: a\ndata: [1,\ndata: 2]\n\n"
        b"id: b\r\nevent: up-to-date\r\ndata: {}\r\n\r\nevent: none\n\n"
    )
    for size in (1, 2, 7, len(text)):
        parser, found = EventText(), list[Any]()
        for at in range(0, len(text), size):
            found += parser.take(text[at : at + size])
        assert found == [("points", "a", [1, 2]), ("up-to-date", "b", {})]
    with pytest.raises(ValueError, match="truncated"):
        EventText().take(b"event: points\ndata: {\n\n")


def test_a_start_beyond_what_a_folder_has_is_no_deletion(tmp_path: Path, prefix: str) -> None:
    import shutil

    root = tmp_path / ".dash"
    asked: dict[str, Any] = {"kinds": "points", "start": 5}
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("loss").log_many(value=[0.0] * 2)
        experiment.flush()
        with Client(root).live(prefix, **asked) as live:
            heard = Heard(live)
            heard.until(lambda: bool(heard.of(UpToDate)))
            last = live.id
            experiment.metrics("loss").log_many(value=[0.0] * 5)
            experiment.flush()
            heard.until(lambda: heard.indices() == [5, 6])
            assert not heard.of(Gap)
    with Client(root).live(prefix, after=last, **asked) as live:
        heard = Heard(live)
        heard.until(lambda: heard.indices() == [5, 6])
        assert not heard.of(Gap)
        shutil.rmtree(root / prefix)
        heard.until(lambda: bool(heard.of(Gap)))


def test_a_deletion_before_the_start_of_a_folder_is_told(tmp_path: Path, prefix: str) -> None:
    import shutil

    root = tmp_path / ".dash"
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("loss").log_many(value=[0.0] * 2)
    with Client(root).live(prefix, kinds="points", start=5) as live:
        heard = Heard(live)
        heard.until(lambda: bool(heard.of(UpToDate)))
        shutil.rmtree(root / prefix)
        heard.until(lambda: bool(heard.of(Gap)))
        assert heard.of(Gap) == [Gap(reason="deleted", prefix=prefix)] and not heard.of(Points)


def test_a_change_loses_nothing_of_what_was_listened_to_in_a_folder(tmp_path: Path, prefix: str) -> None:
    """A stream begins between a look and a change: its first rows are told, those of streams new to it are not."""
    root = tmp_path / ".dash"
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("acc").log(value=0.0)
        experiment.flush()
        with Client(root).live(prefix, kinds="points", metrics=["lo*"]) as live:
            heard = Heard(live)
            heard.until(lambda: bool(heard.of(UpToDate)))
            experiment.metrics("loss").log_many(value=[0.0] * 3)
            experiment.flush()
            number = live.change(prefix, kinds="points")
            heard.until(lambda: Changed(change=number) in heard.events)
            experiment.metrics("acc").log(value=1.0)
            experiment.flush()
            heard.until(lambda: bool(heard.indices() == [0, 1, 2] and heard.indices("acc")))
            assert heard.indices("acc") == [1]


def test_an_event_that_only_keeps_the_connection_is_not_given_and_moves_nothing() -> None:
    resuming = Resuming(asked_live("alice/robots/walk"), None, "http://there", 60.0)
    resuming.begins()
    alive = b": nothing new\n\nevent: alive\ndata: {}\n\n"
    resuming.take(alive + b'event: up-to-date\nid: a\ndata: {"at":"2026-11-28T00:00:00Z"}\n\n' + alive)
    assert resuming.next() == UpToDate(at="2026-11-28T00:00:00Z")
    assert (resuming.next(), resuming.id) == (None, "a")
