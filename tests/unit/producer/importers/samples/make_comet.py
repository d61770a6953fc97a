"""Makes the samples of Comet's offline archives, with comet_ml itself, and a ledger of all that was logged beside them.

python -m venv one && one/bin/pip install comet_ml==3.58.8
one/bin/python make_comet.py FOLDER        # two archives of one run, one of another, and ledger.json
"""

import json
import sys
from pathlib import Path

import comet_ml

HERE = Path(sys.argv[1]).absolute()
PARAMS = {
    "lr": 0.001,
    "depth": 3,
    "optim": {"name": "adam", "betas": [0.9, 0.99]},
    "flag": True,
    "none": None,
    "db_password": "hunter2",
}
QUIET = {"offline_directory": str(HERE), "log_code": False, "log_git_metadata": False, "log_git_patch": False}
QUIET |= {"log_env_details": False, "display_summary_level": 0}


def main() -> None:
    points = []
    run = comet_ml.OfflineExperiment(
        project_name="robots", workspace="alice", auto_output_logging="simple", parse_args=False, **QUIET
    )

    def log(to: comet_ml.OfflineExperiment, name: str, value: float, step: int, epoch: int) -> None:
        points.append([name, repr(value), step, epoch])
        to.log_metric(name, value, step=step, epoch=epoch)

    run.set_name("walk")
    run.add_tag("legs")
    run.log_parameters(PARAMS)
    for step in range(5):
        log(run, "train/loss", 1 / (step + 1), step, 0)
        log(run, "acc", step / 7, step, 0)
    for step, value in enumerate((float("nan"), float("inf"), float("-inf"), 3)):
        log(run, "odd", value, step, 1)
    run.log_metric("sys.cpu.percent.avg", 1.5)
    run.log_other("note", "hello")
    run.log_text("a text")
    print("to stdout")
    print("to stderr", file=sys.stderr)
    run.end()
    again = comet_ml.ExistingOfflineExperiment(previous_experiment=run.id, auto_output_logging=False, **QUIET)
    log(again, "train/loss", 0.125, 5, 1)
    again.end()
    other = comet_ml.OfflineExperiment(project_name="robots", workspace="alice", auto_output_logging=False, **QUIET)
    other.log_metric("loss", 2.0, step=0)
    other.end()
    ledger = {"version": comet_ml.__version__, "walk": run.id, "other": other.id, "points": points}
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))


if __name__ == "__main__":
    main()
