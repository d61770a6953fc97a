"""Makes the samples of mlflow's stores, with mlflow itself, and a ledger of all that was logged beside them.

python -m venv one && one/bin/pip install mlflow-skinny sqlalchemy alembic
one/bin/python make_mlflow.py FOLDER       # mlflow.db, mlruns/ and ledger.json
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "quiet"}

import mlflow

HERE = Path(sys.argv[1]).absolute()
HERE.mkdir(parents=True, exist_ok=True)
PARAMS = {"lr": 0.001, "depth": 3, "optim": {"name": "adam"}, "flag": True, "db_password": "hunter2"}


def fill(uri: str) -> dict:
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("robots")
    points = []

    def log(key: str, value: float, step: int) -> None:
        points.append([key, repr(value), step])
        mlflow.log_metric(key, value, step=step)

    with mlflow.start_run(run_name="walk", description="the first walk", tags={"team": "legs"}) as whole:
        mlflow.log_params(PARAMS)
        for step in range(4):
            log("val/loss", 1 / (step + 1), step)
            log("acc", step / 7, step)
        log("acc", 0.5, 1)
        log("odd", float("nan"), 0)
        log("odd", float("inf"), 1)
        log("odd", float("-inf"), 2)
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            mlflow.log_metric("x", 1.5)
    killed = mlflow.MlflowClient().create_run(whole.info.experiment_id, run_name="killed")
    mlflow.MlflowClient().set_terminated(killed.info.run_id, "KILLED")
    running = mlflow.MlflowClient().create_run(whole.info.experiment_id, run_name="running")
    mlflow.MlflowClient().log_metric(running.info.run_id, "loss", 2.0, step=0)
    deleted = mlflow.MlflowClient().create_run(whole.info.experiment_id, run_name="deleted")
    mlflow.MlflowClient().delete_run(deleted.info.run_id)
    return {
        "points": points,
        "params": {key: str(value) for key, value in PARAMS.items()},
        "whole": whole.info.run_id,
        "inner": inner.info.run_id,
        "killed": killed.info.run_id,
        "running": running.info.run_id,
        "deleted": deleted.info.run_id,
    }


if __name__ == "__main__":
    os.chdir(HERE)
    ledger = {"version": mlflow.__version__, "made": time.time()}
    ledger["db"] = fill(f"sqlite:///{HERE}/mlflow.db")
    ledger["files"] = fill(f"file://{HERE}/mlruns")
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))
