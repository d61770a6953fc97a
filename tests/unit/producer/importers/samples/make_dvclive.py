"""Makes the samples of DVCLive's folders, with DVCLive itself, and a ledger of all that was logged beside them.

python -m venv one && one/bin/pip install dvclive==3.49.1 numpy pillow
one/bin/python make_dvclive.py FOLDER       # walk/dvclive, fall/dvclive and ledger.json
"""

import json
import os
import sys
from pathlib import Path

os.environ |= {"DVC_NO_ANALYTICS": "1", "DVCLIVE_LOGLEVEL": "ERROR"}

import numpy as np
from dvclive import Live

HERE = Path(sys.argv[1]).absolute()
PARAMS = {
    "lr": 0.001,
    "batch": 64,
    "whole": 1.0,
    "eps": 1e-8,
    "model": {"depth": 3, "name": "mlp", "sizes": [32, 16], "layers": [{"width": 2, "act": "relu"}, {"width": 3}]},
    "flag": True,
    "empty": [],
    "words": "a long text that says a lot: it is folded, by YAML, after some eighty characters, " * 2,
    "lines": "one\ntwo\n",
    "version": "1.10",
    "api_key": "sk-0123456789abcdef",
    "database": "postgres://alice:hunter2@db.example/runs",
    "author": "alice@example.org",
}


def fill(name: str, resume: bool, first: int, count: int, params: dict) -> list:
    logged = []
    with Live(str(HERE / name / "dvclive"), resume=resume, dvcyaml=None, report=None, save_dvc_exp=False) as live:

        def log(key: str, value: float | str, **how: bool) -> None:
            live.log_metric(key, value, **how)
            logged.append([key, value, live.step, how])

        live.log_params(params)
        for step in range(first, first + count):
            log("train/loss", 1 / (step + 1))
            log("train/acc", np.float64(step / 7).item())
            log("timed", step / 3, timestamp=True)
            log("whole", step)
            if step == first + 1:
                log("odd", float("nan"))
                log("odd", float("inf"))
                log("odd", float("-inf"))
                log("note", "naïve → ☃\tand a tab")
            live.next_step()
        live.log_image("seen.png", np.zeros((2, 2, 3), np.uint8))
        log("best", 0.25, plot=False)
    return logged


if __name__ == "__main__":
    ledger = {
        "walk": [*fill("walk", False, 0, 3, PARAMS), *fill("walk", True, 3, 2, {"resumed": True})],
        "fall": fill("fall", False, 0, 2, {"lr": 0.5}),
        "params": PARAMS,
    }
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))
