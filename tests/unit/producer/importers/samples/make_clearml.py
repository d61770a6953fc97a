"""Makes the samples of ClearML's offline sessions, with clearml itself, and a ledger of all that was logged.

python -m venv one && one/bin/pip install clearml==2.1.12
one/bin/python make_clearml.py FOLDER      # a session's archive, the folder of another, and ledger.json
"""

import json
import os
import shutil
import sys
from pathlib import Path

HERE = Path(sys.argv[1]).absolute()
os.environ |= {"CLEARML_CACHE_DIR": str(HERE / "cache"), "HOME": str(HERE / "home")}
(HERE / "home").mkdir(parents=True)

import clearml  # noqa: E402 - it reads these variables when it is imported

PARAMS = {
    "lr": 0.001,
    "depth": 3,
    "optim": {"name": "adam", "betas": [0.9, 0.99]},
    "flag": True,
    "none": None,
    "number_like": "007",
    "db_password": "hunter2",
}
QUIET = {"auto_connect_frameworks": False, "auto_connect_arg_parser": False, "auto_resource_monitoring": False}


def main() -> None:
    clearml.Task.set_offline(True)
    points = []
    task = clearml.Task.init(project_name="alice/robots", task_name="walk", tags=["legs"], **QUIET)
    task.set_comment("the first walk")
    task.connect(PARAMS)
    logger = task.get_logger()

    def log(title: str, series: str, value: float, step: int) -> None:
        points.append([title, series, value, step])
        logger.report_scalar(title, series, value, step)

    for step in range(5):
        log("train", "loss", 1 / (step + 1), step)
        log("train", "acc", step / 7, step)
    log("odd", "back", 0.5, 1)
    log("odd", "back", 0.25, 0)
    logger.report_single_value("best", 0.5)
    logger.report_histogram("h", "h", [1, 2, 3], iteration=0)
    print("to stdout\nand on")
    task.close()
    other = clearml.Task.init(project_name="alice/robots", task_name="other", reuse_last_task_id=False, **QUIET)
    other.get_logger().report_scalar("loss", "loss", 2.0, 0)
    other.close()
    offline = HERE / "cache" / "offline"
    shutil.move(offline / f"{task.id}.zip", HERE)
    shutil.move(offline / other.id, HERE)
    for folder in ("cache", "home"):
        shutil.rmtree(HERE / folder)
    ledger = {"version": clearml.__version__, "walk": task.id, "other": other.id, "points": points}
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))


if __name__ == "__main__":
    main()
