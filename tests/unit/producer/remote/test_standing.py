"""Who only writes is told that its experiment was deleted, and what was set aside, whatever the API does meanwhile."""

import threading

import pytest

from mldash.callbacks import Callbacks, MldashWarning
from mldash.remote.standing import StandingWatch
from mldash.remote.transport import Transport
from tests.components import free_port

from .api import Api

SESSION = b"1" * 16


def watching(address: str, told: list[str], heard: threading.Event) -> StandingWatch:
    callbacks = Callbacks()

    def on_deleted(prefix: str) -> None:
        told.append(prefix)
        heard.set()

    callbacks.on("deleted", on_deleted)
    watch = StandingWatch(Transport(address, "secret"), "owner/project/run", SESSION, 0.001, callbacks)
    watch.start()
    return watch


def until_asked(api: Api, times: int) -> None:
    begun = len(api.asked)
    while len(api.asked) < begun + times:
        threading.Event().wait(0.005)


def test_it_asks_on_whatever_the_answers_are_and_tells_once(api: Api) -> None:
    told, heard = list[str](), threading.Event()
    api.answer = {"session": SESSION.hex(), "standing": "unknown"}
    watch = watching(api.address, told, heard)
    try:
        until_asked(api, 2)
        api.answer = {"session": SESSION.hex(), "standing": "counted"}
        until_asked(api, 2)
        api.status, api.answer = 503, {"title": "A server does not answer"}
        until_asked(api, 2)
        api.status, api.answer = 404, {"title": "Not Found"}  # an API of an earlier version
        until_asked(api, 2)
        assert not told
        api.status, api.answer = 200, {"session": SESSION.hex(), "standing": "deleted"}
        assert heard.wait(30)
        watch._thread.join(30)
    finally:
        watch.stop()
    assert told == ["owner/project/run"]
    path, query, headers = api.asked[-1]
    assert path == "/v1/sessions/standing"
    assert query == {"prefix": ["owner/project/run"], "session": [SESSION.hex()]}
    assert headers["Authorization"] == "Bearer secret"


def test_an_api_that_is_away_is_asked_again_and_a_watch_that_is_stopped_ends() -> None:
    told = list[str]()
    watch = watching(f"http://127.0.0.1:{free_port()}", told, threading.Event())
    watch._thread.join(0.1)
    assert watch._thread.is_alive()
    watch.stop()
    watch._thread.join(30)
    assert not watch._thread.is_alive()
    assert not told


def test_what_was_set_aside_is_told_once_each_time_it_is_more(api: Api) -> None:
    callbacks, told = Callbacks(), list[tuple[int, str]]()

    def on_dead_lettered(count: int, reason: str) -> None:
        told.append((count, reason))

    callbacks.on("dead_lettered", on_dead_lettered)
    watch = StandingWatch(Transport(api.address, "secret"), "owner/project/run", SESSION, 0.001, callbacks)
    api.answer = counted = {"session": SESSION.hex(), "standing": "counted"}
    watch.start()
    try:
        until_asked(api, 2)  # as an API of 0.1, which says nothing of it
        for count, reason in ((2, "too large"), (2, "too large"), (5, "too many")):
            api.answer = {**counted, "deadLettered": count, "deadLetterReason": reason}
            until_asked(api, 3)
    finally:
        watch.stop()
        watch._thread.join(30)
    assert told == [(2, "too large"), (5, "too many")]


def test_without_a_function_for_it_a_warning_says_what_was_set_aside() -> None:
    with pytest.warns(
        MldashWarning, match=r"^3 events that this process wrote to a/b could not be stored .*: too many$"
    ):
        Callbacks().dead_lettered("a/b", 3, "too many")
