"""ClearML's offline sessions: every value, by the ledger of what was logged."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

from .conftest import make_old
from .imported import INTO, everything, import_all, ledger_of, points


@pytest.fixture
def ledger(samples: Path) -> dict[str, Any]:
    return ledger_of(samples / "clearml")


@pytest.fixture
def root(samples: Path, tmp_path: Path) -> Path:
    done = import_all(samples / "clearml", root=tmp_path / "root")
    assert "plot is not taken" in done.output and "General.db_password" in done.output
    return tmp_path / "root"


def name_of(ledger: dict[str, Any], run: str) -> str:
    return f"{run}-{ledger[run].removeprefix('offline-')[:8]}"


@pytest.mark.parametrize("title", ["train", "odd"])
def test_every_value_has_its_step_in_the_order_of_logging(root: Path, ledger: dict[str, Any], title: str) -> None:
    """Also a step that goes back."""
    told = [{series: value, "step": step} for one, series, value, step in ledger["points"] if one == title]
    assert points(root, name_of(ledger, "walk"), title) == told


def test_a_single_value_has_no_step(root: Path, ledger: dict[str, Any]) -> None:
    assert points(root, name_of(ledger, "walk"), "Summary") == [{"best": 0.5}]


def test_parameters_have_their_types(root: Path, ledger: dict[str, Any]) -> None:
    params = Experiment(f"{INTO}/{name_of(ledger, 'walk')}", root=root).params.get()
    told = {"lr": 0.001, "depth": 3, "flag": True, "none": None, "number_like": "007", "db_password": "•••"}
    told |= {"optim.name": "adam", "optim.betas": [0.9, 0.99]}
    assert params == {f"General.{key}": value for key, value in told.items()}


def test_lines_and_what_is_said_of_a_run_are_there(root: Path, ledger: dict[str, Any]) -> None:
    experiment = Experiment(f"{INTO}/{name_of(ledger, 'walk')}", root=root)
    lines = [line["message"] for line in experiment.logs.read(limit=1000)]
    assert "to stdout" in lines and "and on" in lines
    about = experiment._reader().experiment()
    assert about is not None and about["tags"] == ["legs"] and about["description"] == "the first walk"
    assert about["metadata"]["id"] == ledger["walk"] and experiment.run.status == "COMPLETED"
    assert points(root, name_of(ledger, "other"), "loss") == [{"loss": 2.0, "step": 0}]


def test_a_folder_that_grows_and_becomes_an_archive_is_there_once(samples: Path, tmp_path: Path) -> None:
    """First with a line that is not finished, then whole, then the archive alone, then both."""
    (task,) = (samples / "clearml").glob("*/task.json")
    file, folder, root = task.with_name("metrics.jsonl"), task.parent, tmp_path / "root"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    done = import_all(folder, root=root)
    assert "a line is not finished" in done.output
    file.write_bytes(whole)
    make_old(file)
    import_all(folder, root=root)
    once = everything(root)
    archive = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(archive, "w") as packed:
        for one in folder.iterdir():
            packed.write(one, one.name)
    make_old(archive)
    import_all(archive, root=root)
    assert everything(root) == once
    import_all(folder, archive, root=root)
    assert everything(root) == once


def test_numbers_that_no_float_holds_are_left_out_and_told(samples: Path, tmp_path: Path) -> None:
    """Of what JSON can say: a value, a step, a time, and a value that ends its file."""
    (task,) = (samples / "clearml").glob("*/task.json")
    large = "1" + "0" * 400
    told = [("1", "1", large), ("1", large, "1"), (large, "1", "1"), ("1", str(10**30), "1"), ("1", "1", "1e999")]
    line = (
        '[{{"timestamp": {}, "type": "training_stats_scalar", "iter": {}, "metric": "m", "variant": "v", "value": {}}}]'
    )
    task.with_name("metrics.jsonl").write_text("".join(line.format(*one) + "\n" for one in told))
    done = import_all(task.parent, root=tmp_path / "root", code=1)
    assert "a line is no list of reports" in done.output
    assert "report without a time (1), report without numbers (1)" in " ".join(done.output.split())
    (folder,) = (tmp_path / "root" / INTO).iterdir()
    assert points(tmp_path / "root", folder.name, "m") == [{"v": 1.0}, {"v": 1.0, "step": 1e30}]


def repacked(archive: Path, without: str) -> None:
    """As ClearML makes it where nothing was reported of that kind."""
    with zipfile.ZipFile(archive) as packed:
        members = {name: packed.read(name) for name in packed.namelist() if name != without}
    with zipfile.ZipFile(archive, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    make_old(archive)


def test_an_archive_without_scalars_or_without_lines_is_taken(
    samples: Path, ledger: dict[str, Any], tmp_path: Path
) -> None:
    (archive,) = (samples / "clearml").glob("*.zip")
    whole, name = archive.read_bytes(), name_of(ledger, "walk")
    repacked(archive, "metrics.jsonl")
    import_all(archive, root=tmp_path / "lines")
    there = Experiment(f"{INTO}/{name}", root=tmp_path / "lines")
    assert there.metrics.list() == [] and len(there.logs.read()) > 0
    archive.write_bytes(whole)
    repacked(archive, "log.jsonl")
    import_all(archive, root=tmp_path / "scalars")
    assert points(tmp_path / "scalars", name, "Summary") == [{"best": 0.5}]
    assert len(Experiment(f"{INTO}/{name}", root=tmp_path / "scalars").logs.read()) == 0


def test_another_archive_with_a_task_is_none_of_clearml_s(samples: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(samples / "clearml" / "other.zip", "w") as archive:
        archive.writestr("task.json", '{"todo": "walk"}')
    import_all(samples / "clearml", root=tmp_path / "root")


def test_a_task_without_an_id_is_told(samples: Path, tmp_path: Path) -> None:
    (samples / "nobody").mkdir()
    (samples / "nobody" / "task.json").write_text('{"execution": {}, "id": "offline-"}')
    done = import_all(samples / "clearml", samples / "nobody", root=tmp_path / "root", code=1)
    assert "task.json has no id" in done.output and len([*(tmp_path / "root" / INTO).iterdir()]) == 2
