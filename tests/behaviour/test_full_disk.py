"""A disk that is full: a documented error or a counted loss, whole files, and all arrives when there is room again."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment, JournalFull, JournalUnwritable

PREFIX = "owner/project/run"
DISK_BYTES = 24 << 20


class SmallDisk:
    """A file system of a few megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, leave_bytes: int = 0) -> None:
        """Let another program take all but so many bytes."""
        free = os.statvfs(self.path)
        with self._filler.open("ab") as file:
            file.write(bytes(max(0, free.f_bavail * free.f_frsize - leave_bytes)))

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here ({mounted.stderr.strip()}); test_sink.py limits a file instead")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(params=[None, True], ids=["locks", "network"])
def settings(request: pytest.FixtureRequest, disk: SmallDisk) -> dict[str, Any]:
    return {"root": str(disk.path), "echo": False, "capture_context": False, "network_files": request.param}


def numbers(settings: dict[str, Any]) -> list[int]:
    points = [*Experiment(PREFIX, **settings).metrics("train").iter()]
    assert [point["index"] for point in points] == list(range(len(points)))
    return [point["data"]["i"] for point in points]


def _until_settled(path: Path) -> bytes:
    """The file between two attempts to append to it: the same twice, for an attempt takes microseconds."""
    before = b""
    while (now := path.read_bytes()) != before:
        before = now
        time.sleep(0.01)
    return now


def assert_files_are_whole(disk: SmallDisk) -> None:
    lines = (disk.path / PREFIX / "metrics" / "train" / "data.jsonl").read_bytes().splitlines(keepends=True)
    for line in lines:
        assert line.endswith(b"\n")
        json.loads(line)


def test_what_does_not_fit_waits_in_log_and_all_arrives_when_there_is_room(
    disk: SmallDisk, settings: dict[str, Any]
) -> None:
    """The files can't grow, so the journal fills up, so log() waits: "block" is the policy of who sets none."""
    experiment = Experiment(PREFIX, **settings, journal_bytes=2 << 20)
    full = threading.Event()
    experiment.events.on("journal_full", lambda *facts: full.set())
    experiment.events.on("network_error", lambda *facts: None)
    returned = 0

    def log() -> None:
        nonlocal returned
        train = experiment.metrics("train")
        for i in range(40_000):
            train.log(i=i, text="x" * 60)
            returned = i + 1

    with experiment.run:
        experiment.metrics("train").log(i=-1)
        experiment.flush()
        disk.fill(leave_bytes=1_200_000)
        thread = threading.Thread(target=log)
        thread.start()
        assert full.wait(60)
        waiting = returned
        assert len(numbers(settings)) >= waiting + 1, "what has returned is readable meanwhile"
        disk.make_room()
        thread.join(60)
        assert not thread.is_alive()
        assert returned == 40_000
        assert numbers(settings) == list(range(-1, 40_000))
    assert_files_are_whole(disk)
    assert numbers(settings) == list(range(-1, 40_000))


@pytest.mark.parametrize("policy", ["raise", "drop"])
def test_a_full_disk_raises_or_counts_where_that_is_the_policy_and_loses_nothing_that_returned(
    disk: SmallDisk, settings: dict[str, Any], policy: str
) -> None:
    experiment = Experiment(PREFIX, **settings, journal_policy=policy)
    dropped = [0]
    experiment.events.on("dropped", lambda count: dropped.append(count))
    experiment.events.on("network_error", lambda *facts: None)
    returned = 0
    with experiment.run:
        train = experiment.metrics("train")
        train.log(i=-1, text="")
        experiment.flush()
        disk.fill(leave_bytes=200_000)
        try:
            while dropped[-1] < 10:
                train.log(i=returned, text="x" * 500)
                returned += 1
        except JournalFull as error:
            assert policy == "raise"
            assert error.reason == "the disk is full"
        else:
            assert policy == "drop"
        assert returned > 10
        disk.make_room()
        experiment.flush()
        found = numbers(settings)
        assert len(found) == 1 + returned - dropped[-1]
        assert found == sorted(set(found))
        train.log(i=returned, text="")
    assert numbers(settings) == [*found, returned]
    assert_files_are_whole(disk)


def test_files_that_can_not_grow_stay_whole_and_are_read_with_what_waits_for_them(
    disk: SmallDisk, settings: dict[str, Any]
) -> None:
    """The journal has room, its segments are there already; the files have none."""
    experiment = Experiment(PREFIX, **settings)
    failed, over = threading.Event(), threading.Event()
    experiment.events.on("network_error", lambda *facts: failed.set())
    experiment.events.on("delivered", over.set)
    with experiment.run:
        train = experiment.metrics("train")
        train.log(i=0)
        experiment.flush()
        disk.fill(leave_bytes=0 if settings["network_files"] is None else 30_000)
        for i in range(1, 500):
            train.log(i=i)
        assert failed.wait(30)
        with pytest.raises(TimeoutError, match="No space left"):
            experiment.flush(0.3)
        before = _until_settled(disk.path / PREFIX / "metrics" / "train" / "data.jsonl")
        assert before.endswith(b"\n")
        assert before.count(b"\n") < 500
        assert Experiment(PREFIX, **settings).metrics("train").read(limit=1)["data"][0]["data"] == {"i": 0}
        assert numbers(settings) == list(range(500))
        disk.make_room()
        experiment.flush()
        assert over.wait(30)
        assert_files_are_whole(disk)
    assert numbers(settings) == list(range(500))


def test_a_disk_that_is_full_from_the_start_is_named(disk: SmallDisk, settings: dict[str, Any]) -> None:
    disk.fill()
    with pytest.raises(JournalUnwritable, match="No space left") as caught:
        Experiment(PREFIX, **settings).run.start()
    assert caught.value.folder.startswith(str(disk.path))
    disk.make_room()
    with Experiment(PREFIX, **settings).run as experiment:
        experiment.metrics("train").log(i=0)
    assert numbers(settings) == [0]


@pytest.mark.parametrize("mode", ["local", "offline"])
def test_a_disk_that_may_not_be_written_is_named_before_anything_is_logged(
    disk: SmallDisk, settings: dict[str, Any], mode: Any
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
    where = {"journal": str(disk.path / "journal")} if mode == "offline" else {}
    with pytest.raises(JournalUnwritable, match="Read-only file system"):
        Experiment(PREFIX, **{**settings, **where, "mode": mode}).run.start()


def test_an_offline_journal_on_a_full_disk_raises_at_once_for_nothing_makes_room(
    disk: SmallDisk, settings: dict[str, Any]
) -> None:
    where = {"mode": "offline", "journal": str(disk.path / "journal")}
    with Experiment(PREFIX, **{**settings, **where}).run as experiment:
        disk.fill(leave_bytes=1_500_000)
        returned = 0
        with pytest.raises(JournalFull, match="the disk is full"):
            for i in range(100_000):
                experiment.metrics("train").log(i=i, text="x" * 100)
                returned = i + 1
        assert numbers({**settings, **where}) == list(range(returned))
        disk.make_room()
