"""A listener's calls from another thread while its first connection is being opened."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from mldash import Client
from mldash.client.live.events import Changed, LiveEvent, UpToDate

WITHIN_S = 60.0


class Slow:
    """A small HTTP server: each GET is answered by one event when `gate` opens, and then goes on."""

    def __init__(self) -> None:
        self.asked = list[dict[str, list[str]]]()
        self.is_asked, self.gate, self.ends = threading.Event(), threading.Event(), threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.append(parse_qs(urlsplit(self.path).query))
                slow.is_asked.set()
                slow.gate.wait(WITHIN_S)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(b'event: up-to-date\nid: 1\ndata: {"at": "2026-01-01T00:00:00Z"}\n\n')
                slow.ends.wait(WITHIN_S)

            def log_message(self, *_: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """The listener has gone: that is what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.client = Client(f"http://127.0.0.1:{self.server.server_address[1]}")


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.gate.set()
        made.ends.set()
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def test_a_change_while_the_first_connection_is_opened_takes_effect(slow: Slow) -> None:
    heard = list[LiveEvent]()
    with slow.client.live("a/b/first", changeable=True) as live:
        taking = threading.Thread(target=lambda: heard.extend(next(live) for _ in range(2)))
        taking.start()
        assert slow.is_asked.wait(WITHIN_S)
        assert live.change("a/b/second", kinds="points") == 0
        slow.gate.set()
        taking.join(WITHIN_S)
    first, second = slow.asked
    assert (first["prefix"], second["prefix"], second["kind"]) == (["a/b/first"], ["a/b/second"], ["points"])
    assert first["id"] != second["id"]
    assert heard == [Changed(change=0), UpToDate(at="2026-01-01T00:00:00Z")]


def test_a_close_while_the_first_connection_is_opened_ends_the_loop_at_once(slow: Slow) -> None:
    live = slow.client.live("a/b/first")
    heard = list[LiveEvent]()
    taking = threading.Thread(target=lambda: heard.extend(live))
    taking.start()
    assert slow.is_asked.wait(WITHIN_S)
    begun = time.monotonic()
    live.close()
    taking.join(WITHIN_S)
    assert not taking.is_alive() and heard == [] and time.monotonic() - begun < 30
    assert not slow.gate.is_set(), "nobody has answered"
