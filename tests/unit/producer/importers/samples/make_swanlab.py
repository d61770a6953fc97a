"""Makes the samples of SwanLab's offline folders, with SwanLab itself, and a ledger of all that was logged beside them.

python -m venv one && one/bin/pip install swanlab==0.10.3 numpy
one/bin/python make_swanlab.py FOLDER       # swanlog/ with three runs, and ledger.json
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[1]).absolute()
CONFIG = {
    "lr": 0.001,
    "batch": 64,
    "whole": 1.0,
    "eps": 1e-8,
    "model": {"depth": 3, "name": "mlp", "sizes": [32, 16]},
    "none": None,
    "flag": True,
    "words": "a long text that says a lot: it is folded, by YAML, after some eighty characters, " * 2,
    "api_key": "sk-0123456789abcdef",
    "database": "postgres://alice:hunter2@db.example/runs",
    "author": "alice@example.org",
}
ROWS = [
    *(
        ({"train/loss": 1 / (step + 1), "train/acc": step / 7, "epoch": step // 3, "lr": 0.1}, None)
        for step in range(4)
    ),
    ({"loss": float("nan"), "reward": float("inf"), "least": float("-inf")}, None),
    ({"nested": {"a": {"b": 1.5}}, "dotted.key": 2.5}, None),
    ({"eval/return": 1.5}, 100),
    ({"eval/return": 2.5}, 50),
    ({"eval/return": 3.5}, 50),
    ({"eval/step": 7, "count": 3}, 101),
]


def walk(swanlab) -> dict:
    run = swanlab.init(
        project="robots",
        name="walk",
        id="walk0000000000000007",
        group="sweep-3",
        job_type="train",
        tags=["a", "b"],
        description="the first walk",
        config=CONFIG,
        mode="offline",
        log_dir=str(HERE / "swanlog"),
    )
    for row, step in ROWS:
        swanlab.log(row, step=step)
    print("a line of the walk")
    print("10 %\r50 %\r100 %")
    print("of stderr", file=sys.stderr)
    swanlab.log({"said": swanlab.Text("a text")})
    swanlab.finish()
    return {"id": run.id, "rows": ROWS, "config": CONFIG}


def failed(swanlab) -> None:
    swanlab.init(project="robots", name="stumble", mode="offline", log_dir=str(HERE / "swanlog"))
    swanlab.log({"loss": 1.0})
    raise RuntimeError("it stumbled")


def killed(swanlab) -> None:
    swanlab.init(project="robots", name="fall", mode="offline", log_dir=str(HERE / "swanlog"))
    for step in range(400):
        swanlab.log({"train/loss": 1 / (step + 1), "train/acc": step / 7})
    time.sleep(5)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        import swanlab

        told = {"walk": walk, "failed": failed, "killed": killed}[sys.argv[2]](swanlab)
        (HERE / "ledger.json").write_text(json.dumps(told, indent=1))
    else:
        HERE.mkdir(parents=True, exist_ok=True)
        for task in ("walk", "failed", "killed"):
            subprocess.run([sys.executable, __file__, str(HERE), task], check=False)
            time.sleep(1.5)
