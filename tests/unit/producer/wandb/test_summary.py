"""`define_metric(…, summary="max")`: what the summary has of a key in place of its last value."""

import math
from pathlib import Path

import mldash.wandb as wandb
from mldash import Experiment
from tests.unit.producer.wandb.scripts import points, run_script


def test_what_is_asked_of_a_key_is_read_back_and_written_at_the_end() -> None:
    """A point of the metric summary; NaN and what is no number count for nothing."""
    with wandb.init(entity="me", project="p", name="asked") as run:
        wandb.define_metric("val/*", step_metric="epoch", summary="min,max,mean")
        run.define_metric("acc", summary="best", goal="maximize")
        run.define_metric("hidden", summary="none")
        for loss, accuracy in ((3.0, 0.5), (1.0, 0.75), (math.nan, 0.25), (2.0, 0.5)):
            run.log({"val/loss": loss, "acc": accuracy, "hidden": 1, "lr": 0.1})
        run.log({"acc": 2**2000, "val/never": math.nan})
        assert run.summary["val/loss"] == {"min": 1.0, "max": 3.0, "mean": 2.0}
        assert (run.summary["acc"], run.summary["lr"], run.summary["hidden"]) == ({"best": 0.75}, 0.1, 1)
    (told,) = [point["data"] for point in Experiment("me/p/asked").metrics("summary").read()["data"]]
    assert told == {"val/loss.min": 1.0, "val/loss.max": 3.0, "val/loss.mean": 2.0, "acc.best": 0.75}


def test_a_forked_child_does_not_tell_what_its_parent_has_gathered(tmp_path: Path) -> None:
    body = """
        import os, sys
        run = wandb.init(entity="me", project="p", name="fork")
        run.define_metric("loss", summary="max")
        run.log({"loss": 1.0})
        if (child := os.fork()) == 0:
            sys.exit(0)
        os.waitpid(child, 0)
    """
    run_script(body, tmp_path)
    assert points(tmp_path, "me/p/fork", "summary") == [{"loss.max": 1.0}]
