"""When the journal is forced to the disk: never, now and then, or before each call returns."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.journal.plain_segment import PlainSegment
from mldash.journal.segment import MappedSegment
from mldash.session import deliveries

from .journals import new_journal

KINDS = (MappedSegment, PlainSegment)


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each segment was really forced to the disk."""
    counted: Counter[int] = Counter()
    for kind in KINDS:

        def sync(segment: Any, real: Any = kind.sync) -> None:
            real(segment)
            counted[segment.number] += 1

        monkeypatch.setattr(kind, "sync", sync)
    monkeypatch.setattr(deliveries, "FSYNC_INTERVAL_S", 0.02)
    return counted


def open_experiment(tmp_path: Path, mode: Any, fsync: str, network_files: bool) -> Experiment:
    where = {"journal": str(tmp_path)} if mode == "offline" else {"root": str(tmp_path)}
    return Experiment("owner/p/run", mode=mode, fsync=fsync, network_files=network_files, echo=False, **where)


@pytest.mark.parametrize("network_files", [False, True])
@pytest.mark.parametrize("mode", ["local", "offline"])
def test_always_forces_each_event_before_its_call_returns(
    tmp_path: Path, forced: Counter[int], mode: str, network_files: bool
) -> None:
    with open_experiment(tmp_path, mode, "always", network_files).run as experiment:
        for step in range(20):
            before = forced.total()
            experiment.metrics("train").log(step=step, loss=0.5)
            experiment.log("a line")
            assert forced.total() >= before + 2


@pytest.mark.parametrize("network_files", [False, True])
@pytest.mark.parametrize("mode", ["local", "offline"])
def test_interval_forces_by_itself_and_never_does_not(
    tmp_path: Path, forced: Counter[int], mode: str, network_files: bool
) -> None:
    with open_experiment(tmp_path / "never", mode, "never", network_files).run as experiment:
        experiment.metrics("train").log(step=0)
        experiment.flush()
    assert forced.total() == 0
    with open_experiment(tmp_path / "interval", mode, "interval", network_files).run as experiment:
        experiment.metrics("train").log(step=0)
        deadline = time.monotonic() + 20
        while forced.total() < 3:
            assert time.monotonic() < deadline, "nobody forces it"
            time.sleep(0.01)


@pytest.mark.parametrize("make_segment", KINDS)
def test_what_filled_several_segments_since_the_last_time_is_forced_whole(
    tmp_path: Path, forced: Counter[int], make_segment: Any
) -> None:
    journal = new_journal(tmp_path, segment_bytes=4096, make_segment=make_segment)
    stream = journal.stream("metrics", "train")
    for _ in range(2):
        forced.clear()
        first = 0 if not journal.segments else max(journal.segments)
        for i in range(500):
            stream.append(float(i), {"i": i, "text": "x" * 20})
        journal.sync()
        assert sorted(forced) == list(range(first, max(journal.segments) + 1))
