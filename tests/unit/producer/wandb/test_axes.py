"""`define_metric`: what points hold beside their own fields, and under which names."""

from typing import Any

import mldash.wandb as wandb
from mldash import Experiment


def points(prefix: str, metric: str = "history") -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_a_metric_that_is_drawn_over_another_key_holds_it() -> None:
    """`define_metric("val/*", step_metric="epoch")`: the points have the epoch, also where the row had none."""
    with wandb.init(entity="me", project="p", name="axes") as run:
        epoch = wandb.define_metric("epoch")
        assert run.define_metric("val/*", step_metric=epoch).step_metric == "epoch"
        run.log({"epoch": 1, "train/loss": 2.0})
        run.log({"val/loss": 1.0})
        run.log({"epoch": 2, "val/loss": 0.5})
    assert points("me/p/axes", "val") == [{"loss": 1.0, "epoch": 1, "step": 1}, {"loss": 0.5, "epoch": 2, "step": 2}]
    assert points("me/p/axes", "train") == [{"loss": 2.0, "step": 0}]
    assert Experiment("me/p/axes").metrics("val").stats()["metadata"] == {"x": "epoch"}


def test_a_metric_that_is_drawn_over_a_key_of_its_own_has_one_field_for_it() -> None:
    """wandb's own example: `train/step` is the field `step` of each point, and the row's number `_step`."""
    with wandb.init(entity="me", project="p", name="own-axis") as run:
        run.define_metric("train/*", step_metric="train/step")
        run.define_metric("_other/*", step_metric="_step")
        run.log({"train/loss": 2.0, "train/step": 100})
        run.log({"train/loss": 1.0})
    assert points("me/p/own-axis", "train") == [
        {"loss": 2.0, "step": 100, "_step": 0},
        {"loss": 1.0, "step": 100, "_step": 1},
    ]
    assert Experiment("me/p/own-axis").metrics("train").stats()["metadata"] == {"x": "step"}


def test_an_axis_takes_no_field_of_a_row_and_a_field_keeps_its_meaning() -> None:
    """A `val/epoch` beside the key `epoch`; rows with and without a step of their own."""
    with wandb.init(entity="me", project="p", name="clash") as run:
        run.define_metric("val/*", step_metric="epoch")
        run.log({"val/epoch": 3, "epoch": 7, "val/loss": 1.0})
        run.log({"val/loss": 0.5})
        run.log({"step": 100, "a": 1})
        run.log({"a": 2})
    assert points("me/p/clash", "val") == [
        {"epoch": 3, "loss": 1.0, "history/epoch": 7, "step": 0},
        {"loss": 0.5, "history/epoch": 7, "step": 1},
    ]
    assert points("me/p/clash")[1:] == [{"step": 100, "a": 1, "_step": 2}, {"a": 2, "_step": 3}]
