"""docs/sdk.md, Metrics."""

import math
import threading
import time
from typing import Any

import numpy as np
import pytest

from mldash import Experiment
from tests.unit.producer.same import same


def data_of(experiment: Experiment, name: str | None) -> list[dict[str, Any]]:
    return [point["data"] for point in experiment.metrics(name).read(limit=10_000)["data"]]


def test_points_of_any_fields_come_back_exactly(experiment: Experiment) -> None:
    values = [1, 1.0, True, 2**63 - 1, -(2**63), math.nan, math.inf, -math.inf, -0.0, "ü", None, b"\0", [1, [2.0]]]
    metric = experiment.metrics("train")
    for value in [*values, {"a": {"b": None}}]:
        assert metric.log(x=value) is metric
    metric.log(other=1).log()
    found = data_of(experiment, "train")
    assert same([point.get("x") for point in found[: len(values)]], values)
    assert found[len(values) :] == [{"x": {"a": {"b": None}}}, {"other": 1}, {}]


def test_read_gives_pages(experiment: Experiment) -> None:
    experiment.metrics("m").log_many(x=list(range(10)))
    page = experiment.metrics("m").read(start_index=4, limit=3)
    assert [(point["index"], point["data"]["x"]) for point in page["data"]] == [(4, 4), (5, 5), (6, 6)]
    assert page["data"][0]["createdAt"].endswith("Z")
    assert (page["startIndex"], page["endIndex"], page["total"], page["hasMore"]) == (4, 6, 3, True)
    empty = {"data": [], "startIndex": 3, "endIndex": 2, "total": 0, "hasMore": False}
    assert experiment.metrics("absent").read(3) == empty
    with pytest.raises(ValueError, match="negative"):
        experiment.metrics("m").read(-1)
    with pytest.raises(ValueError, match="negative"):
        experiment.metrics("m").read(limit=-1)


def test_times_are_kept_where_they_were_given(experiment: Experiment) -> None:
    metric = experiment.metrics("m")
    experiment.tracks("t").append(q=1, _ts=5.0)
    metric.log(x=0, _ts=-1).log(x=1, _ts=7).log(x=2, _ts=-1).log(x=3, _ts=-1.0).log(x=4)
    found = data_of(experiment, "m")
    assert [point.get("_ts") for point in found] == [5.0, 7, 7.0, -1.0, None]
    for wrong in ("now", math.nan, [1]):
        with pytest.raises(ValueError, match="_ts"):
            metric.log(x=5, _ts=wrong)
    assert len(data_of(experiment, "m")) == 5


@pytest.mark.parametrize(
    "names",
    [["a/b", "a.b", "a%2Fb", "a"], ["", "/", "//", "."], ["..", "../x", "x/../y", "None"], ["ü", "日本/語", " "]],
)
def test_names_of_any_text_never_meet(experiment: Experiment, names: list[str]) -> None:
    for number, name in enumerate(names):
        experiment.metrics(name).log(x=number)
    experiment.metrics.log(x="unnamed")
    assert [data_of(experiment, name) for name in names] == [[{"x": number}] for number in range(len(names))]
    assert data_of(experiment, None) == [{"x": "unnamed"}]
    assert {one["name"] for one in experiment.metrics.list()} == {None, *names}


def test_without_a_name_dicts_go_to_the_metrics_of_their_names(experiment: Experiment) -> None:
    assert experiment.metrics.log(epoch=1, train={"loss": 0.1}, eval={"loss": 0.2}) is experiment.metrics
    assert data_of(experiment, None) == [{"epoch": 1}]
    assert data_of(experiment, "train") == [{"epoch": 1, "loss": 0.1}]
    assert data_of(experiment, "eval") == [{"epoch": 1, "loss": 0.2}]


def test_log_many_takes_lists_and_arrays(experiment: Experiment) -> None:
    count = 12_345
    experiment.metrics("m").log_many(
        i=np.arange(count), f=np.linspace(0, 1, count, dtype=np.float32), xy=np.zeros((count, 2)), s=["a"] * count
    )
    page = experiment.metrics("m").read(start_index=9_990, limit=20)
    assert [point["data"]["i"] for point in page["data"]] == list(range(9_990, 10_010))
    assert page["data"][0]["data"]["xy"] == [0.0, 0.0]
    assert [point["index"] for point in experiment.metrics("m").iter()] == list(range(count))
    with pytest.raises(ValueError, match="one length"):
        experiment.metrics("m").log_many(a=[1], b=[1, 2])


def test_read_columns_and_iter(experiment: Experiment) -> None:
    experiment.metrics("m").log(x=1).log(y="a").log(x=3.5)
    assert experiment.metrics("m").read_columns()["x"] == [1, None, 3.5]
    assert experiment.metrics("m").read_columns(format="arrow").column("y").to_pylist() == [None, "a", None]
    assert [point["index"] for point in experiment.metrics("m").iter(1)] == [1, 2]


def test_stats_and_list(experiment: Experiment) -> None:
    metric = experiment.metrics("m", description="d", tags=["a", "b"], metadata={"unit": "px"})
    metric.log(x=2).log(x=4.0, y=math.nan).log(x=-1, flag=True)
    stats = metric.stats()
    assert (stats["name"], stats["description"], stats["tags"], stats["metadata"]) == (
        "m",
        "d",
        ["a", "b"],
        {"unit": "px"},
    )
    assert stats["totalDataPoints"] == stats["bufferedDataPoints"] + stats["chunkedDataPoints"] == 3
    assert stats["chunkSize"] == 10_000
    assert stats["fields"]["x"] == {"count": 3, "min": -1, "max": 4.0, "mean": 5 / 3, "last": -1, "first": 2}
    assert "flag" not in stats["fields"]
    assert stats["firstDataAt"] and stats["lastDataAt"]
    (entry,) = experiment.metrics.list()
    assert (entry["metricId"], entry["totalDataPoints"], entry["tags"]) == (stats["metricId"], 3, ["a", "b"])
    assert metric.list_all() == [entry]
    with pytest.raises(KeyError, match="'m'"):
        experiment.metrics("absent").stats()


def test_summaries_on_the_client(experiment: Experiment) -> None:
    experiment.metrics("m").buffer(loss=1.0).buffer(loss=3.0, acc=None)
    experiment.metrics.buffer.log_summary("mean", "count", epoch=1)
    assert data_of(experiment, "m") == [{"loss.mean": 2.0, "loss.count": 2, "epoch": 1}]
    with pytest.raises(ValueError, match="Unsupported aggregation"):
        experiment.metrics.buffer.log_summary("mode")


def test_nothing_of_a_call_that_raises_is_written(experiment: Experiment) -> None:
    for bad in (object(), 2**63, "\ud800", {1: 2}):
        with pytest.raises((TypeError, ValueError), match="bad"):
            experiment.metrics("m").log(good=1, bad=bad)
    with pytest.raises(ValueError, match="15728640"):
        experiment.metrics("m").log(text="x" * (16 << 20))
    assert data_of(experiment, "m") == []


def test_a_point_with_a_long_list_passes(experiment: Experiment) -> None:
    experiment.metrics("m").log(x=[0.5] * 1_000_000)
    (point,) = data_of(experiment, "m")
    assert len(point["x"]) == 1_000_000


def test_minus_one_is_now_where_this_thread_has_used_no_time(experiment: Experiment) -> None:
    before = time.time()
    experiment.metrics("m").log(x=1, _ts=-1)
    (point,) = data_of(experiment, "m")
    assert before - 1 <= point["_ts"] <= time.time() + 1
    found: list[Any] = []

    def elsewhere() -> None:
        experiment.metrics("m").log(x=2, _ts=-1)
        found.append(data_of(experiment, "m")[-1]["_ts"])

    experiment.metrics("m").log(_ts=5.0)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found[0] > 1e9  # the 5.0 is another thread's


def test_times_of_many_points_are_as_given(experiment: Experiment) -> None:
    experiment.metrics("m").log_many(x=[1, 2], _ts=np.array([-1, 3]))
    experiment.metrics("m").log_many(x=[3, 4], _ts=7.5)
    assert [point["_ts"] for point in data_of(experiment, "m")] == [-1, 3, 7.5, 7.5]
    with pytest.raises(ValueError, match="_ts"):
        experiment.metrics("m").log_many(x=[1, 2], _ts=["a", "b"])
    assert len(data_of(experiment, "m")) == 4


def test_what_is_said_of_a_metric_is_kept_part_by_part(experiment: Experiment) -> None:
    experiment.metrics("m", description="first", tags=["a"]).log(x=1)
    experiment.metrics("m", description="second", metadata={"unit": "px"})
    stats = experiment.metrics("m").stats()
    assert (stats["description"], stats["tags"], stats["metadata"]) == ("second", ["a"], {"unit": "px"})
    assert set(stats) == {
        *("metricId", "name", "description", "tags", "metadata", "totalDataPoints", "bufferedDataPoints"),
        *("chunkedDataPoints", "totalChunks", "chunkSize", "firstDataAt", "lastDataAt", "createdAt", "updatedAt"),
        "fields",
    }
    with pytest.raises(ValueError, match="tags"):
        experiment.metrics("m", tags="one")
    with pytest.raises(ValueError, match="text"):
        experiment.metrics(3)  # type: ignore[arg-type]


def test_columns_come_in_the_form_asked_for(experiment: Experiment) -> None:
    metric = experiment.metrics("m")
    metric.log_many(i=list(range(5)), f=[0.5] * 5, b=[True] * 5, index=["mine"] * 5)
    metric.log(i=5, text="t")
    lists = metric.read_columns(limit=None)
    assert list(lists) == ["index", "createdAt", "i", "f", "b", "_index", "text"]
    assert (lists["index"], lists["i"], lists["text"]) == (list(range(6)), list(range(6)), [None] * 5 + ["t"])
    arrays = metric.read_columns(1, 5, fields=["i", "f"], format="numpy")
    assert list(arrays) == ["index", "createdAt", "i", "f"]
    assert arrays["i"].dtype == np.int64
    assert arrays["f"].dtype == np.float64
    assert np.isnan(arrays["f"][-1])
    table = metric.read_columns(format="arrow")
    assert (table.num_rows, str(table.schema.field("i").type)) == (6, "int64")
    assert table.column("f").to_pylist() == [0.5] * 5 + [None]
    with pytest.raises(ValueError, match="lists, numpy, arrow, pandas"):
        metric.read_columns(format="xml")  # type: ignore[call-overload]
    assert experiment.metrics("absent").read_columns() == {"index": [], "createdAt": []}


def test_many_points_are_the_same_columns_as_few(experiment: Experiment) -> None:
    """A read above 10,000 comes another way remotely: types, values and times are those of a short one."""
    metric = experiment.metrics("m")
    metric.log_many(
        i=list(range(10_500)),
        f=np.arange(10_500) / 3,
        narrow=np.arange(10_500, dtype=np.float32),
        b=[at % 2 == 0 for at in range(10_500)],
        text=["ä", "b"] * 5_250,
        position=[[1.5, 2.5]] * 10_500,
        uneven=[[1], [1, 2]] * 5_250,
        mixed=[1, "one"] * 5_250,
        index=["mine"] * 10_500,
    )
    for at in range(5):
        metric.log(f=at, huge=2**60 + at, raw=b"\x00\xff", nothing=None)
    few, many = metric.read_columns(10_000, 10_000, format="arrow"), metric.read_columns(10_000, None, format="arrow")
    assert many.select(few.column_names).schema == few.schema
    assert many.select(few.column_names).to_pydict() == few.to_pydict()
    assert {field.name: str(field.type) for field in many.schema} == {
        "index": "int64",
        "createdAt": "timestamp[us, tz=UTC]",
        "i": "int64",
        "f": "double",
        "narrow": "double",
        "b": "bool",
        "text": "string",
        "position": "list<item: double>",
        "uneven": "list<item: int64>",
        "mixed": "string",
        "_index": "string",
        "huge": "int64",
        "raw": "binary",
    }
    times = [point["createdAt"] for point in metric.read(10_000, 1_000)["data"]]
    assert [time.isoformat(timespec="microseconds") for time in many.column("createdAt").to_pylist()] == [
        time.replace("Z", "+00:00") for time in times
    ]
    few, many = metric.read_columns(10_000, 10_000, format="numpy"), metric.read_columns(10_000, None, format="numpy")
    assert few.keys() == many.keys()
    for name, array in many.items():
        assert array.dtype == few[name].dtype, name
        np.testing.assert_array_equal(array, few[name])
    some = metric.read_columns(0, None, fields=["i", "absent"], format="arrow")
    assert (some.column_names, some.num_rows) == (["index", "createdAt", "i"], 10_505)
    assert some.column("i").to_pylist() == [*range(10_500), *[None] * 5]
    assert experiment.metrics("absent").read_columns(limit=None, format="arrow").num_rows == 0


def test_iter_goes_over_any_length_and_range(experiment: Experiment) -> None:
    experiment.metrics("m").log_many(x=np.arange(25_000))
    indices = [point["index"] for point in experiment.metrics("m").iter()]
    assert indices == list(range(25_000))
    assert [point["index"] for point in experiment.metrics("m").iter(9_998, 10_002)] == [9_998, 9_999, 10_000, 10_001]
    assert list(experiment.metrics("m").iter(5, 5)) == list(experiment.metrics("m").iter(30_000)) == []
    assert list(experiment.metrics("absent").iter()) == []
    with pytest.raises(ValueError, match="negative"):
        experiment.metrics("m").iter(-1)


def test_every_aggregate_of_a_buffer(experiment: Experiment) -> None:
    for number in (4.0, None, 1, 2.0, math.nan, 3):
        experiment.metrics("m").buffer(x=number)
    experiment.metrics("m").buffer(nothing=None)
    assert experiment.metrics.buffer.peek("m", "x", limit=2)["x"][-1] == 3
    names = ["mean", "std", "min", "max", "count", "median", "sum", "p50", "p90", "p95", "p99", "first", "last"]
    experiment.metrics.buffer.log_summary(*names, epoch=3)
    (point,) = data_of(experiment, "m")
    assert point.pop("epoch") == 3
    assert list(point) == [f"x.{name}" for name in names]
    assert point == pytest.approx(
        {
            "x.mean": 2.5,
            "x.std": math.sqrt(5 / 3),
            "x.min": 1,
            "x.max": 4,
            "x.count": 4,
            "x.median": 2.5,
            "x.sum": 10,
            "x.p50": 2.5,
            "x.p90": 3.7,
            "x.p95": 3.85,
            "x.p99": 3.97,
            "x.first": 4,
            "x.last": 3,
        }
    )
    experiment.metrics.buffer.log_summary()
    assert len(data_of(experiment, "m")) == 1
    with pytest.raises(ValueError, match="'x'"):
        experiment.metrics("m").buffer(x="text")


def test_a_summary_cache_logs_its_context_and_five_aggregates(experiment: Experiment) -> None:
    cache = experiment.metrics("m").summary_cache
    cache.set(epoch=0, lr=0.5)
    cache.set(epoch=1)
    for number in (1, 3):
        cache.store(loss=number)
    assert cache.peek() == {"loss": [1.0, 3.0]}
    assert cache.peek("loss", limit=1) == {"loss": [3.0]}
    summary = {"loss.mean": 2.0, "loss.min": 1.0, "loss.max": 3.0, "loss.count": 2, "loss.std": math.sqrt(2)}
    assert cache.summarize(clear=False) == {"epoch": 1, **summary}
    cache.store(loss=5)
    assert cache.summarize()["loss.mean"] == 3.0
    assert cache.summarize() == {}
    assert data_of(experiment, "m")[0] == {"epoch": 1, **summary}
    assert len(data_of(experiment, "m")) == 2


def test_the_unnamed_metric_takes_dicts_apart_and_keeps_its_time(experiment: Experiment) -> None:
    experiment.metrics.log(step=1, _ts=5.0, train={"loss": 0.5, "step": 9})
    assert data_of(experiment, None) == [{"step": 1, "_ts": 5.0}]
    assert data_of(experiment, "train") == [{"step": 9, "loss": 0.5, "_ts": 5.0}]
    experiment.metrics.log(train={"acc": 1}, eval={})
    assert len(data_of(experiment, None)) == 1
    assert data_of(experiment, "train")[-1] == {"acc": 1}
    with pytest.raises((TypeError, ValueError)):
        experiment.metrics.log(step=2, train={"bad": object()})
    assert len(data_of(experiment, None)) == 1
