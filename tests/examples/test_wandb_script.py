"""examples/wandb_script.py: a script of wandb's with another import line."""

import subprocess
import sys
from pathlib import Path

from mldash import Client

SCRIPT = Path(__file__).parents[2] / "examples" / "wandb_script.py"


def test_all_that_it_logs_is_there(tmp_path: Path) -> None:
    """Each step and each epoch, its config and its best value."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    run = Client(root=tmp_path / ".dash").run("me/digits/from-wandb")
    assert run.status == "COMPLETED"
    assert run.params.get() == {"learning_rate": 0.05, "epochs": 5, "steps": 40, "seed": 7}
    assert run.metrics("train").read_columns(limit=None)["step"] == [step for step in range(205) if step % 41 != 40]
    assert run.metrics("val").read_columns()["epoch"] == [0, 1, 2, 3, 4]
    assert run.metrics("summary").read()["total"] == 5
