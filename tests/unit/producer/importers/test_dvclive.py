"""DVCLive's folders: every value, by the ledger of what was logged."""

import math
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

from .conftest import make_old
from .imported import INTO, everything, import_all, ledger_of, points, times


@pytest.fixture
def source(samples: Path) -> Path:
    return samples / "dvclive"


@pytest.fixture
def ledger(source: Path) -> dict[str, Any]:
    return ledger_of(source)


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    import_all(source, root=tmp_path / "root")
    return tmp_path / "root"


@pytest.mark.parametrize("run", ["walk", "fall"])
@pytest.mark.parametrize("key", ["train/loss", "train/acc", "timed", "whole", "odd", "note"])
def test_every_value_has_its_step_in_the_order_of_logging(
    root: Path, ledger: dict[str, Any], run: str, key: str
) -> None:
    """Also NaN, the infinities and texts, over a resume."""
    told = [(value, step) for name, value, step, _ in ledger[run] if name == key]
    found = points(root, f"{run}/dvclive", key)
    assert [point["step"] for point in found] == [step for _, step in told]
    for point, (value, _) in zip(found, told, strict=True):
        stored = point[key.rpartition("/")[2]]
        assert type(stored) is (str if isinstance(value, str) else float)
        assert stored == value or (math.isnan(stored) and math.isnan(value))


def test_a_value_with_a_time_keeps_it_and_others_have_that_of_the_file(root: Path, source: Path) -> None:
    folder = source / "walk" / "dvclive" / "plots" / "metrics"
    stamps = [int(line.split("\t")[0]) for line in (folder / "timed.tsv").read_text().splitlines()[1:]]
    assert [time[17:23] for time in times(root, "walk/dvclive", "timed")] == [
        f"{stamp % 60_000 / 1000:06.3f}" for stamp in stamps
    ]
    assert len({*times(root, "walk/dvclive", "whole")}) == 1


def test_parameters_are_those_of_the_file_without_secrets_and_e_mails(root: Path, ledger: dict[str, Any]) -> None:
    experiment = Experiment(f"{INTO}/walk/dvclive", root=root)
    told = {key: value for key, value in ledger["params"].items() if key not in ("author", "model")}
    told |= {"api_key": "•••", "database": "postgres://alice:•••@db.example/runs", "resumed": True}
    model = ledger["params"]["model"]
    assert experiment.params.get() == told | {f"model.{key}": value for key, value in model.items()}
    assert experiment.run.status == "COMPLETED"


def test_what_was_not_drawn_is_a_point_at_the_end(root: Path) -> None:
    assert points(root, "walk/dvclive", "summary") == [{"best": 0.25}]


def test_images_are_counted(source: Path, tmp_path: Path) -> None:
    done = import_all(source, root=tmp_path / "root")
    assert "image (1)" in done.output and "e-mail (1)" in done.output


@pytest.mark.parametrize("parts", [(0.2,), (0.31, 0.55), (0.77, 0.98)])
def test_what_has_grown_has_no_value_twice(source: Path, tmp_path: Path, parts: tuple[float, ...]) -> None:
    """Cut in the middle of a line too. Of the summary there is one point, at the end."""
    files = {path: path.read_bytes() for path in source.rglob("*.tsv")}
    summary = {path: path.read_bytes() for path in source.rglob("metrics.json")}
    for part in parts:
        for path, data in files.items():
            path.write_bytes(data[: max(int(len(data) * part), len(data.split(b"\n", 1)[0]) + 1)])
        for path in summary:
            path.write_text("{}")
        import_all(source, root=tmp_path / "one")
    for path, data in {**files, **summary}.items():
        path.write_bytes(data)
        make_old(path)
    for name in ("one", "other"):
        import_all(source, root=tmp_path / name)
    for run in ("walk", "fall"):
        for key in ("train/loss", "train/acc", "timed", "whole", "odd", "note", "summary"):
            one, other = (points(tmp_path / name, f"{run}/dvclive", key) for name in ("one", "other"))
            assert repr(one) == repr(other)


def test_a_folder_that_was_begun_anew_adds_the_values_of_the_other_run(source: Path, tmp_path: Path) -> None:
    """DVCLive empties it: what is there then are other values, and not those that were stored before."""
    file = source / "fall" / "dvclive" / "plots" / "metrics" / "train" / "loss.tsv"
    import_all(source, root=tmp_path / "root")
    before = points(tmp_path / "root", "fall/dvclive", "train/loss")
    file.write_text("step\tloss\n0\t7.0\n1\t8.0\n")
    import_all(source, root=tmp_path / "root")
    after = points(tmp_path / "root", "fall/dvclive", "train/loss")
    assert after == [*before, {"loss": 7.0, "step": 0}, {"loss": 8.0, "step": 1}]


def test_a_line_that_is_no_value_ends_its_metric_and_says_where(source: Path, tmp_path: Path) -> None:
    file = source / "walk" / "dvclive" / "plots" / "metrics" / "train" / "acc.tsv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:3], "2\t0.s\n", *lines[4:]]))
    done = import_all(source, root=tmp_path / "root", code=1)
    assert f"{file}: a line is no value at byte {len(''.join(lines[:3]))}" in done.output
    assert len(points(tmp_path / "root", "walk/dvclive", "train/acc")) == 2


def test_parameters_that_are_not_read_are_told_with_their_place(source: Path, tmp_path: Path) -> None:
    file = source / "fall" / "dvclive" / "params.yaml"
    file.write_text("lr: 0.5\nwhat: !!python/none\n")
    done = import_all(source, root=tmp_path / "root", code=1)
    assert f"{file}: line 2 is not read at byte 8" in done.output


def test_a_table_that_is_not_of_dvclive_is_left_alone(source: Path, tmp_path: Path) -> None:
    before = everything_of(source, tmp_path / "one")
    (source / "table.tsv").write_text("step\ttable\n0\t1\n")
    metrics = source / "fall" / "dvclive" / "plots" / "metrics"
    (metrics / "other.tsv").write_text("step\tvalue\n0\t1\n")
    assert everything_of(source, tmp_path / "other") == before


def everything_of(source: Path, root: Path) -> dict[str, Any]:
    import_all(source, root=root)
    return everything(root)


@pytest.mark.parametrize("head", ["step\tloss", "timestamp\tstep\tloss"])
def test_a_line_with_a_time_is_read_whatever_the_head_says(source: Path, tmp_path: Path, head: str) -> None:
    """DVCLive writes the head once, and of each value what its call asks for."""
    file = source / "fall" / "dvclive" / "plots" / "metrics" / "train" / "loss.tsv"
    file.write_text(f"{head}\n0\t0.5\n1795944572569\t1\t0.25\n2\t0.125\n")
    import_all(source, root=tmp_path / "root")
    found = points(tmp_path / "root", "fall/dvclive", "train/loss")
    assert found == [{"loss": 0.5, "step": 0}, {"loss": 0.25, "step": 1}, {"loss": 0.125, "step": 2}]
    assert times(tmp_path / "root", "fall/dvclive", "train/loss")[1] == "2026-11-29T09:29:32.569000Z"
