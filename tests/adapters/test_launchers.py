"""Scripts as torchrun starts them, four processes, with PyTorch itself: `make test-adapters` brings it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mldash import Client

pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")

HEAD = """
    import os
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    loss = torch.tensor(float(rank))
"""


def run_four(body: str, folder: Path) -> None:
    """By torchrun, which must end well."""
    (folder / "script.py").write_text(textwrap.dedent(HEAD) + textwrap.dedent(body))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4", "script.py"]
    done = subprocess.run(
        torchrun,
        cwd=folder,
        env={**os.environ, "MLDASH_ECHO": "false", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def points(folder: Path, prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Client(root=folder / ".dash").run(prefix).metrics(metric).read()["data"]]


def test_a_wandb_script_of_four_ranks_logs_from_each_and_once_what_all_have_agreed_on(tmp_path: Path) -> None:
    """One id for the job: each rank logs its loss, the first one the mean."""
    body = """
        import mldash.wandb as wandb

        run = wandb.init(entity="me", project="ddp", id="job", config={"world": world})
        for step in range(20):
            mean = loss.clone()
            dist.all_reduce(mean)
            run.log({f"rank{rank}/loss": loss + step}, step=step)
            if rank == 0:
                run.log({"mean/loss": mean / world}, step=step)
        run.finish()
        dist.destroy_process_group()
    """
    run_four(body, tmp_path)
    for rank in range(4):
        rows = points(tmp_path, "me/ddp/job", f"rank{rank}")
        assert rows == [{"loss": float(rank + step), "step": step} for step in range(20)]
    assert points(tmp_path, "me/ddp/job", "mean") == [{"loss": 1.5, "step": step} for step in range(20)]
    run = Client(root=tmp_path / ".dash").run("me/ddp/job")
    assert (run.status, sorted(one["rank"] for one in run.sessions())) == ("COMPLETED", [0, 1, 2, 3])


def test_a_diffusers_script_logs_through_accelerate_from_the_first_rank(tmp_path: Path) -> None:
    """In the style of diffusers' examples: accelerator.log in each process, images by the tracker, gathered losses."""
    pytest.importorskip("accelerate", reason="make test-adapters brings it")
    body = """
        from accelerate import Accelerator
        from mldash.adapters.accelerate import MldashTracker

        accelerator = Accelerator(cpu=True, log_with=MldashTracker("me/diffusion/unet"))
        if accelerator.is_main_process:
            assert [one.name for one in accelerator.trackers] == []
        accelerator.init_trackers("text2image", config={"lr": 1e-4, "betas": (0.9, 0.99)})
        for step in range(5):
            avg_loss = accelerator.gather(loss.repeat(2)).mean()
            accelerator.log({"train_loss": avg_loss.item(), "lr": 1e-4}, step=step)
        for tracker in accelerator.trackers:
            tracker.log_images({"validation": [object()]}, step=5)
        accelerator.wait_for_everyone()
        accelerator.end_training()
    """
    run_four(body, tmp_path)
    assert points(tmp_path, "me/diffusion/unet", "train") == [
        {"train_loss": 1.5, "lr": 1e-4, "step": step} for step in range(5)
    ]
    run = Client(root=tmp_path / ".dash").run("me/diffusion/unet")
    assert (run.status, run.params.get()) == ("COMPLETED", {"lr": 1e-4, "betas": [0.9, 0.99]})
    assert len(run.sessions()) == 1


def test_a_lightning_module_on_two_processes_logs_from_the_first_or_from_each(tmp_path: Path) -> None:
    """Lightning's own launcher starts the second process; each has a session where all ranks log."""
    pytest.importorskip("lightning.pytorch", reason="make test-adapters brings it")
    script = """
        import sys
        import lightning.pytorch as pl
        import torch
        from mldash.adapters.lightning import MldashLogger


        class Line(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)

            def training_step(self, batch, at):
                loss = ((self.layer(batch[0]) - batch[1]) ** 2).mean()
                self.log("loss", loss)
                self.logger.experiment.metrics("own").log(step=at)
                return loss

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.25)


        if __name__ == "__main__":
            x = torch.linspace(-1, 1, 32).reshape(-1, 1)
            loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, -2 * x), batch_size=4)
            for all_ranks in (False, True):
                logger = MldashLogger(f"me/ddp/{'all' if all_ranks else 'first'}", all_ranks=all_ranks)
                quiet = {"enable_checkpointing": False, "enable_progress_bar": False, "log_every_n_steps": 1}
                where = {"accelerator": "cpu", "devices": 2, "strategy": sys.argv[1]}
                pl.Trainer(max_epochs=1, logger=logger, **where, **quiet).fit(Line(), loader)
                logger.close()
    """
    for strategy in ("ddp", "ddp_spawn"):
        folder = tmp_path / strategy
        folder.mkdir()
        (folder / "script.py").write_text(textwrap.dedent(script))
        done = subprocess.run(
            [sys.executable, "script.py", strategy],
            cwd=folder,
            env={**os.environ, "MLDASH_ECHO": "false", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        first, each = points(folder, "me/ddp/first", "train"), points(folder, "me/ddp/all", "train")
        assert [row["step"] for row in first] == [0, 1, 2, 3]
        assert sorted((row["rank"], row["step"]) for row in each) == [(rank, at) for rank in (0, 1) for at in range(4)]
        assert len(points(folder, "me/ddp/first", "own")) == 4
        assert Client(root=folder / ".dash").run("me/ddp/first").status == "COMPLETED"
        assert Client(root=folder / ".dash").run("me/ddp/all").status == "COMPLETED"
