"""Who only writes is told that its experiment was deleted, whatever the API does meanwhile."""

import threading

from mldash.producer.callbacks import Callbacks
from mldash.producer.remote.standing import StandingWatch
from mldash.producer.remote.transport import Transport
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
