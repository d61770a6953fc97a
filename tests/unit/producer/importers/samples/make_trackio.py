"""Makes the samples of trackio's files, with trackio itself, and a ledger of all that was logged beside them.

    python -m venv one && one/bin/pip install trackio==0.43.0
    one/bin/python make_trackio.py FOLDER       # robots.db and robots.db-wal (packed), inbox/ and ledger.json

A reader that is open, as trackio's dashboard is, keeps what was written last in robots.db-wal. No account and no
network is needed.
"""

import gzip
import json
import os
import shutil
import sqlite3
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
    "least": float("-inf"),
    "none": None,
    "api_key": "sk-0123456789abcdef",
    "database": "postgres://alice:hunter2@db.example/runs",
    "max_tokens": 512,
    "author": "alice@example.org",
}


def rows(first: int, count: int) -> list[tuple[dict, int | None]]:
    return [
        ({"train/loss": 1 / (step + 1), "train/acc": step / 7, "epoch": step // 3, "lr": 1 if step < 2 else 0.1}, None)
        for step in range(first, first + count)
    ]


ODD = [
    ({"loss": float("nan"), "reward": float("inf"), "least": float("-inf")}, None),
    ({"text": "naïve → ☃", "flag": True, "count": 3, "nothing": None}, None),
    ({"nested": {"a": {"b": 1.5, "worst": float("nan")}}, "dotted.key": 2.5}, None),
    ({"eval/return": 1.5}, 100),
    ({"eval/return": 2.5}, 50),
    ({"eval/return": 3.5, "eval/step": 7}, 50),
]


def walk(trackio) -> dict:
    run = trackio.init(project="robots", name="walk", group="sweep-3", config=CONFIG)
    told = [*rows(0, 4), *ODD]
    for row, step in told[:4]:
        trackio.log(row, step=step)
    time.sleep(2)  # another batch
    for row, step in told[4:]:
        trackio.log(row, step=step)
    trackio.log({"weights": trackio.Histogram(np_histogram=([1, 2, 1], [0, 1, 2, 3]))})
    trackio.log({"report": trackio.Markdown("# seen")})
    trackio.log({"talk": trackio.Trace(messages=[{"role": "user", "content": "walk"}])})
    trackio.log_system({"gpu/0/utilization": 50.0, "cpu": 12.5})
    trackio.log_system({"gpu/0/utilization": float("nan"), "cpu": 13})
    trackio.alert("slow", "the loader waits", level=trackio.AlertLevel.WARN)
    trackio.alert("done")
    trackio.finish()
    return {"id": run.id, "rows": told, "config": CONFIG}


def again(trackio) -> dict:
    """Two runs of one name."""
    run = trackio.init(project="robots", name="walk", config={"lr": 0.002})
    told = rows(0, 2)
    for row, step in told:
        trackio.log(row, step=step)
    trackio.finish()
    return {"id": run.id, "rows": told, "config": {"lr": 0.002}}


def resumed(trackio) -> dict:
    """The run that `again` has begun, the second time in fragments."""
    run = trackio.init(project="robots", name="walk", config={"lr": 0.003}, resume="must")
    told = rows(2, 2)
    for row, step in told:
        trackio.log(row, step=step)
    trackio.alert("resumed", level=trackio.AlertLevel.INFO)
    trackio.finish()
    return {"id": run.id, "rows": told, "config": {"lr": 0.003}}


def far(trackio) -> dict:
    """In fragments alone."""
    run = trackio.init(project="robots", name="far", config={"host": "far"})
    told = [*rows(0, 3), *ODD[:2]]
    for row, step in told[:2]:
        trackio.log(row, step=step)
    time.sleep(2)
    for row, step in told[2:]:
        trackio.log(row, step=step)
    trackio.log_system({"cpu": 1.5})
    trackio.finish()
    return {"id": run.id, "rows": told, "config": {"host": "far"}}


TASKS = {"walk": walk, "again": again, "resumed": resumed, "far": far}

if __name__ == "__main__":
    if len(sys.argv) > 2:
        import trackio

        (HERE / f"ledger-{sys.argv[2]}.json").write_text(json.dumps(TASKS[sys.argv[2]](trackio)))
        sys.exit()
    HERE.mkdir(parents=True, exist_ok=True)
    work = HERE / "work"
    ledger, reader = {}, None
    for task in TASKS:
        mode = "jsonl" if task in ("resumed", "far") else "sqlite"
        variables = {"TRACKIO_DIR": str(work), "TRACKIO_STORAGE_MODE": mode, "HF_HUB_OFFLINE": "1"}
        subprocess.run([sys.executable, __file__, str(HERE), task], check=True, env={**os.environ, **variables})
        told = HERE / f"ledger-{task}.json"
        ledger[task] = json.loads(told.read_text())
        told.unlink()
        if reader is None:
            reader = sqlite3.connect(f"file:{work}/robots.db?mode=ro", uri=True)
            reader.execute("begin")
            reader.execute("select count(*) from metrics").fetchone()
    for name in ("robots.db", "robots.db-wal"):
        (HERE / f"{name}.gz").write_bytes(gzip.compress((work / name).read_bytes(), mtime=0))
    shutil.copytree(work / "inbox", HERE / "inbox")
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))
    shutil.rmtree(work)
