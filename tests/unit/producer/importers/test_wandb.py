"""wandb's logs in both dialects: every row, by the ledger of what was logged."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

from .imported import INTO, import_all, points, times

VERSIONS = ("0.12", "0.31")
WALK = "walk-walk07"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(samples: Path, tmp_path: Path, version: str) -> Path:
    done = import_all(samples / "wandb" / version, root=tmp_path / "root")
    assert "masked, for they look like secrets: api_key, database" in done.output
    assert "e-mail (1)" in done.output and "table-file (1)" in done.output
    return tmp_path / "root"


def rows(samples: Path, version: str, part: int) -> list[dict[str, Any]]:
    """What was logged; the older version writes its own keys into the script's dicts."""
    ledger = json.loads((samples / "wandb" / version / f"ledger-{part}.json").read_text())
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in ledger["rows"]]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def told(row: dict[str, Any], metric: str) -> dict[str, Any]:
    """The fields of a row that belong to a metric."""
    before = {"history": ""}.get(metric, f"{metric}/")
    return {key.removeprefix(before): value for key, value in row.items() if ("/" in key) == bool(before)}


@pytest.mark.parametrize("metric", ["train", "history"])
def test_every_row_is_a_point_of_each_metric_in_it(samples: Path, version: str, root: Path, metric: str) -> None:
    """Of all folders of the run, in the order of their times; steps that overlap are all kept."""
    expected = []
    for part in (0, 1):
        for step, row in enumerate(rows(samples, version, part)):
            fields = {
                key: value for key, value in told(row, metric).items() if not (metric == "train" and "eval" in key)
            }
            if fields:
                expected.append({**fields, "step": step, **({"part": part} if part else {})})
    found = [point for point in points(root, WALK, metric) if "weights" not in point]
    assert len(found) == len(expected)
    for point, row in zip(found, expected, strict=True):
        assert point.keys() == row.keys()
        assert all(same(point[key], value) for key, value in row.items()), (point, row)
    assert times(root, WALK, metric) == sorted(times(root, WALK, metric))


def test_numbers_are_whole_or_not_by_their_names(root: Path) -> None:
    """Newer versions write 1.0 as 1: what is no count is a float in each point."""
    for point in points(root, WALK, "history"):
        assert type(point["step"]) is int
        for name, kind in (("epoch", int), ("lr", float), ("count", float)):
            assert name not in point or type(point[name]) is kind
        assert "flag" not in point or point["flag"] is True
    assert all(type(point["loss"]) is float for point in points(root, WALK, "train"))


def test_a_histogram_is_kept_and_a_table_is_not(root: Path) -> None:
    (point,) = [one for one in points(root, WALK, "history") if "weights" in one]
    assert point["weights"] == {"bins": [0, 1, 2, 3], "values": [1, 2, 1]}
    assert not any("seen" in one for one in points(root, WALK, "history"))


def test_what_is_drawn_over_another_key_has_it_as_a_field(root: Path) -> None:
    assert points(root, WALK, "eval") == [{"return": 1.5, "env_steps": 100, "step": 7}]
    (file,) = root.rglob("metrics/eval/metadata.json")
    assert json.loads(file.read_text())["metadata"] == {"x": "env_steps"}


def test_the_summary_holds_what_was_set_by_hand(root: Path) -> None:
    assert {"best": 0.25} in points(root, WALK, "summary")
    assert all(point.keys() == {"best"} for point in points(root, WALK, "summary"))


def test_the_configuration_is_there_without_secrets_and_e_mails(root: Path) -> None:
    """Of what was set again, when the run was resumed, the last value."""
    found = Experiment(f"{INTO}/{WALK}", root=root).params.get()
    assert found == {
        "lr": 0.002,
        "batch": 64,
        "whole": 1.0,
        "model.depth": 3,
        "model.name": "mlp",
        "model.sizes": [32, 16],
        "optim.eps": 1e-8,
        "none": None,
        "api_key": "•••",
        "database": "postgres://alice:•••@db.example/runs",
        "max_tokens": 512,
    }


def test_what_was_printed_is_in_the_log_line_by_line(root: Path) -> None:
    """Of a bar of progress its last state; an alert is a warning."""
    lines = Experiment(f"{INTO}/{WALK}", root=root).logs.read()
    for part in (0, 1):
        assert ("info", f"a line of part {part}") in [(line["level"], line["message"]) for line in lines]
    assert [line["message"] for line in lines].count("100 %") == 2
    assert [line["message"] for line in lines if line["level"] == "warn"] == ["slow: the loader waits"]
    assert [line["message"] for line in lines if line["level"] == "error"] == ["of stderr"] * 2


def test_a_run_ends_as_it_ended_there(root: Path) -> None:
    """A killed one has no end: LOST."""
    walk = Experiment(f"{INTO}/{WALK}", root=root)
    about = walk._reader().experiment()
    assert about is not None and about["description"] == "the first walk" and about["tags"] == ["a", "b"]
    assert about["metadata"]["group"] == "sweep-3" and about["metadata"]["job_type"] == "train"
    assert walk.run.status == "COMPLETED"
    failed = Experiment(f"{INTO}/stumble-failed", root=root)
    assert failed.run.status == "FAILED"
    assert any("it stumbled" in line["message"] for line in failed.logs.read())
    assert Experiment(f"{INTO}/fall-killed", root=root).run.status == "LOST"


def test_of_a_killed_run_all_that_reached_the_disk_is_there(root: Path, version: str) -> None:
    found = points(root, "fall-killed", "train")
    assert [point["step"] for point in found] == [*range(len(found))]
    assert len(found) == 150 if version == "0.31" else len(found) > 50
    assert all(point["loss"] == 1 / (point["step"] + 1) for point in found)


def test_statistics_of_the_machine_are_a_metric(root: Path) -> None:
    names = [one["name"] for one in Experiment(f"{INTO}/{WALK}", root=root).metrics.list()]
    (host,) = [name for name in names if name is not None and name.startswith("system/")]
    assert all("proc.memory.percent" in point for point in points(root, WALK, host))
