"""A hundred processes are killed, each at a random moment: what their calls had returned for is there, once."""

import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.behaviour.emitting import Emitted, assert_all_is_there_once, kill_at_random_moments
from tests.stack import run_mldash

KILLS = 100


@pytest.mark.parametrize("network_files", [None, True], ids=["locks", "network"])
def test_a_hundred_kills_in_local_mode(tmp_path: Path, network_files: bool | None) -> None:
    settings = {"root": str(tmp_path / "dash"), "network_files": network_files}
    emitted = kill_at_random_moments(tmp_path, "owner/kills/local", settings, kills=KILLS, seed=5 + bool(network_files))
    assert sum(min(one.returned) > 0 for one in emitted) > KILLS / 2, "most have logged something"
    there = Experiment("owner/kills/local", root=settings["root"], echo=False)
    before = [*there.metrics("train").iter()]
    assert_all_is_there_once(before, emitted)
    with Experiment("owner/kills/local", **settings, echo=False).run as next_run:
        next_run.flush()
    journal = tmp_path / "dash" / "owner" / "kills" / "local" / ".journal"
    assert [path for path in journal.iterdir() if not path.name.startswith(".")] == []
    after = [*there.metrics("train").iter()]
    assert_all_is_there_once(after, emitted)
    assert len(after) == len(before), "what was read before it was drained is what is there afterwards"
    for one in emitted:
        entries = there.tracks(f"pose/{one.name}").list_entries()
        assert len(entries) >= max(one.returned), one.name


@pytest.mark.integration
def test_a_hundred_kills_in_remote_mode(remote: dict[str, Any], tmp_path: Path) -> None:
    """What the dead left is sent by the next processes of the host, which are killed in turn, and by `mldash sync`."""
    prefix = f"owner/kills/{tmp_path.name}-{time.time_ns()}"
    emitted = kill_at_random_moments(tmp_path, prefix, remote, kills=KILLS, seed=7)
    assert sum(min(one.returned) > 0 for one in emitted) > KILLS / 2, "most have logged something"
    run_mldash("sync", remote["journal"], "--remote", remote["remote"])
    assert [path for path in Path(remote["journal"]).iterdir() if not path.name.startswith(".")] == []
    there = Experiment(prefix, **remote, echo=False)
    assert_all_is_there_once(_when_stored(there, emitted), emitted)


def _when_stored(there: Experiment, emitted: list[Emitted]) -> list[dict[str, Any]]:
    """Kafka has everything; the worker may still be storing it."""
    expected = sum(sum(one.returned) for one in emitted)
    deadline = time.monotonic() + 60
    size = -1
    while (found := there.metrics("train").stats()["totalDataPoints"]) < expected or found != size:
        assert time.monotonic() < deadline, f"{found} of at least {expected} points are stored"
        size = found
        time.sleep(0.1)
    return [*there.metrics("train").iter()]
