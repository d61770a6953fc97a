"""docs/sdk.md, Tracks."""

import io
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from mldash import Experiment
from mldash.answers.columns import rows_of_table


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


def test_entries_at_times_and_at_a_fixed_rate(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    track.append_many(_ts=[1.0, 2.0, 4.0], x=[1, 2, 4], y=["a", "b", "c"])
    track.append(x=3, _ts=3.0)
    assert track.at(2.5) == {"timestamp": 2.0, "x": 2, "y": "b"}
    assert track.at(0.5) is None
    assert track.at([9.0, 0.5, 3.0]) == [
        {"timestamp": 4.0, "x": 4, "y": "c"},
        None,
        {"timestamp": 3.0, "x": 3},
    ]
    assert track.at([3.5], columns=["y"]) == [{"timestamp": 3.0}]
    assert track.at(np.arange(300) / 100 + 1)[-1] == track.at(3.99)
    assert track.at([]) == []
    assert [(one["timestamp"], one["x"]) for one in track.resampled(2.0)] == [
        *((1.0, 1), (1.5, 1), (2.0, 2), (2.5, 2), (3.0, 3), (3.5, 3), (4.0, 4)),
    ]
    assert track.resampled(1.0, 2.5, 4.5, columns=["x"]) == [
        {"timestamp": 2.5, "x": 2},
        {"timestamp": 3.5, "x": 3},
        {"timestamp": 4.5, "x": 4},
    ]
    assert track.resampled(1.0, 0.0, 1.0) == [{"timestamp": 1.0, "x": 1, "y": "a"}]
    absent = experiment.tracks("absent")
    assert (absent.at(1.0), absent.at([1.0, 2.0]), absent.resampled(5)) == (None, [None, None], [])
    for wrong in (math.nan, "text", None):
        with pytest.raises(ValueError, match="finite"):
            track.at(wrong)  # type: ignore[call-overload]
    for rate in (0, -1.0, math.inf):
        with pytest.raises(ValueError, match=r"rate|finite"):
            track.resampled(rate)


def test_columns_never_leave_an_entry_out(experiment: Experiment) -> None:
    experiment.tracks("t").append(x=1, _ts=1.0).append(y=2, _ts=2.0)
    assert experiment.tracks("t").read(columns=["x"])["entries"] == [{"timestamp": 1.0, "x": 1}, {"timestamp": 2.0}]


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


def test_each_flush_is_the_barrier_and_gives_its_handle_back(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    assert track.append(x=1, _ts=1.0).flush() is track
    assert experiment.tracks.flush() is experiment.tracks
    assert track.flush(timeout=math.inf) is track


def test_what_is_said_of_a_track_is_listed(experiment: Experiment) -> None:
    experiment.tracks("t", description="d", tags=["a"], metadata={"fps": 24, "frame": "world"}).append(x=1, _ts=2.0)
    (found,) = experiment.tracks.list()
    assert set(found) == {
        *("trackId", "topic", "description", "tags", "metadata", "totalEntries", "firstTimestamp", "lastTimestamp"),
        "columns",
    }
    assert (found["description"], found["tags"], found["metadata"]) == ("d", ["a"], {"fps": 24, "frame": "world"})
    with pytest.raises(ValueError, match="text"):
        experiment.tracks(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "topics", [["a/b", "a.b", "a"], ["None", "", "..", "../x"], ["ü", "日本/語", "x" * 1024, "data"]]
)
def test_topics_of_any_text_never_meet(experiment: Experiment, topics: list[str]) -> None:
    for number, topic in enumerate(topics):
        experiment.tracks(topic).append(x=number, _ts=1.0)
    assert [experiment.tracks(topic).list_entries() for topic in topics] == [
        [{"timestamp": 1.0, "x": number}] for number in range(len(topics))
    ]
    assert {one["topic"] for one in experiment.tracks.list()} == set(topics)


def test_entries_of_many_times_come_in_their_order(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    track.append_many(_ts=[3, 1.0, 2, 1], x=[0, 1, 2, 3], pose=[{"a": 1}, {"a": 2}, {"b": 3}, {"b": 4}])
    track.append_many(x=[9, 10])
    entries = track.list_entries()
    assert entries[:3] == [
        {"timestamp": 1.0, "x": 3, "pose.a": 2, "pose.b": 4},
        {"timestamp": 2.0, "x": 2, "pose.b": 3},
        {"timestamp": 3.0, "x": 0, "pose.a": 1},
    ]
    assert [entry["x"] for entry in entries[3:]] == [9, 10]
    assert entries[3]["timestamp"] < entries[4]["timestamp"]
    with pytest.raises(ValueError, match="one length"):
        track.append_many(_ts=[1.0], x=[1, 2])
    with pytest.raises(ValueError, match="must be numeric"):
        track.append_many(_ts=[1.0, math.nan], x=[1, 2])
    assert len(track.list_entries()) == 5


def test_numbers_and_zeros_of_one_time_are_one_time(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    track.append(a=1, _ts=1).append(b=2, _ts=1.0).append(a=3, _ts=0.0).append(b=4, _ts=-0.0)
    track.append(c=5, _ts=np.float64(1.0))
    assert track.list_entries() == [{"timestamp": 0.0, "a": 3, "b": 4}, {"timestamp": 1.0, "a": 1, "b": 2, "c": 5}]
    with pytest.raises(ValueError, match="must be numeric"):
        track.append(a=1, _ts=True)


def test_ranges_are_inclusive_and_columns_choose(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    track.append(a=1, b=1, _ts=1.0).append(b=2, _ts=2.0).append(a=3, _ts=3.0)
    assert track.read(1.0, 2.0)["count"] == 2
    assert track.read(start_timestamp=2.0)["count"] == track.read(end_timestamp=2.0)["count"] == 2
    assert track.read(2.5, 2.6) == track.read(3.0, 1.0) == {"entries": [], "count": 0}
    chosen = track.read(columns=["a"])["entries"]
    assert [entry for entry in chosen if "a" in entry] == [{"timestamp": 1.0, "a": 1}, {"timestamp": 3.0, "a": 3}]
    assert len(track.slice()) == 3
    assert track.slice(end_timestamp=1.5).find_by_time(9.0) == {"timestamp": 1.0, "a": 1, "b": 1}


def test_a_parquet_file_has_every_column_and_mixed_types_are_exact(experiment: Experiment) -> None:
    track = experiment.tracks("t")
    track.append(x=1, mixed=1, q=[1.0, 2.0], _ts=1.0).append(x=2, mixed="two", _ts=2.0).append(mixed=[3], _ts=3.0)
    table = pq.read_table(io.BytesIO(track.read(format="parquet")))
    assert table.column_names[0] == "timestamp"
    assert set(table.column_names) == {"timestamp", "x", "mixed", "q"}
    assert table.column("x").to_pylist() == [1, 2, None]
    assert table.column("q").to_pylist() == [[1.0, 2.0], None, None]
    assert rows_of_table(table) == track.list_entries()
    empty = pq.read_table(io.BytesIO(experiment.tracks("absent").read(format="parquet")))
    assert (empty.num_rows, empty.column_names) == (0, ["timestamp"])


def test_motion_capture_names_channels_frames_and_their_span(experiment: Experiment) -> None:
    track = experiment.tracks("hand/left", tags=["mocap"])
    track.append(wrist={"x": 1.0, "y": 2.0}, _ts=10.0).append(grip=True, _ts=12.5)
    assert track.read(format="mocap") == {
        "version": "1.0",
        "metadata": {
            "topic": "hand/left",
            "description": None,
            "tags": ["mocap"],
            "fps": 30,
            "duration": 2.5,
            "frameCount": 2,
            "startTime": 10.0,
            "endTime": 12.5,
        },
        "channels": ["grip", "wrist.x", "wrist.y"],
        "frames": [{"time": 10.0, "wrist.x": 1.0, "wrist.y": 2.0}, {"time": 12.5, "grip": True}],
    }
    empty = experiment.tracks("absent").read(format="mocap")
    assert (empty["channels"], empty["frames"], empty["metadata"]["duration"]) == ([], [], 0)
