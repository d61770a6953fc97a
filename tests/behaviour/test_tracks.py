"""docs/sdk.md, Tracks."""

import io
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from mldash import Experiment


def test_entries_of_one_time_are_one_field_by_field(experiment: Experiment) -> None:
    track = experiment.tracks("robot/position")
    assert track.append(a=1, b=1, _ts=2) is track
    track.flush()
    track.append(b=2, pose={"x": 1, "y": 1}, _ts=2.0)
    track.append(pose={"x": 5}, q=[1.0, 2.0], _ts=2.0)
    track.append(a=0, _ts=-3.5)
    assert track.read() == {
        "entries": [
            {"timestamp": -3.5, "a": 0},
            {"timestamp": 2.0, "a": 1, "b": 2, "pose.x": 5, "pose.y": 1, "q": [1.0, 2.0]},
        ],
        "count": 2,
    }


def test_entries_of_two_runs_merge(experiment: Experiment) -> None:
    experiment.tracks("t").append(a=1, _ts=1.0)
    experiment.run.complete()
    experiment.run.start()
    experiment.tracks("t").append(b=2, _ts=1.0)
    assert experiment.tracks("t").list_entries() == [{"timestamp": 1.0, "a": 1, "b": 2}]


def test_times_left_out_rise_and_minus_one_is_the_last(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    for number in range(100):
        track.append(n=number)
    track.append(again=True, _ts=-1)
    entries = track.list_entries()
    assert [entry["n"] for entry in entries] == list(range(100))
    assert entries[-1]["again"] is True
    for wrong in ("now", math.nan, math.inf):
        with pytest.raises(ValueError, match="must be numeric"):
            track.append(n=1, _ts=wrong)


def test_a_field_named_timestamp_comes_back_as_another(experiment: Experiment) -> None:
    experiment.tracks("t").append(timestamp="mine", _ts=1.0)
    assert experiment.tracks("t").list_entries() == [{"timestamp": 1.0, "_timestamp": "mine"}]


def test_append_many_and_ranges(experiment: Experiment) -> None:
    times = np.arange(5000) / 10
    experiment.tracks("t").append_many(_ts=times, n=np.arange(5000), q=np.ones((5000, 2)))
    answer = experiment.tracks("t").read(10.0, 10.5, columns=["n"])
    assert [entry["n"] for entry in answer["entries"]] == [100, 101, 102, 103, 104, 105]
    assert list(answer["entries"][0]) == ["timestamp", "n"]
    part = experiment.tracks("t").slice(1.0, 2.0)
    assert len(part) == 11
    assert list(part) == list(part)
    assert part.findByTime(1.55)["n"] == 15
    assert [entry["n"] for entry in part.find_by_time([1.0, 99.0])] == [10, 20]
    with pytest.raises(LookupError, match="No entry found with timestamp"):
        part.find_by_time(0.5)
    with pytest.raises(LookupError, match="No entries in track slice"):
        experiment.tracks("t").slice(-2.0, -1.0).find_by_time(0.0)


def test_formats(experiment: Experiment) -> None:
    track = experiment.tracks("t", description="d", tags=["x"], metadata={"fps": 60})
    track.append(a=1, _ts=1.0).append(b="x", _ts=2.0)
    assert [json.loads(line) for line in track.read(format="jsonl").splitlines()] == track.list_entries()
    assert pq.read_table(io.BytesIO(track.read(format="parquet"))).column_names == ["timestamp", "a", "b"]
    assert track.read(format="mcap").startswith(b"\x89MCAP0\r\n")
    mocap = track.read(format="mocap")
    assert (mocap["metadata"]["fps"], mocap["metadata"]["duration"], mocap["channels"]) == (60, 1.0, ["a", "b"])
    assert mocap["metadata"]["description"] == "d"
    with pytest.raises(ValueError, match="json, jsonl, parquet, mocap, mcap"):
        track.read(format="xml")
    absent = experiment.tracks("absent")
    assert absent.read() == {"entries": [], "count": 0}
    assert absent.read(format="jsonl") == b""
    assert absent.read(format="mocap")["metadata"]["frameCount"] == 0


def test_list_counts_distinct_times(experiment: Experiment) -> None:
    experiment.tracks("b").append_many(_ts=[1.0, 2.0, 1.0], x=[1, 2, 3])
    experiment.tracks("b").append(y=1, _ts=2)
    experiment.tracks("a/c").append(z=1, _ts=7.0)
    found = {one["topic"]: one for one in experiment.tracks.list()}
    assert (found["b"]["totalEntries"], found["b"]["columns"]) == (2, ["x", "y"])
    assert (found["b"]["firstTimestamp"], found["b"]["lastTimestamp"]) == (1.0, 2.0)
    assert found["a/c"]["totalEntries"] == 1
