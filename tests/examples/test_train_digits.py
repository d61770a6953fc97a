"""examples/train_digits.py on its own, in local mode: no server, everything in a folder."""

import json
import subprocess
import sys
from pathlib import Path

from mldash import Experiment

SCRIPT = Path(__file__).parents[2] / "examples" / "train_digits.py"
RANKS, EPOCHS, STEPS = 2, 2, 15


def test_ranks_train_and_log_into_one_experiment(tmp_path: Path) -> None:
    """Two processes of two short epochs; then what a reader finds."""
    prefix = "demo/digits/small"
    arguments = ["--prefix", prefix, "--ranks", str(RANKS), "--epochs", str(EPOCHS), "--steps", str(STEPS)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr

    experiment = Experiment(prefix, root=str(tmp_path / ".dash"))
    about = json.loads((tmp_path / ".dash" / prefix / "experiment.json").read_text())
    assert about["status"] == "COMPLETED"
    assert experiment.params.get()["model.layers"] == [64, 128, 10]
    assert experiment.params.get(flatten=False)["ranks"]["1"] == {
        "seed": 1001,
        "finished": True,
        "steps": EPOCHS * STEPS,
    }
    points = list(experiment.metrics("train").iter())
    assert [point["index"] for point in points] == list(range(RANKS * EPOCHS * STEPS))
    for rank in range(RANKS):
        assert [point["data"]["step"] for point in points if point["data"]["rank"] == rank] == list(
            range(EPOCHS * STEPS)
        )
    assert experiment.metrics("eval").stats()["totalDataPoints"] == RANKS * EPOCHS
    losses = experiment.tracks("training/loss").read()["entries"]
    assert all(
        entry.keys() == {"timestamp", "rank0.loss", "rank0.gradient", "rank1.loss", "rank1.gradient"}
        for entry in losses
    )
    answers = experiment.tracks("digits/answer").read()["entries"]
    assert all(
        {"digit", "answer", "right", "probability", "seen_by.rank0", "seen_by.rank1"} <= entry.keys()
        for entry in answers
    )
    assert {line["level"] for line in experiment.logs.read()} >= {"debug", "info"}


def test_a_rank_that_fails_ends_the_script_with_an_error(tmp_path: Path) -> None:
    """The folder can't be written: one line each from the ranks, exit code not 0, and nobody waits at the barrier."""
    (tmp_path / ".dash").write_text("a file where the folder should be")
    arguments = ["--prefix", "demo/digits/broken", "--ranks", "2", "--epochs", "1", "--steps", "5"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode != 0
    assert "ended with exit code" in done.stderr
