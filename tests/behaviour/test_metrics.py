"""docs/sdk.md, Metrics."""

import math
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
    assert stats["fields"]["x"] == {"count": 3, "min": -1, "max": 4.0, "mean": 5 / 3, "last": -1}
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
