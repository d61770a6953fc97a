"""`mldash ls` over local folders: the same grammar, order and columns as over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mldash import Experiment
from mldash.command_line import group


def ls(root: Path, *arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(group, ["ls", "--root", str(root), "--json", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for at, lr in enumerate([0.1, 1, 0.01]):
        experiment = Experiment(f"alice/robots/{at}", root=str(tmp_path), echo=False, tags=["sweep", f"n{at}"])
        with experiment.run:
            experiment.params.set(optimizer={"lr": lr}, model="vit" if at else "cnn")
            experiment.metrics("eval/test").log(acc=0.5 + at / 10)
            experiment.metrics("eval/test").log(acc=0.4)
            experiment.metrics.log(x=at)
    with pytest.raises(RuntimeError), Experiment("bob/other/run", root=str(tmp_path), echo=False).run:
        raise RuntimeError("no")
    return tmp_path


def test_runs_in_folders_are_found_by_the_same_filters(root: Path) -> None:
    def found(*arguments: str) -> list[str]:
        return [row["prefix"] for row in ls(root, *arguments)]

    robots = [f"alice/robots/{at}" for at in range(3)]
    assert sorted(found()) == [*robots, "bob/other/run"]
    assert found('params.optimizer.lr >= 0.1 and tags has "sweep"', "--sort", "params.optimizer.lr") == robots[:2]
    assert found("metrics.eval/test.acc.max > 0.55", "--sort", "-metrics.null.x.last") == [robots[2], robots[1]]
    assert found('status = "FAILED" and started > now - 1h and duration < 1h and not archived') == ["bob/other/run"]
    assert found("params.optimizer.lr exists", "--sort", "-params.optimizer.lr", "--limit", "1") == [robots[1]]
    assert sorted(found('not params.model = "cnn"', "--sort", "params.model")) == [*robots[1:], "bob/other/run"]


def test_chosen_columns_come_as_they_were_logged(root: Path) -> None:
    (row,) = ls(
        root, "params.optimizer.lr = 1", "--columns", "params.optimizer.lr,metrics.eval/test.acc.mean,tags,ended"
    )
    ended = row["values"].pop("ended")
    assert ended.startswith("20") and ended.endswith("Z")
    assert row == {
        "prefix": "alice/robots/1",
        "values": {"params.optimizer.lr": 1, "metrics.eval/test.acc.mean": 0.5, "tags": ["sweep", "n1"]},
    }


def test_a_table_has_what_the_filter_asks_for(root: Path) -> None:
    done = CliRunner().invoke(group, ["ls", "--root", str(root), 'params.model = "cnn"', "--sort", "-started"])
    head, line = done.stdout.splitlines()
    assert head.split() == ["prefix", "status", "started", "duration", "params.model"]
    assert line.split()[:2] == ["alice/robots/0", "COMPLETED"] and line.split()[-1] == "cnn"


def test_a_wrong_filter_is_told_with_its_character(tmp_path: Path) -> None:
    done = CliRunner().invoke(group, ["ls", "--root", str(tmp_path), "status = 3"])
    assert done.exit_code == 2 and "character 10" in done.stderr and "^" in done.stderr
    assert CliRunner().invoke(group, ["ls", "--root", str(tmp_path / "none")]).exit_code == 2
