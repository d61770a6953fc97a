"""Scripts in the styles that people write, each whole and a process of its own: all that they log is there."""

from pathlib import Path

from mldash import Client
from tests.unit.producer.wandb.scripts import points, run_script


def test_a_loop_over_iterations_in_the_style_of_nano_gpt(tmp_path: Path) -> None:
    """The config is what stands at the script's head; an evaluation is logged by the iteration within its row; the
    first process alone logs."""
    body = """
        import os

        wandb_log, wandb_project, wandb_run_name = True, "owt", "gpt2"
        max_iters, eval_interval, learning_rate, dtype, compile = 40, 10, 6e-4, "bfloat16", False
        kinds = (int, float, bool, str)
        config = {k: v for k, v in globals().items() if not k.startswith("_") and isinstance(v, kinds)}
        master_process = int(os.environ.get("RANK", -1)) in (-1, 0)
        if wandb_log and master_process:
            wandb.init(project=wandb_project, name=wandb_run_name, config=config, entity="me")
        best_val_loss, iter_num = 1e9, 0
        while iter_num <= max_iters:
            if iter_num % eval_interval == 0 and master_process:
                losses = {"train": 1 / (iter_num + 1), "val": 2 / (iter_num + 1)}
                wandb.log({"iter": iter_num, "train/loss": losses["train"], "val/loss": losses["val"],
                           "lr": learning_rate, "mfu": -1.0 * 100})
                best_val_loss = min(best_val_loss, losses["val"])
            iter_num += 1
    """
    run_script(body, tmp_path)
    run = Client(root=tmp_path / ".dash").run("me/owt/gpt2")
    assert [row["iter"] for row in points(tmp_path, "me/owt/gpt2", "history")] == [0, 10, 20, 30, 40]
    assert points(tmp_path, "me/owt/gpt2", "val")[4] == {"loss": 2 / 41, "step": 4}
    assert points(tmp_path, "me/owt/gpt2", "train")[1] == {"loss": 1 / 11, "step": 1}
    params = run.params.get()
    assert (params["max_iters"], params["dtype"], params["compile"]) == (40, "bfloat16", False)
    assert run.status == "COMPLETED"


def test_a_sweep_that_a_script_makes_itself_is_a_run_a_setting(tmp_path: Path) -> None:
    """A function that reads its settings from the config, called once a setting, with arguments over them; one of them
    fails, and the next begins all the same."""
    body = """
        import argparse
        import itertools

        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=3)
        args = parser.parse_args([])

        def train():
            with wandb.init(entity="me", project="sweep", group="grid", job_type="train", config=defaults) as run:
                run.config.update(args)
                run.name = f"lr{run.config.lr}-b{run.config['batch']}"
                for epoch in range(run.config.epochs):
                    wandb.log({"epoch": epoch, "loss": run.config.lr / (epoch + 1)})
                    if run.config.lr > 1:
                        raise ValueError("diverged")
                wandb.summary["final"] = run.config.lr

        for lr, batch in itertools.product((0.1, 0.2, 2.0), (8, 16)):
            defaults = {"lr": lr, "batch": batch}
            try:
                train()
            except ValueError:
                pass
            assert wandb.run is None
    """
    run_script(body, tmp_path)
    client = Client(root=tmp_path / ".dash")
    runs = [client.run(one.prefix) for one in client.runs("params.lr > 0")]
    assert len(runs) == 6
    assert all(run.prefix.startswith("me/sweep/grid/") for run in runs)
    told = sorted((run.params.get()["lr"], run.params.get()["batch"], run.status) for run in runs)
    assert told == [
        *((0.1, 8, "COMPLETED"), (0.1, 16, "COMPLETED"), (0.2, 8, "COMPLETED"), (0.2, 16, "COMPLETED")),
        *((2.0, 8, "FAILED"), (2.0, 16, "FAILED")),
    ]
    for run in runs:
        params, about = run.params.get(), run.about()
        assert about is not None
        assert about["metadata"]["wandb"]["name"] == f"lr{params['lr']}-b{params['batch']}"
        rows = points(tmp_path, run.prefix, "history")
        assert [row["loss"] for row in rows] == [
            params["lr"] / (epoch + 1) for epoch in range(3 if params["lr"] < 1 else 1)
        ]


def test_a_job_that_is_preempted_and_resumed_by_an_id_that_it_keeps_is_one_run(tmp_path: Path) -> None:
    """The id lies beside the checkpoint. Steps since the checkpoint come again, and both are kept."""
    body = """
        import json
        import os
        import signal
        from pathlib import Path

        kept = Path("checkpoint.json")
        state = json.loads(kept.read_text()) if kept.exists() else {"id": wandb.util.generate_id(), "step": 0}
        wandb.init(entity="me", project="p", id=state["id"], resume="allow", config={"lr": 0.5})
        for step in range(state["step"], 12):
            if step % 4 == 0:
                kept.write_text(json.dumps({**state, "step": step}))
            wandb.log({"train/loss": 1 / (step + 1)}, step=step)
            if step == 6 and state["step"] == 0:
                os.kill(os.getpid(), signal.SIGTERM)
        wandb.finish()
    """
    run_script(body, tmp_path, ends_by=143)
    run_script(body, tmp_path)
    (found,) = Client(root=tmp_path / ".dash").runs("params.lr > 0")
    steps = [row["step"] for row in points(tmp_path, found.prefix, "train")]
    assert steps == [*range(7), *range(4, 12)]
    run = Client(root=tmp_path / ".dash").run(found.prefix)
    assert [one["status"] for one in run.sessions()] == ["PREEMPTED", "COMPLETED"]


def test_cells_of_a_notebook_that_are_run_again_are_runs_of_their_own(tmp_path: Path) -> None:
    """As a notebook has it: each cell is executed in one namespace, and an error ends its cell alone."""
    body = """
        import sys
        from types import SimpleNamespace

        sys.modules["IPython"] = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
        begins = 'run = wandb.init(entity="me", project="notebook", name=name, config={"lr": lr})'
        trains = 'for step in range(3): wandb.log({"loss": lr / (step + 1)})'
        breaks = 'wandb.log({"loss": -1.0}); 1 / 0'
        cells = {"wandb": wandb, "lr": 0.5, "name": "first"}
        for source in (begins, trains, trains, breaks, 'name, lr = "second", 0.25', begins, trains):
            try:
                exec(source, cells)
            except ZeroDivisionError:
                pass
        cells["run"].finish()
    """
    run_script(body, tmp_path)
    rows = points(tmp_path, "me/notebook/first", "history")
    assert [(row["step"], row["loss"]) for row in rows] == [
        *((at + 3 * cell, 0.5 / (at + 1)) for cell in range(2) for at in range(3)),
        (6, -1.0),
    ]
    assert [row["loss"] for row in points(tmp_path, "me/notebook/second", "history")] == [0.25, 0.125, 0.25 / 3]
    client = Client(root=tmp_path / ".dash")
    assert [client.run(f"me/notebook/{name}").status for name in ("first", "second")] == ["COMPLETED"] * 2
