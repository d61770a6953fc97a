"""docs/sdk.md: a process whose experiment somebody listens to delivers sooner, until the last one goes."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mldash import Client, Experiment
from mldash.delivery.publisher import Publisher
from mldash.remote.listened import ListenedWatch

pytestmark = pytest.mark.integration

WITHIN_S = 90.0


def is_hurried(experiment: Experiment) -> bool:
    assert experiment._session is not None
    delivery = experiment._session.delivery
    assert isinstance(delivery, Publisher)
    return delivery._pace.is_listened


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_live_stream_hurries_the_process_and_who_follows_its_log_does_too(remote: dict[str, Any]) -> None:
    prefix, client = f"owner/listened/{os.urandom(6).hex()}", Client(remote["remote"])
    with Experiment(prefix, echo=False, **remote).run as experiment:
        experiment.metrics("m").log(x=1)
        with client.live(prefix) as live:
            hearing = threading.Thread(target=lambda: list(live))
            hearing.start()
            until(lambda: is_hurried(experiment))
        hearing.join(WITHIN_S)
        until(lambda: not is_hurried(experiment))

        def is_heard_of() -> bool:
            assert list(experiment.logs.follow(silence_s=0.3)) == []
            return is_hurried(experiment)

        until(is_heard_of)


def asks(experiment: Experiment) -> bool:
    assert experiment._session is not None
    return any(isinstance(watch, ListenedWatch) for watch in experiment._session._watches)


def test_a_fixed_linger_and_local_files_ask_nobody(remote: dict[str, Any], tmp_path: Any) -> None:
    for keywords, are_asking in ((remote, True), ({**remote, "linger_s": 0.05}, False), ({"root": tmp_path}, False)):
        with Experiment(f"owner/listened/{os.urandom(6).hex()}", echo=False, **keywords).run as experiment:
            assert asks(experiment) is are_asking
