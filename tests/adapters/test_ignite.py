"""mldash.adapters.ignite with PyTorch-Ignite, which needs PyTorch: `make test-adapters` brings both."""

from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment

torch = pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")
ignite = pytest.importorskip("ignite.engine", reason="it needs PyTorch: make test-adapters brings both")
idist = pytest.importorskip("ignite.distributed", reason="a part of Ignite")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_outputs_metrics_and_rates_of_two_engines_are_there() -> None:
    """The evaluator's step is the trainer's; tensors are their numbers."""
    from ignite.handlers import global_step_from_engine
    from ignite.metrics import Average

    from mldash.adapters.ignite import MldashLogger

    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    trainer = ignite.Engine(lambda engine, batch: torch.tensor(batch / 2))
    evaluator = ignite.Engine(lambda engine, batch: float(batch))
    Average().attach(evaluator, "mean")
    events = ignite.Events
    with MldashLogger("me/ignite/two", tags=["ignite"]) as logger:
        logger.params({"lr": 0.5, "act": torch.relu})
        logger.attach_output_handler(
            trainer, events.ITERATION_COMPLETED, tag="train", output_transform=lambda loss: {"loss": loss}
        )
        logger.attach_opt_params_handler(trainer, events.EPOCH_COMPLETED, optimizer=optimizer)
        logger.attach_output_handler(
            evaluator,
            events.EPOCH_COMPLETED,
            tag="val",
            metric_names="all",
            global_step_transform=global_step_from_engine(trainer),
        )
        trainer.add_event_handler(events.EPOCH_COMPLETED, lambda: evaluator.run([1, 2, 3]))
        trainer.run([1, 2, 3, 4], max_epochs=2)
    assert points("me/ignite/two", "train") == [
        {"loss": batch / 2, "step": at + 1} for at, batch in enumerate([1, 2, 3, 4] * 2)
    ]
    assert points("me/ignite/two", "val") == [{"mean": 2.0, "step": 1}, {"mean": 2.0, "step": 2}]
    assert points("me/ignite/two", "lr") == [{"group_0": 0.5, "step": 1}, {"group_0": 0.5, "step": 2}]
    run = Client(".dash").run("me/ignite/two")
    assert (run.status, run.params.get()["lr"], run.about()["tags"]) == ("COMPLETED", 0.5, ["ignite"])


def test_an_exception_in_the_block_fails_the_run_and_a_user_s_own_run_stays_the_user_s() -> None:
    from mldash.adapters.ignite import MldashLogger

    def broken(engine: Any, batch: Any) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), MldashLogger("me/ignite/failed") as logger:
        logger.params({"lr": 0.5})
        ignite.Engine(broken).run([1])
    run = Client(".dash").run("me/ignite/failed")
    assert run.status == "FAILED"
    assert "in broken" in run.sessions()[0]["error"]["traceback"]
    with Experiment("me/ignite/own").run as experiment:
        with MldashLogger(experiment) as logger:
            logger.params({"lr": 0.5})
        assert experiment.run.is_open
    assert Client(".dash").run("me/ignite/own").status == "COMPLETED"


def test_what_fails_in_a_handler_is_a_warning_and_the_engine_goes_on() -> None:
    """An output that is not what a transform expects, a step that is none, a folder that can't be written."""
    from mldash.adapters.ignite import MldashLogger
    from mldash.callbacks import MldashWarning

    engine, events = ignite.Engine(lambda engine, batch: batch), ignite.Events
    logger = MldashLogger("me/ignite/odd")
    logger.attach_output_handler(engine, events.ITERATION_COMPLETED, tag="a", output_transform=lambda one: one["loss"])
    logger.attach_output_handler(
        engine,
        events.ITERATION_COMPLETED,
        tag="b",
        output_transform=lambda one: one,
        global_step_transform=lambda *_: "none",
    )
    with pytest.warns(MldashWarning, match="could not be logged, the script goes on"):
        engine.run([1, 2], max_epochs=1)
    assert engine.state.iteration == 2
    logger.close()


def test_the_first_rank_logs_or_each_with_its_rank(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what Ignite says of itself."""
    from mldash.adapters.ignite import MldashLogger

    monkeypatch.setattr(idist, "get_rank", lambda: 1)
    for logger in (MldashLogger("me/ignite/silent"), MldashLogger("me/ignite/loud", all_ranks=True)):
        logger.write({"train/loss": 0.5}, 3)
        logger.experiment.metrics("own").log(x=1.0)
        logger.close()
    assert {one.name for one in (folder / ".dash/me/ignite").iterdir()} == {"loud"}
    assert points("me/ignite/loud", "train") == [{"loss": 0.5, "step": 3, "rank": 1}]
