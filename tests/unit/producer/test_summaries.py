"""Aggregates kept on the client."""

import math
import os
import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.handles.summaries import AGGREGATIONS, summarise
from tests.unit.producer.direct import DirectExperiment
from tests.unit.producer.test_metrics import data_of

finite = st.floats(-1e9, 1e9)


def test_log_summary_logs_one_point_a_metric_and_empties_what_was_gathered(direct: DirectExperiment) -> None:
    assert direct.metrics("train").buffer(loss=1.0, acc=0.5) is direct.metrics("train")
    direct.metrics("train").buffer(loss=3.0)
    direct.metrics("eval").buffer(loss=2)
    direct.metrics.buffer.log_summary(epoch=1)
    assert data_of(direct, "train") == [{"loss.mean": 2.0, "acc.mean": 0.5, "epoch": 1}]
    assert data_of(direct, "eval") == [{"loss.mean": 2.0, "epoch": 1}]
    direct.metrics.buffer.log_summary()
    assert len(data_of(direct, "train")) == 1


def test_every_aggregation_has_its_meaning(direct: DirectExperiment) -> None:
    for value in (4.0, 1.0, 3.0, 2.0):
        direct.metrics("m").buffer(x=value)
    direct.metrics.buffer.log_summary(*AGGREGATIONS)
    (point,) = data_of(direct, "m")
    assert point == {
        "x.mean": 2.5,
        "x.std": statistics.stdev([1, 2, 3, 4]),
        "x.min": 1.0,
        "x.max": 4.0,
        "x.count": 4,
        "x.median": 2.5,
        "x.sum": 10.0,
        "x.p50": 2.5,
        "x.p90": pytest.approx(3.7),
        "x.p95": pytest.approx(3.85),
        "x.p99": pytest.approx(3.97),
        "x.first": 4.0,
        "x.last": 2.0,
    }


def test_another_aggregation_is_refused_and_what_was_gathered_stays(direct: DirectExperiment) -> None:
    direct.metrics("m").buffer(x=1.0)
    with pytest.raises(ValueError, match="Unsupported aggregation: 'mode'"):
        direct.metrics.buffer.log_summary("mean", "mode")
    assert direct.metrics.buffer.peek("m") == {"x": [1.0]}


def test_none_counts_as_nan_and_nan_is_left_out(direct: DirectExperiment) -> None:
    direct.metrics("m").buffer(x=1.0, only_nan=None).buffer(x=None, only_nan=math.nan).buffer(x=3.0)
    direct.metrics.buffer.log_summary("mean", "count", "std")
    assert data_of(direct, "m") == [{"x.mean": 2.0, "x.count": 2, "x.std": math.sqrt(2)}]


def test_the_deviation_of_one_value_is_zero() -> None:
    assert summarise({"x": [5.0]}, ["std"]) == {"x.std": 0.0}


@pytest.mark.parametrize("value", ["1", [1.0], {}, 1j, object(), np.array([1.0])])
def test_what_is_no_number_raises_at_once_and_nothing_is_kept(direct: DirectExperiment, value: Any) -> None:
    with pytest.raises(ValueError, match="bad"):
        direct.metrics("m").buffer(good=1.0, bad=value)
    assert direct.metrics.buffer.peek("m") == {}


def test_numbers_of_numpy_and_python_are_numbers(direct: DirectExperiment) -> None:
    direct.metrics("m").buffer(x=np.float32(0.5)).buffer(x=True).buffer(x=2).buffer(x=np.array(3))
    assert direct.metrics.buffer.peek("m") == {"x": [0.5, 1.0, 2.0, 3.0]}


def test_peek_shows_the_newest_numbers_and_keeps_them(direct: DirectExperiment) -> None:
    for value in range(8):
        direct.metrics("m").buffer(x=value, y=-value)
    direct.metrics.buffer(loss=9.0)
    assert direct.metrics.buffer.peek("m", "x", limit=2) == {"x": [6.0, 7.0]}
    assert direct.metrics.buffer.peek("m", limit=1) == {"x": [7.0], "y": [-7.0]}
    assert len(direct.metrics.buffer.peek("m")["x"]) == 5
    assert direct.metrics.buffer.peek() == {"loss": [9.0]}
    assert direct.metrics.buffer.peek("m", "absent") == {}


def test_a_summary_cache_logs_its_context_and_five_aggregates(direct: DirectExperiment) -> None:
    cache = direct.metrics("m").summary_cache
    assert cache is direct.metrics("m").summary_cache
    cache.set(epoch=1, lr=0.1)
    cache.set(epoch=2)
    cache.store(loss=1.0)
    cache.store(loss=3.0)
    assert cache.peek("loss") == {"loss": [1.0, 3.0]}
    fields = cache.summarize()
    assert fields == {
        "epoch": 2,
        "loss.mean": 2.0,
        "loss.min": 1.0,
        "loss.max": 3.0,
        "loss.count": 2,
        "loss.std": math.sqrt(2),
    }
    assert data_of(direct, "m") == [fields]
    assert cache.summarize() == {}
    assert len(data_of(direct, "m")) == 1


def test_a_summary_that_does_not_clear_goes_on_from_what_is_there(direct: DirectExperiment) -> None:
    cache = direct.metrics("m").summary_cache
    cache.store(x=1.0)
    cache.summarize(clear=False)
    cache.store(x=3.0)
    assert cache.summarize()["x.mean"] == 2.0


def test_what_is_left_at_the_end_of_a_run_is_summarised(direct: DirectExperiment) -> None:
    direct.metrics("m").buffer(x=1.0).buffer(x=2.0)
    direct.metrics("m").summary_cache.store(y=5.0)
    direct.metrics("n").summary_cache.set(epoch=1)
    direct.metrics._settle()
    assert data_of(direct, "m") == [
        {"x.mean": 1.5},
        {"y.mean": 5.0, "y.min": 5.0, "y.max": 5.0, "y.count": 1, "y.std": 0.0},
    ]
    assert data_of(direct, "n") == []


def test_outside_a_run_gathering_raises(direct: DirectExperiment) -> None:
    cache = direct.metrics("m").summary_cache
    direct.end()
    for call in (lambda: cache.store(x=1), lambda: cache.set(x=1), cache.summarize, direct.metrics.buffer.log_summary):
        with pytest.raises(RuntimeError, match="not started"):
            call()


def test_a_forked_child_starts_with_nothing_gathered(direct: DirectExperiment) -> None:
    """The parent logs what it gathered; logged by the child as well it would count twice."""
    direct.metrics("m").buffer(x=1.0)
    child = os.fork()
    if child == 0:
        os._exit(0 if direct.metrics.buffer.peek("m") == {} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert direct.metrics.buffer.peek("m") == {"x": [1.0]}


@given(st.lists(finite, min_size=1, max_size=30))
def test_percentiles_and_moments_agree_with_numpy(numbers: list[float]) -> None:
    found = summarise({"x": numbers}, list(AGGREGATIONS))
    for percent in (50, 90, 95, 99):
        assert found[f"x.p{percent}"] == pytest.approx(np.percentile(numbers, percent), rel=1e-9, abs=1e-6)
    assert found["x.mean"] == pytest.approx(np.mean(numbers), rel=1e-9, abs=1e-6)
    if len(numbers) > 1:
        assert found["x.std"] == pytest.approx(np.std(numbers, ddof=1), rel=1e-6, abs=1e-6)


@given(st.lists(st.floats(allow_nan=True), max_size=10))
def test_no_number_makes_a_summary_fail(numbers: list[float]) -> None:
    """Infinities, values near the end of float64 and NaN: a field or none, never an exception."""
    found = summarise({"x": numbers}, list(AGGREGATIONS))
    assert bool(found) == any(number == number for number in numbers)


def test_what_a_summary_told_without_clearing_is_not_told_again_at_the_end(direct: DirectExperiment) -> None:
    """Of what came after it, the end tells that alone; a second end tells nothing."""
    cache = direct.metrics("m").summary_cache
    cache.set(epoch=1)
    cache.store(loss=1.0)
    assert cache.summarize(clear=False)["loss.count"] == 1
    direct.metrics._settle()
    assert len(direct.metrics("m").read()["data"]) == 1
    cache.set(epoch=2)
    cache.store(loss=1.0)
    cache.summarize(clear=False)
    cache.store(loss=3.0, other=5.0)
    assert cache.summarize(clear=False)["loss.mean"] == 2.0
    cache.store(loss=7.0)
    direct.metrics._settle()
    direct.metrics._settle()
    points = [point["data"] for point in direct.metrics("m").read()["data"]]
    assert [(point["epoch"], point["loss.mean"], point["loss.count"]) for point in points] == [
        (1, 1.0, 1),
        (2, 1.0, 1),
        (2, 2.0, 2),
        (2, 7.0, 1),
    ]
    assert "other.mean" not in points[-1]
