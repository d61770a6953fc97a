"""`import mldash.trackio as trackio`: what a script logs by trackio's verbs, and what is there in the end."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mldash.trackio as trackio
from mldash import Client
from mldash.callbacks import MldashWarning
from mldash.incoming.places import user_name

OWNER = user_name()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory of its own; what is open is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    yield tmp_path
    if trackio.current.open_run is not None:
        trackio.finish()


def points(path: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Client(".dash").run(f"{OWNER}/{path}").metrics(metric).read()["data"]]


def test_rows_config_and_group_are_there() -> None:
    """Rows count up by themselves; a step that is given counts on from there; a step twice is two points."""
    run = trackio.init("robots", name="walk", group="ppo", config={"lr": 0.5, "net": {"width": 8}})
    assert run.experiment.prefix == f"{OWNER}/robots/ppo/walk"
    trackio.log({"train/loss": 1.0, "train/acc": 0.25, "alone": 3})
    trackio.log({"train/loss": 0.5}, step=7)
    trackio.log({"train/loss": 0.25}, step=7)
    trackio.log({"train/loss": 0.125}, step=2)
    trackio.log({"train/loss": 0.0})
    trackio.finish()
    assert points("robots/ppo/walk", "train") == [
        {"loss": 1.0, "acc": 0.25, "step": 0},
        {"loss": 0.5, "step": 7},
        {"loss": 0.25, "step": 7},
        {"loss": 0.125, "step": 2},
        {"loss": 0.0, "step": 8},
    ]
    assert points("robots/ppo/walk", "history") == [{"alone": 3, "step": 0}]
    found = Client(".dash").run(f"{OWNER}/robots/ppo/walk")
    assert (found.status, found.params.get()) == ("COMPLETED", {"lr": 0.5, "net.width": 8})
    assert found.about()["metadata"]["trackio"] == {"project": "robots", "name": "walk", "group": "ppo"}


def test_a_config_that_a_script_changes_before_its_first_row_is_stored_so() -> None:
    trackio.init("p", name="config", config={"lr": 0.5})
    trackio.config["seed"] = 7
    trackio.config["lr"] = 0.25
    trackio.log({"loss": 1.0})
    assert Client(".dash").run(f"{OWNER}/p/config").params.get() == {"lr": 0.25, "seed": 7}


def test_a_run_is_resumed_by_its_name_behind_its_last_step() -> None:
    trackio.init("p", name="again", config={"lr": 0.5})
    trackio.log({"loss": 1.0}, step=4)
    trackio.finish()
    trackio.init("p", name="again", resume="must")
    trackio.log({"loss": 0.5})
    trackio.finish()
    assert [row["step"] for row in points("p/again", "history")] == [4, 5]
    with pytest.raises(ValueError, match="does not exist in project"):
        trackio.init("p", name="nobody", resume="must")
    with pytest.raises(ValueError, match="Must provide a run name"):
        trackio.init("p", resume="must")
    with pytest.raises(ValueError, match="resume must be one of"):
        trackio.init("p", resume="yes")


def test_a_call_outside_of_a_run_raises_what_trackio_raises() -> None:
    for call in (lambda: trackio.log({"a": 1}), trackio.finish, lambda: trackio.alert("a")):
        with pytest.raises(RuntimeError, match=r"Call trackio\.init\(\) before trackio"):
            call()
    assert trackio.config == {}


def test_a_second_init_ends_the_first_run() -> None:
    first = trackio.init("p", name="first")
    second = trackio.init("p", name="second")
    trackio.log({"loss": 1.0})
    assert (first.experiment.run.own_status, second.experiment.run.is_open) == ("COMPLETED", True)
    with pytest.warns(MldashWarning, match="run first is finished"):
        first.log({"loss": 1.0})
    assert points("p/second", "history") == [{"loss": 1.0, "step": 0}]


def test_alerts_are_lines_and_system_metrics_are_points_of_their_own() -> None:
    run = trackio.init("p", name="alerts")
    trackio.log({"loss": 1.0}, step=3)
    trackio.alert("diverged", "loss is 1e9", level=trackio.AlertLevel.ERROR)
    trackio.alert("odd")
    trackio.log_system({"gpu/0/memory": 0.5})
    trackio.finish()
    lines = run.experiment.logs.read()
    assert [(line["level"], line["message"]) for line in lines] == [("error", "diverged: loss is 1e9"), ("warn", "odd")]
    assert lines[0]["metadata"] == {"alert": "diverged", "step": 3}
    (name,) = [one["name"] for one in run.experiment.metrics.list() if one["name"].startswith("system/")]
    assert points("p/alerts", name) == [{"gpu/0/memory": 0.5}]


def test_what_is_not_kept_is_described_counted_and_said_once() -> None:
    run = trackio.init("p", name="unkept")
    with pytest.warns(MldashWarning) as said:
        for _ in range(3):
            trackio.log({"image": trackio.Image([[0]], caption="a digit"), "text": trackio.Markdown("# x")})
        trackio.log({"table": trackio.Table(columns=["a"], data=[[1], [2]]), "own": object()})
        trackio.log_artifact(trackio.Artifact("model", "model"))
        trackio.save("*.py")
        assert trackio.log_gpu() == {}
        trackio.show()
        trackio.finish()
    told = [str(one.message) for one in said]
    assert len([one for one in told if "not stored: Image" in one]) == 1
    assert any("mldash view" in one for one in told)
    rows = points("p/unkept", "history")
    assert rows[0]["image"] == {"_type": "Image", "caption": "a digit"}
    assert rows[3]["table"] == {"_type": "Table", "rows": 2, "columns": ["a"]}
    assert run.experiment.logs.read()[-1]["metadata"]["counts"] == {
        "Image": 3,
        "Markdown": 3,
        "Table": 1,
        "object": 1,
        "Artifact": 1,
        "save": 1,
        "log_gpu": 1,
    }


@pytest.mark.parametrize("call", ["Api", "sync", "freeze", "delete_project", "import_csv", "use_artifact"])
def test_what_only_trackio_has_names_our_way(call: str) -> None:
    with pytest.raises(NotImplementedError, match=rf"trackio\.{call}: "):
        getattr(trackio, call)("x")


def test_nothing_that_is_logged_raises() -> None:
    """Odd keys, odd steps, no mapping at all: a warning, once a cause, and the script goes on."""
    trackio.init("p", name="odd")
    with pytest.warns(MldashWarning):
        trackio.log({"": 1.0})
        trackio.log({1: 2.0})  # type: ignore[dict-item]
        trackio.log({"loss": 1.0}, step=1.5)  # type: ignore[arg-type]
        trackio.log(3)  # type: ignore[arg-type]
        trackio.log({"loss": 0.5, "step": 9})
    assert points("p/odd", "history")[-1]["loss"] == 0.5


def test_a_space_or_a_server_is_said_to_have_no_effect() -> None:
    with pytest.warns(MldashWarning, match="space_id has no effect here"):
        trackio.init("p", name="space", space_id="me/space", auto_log_gpu=True, private=True)


@pytest.mark.parametrize(("end", "code", "status"), [("", 0, "COMPLETED"), ("raise ValueError('broken')", 1, "FAILED")])
def test_how_a_script_ends_is_how_its_run_ends(tmp_path: Path, end: str, code: int, status: str) -> None:
    """One that does not finish, and whose forked child has a run of its own."""
    body = f"""
        import os
        import sys
        import mldash.trackio as wandb

        parent = wandb.init(project="p", name="end")
        wandb.log({{"loss": 1.0}})
        pid = os.fork()
        if pid == 0:
            wandb.init(project="p", name="child")
            wandb.log({{"loss": 2.0}})
            wandb.finish()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        wandb.log({{"loss": 3.0}})
        {end}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        env={**os.environ, "MLDASH_ECHO": "false"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert [row["loss"] for row in points("p/end", "history")] == [1.0, 3.0]
    assert [row["loss"] for row in points("p/child", "history")] == [2.0]
    assert Client(".dash").run(f"{OWNER}/p/end").status == status
    assert Client(".dash").run(f"{OWNER}/p/child").status == "COMPLETED"
