"""SwanLab's folders: every value, by the ledger of what was logged."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.importers.swanlab.records import HEAD

from .conftest import make_old
from .imported import INTO, import_all, ledger_of, points

RUN = "walk-walk0000000000000007"


@pytest.fixture
def source(samples: Path) -> Path:
    return samples / "swanlab"


@pytest.fixture
def ledger(source: Path) -> dict[str, Any]:
    return ledger_of(source)


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    import_all(source, root=tmp_path / "root")
    return tmp_path / "root"


def name_of(source: Path, name: str, run: str) -> str:
    """Of a run that SwanLab has named itself."""
    (file,) = [file for file in source.rglob("*.swanlab") if run in file.read_bytes().decode(errors="replace")]
    return f"{name}-{file.stem.removeprefix('run-')}"


def expected(rows: list[tuple[dict[str, Any], int | None]], metric: str) -> list[dict[str, Any]]:
    """By the mapping. Of a step that a key has had SwanLab keeps no second value."""
    found: list[dict[str, Any]] = []
    seen: set[tuple[str, int]] = set()
    for place, (row, given) in enumerate(rows):
        step = place if given is None else given
        fields = {}
        for key, value in leaves(row):
            name, _, field = key.rpartition("/")
            if (name or "history") == metric and (key, step) not in seen:
                seen.add((key, step))
                fields[field] = value if field in ("epoch", "step") else float(value)
        if fields:
            found.append({**fields, "_step" if "step" in fields else "step": step})
    return found


def leaves(row: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    return [
        leaf
        for key, value in row.items()
        for leaf in (leaves(value, f"{before}{key}/") if isinstance(value, dict) else [(f"{before}{key}", value)])
    ]


@pytest.mark.parametrize("metric", ["train", "history", "eval", "nested/a"])
def test_every_row_is_a_point_of_its_metrics_with_its_step(root: Path, ledger: dict[str, Any], metric: str) -> None:
    """Also NaN, the infinities, zeros, steps that go back, and a field `step` of their own."""
    found, told = points(root, RUN, metric), expected(ledger["rows"], metric)
    assert len(found) == len(told) > 0
    for one, other in zip(found, told, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert type(value) is type(other[key])
            assert value == other[key] or (math.isnan(value) and math.isnan(other[key]))


def test_parameters_are_the_config_without_secrets_and_e_mails(root: Path, ledger: dict[str, Any]) -> None:
    """SwanLab stores None as {}."""
    told = {key: value for key, value in ledger["config"].items() if key not in ("author", "model", "none")}
    told |= {"api_key": "•••", "database": "postgres://alice:•••@db.example/runs", "none": {}}
    told |= {f"model.{key}": value for key, value in ledger["config"]["model"].items()}
    assert Experiment(f"{INTO}/{RUN}", root=root).params.get() == told


def test_a_run_has_what_is_said_of_it(root: Path) -> None:
    experiment = Experiment(f"{INTO}/{RUN}", root=root)
    about = experiment._reader().experiment()
    assert about is not None and about["description"] == "the first walk" and about["tags"] == ["a", "b"]
    said = {"imported_from": "swanlab", "name": "walk", "group": "sweep-3", "job_type": "train", "python": "3.11.7"}
    assert said.items() <= about["metadata"].items()


def test_lines_are_those_that_were_printed(root: Path) -> None:
    lines = [line["message"] for line in Experiment(f"{INTO}/{RUN}", root=root).logs.read()]
    assert {"a line of the walk", "100 %", "of stderr"} <= {*lines}


def test_a_run_has_the_status_it_had_there(root: Path, source: Path) -> None:
    runs = {RUN: "COMPLETED", name_of(source, "stumble", "stumble"): "FAILED", name_of(source, "fall", "fall"): "LOST"}
    for run, status in runs.items():
        assert Experiment(f"{INTO}/{run}", root=root).run.status == status
    failed = Experiment(f"{INTO}/{name_of(source, 'stumble', 'stumble')}", root=root)._reader().sessions()
    assert "RuntimeError: it stumbled" in repr([*failed])


def test_what_a_killed_run_has_written_is_taken_up_to_its_torn_end(root: Path, source: Path) -> None:
    found = points(root, name_of(source, "fall", "fall"), "train")
    assert found[:2] == [{"loss": 1.0, "acc": 0.0, "step": 0}, {"loss": 0.5, "acc": 1 / 7, "step": 1}]
    assert [point["step"] for point in found] == [*range(len(found))] and len(found) > 300


def test_the_folders_of_one_run_are_one_experiment(source: Path, tmp_path: Path) -> None:
    """As a run that was resumed has several."""
    (folder,) = (source / "swanlog").glob("*-walk*")
    later = folder.with_name(folder.name.replace("run-2026", "run-2027"))
    shutil.copytree(folder, later)
    import_all(source, root=tmp_path / "root")
    found = points(tmp_path / "root", RUN, "train")
    assert [point.get("part") for point in found] == [None] * 4 + [1] * 4


def test_media_are_counted(source: Path, tmp_path: Path) -> None:
    done = import_all(source, root=tmp_path / "root")
    assert "text (1)" in done.output and "e-mail (1)" in done.output


def test_a_row_that_may_go_on_waits(source: Path, tmp_path: Path) -> None:
    """Of a file that somebody has just written to: its last row comes once it is whole."""
    file = max(source.rglob("*.swanlab"), key=lambda path: path.stat().st_size)
    run = name_of(source, "fall", "fall")
    file.touch()
    import_all(file, root=tmp_path / "one")
    early = points(tmp_path / "one", run, "train")
    make_old(file)
    for name in ("one", "other"):
        import_all(file, root=tmp_path / name)
    found = points(tmp_path / "one", run, "train")
    assert found == points(tmp_path / "other", run, "train") and found[:-1] == early


def test_a_head_of_another_version_is_told(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "run-x.swanlab"
    file.write_bytes(HEAD[:-1] + b"\3" + bytes(100))
    import_all(source, root=tmp_path / "root")
    done = import_all(tmp_path / "run-x.swanlab", root=tmp_path / "root", code=1)
    assert "a head of another version" in done.output
