"""docs/sdk.md, Metrics: `view`, what a chart needs."""

import math
from typing import Any

import numpy as np
import pytest

from mldash import Experiment


def drawn(view: Any, field: str) -> dict[float, float]:
    series = view["fields"][field]
    assert series["x"] == sorted(series["x"])
    return dict(zip(series["x"], series["y"], strict=True))


def test_no_spike_of_a_long_metric_is_lost(experiment: Experiment) -> None:
    loss = np.sin(np.arange(30_000) / 500)
    loss[[777, 20_001]] = 50, -50
    experiment.metrics("train").log_many(loss=loss, step=np.arange(30_000) * 2)
    view = experiment.metrics("train").view("loss", points=100)
    points = drawn(view, "loss")
    assert (points[777], points[20_001], points[0], points[29_999]) == (50, -50, 0.0, loss[-1])
    assert len(points) <= 400
    assert (view["sampled"], view["totalPoints"], len(view["edges"])) == (True, 30_000, 101)
    assert list(view["fields"]) == ["loss"]


def test_a_part_is_drawn_from_start_to_end(experiment: Experiment) -> None:
    experiment.metrics("m").log_many(loss=list(range(12_000)), step=list(range(0, 120_000, 10)))
    part = experiment.metrics("m").view(start=9_990, end=10_010)
    assert drawn(part, "loss") == {at: at for at in range(9_990, 10_011)}
    assert (part["sampled"], part["totalPoints"], part["start"], part["end"]) == (False, 21, 9_990, 10_010)
    by_step = experiment.metrics("m").view(x="step", start=500, end=540)
    assert drawn(by_step, "loss") == {500: 50, 510: 51, 520: 52, 530: 53, 540: 54}
    assert list(by_step["fields"]) == ["loss"]


def test_time_is_the_users_own_where_it_was_given(experiment: Experiment) -> None:
    metric = experiment.metrics("m")
    metric.log(a=1, _ts=20.0).log(a=2, _ts=10).log(b=3, _ts=30.0)
    view = metric.view(x="time")
    assert view["fields"] == {"a": {"x": [10, 20.0], "y": [2, 1]}, "b": {"x": [30.0], "y": [3]}}
    metric.log(a=4)
    (now,) = metric.view("a", x="time", start=1000)["fields"]["a"]["x"]
    assert now > 1.7e9


def test_values_are_as_they_were_logged_and_only_numbers_are_drawn(experiment: Experiment) -> None:
    for value in (1, 1.5, True, "text", None, math.nan, math.inf, [1.0]):
        experiment.metrics("m").log(x=value)
    view = experiment.metrics("m").view(["x", "absent"])
    assert view["fields"] == {"x": {"x": [0, 1, 6], "y": [1, 1.5, math.inf]}, "absent": {"x": [], "y": []}}
    assert [type(value) for value in view["fields"]["x"]["y"]] == [int, float, float]


def test_only_points_that_pass_every_filter_are_drawn(experiment: Experiment) -> None:
    metric = experiment.metrics("m")
    metric.log_many(loss=[0.5, 1.5, 2.5, 3.5], epoch=[1, 1, 2, 2]).log(loss=9.0).log(epoch=2, loss="text")
    assert metric.view("loss", filter="epoch == 2")["fields"] == {"loss": {"x": [2, 3], "y": [2.5, 3.5]}}
    both = metric.view(filter=["epoch >= 1", "loss < 3"])
    assert both["fields"] == {"loss": {"x": [0, 1, 2], "y": [0.5, 1.5, 2.5]}, "epoch": {"x": [0, 1, 2], "y": [1, 1, 2]}}
    assert (both["totalPoints"], both["start"], both["end"]) == (3, 0, 2)
    by_epoch = metric.view("loss", x="epoch", filter="loss != 1.5")
    assert by_epoch["fields"] == {"loss": {"x": [1, 2, 2], "y": [0.5, 2.5, 3.5]}}
    assert metric.view("loss", x="time", start=0, filter="loss > 3")["fields"]["loss"]["y"] == [3.5, 9.0]
    assert metric.view("loss", filter="absent > 0")["totalPoints"] == 0
    with pytest.raises(ValueError, match="is no filter"):
        metric.view(filter="loss")


def test_what_is_not_there_gives_an_empty_view(experiment: Experiment) -> None:
    nothing: dict[str, object] = {"start": None, "end": None, "totalPoints": 0, "sampled": False, "fields": {}}
    empty = {"x": "index", "edges": [], "spans": [], **nothing}
    assert experiment.metrics("absent").view() == empty
    experiment.metrics("m").log(a=1)
    assert experiment.metrics("m").view(start=5) == empty
    assert experiment.metrics("m").view(fields=[], x="time")["fields"] == {}


def test_a_wrong_view_is_refused_before_anything_is_read(experiment: Experiment) -> None:
    for wrong in ({"points": 0}, {"points": 100_001}, {"start": math.nan}, {"end": "now"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            experiment.metrics("m").view(**wrong)  # type: ignore[arg-type]
