"""Processes of two hosts on one local experiment, on a file system without locks: nothing lost, nothing twice.

Each acts as one of its host: it can't see whether a process of the other one lives, and shares no lock with it.
"""

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.behaviour.emitting import Emitter, assert_all_is_there_once

PREFIX = "owner/project/run"
DEAD_AFTER_S = 1.0
QUICK = {"lease_s": 0.3, "look_s": 0.3}


def settings_on(root: Path) -> dict[str, Any]:
    return {"root": str(root), "network_files": True, "dead_after_s": DEAD_AFTER_S}


def start(tmp_path: Path, host: str, **more: Any) -> Emitter:
    return Emitter(tmp_path, PREFIX, settings_on(tmp_path / "dash"), host=host, **QUICK, **more)


def test_two_hosts_write_one_experiment_and_all_is_there(tmp_path: Path) -> None:
    emitters = [start(tmp_path, host, count=2_000) for host in ("a", "b", "a", "b")]
    for emitter in emitters:
        assert emitter.process.wait(60) == 0
    there = Experiment(PREFIX, root=str(tmp_path / "dash"))
    assert_all_is_there_once([*there.metrics("train").iter()], emitters)
    assert {track["totalEntries"] for track in there.tracks.list()} == {2_000}
    journal = tmp_path / "dash" / PREFIX / ".journal"
    assert [path.name for path in journal.iterdir() if not path.name.startswith(".taken-")] == []


@pytest.mark.parametrize("seed", range(2))
def test_processes_that_are_killed_or_stand_still_for_longer_than_their_lease_lose_and_double_nothing(
    tmp_path: Path, seed: int
) -> None:
    """Some are stopped within any call, for less or more than their lease and their heartbeat last; some are killed."""
    dice = random.Random(seed)
    emitters = [start(tmp_path, host) for host in ("a", "b", "a", "b")]
    running = [*emitters]
    for emitter in running:
        emitter.wait_until(100)
    until = time.monotonic() + 3.5
    while time.monotonic() < until:
        victim = dice.choice(running)
        victim.process.send_signal(signal.SIGSTOP)
        time.sleep(dice.choice((0.05, 0.2, 0.5, 1.2)))  # how long it stands still
        if dice.random() < 0.3:
            victim.process.kill()
            victim.process.wait()
            running.remove(victim)
            emitters.append(start(tmp_path, dice.choice("ab")))
            running.append(emitters[-1])
        else:
            victim.process.send_signal(signal.SIGCONT)
    for emitter in running:
        emitter.stop()
    for emitter in running:
        assert emitter.process.wait(60) == 0
    there = Experiment(PREFIX, root=str(tmp_path / "dash"), echo=False)
    points = [*there.metrics("train").iter()]
    assert_all_is_there_once(points, emitters, in_order=False)
    last = start(tmp_path, "c")
    journal = tmp_path / "dash" / PREFIX / ".journal"
    deadline = time.monotonic() + 90
    while sum(not path.name.startswith(".") for path in journal.iterdir()) > 1:
        assert time.monotonic() < deadline, "what the dead left is drained by who comes"
        time.sleep(0.05)
    last.stop()
    assert last.process.wait(60) == 0
    assert_all_is_there_once([*there.metrics("train").iter()], [*emitters, last], in_order=False)
