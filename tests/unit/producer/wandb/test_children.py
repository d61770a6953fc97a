"""Rows that are open where a process forks, and where a child of multiprocessing ends: each is stored once."""

from pathlib import Path

import pytest

from mldash import Client
from tests.unit.producer.wandb.scripts import points, run_script


def test_a_row_that_is_open_at_a_fork_is_the_parent_s_alone(tmp_path: Path) -> None:
    """One child logs the next step, the other leaves; both hold a copy of what the parent has not written yet."""
    body = """
        import os, sys
        import numpy as np
        from mldash.tensorboard import SummaryWriter

        def child(logs):
            pid = os.fork()
            if pid == 0:
                if logs:
                    wandb.log({"loss": 0.25}, step=7)
                    writer.add_scalar("a/x", 2.0, 7)
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0

        wandb.init(entity="me", project="p", name="fork")
        writer = SummaryWriter(prefix="me/p/board")
        writer.add_image("image", None)
        wandb.log({"image": wandb.Image(None)}, step=4)
        wandb.log({"loss": 0.5}, step=5)
        writer.add_scalar("a/x", 1.0, 5)
        child(logs=True)
        child(logs=False)
    """
    run_script(body, tmp_path)
    rows = points(tmp_path, "me/p/fork", "history")
    assert sorted((row["step"], row.get("loss")) for row in rows) == [(4, None), (5, 0.5), (7, 0.25)]
    assert sorted((row["step"], row["x"]) for row in points(tmp_path, "me/p/board", "a")) == [(5, 1.0), (7, 2.0)]
    run = Client(root=tmp_path / ".dash").run("me/p/fork")
    assert [line["metadata"]["counts"] for line in run.logs.read()] == [{"Image": 1}]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_last_row_of_a_child_of_multiprocessing_is_written(tmp_path: Path, method: str) -> None:
    """Of a run that the child begins; forked, also of the parent's, in which it has logged nothing else."""
    body = f"""
        import multiprocessing
        from mldash.tensorboard import SummaryWriter

        def work(run):
            if run is not None:
                run.log({{"loss": 9.0}}, step=9)
            new = wandb.init(entity="me", project="p", name="child", reinit="create_new")
            writer = SummaryWriter(prefix="me/p/board")
            for step in range(3):
                new.log({{"loss": 1.0}}, step=step)
                writer.add_scalar("a/x", 1.0, step)

        if __name__ == "__main__":
            run = wandb.init(entity="me", project="p", name="parent") if {method == "fork"} else None
            child = multiprocessing.get_context("{method}").Process(target=work, args=(run,))
            child.start()
            child.join()
            assert child.exitcode == 0
    """
    run_script(body, tmp_path)
    assert [row["step"] for row in points(tmp_path, "me/p/child", "history")] == [0, 1, 2]
    assert [row["step"] for row in points(tmp_path, "me/p/board", "a")] == [0, 1, 2]
    if method == "fork":
        assert points(tmp_path, "me/p/parent", "history") == [{"loss": 9.0, "step": 9}]


@pytest.mark.parametrize("finishes", [True, False])
def test_a_forked_child_that_calls_init_has_a_run_of_its_own(tmp_path: Path, finishes: bool) -> None:
    """As with wandb: what the child logs after it is in the child's run, whose end is not the parent's."""
    body = f"""
        import multiprocessing

        def work(name):
            assert wandb.run.id == "parent"
            run = wandb.init(entity="me", project="p", id=name, reinit="finish_previous")
            assert wandb.run is run and wandb.init() is run
            wandb.log({{"loss": 0.25}})
            wandb.log({{"loss": 0.5}}, step=7)
            if {finishes}:
                wandb.finish()
                assert wandb.run is None

        parent = wandb.init(entity="me", project="p", id="parent")
        wandb.log({{"loss": 1.0}})
        children = [multiprocessing.get_context("fork").Process(target=work, args=(name,)) for name in ("a", "b")]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
        assert wandb.run is parent and parent.experiment.run.is_open
        wandb.log({{"loss": 2.0}})
    """
    run_script(body, tmp_path)
    assert [row["loss"] for row in points(tmp_path, "me/p/parent", "history")] == [1.0, 2.0]
    client = Client(root=tmp_path / ".dash")
    for name in ("a", "b"):
        assert points(tmp_path, f"me/p/{name}", "history") == [{"loss": 0.25, "step": 0}, {"loss": 0.5, "step": 7}]
        assert client.run(f"me/p/{name}").status == "COMPLETED"
    assert client.run("me/p/parent").status == "COMPLETED"


def test_a_forked_child_may_begin_its_parent_s_run_anew(tmp_path: Path) -> None:
    """By the id of both: they are two sessions of one experiment, and each logs its rows."""
    body = """
        import os, sys

        run = wandb.init(entity="me", project="p", id="both")
        run.log({"loss": 1.0})
        pid = os.fork()
        if pid == 0:
            with wandb.init(entity="me", project="p", id="both") as own:
                assert own is not run
                own.log({"loss": 2.0})
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        run.log({"loss": 3.0})
    """
    run_script(body, tmp_path)
    assert sorted(row["loss"] for row in points(tmp_path, "me/p/both", "history")) == [1.0, 2.0, 3.0]
    assert Client(root=tmp_path / ".dash").run("me/p/both").status == "COMPLETED"
