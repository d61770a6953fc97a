"""Whole scripts with `import mldash.wandb as wandb`, each a process of its own, and what is there in the end."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mldash import Client
from tests.unit.producer.wandb.scripts import points, run_script


@pytest.mark.parametrize(
    ("end", "code", "status"),
    [
        ("", 0, "COMPLETED"),
        ("raise ValueError('broken')", 1, "FAILED"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM, "PREEMPTED"),
    ],
)
def test_a_script_that_does_not_finish_its_run_loses_no_row(tmp_path: Path, end: str, code: int, status: str) -> None:
    """The row that is open is written; how the run ended is the script's end."""
    body = f"""
        run = wandb.init(entity="me", project="p", name="end")
        wandb.log({{"loss": 1.0}}, step=3)
        {end}
    """
    run_script(body, tmp_path, ends_by=code)
    assert points(tmp_path, "me/p/end", "history") == [{"loss": 1.0, "step": 3}]
    assert Client(root=tmp_path / ".dash").run("me/p/end").status == status


def test_rows_of_a_killed_script_are_there_up_to_the_open_one(tmp_path: Path) -> None:
    body = """
        import os, signal
        wandb.init(entity="me", project="p", name="killed")
        for step in range(3):
            wandb.log({"loss": 1.0}, step=step)
        wandb.summary["best"] = 0.5
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run_script(body, tmp_path, ends_by=-signal.SIGKILL)
    assert [point["step"] for point in points(tmp_path, "me/p/killed", "history")] == [0, 1]
    assert points(tmp_path, "me/p/killed", "summary") == [{"best": 0.5}]


@pytest.mark.parametrize("imported", ["before", "after"])
def test_what_a_summary_writer_logs_goes_to_the_run(tmp_path: Path, imported: str) -> None:
    """A script in the style of CleanRL's: it never calls wandb.log. The class is patched, whenever it was imported."""
    writer = "from tensorboardX import SummaryWriter"
    body = f"""
        {writer if imported == "before" else ""}
        wandb.init(entity="me", project="p", name="board", sync_tensorboard=True, monitor_gym=True, save_code=True)
        {writer if imported == "after" else ""}
        writer = SummaryWriter("runs/x")
        writer.add_text("hyperparameters", "|a|b|")
        for step in (128, 256):
            writer.add_scalar("charts/learning_rate", 0.5, step)
            writer.add_scalar("charts/SPS", step, step)
            writer.add_scalar("charts/SPS", step + 1, global_step=step)
            writer.add_scalars("losses", {{"value": 1.0, "policy": 2.0}}, step)
        writer.add_hparams({{"lr": 0.5}}, {{"hparam/accuracy": 0.75}})
        writer.add_scalar("alone", 1.0)
        writer.close()
    """
    run_script(body, tmp_path)
    assert points(tmp_path, "me/p/board", "charts") == [
        {"learning_rate": 0.5, "SPS": 128, "step": 128},
        {"SPS": 129, "step": 128},
        {"learning_rate": 0.5, "SPS": 256, "step": 256},
        {"SPS": 257, "step": 256},
    ]
    assert points(tmp_path, "me/p/board", "losses")[1] == {"value": 1.0, "policy": 2.0, "step": 256}
    assert points(tmp_path, "me/p/board", "hparam") == [{"accuracy": 0.75}]
    assert points(tmp_path, "me/p/board", "history") == [{"alone": 1.0}]
    run = Client(root=tmp_path / ".dash").run("me/p/board")
    assert run.params.get() == {"lr": 0.5}
    assert run.logs.read()[0]["metadata"] == {"tag": "hyperparameters"}
    assert [*(tmp_path / "runs").rglob("*tfevents*")]


def test_pytorch_s_writer_is_watched_before_the_script_imports_it(tmp_path: Path) -> None:
    """By a class that stands where PyTorch's does, which CI has not."""
    (tmp_path / "torch/utils").mkdir(parents=True)
    writer = "class SummaryWriter:\n    def add_scalar(self, tag, scalar_value, global_step=None): ...\n"
    others = ("add_scalars", "add_text", "add_hparams")
    writer += "".join(f"    def {name}(self): ...\n" for name in others)
    (tmp_path / "torch/__init__.py").write_text("class Tensor: ...")  # tensorboardX asks for it
    (tmp_path / "torch/utils/tensorboard.py").write_text(writer)
    body = """
        wandb.init(entity="me", project="p", name="torch", sync_tensorboard=True)
        from torch.utils.tensorboard import SummaryWriter
        SummaryWriter().add_scalar("a/x", 1.0, 3)
    """
    run_script(body, tmp_path)
    assert points(tmp_path, "me/p/torch", "a") == [{"x": 1.0, "step": 3}]


def test_ranks_that_share_an_id_log_into_one_experiment(tmp_path: Path) -> None:
    """Four at once, as a launcher starts them: each point of each is there."""
    body = """
        import os
        rank = int(os.environ["RANK"])
        with wandb.init(entity="me", project="p", id="job", group="ddp") as run:
            for step in range(50):
                run.log({"loss": float(step), "rank": rank}, step=step)
    """
    (tmp_path / "script.py").write_text("import mldash.wandb as wandb\n" + textwrap.dedent(body))
    ranks = [
        subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env={**os.environ, "RANK": str(rank)})
        for rank in range(4)
    ]
    assert [rank.wait(240) for rank in ranks] == [0, 0, 0, 0]
    found = points(tmp_path, "me/p/ddp/job", "history")
    expected = [(rank, step, float(step)) for rank in range(4) for step in range(50)]
    assert sorted((one["rank"], one["step"], one["loss"]) for one in found) == expected


def test_the_front_loads_no_array_library_and_mldash_alone_does_not_load_the_front(tmp_path: Path) -> None:
    body = """
        import sys
        wandb.init(entity="me", project="p", name="light").finish()
        heavy = {"numpy", "torch", "jax", "yaml", "tensorboardX", "pyarrow", "wandb"}
        assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
    """
    run_script(body, tmp_path)
    alone = "import sys, mldash; mldash.Experiment; assert not [one for one in sys.modules if 'wandb' in one]"
    subprocess.run([sys.executable, "-c", alone], check=True)
