"""`mldash show` and `mldash compare` over local folders; tests/behaviour/test_client.py has the same over an API."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mldash import Experiment
from mldash.command_line import group
from mldash.pictures.sparklines import BLOCKS, PLAIN, letters_for, sparkline


def run(root: Path, name: str, *arguments: str) -> Result:
    return CliRunner().invoke(group, [name, *arguments, "--root", str(root)], catch_exceptions=False)


def answer(root: Path, name: str, *arguments: str) -> Any:
    done = run(root, name, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for at, lr in enumerate([0.1, 1.0]):
        with Experiment(f"alice/robots/{at}", root=str(tmp_path), echo=False, tags=["sweep"]).run as experiment:
            experiment.params.set(optimizer={"lr": lr}, model="vit")
            if at:
                experiment.params.set(extra=[1, 2])
            experiment.metrics("train").log_many(loss=[10.0 - step / 10 for step in range(100)])
            experiment.metrics.log(x=at, note="text")
            experiment.tracks("pose").append(x=1.0, _ts=0.5)
    with pytest.raises(RuntimeError), Experiment("alice/robots/failed", root=str(tmp_path), echo=False).run:
        raise RuntimeError("no more memory")
    return tmp_path


def test_a_run_is_shown_with_what_it_logged(root: Path) -> None:
    found = answer(root, "show", "alice/robots/1")
    assert (found["run"]["prefix"], found["run"]["status"], found["sessions"]) == ("alice/robots/1", "COMPLETED", 1)
    assert found["params"] == {"optimizer.lr": 1.0, "model": "vit", "extra": [1, 2]}
    assert found["context"] and found["tracks"] == {"pose": 1} and found["metricCount"] == 2
    by_name = {one["name"]: one for one in found["metrics"]}
    (loss,) = by_name["train"]["fields"]
    assert (by_name["train"]["points"], loss["field"], len(loss["curve"])) == (100, "loss", 24)
    assert loss["curve"][-1] == loss["statistics"]["last"] == pytest.approx(0.1)
    assert loss["curve"] == sorted(loss["curve"], reverse=True) and loss["statistics"]["max"] == 10.0
    (x,) = by_name[None]["fields"]
    assert x["curve"] == [1]


def test_the_terminal_shows_a_line_a_field_with_its_curve(root: Path) -> None:
    shown = run(root, "show", "alice/robots/1").stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("train")]
    assert "loss" in line and "█" in line and "▁" in line and " 100" in line
    assert "\x1b" not in shown, "no colours where it is no terminal"
    assert "optimizer.lr" in shown and "COMPLETED" in shown and "1 entries" in shown
    few = run(root, "show", "alice/robots/1", "--metrics", "1")
    assert "1 more metrics: --metrics 2" in few.stderr


def test_on_a_terminal_nothing_is_wider_than_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")  # on a dumb terminal there are none
    for arguments in (["show", "alice/robots/1"], ["compare", "alice/robots/0", "alice/robots/1", "--all"]):
        shown = run(root, *arguments).stdout
        assert "\x1b[" in shown
        plain = [line for line in _plain(shown).splitlines() if line]
        assert max(map(len, plain)) <= 60, max(plain, key=len)


def _plain(text: str) -> str:
    from rich.text import Text

    return Text.from_ansi(text).plain


def test_exit_codes_say_how_a_run_ended(root: Path) -> None:
    assert run(root, "show", "alice/robots/1", "--exit-code").exit_code == 0
    failed = run(root, "show", "alice/robots/failed", "--exit-code")
    assert failed.exit_code == 4 and "no more memory" in failed.stdout
    assert run(root, "show", "alice/robots/failed").exit_code == 0
    with Experiment("alice/robots/going", root=str(root), echo=False).run as experiment:
        experiment.metrics.log(x=1)
        experiment.flush()
        assert run(root, "show", "alice/robots/going", "--exit-code").exit_code == 3
    absent = CliRunner().invoke(group, ["show", "alice/robots/none", "--root", str(root)], standalone_mode=False)
    assert absent.exit_code == 1 and "nothing was logged at alice/robots/none" in str(absent.exception)


def test_runs_are_compared_by_what_differs(root: Path) -> None:
    found = answer(root, "compare", "alice/robots/0", "alice/robots/1", "alice/robots/none")
    params = {row["name"]: (row["values"], row["missing"]) for row in found["params"]}
    assert params == {"optimizer.lr": ([0.1, 1.0, None], []), "extra": ([None, [1, 2], None], [0])}
    told = {(one["metric"], one["field"], one["statistic"]) for one in found["statistics"]}
    assert told == {(None, "x", one) for one in ("min", "max", "mean", "last", "first")}
    assert found["absent"] == [2]
    everything = answer(root, "compare", "alice/robots/0", "alice/robots/1", "--all")
    assert {"model", "optimizer.lr"} <= {row["name"] for row in everything["params"]}
    assert ("train", "loss", "last") in {(o["metric"], o["field"], o["statistic"]) for o in everything["statistics"]}


def test_a_table_has_a_row_a_name_and_a_column_a_run(root: Path) -> None:
    done = run(root, "compare", "alice/robots/0", "alice/robots/1", "alice/robots/none")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["0", "1", "none"]
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    assert cells["params.optimizer.lr"] == ["0.1", "1", "-"] and cells["params.extra"][0] == "-"
    assert cells["metrics.null.x.last"] == cells["metrics.null.x.first"] == ["0", "1", "-"]
    assert done.stderr == "nothing was logged at alice/robots/none\n"


def test_comparing_tells_scripts_whether_anything_differs(root: Path) -> None:
    prefixes = ["alice/robots/0", "alice/robots/1"]
    assert run(root, "compare", *prefixes, "--exit-code").exit_code == 3
    assert run(root, "compare", *prefixes).exit_code == 0
    same = run(root, "compare", prefixes[0], prefixes[0], "--exit-code")
    assert (same.exit_code, same.stdout) == (0, "") and "do not differ" in same.stderr
    assert run(root, "compare", prefixes[0], prefixes[0], "--all", "--exit-code").exit_code == 0
    assert run(root, "compare", *prefixes, "--all", "--exit-code").exit_code == 3
    assert run(root, "compare", prefixes[0]).exit_code == 2


def test_a_curve_is_a_letter_a_value() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == BLOCKS
    assert sparkline([None, 5.0, math.nan, 5.0]) == " ▄ ▄"
    assert sparkline([-math.inf, 0, 1, math.inf]) == "▁▁██"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█" and sparkline([]) == "" and sparkline([math.inf]) == "█"
    assert letters_for("utf-8") == BLOCKS and letters_for("ascii") == letters_for(None) == PLAIN
    assert sparkline([0, 7], letters_for("latin-1")) == "_#"
