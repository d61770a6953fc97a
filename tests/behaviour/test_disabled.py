"""docs/sdk.md, `mode="disabled"`: every call does nothing, quickly, and gives what it gives in the other modes."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mldash import Experiment


@pytest.fixture
def disabled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """In an empty folder, with every other setting at its default."""
    monkeypatch.chdir(tmp_path)
    return Experiment("owner/project/run", mode="disabled")


def test_writing_gives_the_handles_and_leaves_nothing(
    disabled: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    with disabled.run as experiment:
        assert experiment is disabled
        assert experiment.run.status == "RUNNING"
        assert experiment.params.set(lr=0.1) is experiment.params
        metric = experiment.metrics("m", description="d")
        assert metric.log(x=1, _ts=-1) is metric
        assert metric.log_many(x=np.arange(3)) is metric
        assert experiment.metrics.log(x=1, train={"y": 2}) is experiment.metrics
        metric.buffer(x=1)
        experiment.metrics.buffer.log_summary("mean")
        metric.summary_cache.store(x=1)
        assert metric.summary_cache.summarize()["x.mean"] == 1
        track = experiment.tracks("t")
        assert track.append(x=1) is track
        assert track.append_many(_ts=[1.0], x=[1]) is track
        experiment.log("printed all the same", k=1)
        experiment.flush()
    assert experiment.run.status == "COMPLETED"
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads
    assert capsys.readouterr().out == "[INFO] printed all the same [k=1]\n"


def test_reading_gives_the_empty_answers(disabled: Experiment) -> None:
    assert disabled.run.status == "CREATED"
    assert disabled.params.get() == {}
    metric, track = disabled.metrics("m"), disabled.tracks("t")
    assert metric.read(5) == {"data": [], "startIndex": 5, "endIndex": 4, "total": 0, "hasMore": False}
    assert list(metric.iter()) == disabled.metrics.list() == metric.list_all() == disabled.tracks.list() == []
    assert metric.read_columns() == {"index": [], "createdAt": []}
    assert metric.view("x")["fields"] == {"x": {"x": [], "y": []}}
    with pytest.raises(KeyError, match="'m'"):
        metric.stats()
    assert track.read() == {"entries": [], "count": 0}
    assert track.read(format="mocap")["frames"] == track.list_entries() == list(track.slice()) == []
    assert track.read(format="jsonl") == b""
    assert disabled.logs.read() == list(disabled.logs.follow(poll_s=0.001, silence_s=0.002)) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda experiment: experiment.metrics("m").log(x=object()),
        lambda experiment: experiment.log("x", level="loud"),
        lambda experiment: experiment.tracks("t").append(_ts="now"),
        lambda experiment: experiment.metrics("m").read(-1),
        lambda experiment: experiment.metrics("x" * 1025),
        lambda experiment: experiment.tracks("t").read(format="xml"),
    ],
)
def test_a_wrong_call_is_refused_as_everywhere(disabled: Experiment, call: Any) -> None:
    """What is wrong is found before the job runs for real."""
    with disabled.run, pytest.raises(ValueError):
        call(disabled)


def test_outside_a_run_data_calls_raise_as_everywhere(disabled: Experiment) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        disabled.metrics("m").log(x=1)
