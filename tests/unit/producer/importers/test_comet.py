"""Comet's offline archives: every value, by the ledger of what was logged."""

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

from .imported import INTO, import_all, ledger_of, points


@pytest.fixture
def ledger(samples: Path) -> dict[str, Any]:
    return ledger_of(samples / "comet")


@pytest.fixture
def root(samples: Path, tmp_path: Path) -> Path:
    done = import_all(samples / "comet", root=tmp_path / "root")
    assert "text-sample is not taken" in done.output and "db_password" in done.output
    return tmp_path / "root"


def walk(ledger: dict[str, Any]) -> str:
    return f"walk-{ledger['walk'][:8]}"


@pytest.mark.parametrize("key", ["train/loss", "acc", "odd"])
def test_every_value_has_its_step_and_epoch_in_the_order_of_logging(
    root: Path, ledger: dict[str, Any], key: str
) -> None:
    """Also NaN and the infinities; what was logged after a resume lies in an archive of its own."""
    told = [(float(value), step, epoch) for name, value, step, epoch in ledger["points"] if name == key]
    found = points(root, walk(ledger), key)
    field = key.rpartition("/")[2]
    assert [(point["step"], point["epoch"]) for point in found] == [(step, epoch) for _, step, epoch in told]
    for point, (value, _, _) in zip(found, told, strict=True):
        assert type(point[field]) is float
        assert point[field] == value or (math.isnan(point[field]) and math.isnan(value))


def test_parameters_are_nested_and_what_comet_counts_is_none(root: Path, ledger: dict[str, Any]) -> None:
    params = Experiment(f"{INTO}/{walk(ledger)}", root=root).params.get()
    optim = {"optim.name": "adam", "optim.betas": [0.9, 0.99]}
    assert params == {"lr": 0.001, "depth": 3, "flag": True, "none": None, "db_password": "•••", **optim}


def test_lines_statistics_and_what_is_said_of_a_run_are_there(root: Path, ledger: dict[str, Any]) -> None:
    experiment = Experiment(f"{INTO}/{walk(ledger)}", root=root)
    lines = [(line["level"], line["message"]) for line in experiment.logs.read(limit=1000)]
    assert ("info", "to stdout") in lines and ("error", "to stderr") in lines
    assert [point["cpu.percent.avg"] for point in points(root, walk(ledger), "system/unknown")] == [1.5]
    about = experiment._reader().experiment()
    assert about is not None and about["tags"] == ["legs"] and experiment.run.status == "COMPLETED"
    assert about["metadata"].items() >= {"name": "walk", "note": "hello", "id": ledger["walk"]}.items()


def test_a_run_without_a_name_has_its_id(root: Path, ledger: dict[str, Any]) -> None:
    assert points(root, ledger["other"], "loss") == [{"loss": 2.0, "step": 0}]


def test_an_archive_that_is_cut_is_told_and_the_others_are_taken(
    samples: Path, ledger: dict[str, Any], tmp_path: Path
) -> None:
    """Also one whose checksum does not fit: of that nothing is taken."""
    cut = samples / "comet" / f"{ledger['other']}.zip"
    cut.write_bytes(cut.read_bytes()[:-100])
    (resumed,) = (samples / "comet").glob(f"{ledger['walk']}-*.zip")
    data = bytearray(resumed.read_bytes())
    data[data.index(b"train/loss")] ^= 1
    resumed.write_bytes(data)
    done = import_all(samples / "comet", root=tmp_path / "root", code=1)
    assert f"{cut}: not a whole zip archive" in done.output and "Bad CRC-32" in done.output
    assert len(points(tmp_path / "root", walk(ledger), "train/loss")) == 5


def test_another_archive_is_none_of_comet_s(tmp_path: Path, samples: Path) -> None:
    with zipfile.ZipFile(samples / "comet" / "other.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    import_all(samples / "comet", root=tmp_path / "root")


def test_an_archive_without_an_id_is_told_and_the_others_are_taken(
    samples: Path, ledger: dict[str, Any], tmp_path: Path
) -> None:
    said = {"offline_id": "", "project_name": "robots", "start_time": 1.7e12}
    with zipfile.ZipFile(samples / "comet" / "nobody.zip", "w") as archive:
        archive.writestr("experiment.json", json.dumps(said))
        archive.writestr("messages.json", "")
    done = import_all(samples / "comet", root=tmp_path / "root", code=1)
    assert "nobody.zip: experiment.json has no offline_id" in done.output
    assert {folder.name for folder in (tmp_path / "root" / INTO).iterdir()} == {walk(ledger), ledger["other"]}
