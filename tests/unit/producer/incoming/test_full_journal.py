"""A journal that takes no more: what a training logs is lost and said, and neither a call nor its end raises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SIZES = "SIZES = [200] * 6000 + [1] * 60  # the small ones leave no room for the end either\n"
WANDB = """
import mldash.wandb as wandb
run = wandb.init(entity="me", project="p", name="full")
for size in SIZES:
    run.log({"text": "x" * size})
"""
WRITER = """
from mldash.tensorboard import SummaryWriter
writer = SummaryWriter(prefix="me/p/full")
for step, size in enumerate(SIZES):
    writer.add_scalar("a/text", "x" * size, step)
"""
ATTACHED = """
from mldash.adapters.attached import Attached
attached = Attached("me/p/full", {}, rest="train")
for step, size in enumerate(SIZES):
    attached.write({"text": "x" * size}, step=step)
"""


@pytest.mark.parametrize(
    "script",
    [
        WANDB + "run.finish()",
        WANDB + "run.finish(exit_code=1)",
        WANDB + "with run: pass",
        WRITER + "writer.close()",
        WRITER + "with writer: pass",
        ATTACHED + "attached.close()",
    ],
)
def test_the_end_of_a_run_raises_nothing(tmp_path: Path, script: str) -> None:
    environment = {"MODE": "offline", "JOURNAL": str(tmp_path), "JOURNAL_BYTES": str(1 << 20), "ECHO": "false"}
    done = subprocess.run(
        [sys.executable, "-c", SIZES + script],
        cwd=tmp_path,
        env=os.environ | {f"MLDASH_{name}": value for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the end of the run could not be logged, the script goes on") == 1
