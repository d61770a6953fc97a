"""A run that is resumed: where it goes on, and what is said where it can not do so as asked."""

import math
from typing import Any

import pytest

import mldash.wandb as wandb
from mldash import Experiment


def rows(prefix: str) -> list[dict[str, Any]]:
    """Of the metric history, without the times."""
    return [point["data"] for point in Experiment(prefix).metrics("history").read()["data"]]


def test_the_next_row_follows_the_last_row_and_not_a_step_of_the_script_s() -> None:
    with wandb.init(entity="me", project="p", id="own", resume="allow") as run:
        run.log({"step": 50_000, "loss": 1.0})
        run.log({"step": math.inf, "loss": 1.0})
    with wandb.init(entity="me", project="p", id="own", resume="must") as run:
        assert run.step == 2


def test_a_step_that_is_no_number_does_not_end_a_script() -> None:
    with Experiment("me/p/inf").run as experiment:
        experiment.metrics("history").log(step=math.inf)
    with wandb.init(entity="me", project="p", id="inf", resume="must") as run:
        assert run.step == 0


def test_a_run_is_resumed_by_the_id_within_resume_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Points are only appended, so a fork and a step to go back to are said not to be there."""
    with wandb.init(entity="me", project="p", id="job") as run:
        run.log({"loss": 1.0})
    with wandb.init(entity="me", project="p", resume_from="job?_step=0") as run:
        assert (run.id, run.step, run.resumed) == ("job", 1, True)
        run.log({"loss": 0.5})
    assert [row["step"] for row in rows("me/p/job")] == [0, 1]
    with wandb.init(entity="me", project="p", fork_from="job?_step=0") as run:
        assert run.id != "job"
    errors = capsys.readouterr().err
    assert "resume_from: the run goes on behind the last step" in errors
    assert "fork_from: the run begins anew" in errors
    with pytest.raises(wandb.UsageError, match="there is no run"):
        wandb.init(entity="me", project="p", resume_from="nobody?_step=0")


def test_resume_without_an_id_is_said_to_resume_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    wandb.init(project="p", resume=True).finish()
    assert "without an id goes on in no earlier run" in capsys.readouterr().err


def test_a_key_of_the_summary_with_a_slash_is_a_field_of_the_summary() -> None:
    with wandb.init(entity="me", project="p", name="slash") as run:
        run.summary["test/acc"] = 0.5
        run.summary.update({"_ts": 3})
    told = [point["data"] for point in Experiment("me/p/slash").metrics("summary").read()["data"]]
    assert told == [{"test/acc": 0.5}, {"ts": 3}]
