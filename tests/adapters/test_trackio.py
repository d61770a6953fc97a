"""mldash.trackio beside trackio itself, which brings Gradio: `make test-adapters` brings it."""

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mldash import Client
from mldash.incoming.places import user_name

pytest.importorskip("trackio", reason="it brings Gradio: make test-adapters brings it")

SCRIPT = """
    run = trackio.init(project="p", name="walk", config={"lr": 0.5, "betas": [0.9, 0.99]}, embed=False,
                       auto_log_gpu=False, auto_log_cpu=False)
    for step in range(3):
        trackio.log({"train/loss": 1 / (step + 1), "acc": step})
    trackio.log({"train/loss": 0.25}, step=10)
    trackio.log({"train/loss": 0.5}, step=2)
    trackio.log({"train/loss": 0.125})
    trackio.alert("odd", "text", level=trackio.AlertLevel.ERROR)
    trackio.finish()
    raised = []
    for call in (lambda: trackio.log({"a": 1}), trackio.finish, lambda: trackio.init("p", name="x", resume="must"),
                 lambda: trackio.init("p", resume="must"), lambda: trackio.init("p", resume="yes")):
        try:
            call()
        except Exception as error:
            raised.append([str(error), [one.__name__ for one in (RuntimeError, ValueError) if isinstance(error, one)]])
    print(json.dumps(raised))
    trackio.init(project="p", name="walk", resume="must", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    trackio.log({"train/loss": 0.0})
    trackio.finish()
"""


def run_script(imported: str, folder: Path) -> list[Any]:
    """What it caught."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json\n{imported}\n{textwrap.dedent(SCRIPT)}"],
        cwd=folder,
        env={**os.environ, "MLDASH_ECHO": "false", "TRACKIO_DIR": str(folder / "theirs"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: list[Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[[")))
    return told


def test_the_front_has_the_steps_values_and_errors_of_trackio_itself(tmp_path: Path) -> None:
    """The same script with both; trackio's rows are read from its database."""
    theirs = run_script("import trackio", tmp_path)
    ours = run_script("import mldash.trackio as trackio", tmp_path)
    assert [message for message, _ in ours] == [message for message, _ in theirs]
    assert all(set(kinds) <= set(told) for (_, kinds), (_, told) in zip(theirs, ours, strict=True))
    (database,) = (tmp_path / "theirs").rglob("p.db")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT step, metrics FROM metrics ORDER BY id").fetchall()
    expected = [(step, json.loads(told)["train/loss"]) for step, told in rows]
    run = Client(root=tmp_path / ".dash").run(f"{user_name()}/p/walk")
    found = [(one["data"]["step"], one["data"]["loss"]) for one in run.metrics("train").read()["data"]]
    assert found == expected
    assert [step for step, _ in found] == [0, 1, 2, 10, 2, 11, 12]
    assert run.params.get() == {"lr": 0.5, "betas": [0.9, 0.99]}
    assert [line["level"] for line in run.logs.read()] == ["error"]
