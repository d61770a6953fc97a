"""A run that was given another name in its tracker goes on in the experiment that it was imported to first."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from mldash import Experiment

from .imported import INTO, import_all, points


def experiments(root: Path) -> set[str]:
    return {file.parent.relative_to(root / INTO).as_posix() for file in root.rglob("experiment.json")}


def test_a_run_renamed_in_mlflow_s_database_goes_on_in_its_experiment(samples: Path, tmp_path: Path) -> None:
    """With a point more; and its new name is in the metadata."""
    source, root = samples / "mlflow" / "mlflow.db", tmp_path / "root"
    run: str = json.loads((samples / "mlflow" / "ledger.json").read_text())["db"]["running"]
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
