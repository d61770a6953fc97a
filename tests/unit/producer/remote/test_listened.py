"""A process hears that somebody listens to its experiments; whatever the API does, nobody but delivery is told."""

import contextlib
import gc
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mldash.remote import listened
from mldash.remote.listened import ListenedWatch
from mldash.settings import SdkSettings
from tests.components import free_port
from tests.unit.producer.journal.test_descriptors_over_forks import run_in_child

from .api import Api

ONE, OTHER = "owner/project/one", "owner/project/other"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short; an answer that came at once counts as one that was waited for."""
    for name in ("_FIRST_S", "_LEAST_S", "_REFUSED_S", "_BUSY_S", "_AWAY_MOST_S"):
        monkeypatch.setattr(listened, name, 0.001)
    monkeypatch.setattr(listened, "_WAIT_S", 0.0)


class Ear:
    """What one experiment was told."""

    def __init__(self, address: str, prefix: str = ONE) -> None:
        self.told, self._changed = list[bool](), threading.Condition()
        self.watch = ListenedWatch(SdkSettings(token="secret"), address, prefix, self._tell)
        self.watch.start()

    def _tell(self, is_listened: bool) -> None:
        with self._changed:
            self.told.append(is_listened)
            self._changed.notify_all()

    def until(self, told: list[bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.told == told, 60), self.told

    @contextlib.contextmanager
    def ending(self) -> Iterator["Ear"]:
        """Its question is over at the end, and its thread with it."""
        try:
            yield self
        finally:
            self.watch.stop()
            until(lambda: not self.watch._question._one.locked())


def until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(12_000):
        if is_so():
            return
        waited.wait(0.005)
    raise AssertionError("it did not come to be so")


def until_asked(api: Api, times: int) -> None:
    begun = len(api.asked)
    until(lambda: len(api.asked) >= begun + times)


def test_it_is_told_when_somebody_comes_and_when_the_last_one_goes(api: Api) -> None:
    api.answer = {"listened": [], "state": ""}
    with Ear(api.address).ending() as ear:
        until_asked(api, 2)
        assert ear.told == []
        api.answer = {"listened": [ONE], "state": "5"}
        ear.until([True])
        until_asked(api, 2)
        assert ear.told == [True]
        path, query, headers = api.asked[-1]
        assert (path, query["prefixes"], query["heard"]) == ("/v1/live/listened", [ONE], ["5"])
        assert headers["Authorization"] == "Bearer secret"
        api.answer = {"listened": [OTHER], "state": "6"}
        ear.until([True, False])


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (404, {"title": "Not Found"}),
        (401, {"title": "Not signed in"}),
        (403, {"title": "Not allowed"}),
        (503, {"title": "No room"}),
        (500, {"title": "A fault"}),
        (200, {"prefix": 1}),
    ],
)
def test_an_api_that_gives_no_answer_is_as_one_where_nobody_listens_and_is_asked_again(
    api: Api, status: int, answer: dict[str, Any]
) -> None:
    """No warning: it would fail the test."""
    api.answer = heard = {"listened": [ONE], "state": "5"}
    with Ear(api.address).ending() as ear:
        ear.until([True])
        api.status, api.answer = status, answer
        ear.until([True, False])
        until_asked(api, 2)
        api.status, api.answer = 200, heard
        ear.until([True, False, True])


def test_an_api_that_is_away_is_asked_again_and_a_watch_that_is_stopped_ends() -> None:
    with Ear(f"http://127.0.0.1:{free_port()}").ending() as ear:
        until(lambda: ear.watch._question._delay.attempts > 2)
        assert ear.told == []


class Holding:
    """An API on a real socket that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = list[dict[str, list[str]]]()
        self._held = list[socket.socket]()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                held, _ = self._server.accept()
                line = held.makefile("rb").readline().decode()
                self._held.append(held)
                self.asked.append(parse_qs(urlsplit(line.split()[1]).query, keep_blank_values=True))

    def is_cut(self, number: int) -> bool:
        """Whether whoever asked has gone."""
        held = self._held[number]
        held.settimeout(60)
        while data := held.recv(65_536):
            assert data
        return True

    def close(self) -> None:
        for one in (self._server, *self._held):
            one.close()


@pytest.fixture
def holding() -> Iterator[Holding]:
    with contextlib.closing(Holding()) as made:
        yield made


def test_experiments_of_one_process_ask_together(holding: Holding) -> None:
    with Ear(holding.address).ending() as one:
        until(lambda: len(holding.asked) == 1)
        other = Ear(holding.address, OTHER)
        until(lambda: len(holding.asked) == 2)
        assert other.watch._question is one.watch._question
        assert holding.is_cut(0)
        assert [asked["prefixes"] for asked in holding.asked] == [[ONE], [ONE, OTHER]]
        other.watch.stop()
    assert holding.is_cut(1)


def test_a_question_that_is_out_keeps_no_experiment_that_has_ended(holding: Holding) -> None:
    """It is out for most of a minute, and a process may end runs one after the other."""
    with Ear(holding.address).ending():
        until(lambda: len(holding.asked) == 1)
        other = Ear(holding.address, OTHER)
        until(lambda: len(holding.asked) == 2)
        other.watch.stop()
        left = weakref.ref(other)
        del other
        until(lambda: gc.collect() >= 0 and left() is None)
        assert len(holding.asked) == 2


def test_a_forked_child_asks_for_itself_and_its_parent_goes_on(holding: Holding, tmp_path: Path) -> None:
    was_asked = tmp_path / "asked"

    def in_child() -> bool:
        with Ear(holding.address, OTHER).ending() as childs:
            until(was_asked.exists)
            return childs.watch._question is not parents.watch._question

    def tell_child() -> None:
        until(lambda: len(holding.asked) == 2)
        was_asked.touch()

    with Ear(holding.address).ending() as parents:
        until(lambda: len(holding.asked) == 1)
        telling = threading.Thread(target=tell_child)
        telling.start()
        assert run_in_child(in_child)
        telling.join(60)
        assert [asked["prefixes"] for asked in holding.asked] == [[ONE], [OTHER]]
        assert parents.watch._question._one.locked(), "the parent's goes on"
