"""`mldash import`: what it says, what it leaves alone, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mldash import Experiment
from mldash.command_line import group
from mldash.importers.finding import NothingToImport

from .imported import INTO, import_all, take_all


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_source_of_all_kinds_is_left_as_it_is(samples: Path, tmp_path: Path) -> None:
    """Also where nothing may be written to it."""
    before = state(samples)
    for path in samples.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = import_all(samples, root=tmp_path / "root")
    assert state(samples) == before
    trackers = ("tensorboard", "wandb", "mlflow", "trackio", "dvclive", "swanlab", "comet", "clearml")
    assert all(tracker in done.output for tracker in trackers)
    for path in samples.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_dry_run_says_what_would_come_and_writes_nothing(samples: Path, tmp_path: Path) -> None:
    source, root = samples / "wandb" / "0.31", tmp_path / "root"
    dry = json.loads(import_all(source, root=root, options=("--dry-run", "--json")).stdout)
    assert not root.exists()
    real = json.loads(import_all(source, root=root, options=("--json",)).stdout)
    assert dry.pop("dryRun") is True and real.pop("dryRun") is False and dry == real
    again = json.loads(import_all(source, root=root, options=("--dry-run", "--json")).stdout)
    assert all(not any(run["new"].values()) and any(run["found"].values()) for run in again["runs"])


def test_what_is_no_tracker_s_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0")
    with pytest.raises(NothingToImport, match="nothing to import"):
        take_all(tmp_path / "notes.txt", tmp_path / "root")
    code = f"from mldash.command_line import main; main(['import', {str(tmp_path / 'notes.txt')!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "nothing to import" in done.stderr


def test_a_file_that_may_not_be_read_is_told_and_the_others_are_taken(samples: Path, tmp_path: Path) -> None:
    """A link that leads nowhere is no file; a database that is none can't be read."""
    (samples / "tensorboard" / "gone").symlink_to(samples / "nowhere")
    (samples / "tensorboard" / "broken.db").write_bytes(b"SQLite format 3\0" + bytes(100))
    done = import_all(samples / "tensorboard", root=tmp_path / "root", code=1)
    assert "broken.db: file is not a database" in done.output
    assert "runs/walk" in done.output


def test_a_target_that_is_none_is_a_wrong_call(samples: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["import", str(samples), "--into", "alice", "--root", str(tmp_path / "root")])
    assert done.exit_code == 2 and "--into" in done.output


def test_without_a_target_runs_are_the_users_own_in_the_project_they_had(samples: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    done = CliRunner().invoke(group, ["import", str(samples / "wandb" / "0.31"), "--root", str(root)])
    assert done.exit_code == 0
    (file,) = root.glob("*/robots/walk-walk07/experiment.json")
    assert file.is_file()


def test_names_with_braces_and_odd_characters_are_names(samples: Path, tmp_path: Path) -> None:
    """Never a scheduler's job, and never a path."""
    runs = tmp_path / "odd"
    (samples / "tensorboard" / "runs" / "walk").rename(samples / "tensorboard" / "runs" / "{job} .. é")
    runs.symlink_to(samples / "tensorboard" / "runs")
    import_all(runs, root=tmp_path / "root")
    assert Experiment(f"{INTO}/{{{{job}}}} .. é", root=tmp_path / "root").metrics("train").read()["total"] == 12


def test_no_tracker_is_needed(samples: Path, tmp_path: Path) -> None:
    """Nor NumPy, nor any server's client, for a local target."""
    code = f"""
import sys
from click.testing import CliRunner
from mldash.command_line import group
done = CliRunner().invoke(group, ["import", {str(samples)!r}, "--root", {str(tmp_path / "root")!r}])
assert done.exit_code == 0, done.output
heavy = {{"wandb", "tensorboard", "tensorboardX", "mlflow", "trackio", "dvclive", "swanlab", "comet_ml", "clearml"}}
heavy |= {{"torch", "motor"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
