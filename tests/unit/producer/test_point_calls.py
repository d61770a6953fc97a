"""log() made for its fields does what Metric.log does, whatever it is called with."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mldash import Experiment
from mldash.handles.metric import CALLS_OF_ONE_KIND, Metric
from mldash.handles.point_calls import row_types

NAMES = [
    "loss",
    "step",
    "time",
    "type",
    "float",
    "self",
    "log",
    "handle",
    "for",
    "a-b",
    "π",
    "mldash_row",
    "__x",
    "ok?",
]
VALUES = some.one_of(
    some.floats(),
    some.integers(-(2**63), 2**63 - 1),
    some.booleans(),
    some.none(),
    some.text(max_size=3),
    some.lists(some.integers(0, 3), max_size=2),
)
FIELDS = some.dictionaries(some.sampled_from(NAMES), VALUES, max_size=4)


def opened(folder: Path) -> Experiment:
    return Experiment("a/b/c", mode="offline", journal=folder, echo=False)


def points_of(experiment: Experiment, name: str = "m") -> list[dict[str, Any]]:
    return [point["data"] for point in experiment.metrics(name).read(0, 10_000)["data"]]


def has_own_function(metric: Metric) -> bool:
    return "log" in vars(metric)


@given(usual=FIELDS, calls=some.lists(some.one_of(some.none(), FIELDS), max_size=40))
def test_any_calls_are_the_same_points_with_and_without_it(
    tmp_path_factory: pytest.TempPathFactory, usual: dict[str, Any], calls: list[dict[str, Any] | None]
) -> None:
    """None stands for the usual fields, which get the function of their own."""
    with opened(tmp_path_factory.mktemp("journal")).run as experiment:
        metric, plainly = experiment.metrics("m"), experiment.metrics("plainly")
        for fields in [usual] * CALLS_OF_ONE_KIND + [usual if call is None else call for call in calls]:
            assert metric.log(**fields) is metric
            Metric.log(plainly, **fields)
            plainly.__dict__.pop("log", None)
        assert has_own_function(metric) or row_types(usual) is None
    assert [repr(sorted(point.items())) for point in points_of(experiment)] == [
        repr(sorted(point.items())) for point in points_of(experiment, "plainly")
    ]


def test_a_value_that_cannot_be_stored_raises_and_writes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path).run as experiment:
        metric = experiment.metrics("m")
        for step in range(20):
            metric.log(step=step, loss=0.5)
        assert has_own_function(metric)
        with pytest.raises(ValueError, match="64 bits"):
            metric.log(step=2**63, loss=0.5)
        with pytest.raises(ValueError, match="object"):
            metric.log(step=1, loss=object())
        with pytest.raises(ValueError, match="1024"):
            metric.log(step=1, **{"x" * 2000: 1.0})
    assert len(points_of(experiment)) == 20


def test_times_are_kept_for_the_next_call_of_the_thread(tmp_path: Path) -> None:
    with opened(tmp_path).run as experiment:
        metric = experiment.metrics("m")
        for _ in range(20):
            metric.log(loss=0.5)
        metric.log(loss=1.0, _ts=12.5)
        metric.log(loss=2.0, _ts=-1)
        with pytest.raises(ValueError, match="_ts"):
            metric.log(loss=2.0, _ts=math.nan)
        metric.log(loss=3.0)
        metric.log(loss=4.0, _ts=-1)
    points = experiment.metrics("m").read(20, 100)["data"]
    assert [point["data"] for point in points[:2]] == [{"loss": 1.0, "_ts": 12.5}, {"loss": 2.0, "_ts": 12.5}]
    assert points[2]["data"] == {"loss": 3.0}
    assert points[3]["data"]["_ts"] > 1e9


def test_it_raises_outside_a_run_and_goes_on_in_the_next(tmp_path: Path) -> None:
    """Also where somebody has kept the function itself."""
    experiment = opened(tmp_path)
    experiment.run.start()
    metric = experiment.metrics("m")
    for _ in range(20):
        metric.log(loss=0.5)
    kept = metric.log
    experiment.run.complete()
    for log in (metric.log, kept):
        with pytest.raises(RuntimeError, match="not started"):
            log(loss=1.0)
    experiment.run.start()
    kept(loss=2.0)
    metric.log(loss=3.0)
    experiment.run.complete()
    assert points_of(experiment)[20:] == [{"loss": 2.0}, {"loss": 3.0}]


def test_a_forked_child_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    experiment = opened(tmp_path)
    experiment.run.start()
    metric = experiment.metrics("m")
    for _ in range(20):
        metric.log(loss=0.5)
    child = os.fork()
    if not child:
        try:
            for _ in range(30):
                metric.log(loss=1.0)
            experiment.run.complete()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    for _ in range(10):
        metric.log(loss=0.25)
    experiment.run.complete()
    losses = [point["loss"] for point in points_of(experiment)]
    assert sorted(losses) == [0.25] * 10 + [0.5] * 20 + [1.0] * 30


@pytest.mark.parametrize("name", ["for", "a-b", "π", "mldash_row", "__x", "x=1):\n    import os", ""])
def test_a_name_that_is_no_plain_identifier_gets_no_function(name: str) -> None:
    assert row_types({name: 1.0}) is None
    assert row_types({"loss": 1.0}) == "d"
