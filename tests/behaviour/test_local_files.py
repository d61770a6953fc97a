"""docs/sdk.md, the files of local mode."""

import json
import time
from pathlib import Path

from mldash import Experiment


def test_the_files_are_there_and_hold_everything_after_a_flush(tmp_path: Path) -> None:
    with Experiment("owner/project/run", root=str(tmp_path), description="d", echo=False).run as experiment:
        folder = tmp_path / "owner" / "project" / "run"
        experiment.flush()
        assert (folder / "metrics").is_dir()
        assert (folder / "logs").is_dir()
        assert json.loads((folder / "experiment.json").read_text())["status"] == "RUNNING"
        experiment.params.set(a={"b": 1})
        experiment.metrics("train").log(loss=0.5)
        experiment.tracks("robot/position").append(q=1, _ts=1.0)
        experiment.log("hello")
        experiment.flush()
        line = json.loads((folder / "metrics/train/data.jsonl").read_text())
        assert (line["index"], line["data"]) == (0, {"loss": 0.5})
        assert json.loads((folder / "tracks/robot/position/data.jsonl").read_text()) == {"timestamp": 1.0, "q": 1}
        assert json.loads((folder / "logs/logs.jsonl").read_text())["message"] == "hello"
        assert json.loads((folder / "parameters.json").read_text())["data"] == {"a.b": 1}
    experiment_file = json.loads((folder / "experiment.json").read_text())
    assert (experiment_file["status"], experiment_file["description"]) == ("COMPLETED", "d")
    assert (experiment_file["owner"], experiment_file["project"], experiment_file["name"]) == (
        "owner",
        "project",
        "run",
    )
    assert json.loads((folder / "metrics/train/metadata.json").read_text())["nextIndex"] == 1


def test_what_is_logged_is_in_the_files_without_a_flush(tmp_path: Path) -> None:
    with Experiment("owner/project/run", root=str(tmp_path), echo=False).run as experiment:
        experiment.metrics("m").log(x=1)
        file = tmp_path / "owner/project/run/metrics/m/data.jsonl"
        deadline = time.monotonic() + 5
        while not (file.exists() and file.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert json.loads(file.read_text())["data"] == {"x": 1}
