"""A run that was given another name in its tracker goes on in the experiment that it was imported to first."""

import shutil
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.local.reading.reader import LocalReader

from .imported import INTO, everything, import_all, ledger_of, points


def experiments(root: Path) -> set[str]:
    return {file.parent.relative_to(root / INTO).as_posix() for file in root.rglob("experiment.json")}


def test_a_run_renamed_in_mlflow_s_database_goes_on_in_its_experiment(samples: Path, tmp_path: Path) -> None:
    """With a point more; and its new name is in the metadata."""
    source, root = samples / "mlflow" / "mlflow.db", tmp_path / "root"
    run: str = ledger_of(samples / "mlflow")["db"]["running"]
    import_all(source, root=root)
    before = experiments(root)
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("update runs set name = 'crawling' where run_uuid = ?", (run,))
        database.execute("update tags set value = 'crawling' where key = 'mlflow.runName' and run_uuid = ?", (run,))
        database.execute(
            "insert into metrics (key, value, timestamp, step, is_nan, run_uuid) values ('loss', 1.5, 5000, 1, 0, ?)",
            (run,),
        )
    for _ in range(2):
        import_all(source, root=root)
    assert experiments(root) == before
    name = f"running-{run[:8]}"
    assert points(root, name, "loss") == [{"loss": 2.0, "step": 0}, {"loss": 1.5, "step": 1}]
    about = Experiment(f"{INTO}/{name}", root=root)._reader().experiment()
    assert about is not None and about["metadata"]["name"] == "crawling"


def test_a_run_renamed_in_mlflow_s_files_goes_on_in_its_experiment(samples: Path, tmp_path: Path) -> None:
    source, root = samples / "mlflow" / "mlruns", tmp_path / "root"
    import_all(source, root=root)
    before = experiments(root)
    for meta in source.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace("run_name: walk", "run_name: crawl"))
    import_all(source, root=root)
    assert experiments(root) == before and not any(name.startswith("crawl") for name in before)


def test_a_run_renamed_in_trackio_goes_on_in_its_experiment(samples: Path, tmp_path: Path) -> None:
    source, root = samples / "trackio", tmp_path / "root"
    import_all(source, root=root)
    before = experiments(root)
    with closing(sqlite3.connect(source / "robots.db")) as database, database:
        for table in ("metrics", "system_metrics", "configs", "alerts"):
            database.execute(f"update {table} set run_name = run_name || ' again' where run_id is not null")
    import_all(source, root=root)
    assert experiments(root) == before


def test_another_target_is_another_import(samples: Path, tmp_path: Path) -> None:
    source, root = samples / "mlflow" / "mlruns", tmp_path / "root"
    import_all(source, root=root)
    names = experiments(root)
    import_all(source, root=root, options=("--into", f"{INTO}/copy"))
    assert experiments(root) == names | {f"copy/{name}" for name in names}


FALLS = {
    "wandb": ("wandb/0.31/wandb/*killed", b"\x1a\x06robots", b"\x42\x04fall"),
    "swanlab": ("swanlab/swanlog/*gt9ncn95", b"\x0a\x06robots", b"\x22\x04fall"),
}
"""Of one that was killed: the folder, and how the record of the run says its project and its name."""


def fall_of(samples: Path, tracker: str, to: Path, *, project: str = "robots", name: str = "fall") -> Path:
    """A run of one id, as another project, or by another name, would have it; of as many letters."""
    pattern, project_said, name_said = FALLS[tracker]
    (folder,) = samples.glob(pattern)
    shutil.copytree(folder, to / folder.name)
    (log,) = (to / folder.name).glob(f"*.{tracker}")
    data, at = bytearray(log.read_bytes()), 7
    while True:
        _, length, kind = struct.unpack_from("<IHB", data, at)
        chunk = bytes(data[at + 7 : at + 7 + length])
        if project_said in chunk:
            break
        at += 7 + length
    changed = chunk.replace(project_said, project_said[:2] + project.encode())
    changed = changed.replace(name_said, name_said[:2] + name.encode())
    struct.pack_into("<IHB", data, at, zlib.crc32(changed, zlib.crc32(bytes([kind]))), length, kind)
    data[at + 7 : at + 7 + length] = changed
    log.write_bytes(data)
    return to


@pytest.mark.parametrize("tracker", FALLS)
def test_a_run_of_another_project_with_the_same_id_is_none_that_was_renamed(
    samples: Path, tmp_path: Path, tracker: str
) -> None:
    """And one that was renamed goes on in its own experiment, whichever was imported last."""
    root = tmp_path / "root"
    import_all(fall_of(samples, tracker, tmp_path / "first"), root=root)
    before = everything(root)
    import_all(fall_of(samples, tracker, tmp_path / "second", project="snakes", name="slip"), root=root)
    once = everything(root)
    assert len(once) == len(before) + 1 and before.items() <= once.items()
    names = experiments(root)
    import_all(fall_of(samples, tracker, tmp_path / "renamed", project="snakes", name="trip"), root=root)
    import_all(fall_of(samples, tracker, tmp_path / "first renamed", name="drop"), root=root)
    assert experiments(root) == names and everything(root) == once


@pytest.mark.parametrize("tracker", FALLS)
def test_runs_of_two_projects_with_the_same_id_and_name_do_not_become_one(
    samples: Path, tmp_path: Path, tracker: str
) -> None:
    """The second is told, and not taken: in one command, and in the next."""
    first = fall_of(samples, tracker, tmp_path / "first")
    second = fall_of(samples, tracker, tmp_path / "second", project="snakes")
    done = import_all(first, second, root=tmp_path / "root", code=1)
    once = everything(tmp_path / "root")
    assert len(once) == 1 and "of the project robots: import it --into another place" in done.output
    done = import_all(second, root=tmp_path / "root", code=1)
    assert everything(tmp_path / "root") == once and "of the project robots" in done.output
    import_all(second, root=tmp_path / "root", options=("--into", "alice/snakes"))
    assert len(everything(tmp_path / "root")) == 2


def test_runs_beside_the_target_that_can_not_be_read_keep_none_from_being_imported(
    samples: Path, tmp_path: Path
) -> None:
    """Rows that are none, rows that are not ours, and a folder that does not say whose it is."""
    source, root = samples / "mlflow" / "mlruns", tmp_path / "root"
    for name, rows in (("noise", b"\x00\xff" * 99 + b"\n"), ("others", b'[1]\n{"event": 3}\n')):
        with Experiment(f"{INTO}/{name}", root=root).run as run:
            run.params.set(lr=0.1)
        (root / INTO / name / ".state" / "runs.jsonl").write_bytes(rows)
    (root / INTO / "nobody" / ".state").mkdir(parents=True)
    (root / INTO / "nobody" / "experiment.json").write_text("{}")
    import_all(source, root=root)
    before = experiments(root)
    for meta in source.glob("*/*/meta.yaml"):
        meta.write_text(meta.read_text().replace("run_name: walk", "run_name: crawl"))
    import_all(source, root=root)
    assert experiments(root) == before


def test_no_points_are_read_to_find_a_run(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything of runs that no target lies beside."""
    source, root = samples / "wandb" / "0.31", tmp_path / "root"
    import_all(source, root=root)
    import_all(source, root=root, options=("--into", "alice/others"))
    asked, experiment = set(), LocalReader.experiment

    def fail(*_: object) -> None:
        raise AssertionError("points are read")

    def note(reader: LocalReader, wait: float | None = None) -> object:
        asked.add(reader._prefix.text)
        return experiment(reader, wait)

    monkeypatch.setattr(LocalReader, "metric_statistics", fail)
    monkeypatch.setattr(LocalReader, "metrics", fail)
    monkeypatch.setattr(LocalReader, "experiment", note)
    import_all(source, root=root)
    assert asked == {f"{INTO}/{name}" for name in ("walk-walk07", "stumble-failed", "fall-killed")}


def test_tags_of_mlflow_do_not_take_the_place_of_what_a_run_is_known_by(samples: Path, tmp_path: Path) -> None:
    source, root = samples / "mlflow" / "mlruns", tmp_path / "root"
    tagged = [meta.parent for meta in source.glob("*/*/meta.yaml") if "run_name: walk" in meta.read_text()]
    for run in tagged:
        for tag in ("id", "imported_from"):
            (run / "tags" / tag).write_text("mine")
    import_all(source, root=root)
    before = experiments(root)
    (name,) = [name for name in before if name.startswith("walk-")]
    about = Experiment(f"{INTO}/{name}", root=root)._reader().experiment()
    said = {"imported_from": "mlflow", "_imported_from": "mine", "id": tagged[0].name, "_id": "mine"}
    assert about is not None and said.items() <= about["metadata"].items()
    for run in tagged:
        (run / "meta.yaml").write_text((run / "meta.yaml").read_text().replace("run_name: walk", "run_name: crawl"))
    import_all(source, root=root)
    assert experiments(root) == before
