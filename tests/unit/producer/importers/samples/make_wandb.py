"""Makes the samples of wandb's offline folders, with wandb itself, and a ledger of all that was logged beside them.

    python -m venv one && one/bin/pip install wandb==0.31.0
    one/bin/python make_wandb.py FOLDER       # a folder wandb/ with three runs, and ledger.json

Of an older version: wandb==0.12.21 "setuptools<70" "protobuf<4". No account and no network is needed.
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
    "model": {"depth": 3, "name": "mlp", "sizes": [32, 16]},
    "optim.eps": 1e-8,
    "none": None,
    "api_key": "sk-0123456789abcdef",
    "database": "postgres://alice:hunter2@db.example/runs",
    "max_tokens": 512,
    "author": "alice@example.org",
}


def rows(first: int, count: int) -> list[dict]:
    return [
        {"train/loss": 1 / (step + 1), "train/acc": step / 7, "epoch": step // 3, "lr": 1.0 if step < 2 else 0.1}
        for step in range(first, first + count)
    ]


def odd_rows() -> list[dict]:
    return [
        {"loss": float("nan"), "reward": float("inf"), "least": float("-inf")},
        {"text": "naïve → ☃", "flag": True, "count": 3},
        {"nested": {"a": {"b": 1.5}}, "dotted.key": 2.5},
    ]


def whole_run(part: int) -> dict:
    import wandb

    run = wandb.init(
        project="robots",
        entity="alice",
        id="walk07",
        name="walk",
        group="sweep-3",
        job_type="train",
        tags=["a", "b"],
        notes="the first walk",
        config=CONFIG if part == 0 else {"lr": 0.002},
        resume="allow",
        dir=str(HERE),
    )
    wandb.define_metric("env_steps")
    wandb.define_metric("eval/*", step_metric="env_steps")
    told = [*rows(0, 4), *odd_rows(), {"eval/return": 1.5, "env_steps": 100}] if part == 0 else rows(2, 3)
    for row in told:
        wandb.log(row)
    print(f"a line of part {part}")
    print("of stderr", file=sys.stderr)
    print("10 %\r50 %\r100 %")
    if part == 0:
        wandb.log({"weights": wandb.Histogram(np_histogram=([1, 2, 1], [0, 1, 2, 3]))})
        wandb.log({"seen": wandb.Table(columns=["a"], data=[[1]])})
        wandb.alert("slow", "the loader waits")
    run.summary["best"] = 0.25
    wandb.finish()
    return {"rows": told, "config": CONFIG if part == 0 else {"lr": 0.002}}


def killed_run() -> None:
    import wandb

    wandb.init(project="robots", id="killed", name="fall", dir=str(HERE))
    for row in rows(0, 150):
        wandb.log(row)
    time.sleep(25)
    os.kill(os.getpid(), signal.SIGKILL)


def failed_run() -> None:
    import wandb

    wandb.init(project="robots", id="failed", name="stumble", dir=str(HERE))
    wandb.log(rows(0, 1)[0])
    raise RuntimeError("it stumbled")


if __name__ == "__main__":
    os.environ |= {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DISABLE_GIT": "true",
        "WANDB_DISABLE_CODE": "true",
    }
    if len(sys.argv) > 2:
        task = sys.argv[2]
        if task in ("0", "1"):
            ledger = whole_run(int(task))
            (HERE / f"ledger-{task}.json").write_text(json.dumps(ledger, indent=1))
        elif task == "killed":
            killed_run()
        else:
            failed_run()
    else:
        HERE.mkdir(parents=True, exist_ok=True)
        for task in ("0", "1", "failed", "killed"):
            subprocess.run([sys.executable, __file__, str(HERE), task], check=False)
            time.sleep(1.5)
