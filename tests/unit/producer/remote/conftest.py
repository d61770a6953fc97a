"""An API that answers what a test tells it to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .api import Api


@contextmanager
def serving(made: Api) -> Iterator[Api]:
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as made:
        yield made
