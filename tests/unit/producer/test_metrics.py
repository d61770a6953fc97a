"""experiment.metrics: what a call appends, and what is read back."""

import math
import threading
from typing import Any

import numpy as np
import pytest

from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.limits import RECORD_EVENTS
from mldash.handles.values import UnsupportedValue
from tests.unit.producer.direct import DirectExperiment
from tests.unit.producer.same import same


def data_of(direct: DirectExperiment, name: str | None) -> list[dict[str, Any]]:
    return [point["data"] for point in direct.metrics(name).read(limit=100_000)["data"]]


def test_log_appends_one_point_with_any_fields_and_returns_the_handle(direct: DirectExperiment) -> None:
    metric = direct.metrics("train")
    assert metric.log(loss=0.5, step=1) is metric
    metric.log(loss=0.25).log(note="x", nested={"a": [1, {"b": None}]})
    assert data_of(direct, "train") == [
        {"loss": 0.5, "step": 1},
        {"loss": 0.25},
        {"note": "x", "nested": {"a": [1, {"b": None}]}},
    ]


def test_types_survive_exactly(direct: DirectExperiment) -> None:
    values = [
        1,
        1.0,
        True,
        MAX_INT,
        MIN_INT,
        math.nan,
        math.inf,
        -math.inf,
        -0.0,
        "é",
        None,
        b"\x00",
        [],
        {},
        {"$x": 1},
    ]
    for value in values:
        direct.metrics("m").log(x=value)
    assert same([point["x"] for point in data_of(direct, "m")], values)


def test_a_field_may_have_any_name(direct: DirectExperiment) -> None:
    fields = {"self": 1, "name": 2, "a.b": 3, "a/b": 4, "": 5, "$dollar": 6, "index": 7, "ü": 8}
    direct.metrics("m").log(**fields)
    direct.metrics("m").log(**{"$dollar": 1.5})
    assert data_of(direct, "m") == [fields, {"$dollar": 1.5}]


def test_the_same_name_is_the_same_handle(direct: DirectExperiment) -> None:
    assert direct.metrics("a") is direct.metrics("a")
    assert direct.metrics("a") is not direct.metrics("b")
    assert direct.metrics(None).name is None


@pytest.mark.parametrize("name", [3, b"x", 1.0])
def test_a_name_must_be_text(direct: DirectExperiment, name: Any) -> None:
    with pytest.raises(ValueError, match="metric must be text"):
        direct.metrics(name)


def test_a_given_time_is_kept_in_the_point_and_none_is_invented(direct: DirectExperiment) -> None:
    direct.metrics("m").log(x=1, _ts=12.5)
    direct.metrics("m").log(x=2, _ts=7)
    direct.metrics("m").log(x=3, _ts=-1.0)
    direct.metrics("m").log(x=4)
    assert same(data_of(direct, "m"), [{"x": 1, "_ts": 12.5}, {"x": 2, "_ts": 7}, {"x": 3, "_ts": -1.0}, {"x": 4}])


def test_minus_one_is_the_last_time_that_this_thread_used_in_any_metric_or_track(direct: DirectExperiment) -> None:
    direct.tracks("t").append(q=1, _ts=5.0)
    direct.metrics("m").log(x=1, _ts=-1)
    direct.metrics("m").log(x=2, _ts=8.0)
    direct.tracks("t").append(q=2, _ts=-1)
    assert data_of(direct, "m")[0] == {"x": 1, "_ts": 5.0}
    assert [entry["timestamp"] for entry in direct.tracks("t").list_entries()] == [5.0, 8.0]

    def elsewhere() -> None:
        direct.metrics("other").log(x=1, _ts=-1)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert data_of(direct, "other")[0]["_ts"] > 1e9  # nothing used in that thread yet: now


@pytest.mark.parametrize("stamp", ["now", math.nan, [1.0], True, object(), 1j])
def test_a_time_that_is_no_number_raises_and_nothing_is_written(direct: DirectExperiment, stamp: Any) -> None:
    with pytest.raises(ValueError, match="_ts must be numeric"):
        direct.metrics("m").log(x=1, _ts=stamp)
    assert data_of(direct, "m") == []


def test_nothing_of_a_call_that_raises_is_written(direct: DirectExperiment) -> None:
    for bad in (object(), 2**63, "\ud800"):
        with pytest.raises(UnsupportedValue, match="bad"):
            direct.metrics("m").log(good=1.0, bad=bad)
    with pytest.raises(ValueError, match="1025 bytes"):
        direct.metrics("m").log(**{"n" * 1025: 1.0})
    assert data_of(direct, "m") == []


def test_without_a_name_dict_fields_go_to_the_metric_of_their_name_with_the_scalar_fields(
    direct: DirectExperiment,
) -> None:
    assert direct.metrics.log(epoch=1, train={"loss": 0.1}, eval={"loss": 0.2, "epoch": 9}) is direct.metrics
    assert data_of(direct, None) == [{"epoch": 1}]
    assert data_of(direct, "train") == [{"epoch": 1, "loss": 0.1}]
    assert data_of(direct, "eval") == [{"epoch": 9, "loss": 0.2}]
    direct.metrics.log(train={"loss": 0.3})
    assert len(data_of(direct, None)) == 1
    direct.metrics.log(loss=1.0)
    assert data_of(direct, None)[1] == {"loss": 1.0}


def test_without_a_name_all_points_of_a_call_have_one_time_or_none_is_written(direct: DirectExperiment) -> None:
    direct.metrics.log(epoch=1, a={"x": 1}, b={"x": 2}, _ts=3.0)
    assert data_of(direct, None) == [{"epoch": 1, "_ts": 3.0}]
    assert data_of(direct, "a") == [{"epoch": 1, "x": 1, "_ts": 3.0}]
    with pytest.raises(UnsupportedValue):
        direct.metrics.log(epoch=2, a={"x": 1}, b={"x": object()})
    assert len(data_of(direct, "a")) == len(data_of(direct, None)) == 1


def test_log_many_appends_a_point_a_position(direct: DirectExperiment) -> None:
    metric = direct.metrics("m")
    assert metric.log_many(step=[0, 1, 2], loss=np.array([0.5, 0.25, math.nan]), tag=["a", None, 3]) is metric
    assert same(
        data_of(direct, "m"),
        [
            {"step": 0, "loss": 0.5, "tag": "a"},
            {"step": 1, "loss": 0.25, "tag": None},
            {"step": 2, "loss": math.nan, "tag": 3},
        ],
    )


def test_log_many_keeps_a_column_of_times(direct: DirectExperiment) -> None:
    direct.metrics("m").log_many(x=[1, 2], _ts=[10.0, -1.0])
    direct.metrics("m").log_many(x=[3, 4], _ts=7)
    assert [point["_ts"] for point in data_of(direct, "m")] == [10.0, -1.0, 7, 7]
    for wrong in ([1.0, math.nan], ["a", "b"], [True, False], np.array([[1.0], [2.0]])):
        with pytest.raises(ValueError, match="_ts must be numeric"):
            direct.metrics("m").log_many(x=[1, 2], _ts=wrong)
    assert len(data_of(direct, "m")) == 4


def test_log_many_refuses_columns_of_different_length_and_writes_nothing(direct: DirectExperiment) -> None:
    with pytest.raises(ValueError, match="one length, not a 2, b 3"):
        direct.metrics("m").log_many(a=[1, 2], b=[1, 2, 3])
    with pytest.raises(ValueError, match="single value"):
        direct.metrics("m").log_many(a=np.array(1.0))
    with pytest.raises(ValueError, match="give a list or an array"):
        direct.metrics("m").log_many(a="text")
    with pytest.raises(UnsupportedValue, match=r"a\[1\]"):
        direct.metrics("m").log_many(a=[1, object()])
    assert data_of(direct, "m") == []


def test_log_many_of_no_points_appends_none(direct: DirectExperiment) -> None:
    direct.metrics("m").log_many(a=[], b=np.empty(0))
    direct.metrics("m").log_many()
    assert data_of(direct, "m") == []


def test_a_long_log_many_is_cut_into_pieces_that_a_record_holds(direct: DirectExperiment) -> None:
    count = 3 * RECORD_EVENTS + 17
    direct.metrics("m").log_many(step=np.arange(count), loss=np.linspace(0.0, 1.0, count, dtype=np.float32))
    assert max(record.count for record in direct.waiting) <= RECORD_EVENTS
    points = data_of(direct, "m")
    assert [point["step"] for point in points] == list(range(count))
    assert points[-1]["loss"] == 1.0


def test_read_gives_a_page_and_says_whether_there_is_more(direct: DirectExperiment) -> None:
    direct.metrics("m").log_many(x=list(range(10)))
    page = direct.metrics("m").read(start_index=4, limit=3)
    assert [(point["index"], point["data"]) for point in page["data"]] == [(4, {"x": 4}), (5, {"x": 5}), (6, {"x": 6})]
    assert (page["startIndex"], page["endIndex"], page["total"], page["hasMore"]) == (4, 6, 3, True)
    assert direct.metrics("m").read(9)["hasMore"] is False
    empty = {"data": [], "startIndex": 20, "endIndex": 19, "total": 0, "hasMore": False}
    assert direct.metrics("m").read(20) == empty
    assert direct.metrics("absent").read(20) == empty


@pytest.mark.parametrize("arguments", [{"start_index": -1}, {"limit": -1}])
def test_a_negative_start_or_limit_is_refused(direct: DirectExperiment, arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        direct.metrics("m").read(**arguments)
    with pytest.raises(ValueError, match="must not be negative"):
        direct.metrics("m").read_columns(**arguments)


def test_iter_gives_all_points_one_by_one(direct: DirectExperiment) -> None:
    direct.metrics("m").log_many(x=np.arange(10_000))
    assert [point["data"]["x"] for point in direct.metrics("m").iter()] == list(range(10_000))
    assert [point["index"] for point in direct.metrics("m").iter(9_990, 9_993)] == [9_990, 9_991, 9_992]
    assert list(direct.metrics("absent").iter()) == []
    with pytest.raises(ValueError, match="negative"):
        direct.metrics("m").iter(-1)


def test_read_columns_gives_lists_in_which_absent_is_none(direct: DirectExperiment) -> None:
    direct.metrics("m").log(x=1, index=5).log(y="a").log(x=3)
    columns = direct.metrics("m").read_columns()
    assert columns["index"] == [0, 1, 2]
    assert columns["x"] == [1, None, 3]
    assert columns["_index"] == [5, None, None]
    assert columns["y"] == [None, "a", None]
    assert direct.metrics("m").read_columns(1, 1, fields=["y"])["y"] == ["a"]
    assert "x" not in direct.metrics("m").read_columns(fields=["y"])
    assert len(direct.metrics("m").read_columns(limit=None)["x"]) == 3


@pytest.mark.parametrize("format", ["lists", "arrow", "numpy"])
def test_no_two_columns_have_one_name_whatever_the_fields_are_called(direct: DirectExperiment, format: Any) -> None:
    direct.metrics("m").log(index=1, _index=2, __index=3, createdAt=4, _createdAt=5)
    columns = direct.metrics("m").read_columns(format=format)
    columns = columns.to_pydict() if format == "arrow" else {name: list(one) for name, one in columns.items()}
    assert {name: values[0] for name, values in columns.items() if name.startswith("_")} == {
        "_index": 1, "__index": 2, "___index": 3, "_createdAt": 4, "__createdAt": 5,
    }  # fmt: skip


def test_read_columns_gives_numpy_and_arrow_where_asked_for(direct: DirectExperiment) -> None:
    direct.metrics("m").log_many(i=[1, 2], f=[0.5, math.nan], t=["a", "b"])
    direct.metrics("m").log(f=1)
    arrays = direct.metrics("m").read_columns(format="numpy")
    assert arrays["index"].dtype == np.int64
    np.testing.assert_array_equal(arrays["f"], [0.5, math.nan, 1.0])
    np.testing.assert_array_equal(arrays["i"], [1.0, 2.0, math.nan])
    assert list(arrays["t"]) == ["a", "b", None]
    table = direct.metrics("m").read_columns(format="arrow")
    assert table.column("i").to_pylist() == [1, 2, None]
    with pytest.raises(ValueError, match="use one of lists, numpy, arrow, pandas"):
        direct.metrics("m").read_columns(format="xls")  # type: ignore[call-overload]


def test_stats_counts_points_and_summarises_numeric_fields(direct: DirectExperiment) -> None:
    metric = direct.metrics("m", description="d", tags=["t"], metadata={"unit": "px"})
    metric.log(x=2, flag=True).log(x=4.0, y=math.nan).log(x=-1)
    stats = metric.stats()
    assert stats["name"] == "m"
    assert (stats["description"], stats["tags"], stats["metadata"]) == ("d", ["t"], {"unit": "px"})
    assert (stats["totalDataPoints"], stats["bufferedDataPoints"], stats["chunkedDataPoints"]) == (3, 3, 0)
    assert (stats["totalChunks"], stats["chunkSize"]) == (0, 10_000)
    assert stats["fields"]["x"] == {"count": 3, "min": -1, "max": 4.0, "mean": 5 / 3, "last": -1, "first": 2}
    assert stats["fields"]["y"]["count"] == 0
    assert "flag" not in stats["fields"]
    assert stats["firstDataAt"] is not None
    assert stats["lastDataAt"] is not None
    assert stats["firstDataAt"] <= stats["lastDataAt"]
    metric.log(x=10)
    assert metric.stats()["fields"]["x"]["max"] == 10


def test_stats_of_an_absent_metric_names_those_that_exist(direct: DirectExperiment) -> None:
    direct.metrics("there").log(x=1)
    with pytest.raises(KeyError, match="'there'"):
        direct.metrics("absent").stats()


def test_list_has_one_entry_a_metric(direct: DirectExperiment) -> None:
    direct.metrics("b", description="second").log(x=1)
    direct.metrics("a/c").log(x=1).log(x=2)
    direct.metrics.log(x=1)
    found = {one["name"]: (one["totalDataPoints"], one["description"]) for one in direct.metrics.list()}
    assert found == {None: (1, None), "a/c": (2, None), "b": (1, "second")}
    assert direct.metrics("b").list_all() == direct.metrics.list()
    assert len({one["metricId"] for one in direct.metrics.list()}) == 3


def test_a_description_is_sent_once_and_a_part_that_is_left_out_stays(direct: DirectExperiment) -> None:
    for _ in range(3):
        direct.metrics("m", description="first").log(x=1)
    assert sum(record.kind == "runs" for record in direct.waiting) == 1
    direct.metrics("m", tags=["a"])
    stats = direct.metrics("m").stats()
    assert (stats["description"], stats["tags"]) == ("first", ["a"])


def test_a_description_given_before_the_start_is_recorded_with_the_first_point(direct: DirectExperiment) -> None:
    direct.end()
    metric = direct.metrics("m", description="early")
    direct.start()
    metric.log(x=1)
    assert metric.stats()["description"] == "early"


@pytest.mark.parametrize("wrong", [{"description": 3}, {"tags": "abc"}, {"tags": [1]}, {"metadata": [1]}])
def test_a_description_that_is_none_is_refused(direct: DirectExperiment, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        direct.metrics("m", **wrong)


def test_a_handle_stays_valid_through_end_and_start_and_raises_in_between(direct: DirectExperiment) -> None:
    metric = direct.metrics("m").log(x=1)
    direct.end()
    with pytest.raises(RuntimeError, match="not started"):
        metric.log(x=2)
    with pytest.raises(RuntimeError, match="not started"):
        metric.log_many(x=[2])
    with pytest.raises(RuntimeError, match="not started"):
        metric.buffer(x=2)
    assert len(metric.read()["data"]) == 1
    direct.start()
    metric.log(x=3)
    assert data_of(direct, "m") == [{"x": 1}, {"x": 3}]


def test_flush_is_the_barrier_and_returns_the_handle(direct: DirectExperiment) -> None:
    metric = direct.metrics("m").log(x=1)
    assert direct.waiting
    assert metric.flush() is metric
    assert not direct.waiting
    metric.log(x=2)
    assert direct.metrics.flush(timeout=5) is direct.metrics
    assert not direct.waiting


def test_minus_one_after_log_many_is_the_last_of_its_times(direct: DirectExperiment) -> None:
    metric = direct.metrics("m")
    metric.log_many(_ts=[5.0, 7.0], x=[1, 2]).log(_ts=-1, x=3)
    metric.log_many(_ts=np.float32(9), x=[4]).log(_ts=-1, x=5)
    metric.log_many(x=[]).log(_ts=-1, x=6)
    direct.tracks("t").append(_ts=-1, x=7)
    stamps = [point["data"]["_ts"] for point in metric.read()["data"]]
    assert stamps == [5.0, 7.0, 7.0, 9.0, 9.0, 9.0]
    assert direct.tracks("t").list_entries() == [{"timestamp": 9.0, "x": 7}]


def test_handles_say_what_they_are(direct: DirectExperiment) -> None:
    assert repr(direct.metrics("m")) == "<Metric 'm' of owner/project/run>"
    assert repr(direct.tracks("a/b")) == "<Track 'a/b' of owner/project/run>"
    direct.tracks("a/b").append(x=1, _ts=1.5)
    assert repr(direct.tracks("a/b").slice(1, None)) == "<slice of track 'a/b' [1.0…], 1 entries>"
    assert repr(direct.tracks("a/b").slice()) == "<slice of track 'a/b' […], 1 entries>"
