"""experiment.tracks: entries of one topic and one time are one entry."""

import io
import json
import math
import time
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.columns import rows_of_table
from mldash.events.merging import merge_entries
from mldash.handles.tracks import TrackSlice
from mldash.handles.values import UnsupportedValue
from tests.unit.producer.direct import DirectExperiment
from tests.unit.producer.strategies import fields


def test_append_returns_the_handle_and_entries_come_back_in_time_order(direct: DirectExperiment) -> None:
    track = direct.tracks("robot/position")
    assert track.append(x=1.0, _ts=2.0) is track
    track.append(x=0.5, _ts=1.0)
    assert track.read() == {"entries": [{"timestamp": 1.0, "x": 0.5}, {"timestamp": 2.0, "x": 1.0}], "count": 2}
    assert direct.tracks("robot/position") is track
    assert track.topic == "robot/position"


def test_entries_of_one_time_are_one_and_the_later_value_wins(direct: DirectExperiment) -> None:
    track = direct.tracks("t")
    track.append(a=1, b=1, _ts=1)
    track.flush()
    track.append(b=2, c=[1, 2], _ts=1.0)
    track.append(zero=1, _ts=0.0)
    track.append(zero=2, _ts=-0.0)
    assert track.list_entries() == [{"timestamp": 0.0, "zero": 2}, {"timestamp": 1.0, "a": 1, "b": 2, "c": [1, 2]}]


def test_dicts_become_dotted_fields_and_merge_leaf_by_leaf(direct: DirectExperiment) -> None:
    track = direct.tracks("t")
    track.append(pose={"x": 1, "q": {"w": 1}}, _ts=1.0)
    track.append(pose={"x": 2, "y": 3}, empty={}, _ts=1.0)
    assert track.list_entries() == [{"timestamp": 1.0, "pose.x": 2, "pose.q.w": 1, "pose.y": 3, "empty": {}}]


def test_a_branch_and_a_leaf_are_two_fields(direct: DirectExperiment) -> None:
    direct.tracks("t").append(m=1, _ts=1.0).append(m={"a": 2}, _ts=1.0)
    assert direct.tracks("t").list_entries() == [{"timestamp": 1.0, "m": 1, "m.a": 2}]


def test_without_a_time_it_is_now_unique_and_rising(direct: DirectExperiment) -> None:
    before = time.time()
    for _ in range(1000):
        direct.tracks("t").append(x=1)
    times = [entry["timestamp"] for entry in direct.tracks("t").list_entries()]
    assert len(set(times)) == 1000
    assert before <= times[0] <= times[-1] < time.time() + 1


@pytest.mark.parametrize("stamp", ["now", math.nan, math.inf, -math.inf, [1.0], True, object()])
def test_a_time_that_is_no_finite_number_raises_and_nothing_is_written(direct: DirectExperiment, stamp: Any) -> None:
    with pytest.raises(ValueError, match="must be numeric"):
        direct.tracks("t").append(x=1, _ts=stamp)
    with pytest.raises(ValueError, match="must be numeric"):
        direct.tracks("t").append_many(x=[1], _ts=[stamp])
    assert direct.tracks("t").list_entries() == []


def test_numpy_times_are_times(direct: DirectExperiment) -> None:
    direct.tracks("t").append(x=1, _ts=np.float32(0.5)).append(x=2, _ts=np.int64(3))
    assert [entry["timestamp"] for entry in direct.tracks("t").list_entries()] == [0.5, 3.0]


def test_a_field_named_timestamp_comes_back_with_a_line_before_it(direct: DirectExperiment) -> None:
    direct.tracks("t").append(timestamp="mine", _ts=1.0)
    direct.tracks("t").append_many(timestamp=["other"], _ts=[2.0])
    assert direct.tracks("t").list_entries() == [
        {"timestamp": 1.0, "_timestamp": "mine"},
        {"timestamp": 2.0, "_timestamp": "other"},
    ]


def test_no_two_fields_of_an_entry_become_one_for_their_names(direct: DirectExperiment) -> None:
    """Nor in any format, nor where the name comes first in a later entry."""
    track = direct.tracks("t")
    track.append(x=1, _ts=1.0)
    track.append(timestamp=1, _timestamp=2, __timestamp=3, time=4, _time=5, _ts=2.0)
    track.append_many(timestamp=[6], _timestamp=[7], _ts=[3.0])
    last = {"_timestamp": 1, "__timestamp": 2, "___timestamp": 3, "time": 4, "_time": 5}
    expected = [
        {"timestamp": 1.0, "x": 1},
        {"timestamp": 2.0, **last},
        {"timestamp": 3.0, "_timestamp": 6, "__timestamp": 7},
    ]
    assert track.list_entries() == expected
    assert track.read(columns=["_timestamp"])["entries"][1] == {"timestamp": 2.0, "_timestamp": 1}
    assert track.read(format="mocap")["frames"][1] == {
        "time": 2.0, "_timestamp": 1, "__timestamp": 2, "___timestamp": 3, "_time": 4, "__time": 5,
    }  # fmt: skip
    table = pq.read_table(io.BytesIO(track.read(format="parquet")))
    assert rows_of_table(table) == expected


def test_append_many_appends_an_entry_a_position(direct: DirectExperiment) -> None:
    track = direct.tracks("t")
    times = np.arange(10_000) / 100
    assert track.append_many(_ts=times, q=np.random.default_rng(0).random((10_000, 3)), n=np.arange(10_000)) is track
    entries = track.list_entries()
    assert [entry["n"] for entry in entries] == list(range(10_000))
    assert len(entries[0]["q"]) == 3
    assert entries[-1]["timestamp"] == 99.99


def test_append_many_takes_times_of_any_number_type_and_makes_rising_ones(direct: DirectExperiment) -> None:
    direct.tracks("t").append_many(_ts=[3, 1.5], x=[1, 2])
    direct.tracks("t").append_many(_ts=np.array([7], dtype=np.uint8), x=[3])
    direct.tracks("t").append_many(x=[4, 5])
    times = [entry["timestamp"] for entry in direct.tracks("t").list_entries()]
    assert times[:3] == [1.5, 3.0, 7.0]
    assert times[3] < times[4]


def test_dicts_in_a_column_become_dotted_fields_too(direct: DirectExperiment) -> None:
    direct.tracks("t").append_many(_ts=[1.0, 2.0], pose=[{"x": 1}, {"y": 2}], n=np.array([[1, 2], [3, 4]]))
    assert direct.tracks("t").list_entries() == [
        {"timestamp": 1.0, "pose.x": 1, "n": [1, 2]},
        {"timestamp": 2.0, "pose.y": 2, "n": [3, 4]},
    ]


def test_append_many_refuses_what_does_not_fit_and_writes_nothing(direct: DirectExperiment) -> None:
    with pytest.raises(ValueError, match="one length"):
        direct.tracks("t").append_many(_ts=[1.0, 2.0], x=[1])
    with pytest.raises(UnsupportedValue):
        direct.tracks("t").append_many(_ts=[1.0, 2.0], x=[1, {"a": object()}])
    assert direct.tracks("t").list_entries() == []


def test_read_takes_both_ends_and_keeps_the_columns_asked_for(direct: DirectExperiment) -> None:
    direct.tracks("t").append_many(_ts=[1.0, 2.0, 3.0, 4.0], a=[1, 2, 3, 4], b=[5, 6, 7, 8])
    direct.tracks("t").append(c=1, _ts=2.5)
    answer = direct.tracks("t").read(2.0, 3.0, columns=["b"])
    kept = [{"timestamp": 2.0, "b": 6}, {"timestamp": 2.5}, {"timestamp": 3.0, "b": 7}]
    assert answer == {"entries": kept, "count": 3}
    assert direct.tracks("t").read(end_timestamp=1.0)["count"] == 1
    assert direct.tracks("t").read(5.0)["count"] == 0
    assert direct.tracks("t").read(3.0, 2.0)["count"] == 0


def test_jsonl_is_an_entry_a_line(direct: DirectExperiment) -> None:
    direct.tracks("t").append(a=1, _ts=1.0).append(b=math.nan, _ts=2.0)
    lines = direct.tracks("t").read(format="jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [{"timestamp": 1.0, "a": 1}, {"timestamp": 2.0, "b": None}]


def test_parquet_has_every_column_that_any_entry_has(direct: DirectExperiment, tmp_path: Any) -> None:
    direct.tracks("t").append(a=1, _ts=1.0).append(b="x", _ts=2.0)
    path = tmp_path / "t.parquet"
    path.write_bytes(direct.tracks("t").read(format="parquet"))
    assert pq.read_table(path).to_pylist() == [
        {"timestamp": 1.0, "a": 1, "b": None},
        {"timestamp": 2.0, "a": None, "b": "x"},
    ]


def test_mocap_has_sorted_channels_and_the_tracks_own_frame_rate(direct: DirectExperiment) -> None:
    track = direct.tracks("t", description="d", tags=["x"], metadata={"fps": 60})
    track.append(b=1, a=2, _ts=10.0).append(a=3, _ts=12.5)
    assert track.read(format="mocap") == {
        "version": "1.0",
        "metadata": {
            "topic": "t",
            "description": "d",
            "tags": ["x"],
            "fps": 60,
            "duration": 2.5,
            "frameCount": 2,
            "startTime": 10.0,
            "endTime": 12.5,
        },
        "channels": ["a", "b"],
        "frames": [{"time": 10.0, "b": 1, "a": 2}, {"time": 12.5, "a": 3}],
    }


def test_an_absent_topic_gives_the_empty_answer_of_each_format(direct: DirectExperiment) -> None:
    absent = direct.tracks("absent")
    assert absent.read() == {"entries": [], "count": 0}
    assert absent.read(format="jsonl") == b""
    assert absent.read(format="parquet")[:4] == b"PAR1"
    assert absent.read(format="mcap")[:5] == b"\x89MCAP"
    mocap = absent.read(format="mocap")
    assert (mocap["channels"], mocap["frames"], mocap["metadata"]["frameCount"]) == ([], [], 0)
    assert (mocap["metadata"]["fps"], mocap["metadata"]["duration"], mocap["metadata"]["startTime"]) == (30, 0, 0)
    assert list(absent.slice()) == []


def test_another_format_is_refused_with_the_list(direct: DirectExperiment) -> None:
    with pytest.raises(ValueError, match="json, jsonl, parquet, mocap, mcap"):
        direct.tracks("t").read(format="xml")


def test_list_counts_distinct_times(direct: DirectExperiment) -> None:
    direct.tracks("b").append_many(_ts=np.arange(1000.0), x=np.arange(1000))
    direct.tracks("b").append_many(_ts=np.arange(500.0, 1500.0), y=np.arange(1000))
    direct.tracks("a/1").append(z=1, _ts=-5.0)
    found = {one["topic"]: one for one in direct.tracks.list()}
    assert list(found) == ["a/1", "b"]
    assert found["b"]["totalEntries"] == 1500
    assert (found["b"]["firstTimestamp"], found["b"]["lastTimestamp"]) == (0.0, 1499.0)
    assert found["b"]["columns"] == ["x", "y"]
    assert found["a/1"]["firstTimestamp"] == -5.0


def test_flush_returns_what_it_was_called_on(direct: DirectExperiment) -> None:
    assert direct.tracks("t").append(x=1, _ts=1.0).flush() is direct.tracks("t")
    assert direct.tracks.flush() is direct.tracks


def test_a_slice_is_iterable_again_and_again_and_finds_by_time(direct: DirectExperiment) -> None:
    direct.tracks("t").append_many(_ts=[1.0, 2.0, 3.0, 9.0], x=[1, 2, 3, 9])
    part = direct.tracks("t").slice(1.5, 5.0)
    assert len(part) == 2
    assert [entry["x"] for entry in part] == [entry["x"] for entry in part] == [2, 3]
    assert part.find_by_time(2.9)["x"] == 2
    assert part.findByTime(3.0)["x"] == 3
    assert [entry["x"] for entry in part.find_by_time([2.0, 100.0])] == [2, 3]
    assert [entry["x"] for entry in part.find_by_time(np.array([2.5]))] == [2]
    with pytest.raises(LookupError, match=r"No entry found with timestamp"):
        part.find_by_time(1.9)
    with pytest.raises(LookupError, match=r"No entries in track slice"):
        TrackSlice([]).find_by_time(1.0)


def test_a_handle_raises_while_the_run_is_closed(direct: DirectExperiment) -> None:
    track = direct.tracks("t").append(x=1, _ts=1.0)
    direct.end()
    for call in (lambda: track.append(x=2), lambda: track.append_many(x=[2])):
        with pytest.raises(RuntimeError, match="not started"):
            call()
    assert track.read()["count"] == 1
    direct.start()
    track.append(x=2, _ts=2.0)
    assert track.read()["count"] == 2


@given(st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.0, 2.5]), fields), max_size=8), st.integers(0, 8))
def test_merging_in_parts_is_merging_at_once(entries: list[tuple[float, dict[str, Any]]], at: int) -> None:
    """Wherever entries are cut into batches, buckets or tiers, laying the parts over one another gives the same."""

    def merged(part: list[tuple[float, dict[str, Any]]]) -> dict[float, dict[str, Any]]:
        return merge_entries([time for time, _ in part], [entry for _, entry in part])

    first, second = merged(entries[:at]), merged(entries[at:])
    in_parts = merge_entries(second, second.values(), into=first)
    assert repr(sorted(in_parts.items())) == repr(sorted(merged(entries).items()))
