"""mlflow's database and files: every value, by the ledger of what was logged. Both hold the same runs."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

from .imported import INTO, import_all, ledger_of, points


@pytest.fixture(params=["db", "files"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(samples: Path, store: str) -> Path:
    return samples / "mlflow" / {"db": "mlflow.db", "files": "mlruns"}[store]


@pytest.fixture
def ledger(samples: Path, store: str) -> dict[str, Any]:
    found: dict[str, Any] = ledger_of(samples / "mlflow")[store]
    return found


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    done = import_all(source, root=tmp_path / "root")
    assert "not taken: deleted run (1)" in done.output
    return tmp_path / "root"


def name_of(ledger: dict[str, Any], run: str) -> str:
    name = {"whole": "walk"}.get(run, run)
    return f"{name}-{ledger[run][:8]}"


@pytest.mark.parametrize("key", ["val/loss", "acc", "odd"])
def test_every_value_has_its_step_in_the_order_of_logging(root: Path, ledger: dict[str, Any], key: str) -> None:
    """Also NaN, the infinities, and a step that goes back."""
    told = [(float(value), step) for name, value, step in ledger["points"] if name == key]
    found = points(root, name_of(ledger, "whole"), key)
    field = key.rpartition("/")[2]
    assert [point["step"] for point in found] == [step for _, step in told]
    for point, (value, _) in zip(found, told, strict=True):
        assert point[field] == value or (math.isnan(point[field]) and math.isnan(value))


def test_parameters_are_numbers_constants_and_dicts_again(root: Path, ledger: dict[str, Any]) -> None:
    params = Experiment(f"{INTO}/{name_of(ledger, 'whole')}", root=root).params.get()
    assert params == {"lr": 0.001, "depth": 3, "optim.name": "adam", "flag": True, "db_password": "•••"}


def test_a_run_has_the_status_it_had_there(root: Path, ledger: dict[str, Any]) -> None:
    expected = {"whole": "COMPLETED", "inner": "COMPLETED", "killed": "CANCELLED", "running": "LOST"}
    for run, status in expected.items():
        assert Experiment(f"{INTO}/{name_of(ledger, run)}", root=root).run.status == status
    whole = Experiment(f"{INTO}/{name_of(ledger, 'whole')}", root=root)._reader().experiment()
    assert whole is not None and whole["readme"] == "the first walk" and whole["metadata"]["team"] == "legs"
    inner = Experiment(f"{INTO}/{name_of(ledger, 'inner')}", root=root)._reader().experiment()
    assert inner is not None and inner["metadata"]["mlflow.parentRunId"] == ledger["whole"]


def test_what_is_logged_and_set_later_comes_with_the_next_import(
    root: Path, source: Path, store: str, ledger: dict[str, Any]
) -> None:
    """A run that goes on: a point, a parameter and a tag more."""
    run = ledger["running"]
    if store == "db":
        with closing(sqlite3.connect(source)) as database, database:
            database.execute(
                "insert into metrics (key, value, timestamp, step, is_nan, run_uuid) values (?, 1.5, 5000, 1, 0, ?)",
                ("loss", run),
            )
            database.execute("insert into params (key, value, run_uuid) values ('lr', '0.5', ?)", (run,))
            database.execute("insert into tags (key, value, run_uuid) values ('team', 'arms', ?)", (run,))
    else:
        (folder,) = source.glob(f"*/{run}")
        with (folder / "metrics" / "loss").open("a") as lines:
            lines.write("5000 1.5 1\n")
        (folder / "params").mkdir(exist_ok=True)
        (folder / "params" / "lr").write_text("0.5")
        (folder / "tags" / "team").write_text("arms")
    for _ in range(2):
        import_all(source, root=root)
    name = name_of(ledger, "running")
    assert points(root, name, "loss") == [{"loss": 2.0, "step": 0}, {"loss": 1.5, "step": 1}]
    experiment = Experiment(f"{INTO}/{name}", root=root)
    about = experiment._reader().experiment()
    assert experiment.params.get() == {"lr": 0.5} and about is not None and about["metadata"]["team"] == "arms"


def test_a_line_that_is_no_point_ends_its_key_and_says_where(samples: Path, tmp_path: Path) -> None:
    (file,) = (samples / "mlflow" / "mlruns").glob("*/*/metrics/acc")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:2], "rubbish\n", *lines[2:]]))
    done = import_all(samples / "mlflow" / "mlruns", root=tmp_path / "root", code=1)
    assert f"a line is no point at byte {len(''.join(lines[:2]))}" in done.output


def test_a_line_that_is_not_finished_is_left_for_later(samples: Path, tmp_path: Path) -> None:
    (file,) = (samples / "mlflow" / "mlruns").glob("*/*/metrics/acc")
    whole = file.read_text()
    file.write_text(whole[:-3])
    run = f"walk-{file.parent.parent.name[:8]}"
    done = import_all(samples / "mlflow" / "mlruns", root=tmp_path / "root")
    assert "a line is not finished" in done.output and len(points(tmp_path / "root", run, "acc")) == 4
    file.write_text(whole)
    import_all(samples / "mlflow" / "mlruns", root=tmp_path / "root")
    assert len(points(tmp_path / "root", run, "acc")) == 5
