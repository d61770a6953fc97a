"""docs/sdk.md, Experiment: names, modes, lifecycle, flush."""

from typing import Any

import pytest

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment


def test_parts_of_the_prefix_read_back(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment("/someone/vision/sweep/run 1/")
    assert experiment.prefix == "someone/vision/sweep/run 1"
    assert (experiment.owner, experiment.project, experiment.name) == ("someone", "vision", "run 1")
    assert experiment.id == make_experiment("someone/vision/sweep/run 1").id
    assert make_experiment("someone/vision").name == "vision"


@pytest.mark.parametrize("prefix", ["", "/", "one", "a//b", "a/./b", "a/../b", "a/b\0c", "a/" + "x" * 201])
def test_a_prefix_that_is_none_is_refused(mode_keywords: dict[str, Any], prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Experiment(prefix, **mode_keywords)


def test_without_a_prefix_the_environment_gives_it_or_it_is_an_error(
    mode_keywords: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="MLDASH_PREFIX"):
        Experiment(**mode_keywords)
    monkeypatch.setenv("MLDASH_PREFIX", "from/environment")
    assert Experiment(**mode_keywords).prefix == "from/environment"


def test_an_unknown_keyword_is_a_type_error(mode_keywords: dict[str, Any], prefix: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        Experiment(prefix, colour="red", **mode_keywords)


def test_a_run_is_a_context_of_the_run_or_of_the_experiment(make_experiment: MakeExperiment) -> None:
    first = make_experiment()
    with first.run as experiment:
        assert experiment is first
        assert experiment.run.status == "RUNNING"
        experiment.metrics("m").log(x=1)
    assert first.run.status == "COMPLETED"
    with make_experiment() as experiment:
        experiment.metrics("m").log(x=2)
    assert experiment.metrics("m").read()["total"] == 2


def test_a_run_is_started_and_ended_by_calls(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    assert experiment.run.status == "CREATED"
    assert experiment.run.start() is experiment
    assert experiment.run.start() is experiment
    experiment.run.complete()
    experiment.run.complete()
    assert experiment.run.status == "COMPLETED"


@pytest.mark.parametrize(("end", "status"), [("complete", "COMPLETED"), ("fail", "FAILED"), ("cancel", "CANCELLED")])
def test_each_end_has_its_status(make_experiment: MakeExperiment, end: str, status: str) -> None:
    experiment = make_experiment().run.start()
    getattr(experiment.run, end)()
    assert experiment.run.status == status


def test_the_run_decorates_a_function(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()

    @experiment.run
    def train(steps: int) -> int:
        for step in range(steps):
            experiment.metrics("m").log(step=step)
        return steps

    assert train(3) == 3
    assert experiment.run.status == "COMPLETED"
    assert experiment.metrics("m").read()["total"] == 3


def test_an_exception_fails_the_run_and_goes_on(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    with pytest.raises(ZeroDivisionError), experiment.run:
        1 / 0  # noqa: B018
    assert experiment.run.status == "FAILED"
    other = make_experiment("other/run")
    with pytest.raises(KeyboardInterrupt), other.run:
        raise KeyboardInterrupt
    assert other.run.status == "CANCELLED"


def test_data_calls_outside_a_run_raise_and_say_how_to_start(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    calls = [
        lambda: experiment.params.set(a=1),
        lambda: experiment.metrics("m").log(x=1),
        lambda: experiment.metrics.log(x=1),
        lambda: experiment.tracks("t").append(x=1),
        lambda: experiment.log("hello"),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="not started"):
            call()
    with experiment.run:
        for call in calls:
            call()
    for call in calls:
        with pytest.raises(RuntimeError, match="not started"):
            call()


def test_reads_are_allowed_on_a_finished_experiment(make_experiment: MakeExperiment, prefix: str) -> None:
    with make_experiment().run as experiment:
        experiment.metrics("m").log(x=1)
        experiment.params.set(a=1)
        experiment.log("line")
        experiment.tracks("t").append(q=1, _ts=1.0)
    again = make_experiment(prefix)
    assert again.metrics("m").read()["total"] == 1
    assert again.params.get() == {"a": 1}
    assert len(again.logs.read()) == 1
    assert again.tracks("t").read()["count"] == 1
    assert (again._reader().experiment() or {})["status"] == "COMPLETED"


def test_a_second_run_goes_on_where_the_first_stopped(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    metric = experiment.metrics("m")
    with experiment.run:
        metric.log(x=0)
        experiment.log("first")
    with experiment.run:
        metric.log(x=1)
        experiment.log("second")
    with make_experiment().run as another:
        another.metrics("m").log(x=2)
    points = experiment.metrics("m").read()["data"]
    assert [(point["index"], point["data"]["x"]) for point in points] == [(0, 0), (1, 1), (2, 2)]
    assert [line["sequenceNumber"] for line in experiment.logs.read()] == [0, 1]


def test_flush_is_a_barrier(experiment: Experiment) -> None:
    for step in range(1000):
        experiment.metrics("m").log(step=step)
    experiment.flush()
    experiment.flush(timeout=10)
    assert experiment.metrics("m").read(limit=2000, wait=0)["total"] in range(1001)


def test_what_is_buffered_at_the_end_is_summarised(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    with experiment.run:
        experiment.metrics("m").buffer(loss=1.0).buffer(loss=3.0)
        experiment.metrics("m").summary_cache.store(acc=0.5)
    points = [point["data"] for point in experiment.metrics("m").read()["data"]]
    assert points[0] == {"loss.mean": 2.0}
    assert points[1]["acc.mean"] == 0.5


def test_an_object_that_started_nothing_tells_the_status_that_readers_see(make_experiment: MakeExperiment) -> None:
    looking = make_experiment()
    assert looking.run.status == "CREATED"
    writing = make_experiment().run.start()
    writing.metrics("m").log(x=1)
    assert looking.run.status == "RUNNING"
    writing.run.fail("no luck")
    assert looking.run.status == "FAILED"
    assert "CREATED" in repr(looking)
    with writing.run:
        pass
    assert looking.run.status == "COMPLETED"
