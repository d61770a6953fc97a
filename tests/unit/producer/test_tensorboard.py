"""`from mldash.tensorboard import SummaryWriter`: what scripts call of PyTorch's and tensorboardX's, in plain files."""

import getpass
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorboardX

from mldash import Client, Experiment
from mldash.tensorboard import SummaryWriter


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_scalars_of_one_metric_and_step_are_one_point() -> None:
    """Each metric counts its own steps; a tag that comes twice for a step is another point."""
    with SummaryWriter("runs/walk", prefix="me/p/scalars") as writer:
        for step in (0, 1):
            writer.add_scalar("train/loss", np.float32(0.5), step)
            writer.add_scalar("train/lr", 0.25, global_step=np.int64(step), walltime=1.0)
        writer.add_scalar("val/loss", 2.0, 0)
        writer.add_scalar("train/loss", 0.125, 1)
        writer.add_scalar("train/loss", 9.0, 0)
        writer.add_scalars("group", {"a": 1, "b": 2}, 5)
        writer.add_scalar("alone", 3.0, 7)
        writer.add_scalar("alone", 4.0)
    assert points("me/p/scalars", "train") == [
        {"loss": 0.5, "lr": 0.25, "step": 0},
        {"loss": 0.5, "lr": 0.25, "step": 1},
        {"loss": 9.0, "step": 0},
        {"loss": 0.125, "step": 1},
    ]
    assert points("me/p/scalars", "val") == [{"loss": 2.0, "step": 0}]
    assert points("me/p/scalars", "group") == [{"a": 1, "b": 2, "step": 5}]
    assert points("me/p/scalars", "scalars") == [{"alone": 4.0}, {"alone": 3.0, "step": 7}]


def test_an_array_that_is_changed_after_the_call_is_kept_as_it_was() -> None:
    loss = np.array([1.0, 2.0])
    with SummaryWriter(prefix="me/p/copied") as writer:
        writer.add_scalar("train/loss", loss, 0)
        loss[:] = 9.0
    assert points("me/p/copied", "train") == [{"loss": [1.0, 2.0], "step": 0}]


def test_a_value_or_a_step_that_is_none_does_not_end_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """A value that can't be read is described; a step that is no number leaves its point out, and that is said."""
    with SummaryWriter(prefix="me/p/odd") as writer:
        writer.add_scalar("a/x", object(), 0)
        writer.add_scalar("a/x", 1.0, "no step")
        writer.add_text("note", "text", "no step")
        writer.add_scalar("a/x", 2.0, 1)
    assert points("me/p/odd", "a") == [{"x": {"_type": "object"}, "step": 0}, {"x": 2.0, "step": 1}]
    assert "the step of 'a/x' could not be logged, the script goes on" in capsys.readouterr().err


def test_text_is_a_line_and_hyperparameters_are_parameters() -> None:
    with SummaryWriter(prefix="me/p/text") as writer:
        writer.add_text("note", "**bold**", 3)
        writer.add_hparams({"lr": 0.5, "optimizer": "adam", "fast": True}, {"hparam/accuracy": 0.75})
    run = Client(".dash").run("me/p/text")
    assert run.params.get() == {"lr": 0.5, "optimizer": "adam", "fast": True}
    (line,) = run.logs.read()
    assert (line["message"], line["metadata"]) == ("**bold**", {"tag": "note", "step": 3})
    assert points("me/p/text", "hparam") == [{"accuracy": 0.75}]


def test_every_other_call_of_theirs_is_taken_counted_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """By the names that tensorboardX has today."""
    writer = SummaryWriter(prefix="me/p/rest")
    kept = ("add_scalar", "add_scalars", "add_text", "add_hparams")
    others = [name for name in dir(tensorboardX.SummaryWriter) if name.startswith("add_") and name not in kept]
    for name in [*others, "add_image"]:
        getattr(writer, name)("tag", np.zeros((3, 2, 2)), global_step=1)
    writer.close()
    line = Client(".dash").run("me/p/rest").logs.read()[-1]
    assert line["metadata"]["counts"] == {name.removeprefix("add_"): 1 + (name == "add_image") for name in others}
    assert capsys.readouterr().err.count("not stored: image.") == 1


def test_arguments_by_place_and_name_are_those_of_tensorboardx() -> None:
    for name in ("add_scalar", "add_scalars", "add_text"):
        theirs = [*inspect.signature(getattr(tensorboardX.SummaryWriter, name)).parameters][:5]
        ours = [*inspect.signature(getattr(SummaryWriter, name)).parameters]
        assert ours[: len(theirs)] == theirs


def test_the_prefix_follows_from_the_log_dir_or_the_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    user = getpass.getuser()
    for log_dir, prefix in {
        "runs/walk/07": f"{user}/runs/walk/07",
        f"{folder}/alice/exp/runs/walk": f"{user}/exp/runs/walk",
        "here": f"{user}/here",
        ".": f"{user}/runs",
    }.items():
        with SummaryWriter(log_dir) as writer:
            assert (writer.experiment.prefix, writer.get_logdir()) == (prefix, log_dir)
        assert Path(log_dir).is_dir()
    with SummaryWriter(comment="-lr1") as writer:
        assert writer.experiment.prefix.startswith(f"{user}/runs/")
        assert writer.experiment.name.endswith("-lr1")
    monkeypatch.setenv("MLDASH_PREFIX", "me/p/told")
    with SummaryWriter("runs/x") as writer:
        assert writer.experiment.prefix == "me/p/told"


def test_two_writers_of_one_variable_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLDASH_PREFIX", "me/p/both")
    SummaryWriter("runs/train").close()
    SummaryWriter("runs/train").close()
    assert "one series" not in capsys.readouterr().err
    SummaryWriter("runs/val").close()
    assert "writers of runs/train and runs/val are both me/p/both" in capsys.readouterr().err


def test_a_writer_that_is_closed_goes_on_with_its_next_call() -> None:
    """As theirs do."""
    writer = SummaryWriter(prefix="me/p/again")
    writer.add_scalar("a/x", 1, 0)
    writer.close()
    writer.close()
    writer.add_scalar("a/x", 2, 1)
    writer.flush()
    assert [point["x"] for point in points("me/p/again", "a")] == [1, 2]
    writer.close()


def test_a_flush_writes_to_the_journal_and_waits_for_no_server(folder: Path) -> None:
    """As a file would be written; where nobody answers, a training does not stand still at each flush."""
    script = """
import os
from mldash.tensorboard import SummaryWriter
writer = SummaryWriter(prefix="me/p/flushed")
writer.add_scalar("a/x", 1.0, 0)
journal = writer.experiment._session.journal
before = journal.end()
writer.flush()
assert journal.end() > before
os._exit(0)
"""
    told = {"REMOTE": "http://127.0.0.1:1", "TRANSPORT": "http", "JOURNAL": f"{folder}/journal"}
    env = os.environ | {f"MLDASH_{name}": value for name, value in told.items()} | {"MLDASH_CLOSE_TIMEOUT_S": "0.5"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "could not be logged" not in done.stderr


def test_an_experiment_that_is_given_is_not_ended() -> None:
    with Experiment("me/p/given").run as experiment:
        with SummaryWriter(experiment=experiment) as writer:
            writer.add_scalar("a/x", 1, 0)
        assert experiment.run.is_open
        assert experiment.metrics("a").read()["total"] == 1


def test_a_script_that_fails_has_its_open_points_and_is_failed(folder: Path) -> None:
    script = """
from mldash.tensorboard import SummaryWriter
SummaryWriter(prefix="me/p/failed").add_scalar("a/x", 1.0, 3)
raise ValueError("broken")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert points("me/p/failed", "a") == [{"x": 1.0, "step": 3}]
    assert Client(".dash").run("me/p/failed").status == "FAILED"


def test_write_to_disk_false_records_nothing(folder: Path) -> None:
    with SummaryWriter("runs/x", write_to_disk=False) as writer:
        writer.add_scalar("a/x", 1.0, 3)
    assert not [*folder.iterdir()]
