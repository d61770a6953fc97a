"""docs/sdk.md: a process whose events could not be stored is told so while it runs."""

import os
import threading
from typing import Any

import pytest

from mldash import Experiment

pytestmark = pytest.mark.integration


def test_who_only_writes_is_told_how_many_of_its_events_were_set_aside_and_why(remote: dict[str, Any]) -> None:
    """Each call is within the limits; the experiment's parameters together are not."""
    prefix, told, heard = f"owner/set-aside/{os.urandom(6).hex()}", list[tuple[int, str]](), threading.Event()

    def on_dead_lettered(count: int, reason: str) -> None:
        told.append((count, reason))
        heard.set()

    with Experiment(prefix, heartbeat_s=0.05, echo=False, **remote).run as experiment:
        experiment.events.on("dead_lettered", on_dead_lettered)
        for part in range(2):
            experiment.params.set(**{f"part{part}_{number}": number for number in range(60_000)})
        assert heard.wait(60)
    ((count, reason),) = told
    assert count == 1
    assert "100000" in reason.replace(",", "")
