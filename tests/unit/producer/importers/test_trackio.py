"""trackio's database and fragments: every value, by the ledger of what was logged."""

import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from mldash.importers import quiet

from .imported import INTO, everything, import_all, ledger_of, points, times


@pytest.fixture
def source(samples: Path) -> Path:
    return samples / "trackio"


@pytest.fixture
def ledger(source: Path) -> dict[str, Any]:
    return ledger_of(source)


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    import_all(source, root=tmp_path / "root")
    return tmp_path / "root"


def name_of(ledger: dict[str, Any], run: str) -> str:
    return f"{'far' if run == 'far' else 'walk'}-{ledger[run]['id'][:8]}"


def expected(rows: list[tuple[dict[str, Any], int | None]], metric: str, first_step: int = 0) -> list[dict[str, Any]]:
    """By the mapping: a point a row that has keys of the metric, with the row's step."""
    found, next_step = [], first_step
    for row, given in rows:
        step = next_step if given is None else given
        next_step = max(next_step, step + 1)
        fields = {}
        for key, value in row.items():
            name, _, field = key.rpartition("/")
            if (name or "history") == metric:
                is_number = isinstance(value, int) and not isinstance(value, bool) and field not in ("epoch", "step")
                fields[field] = float(value) if is_number else value
        if fields:
            found.append({**fields, "_step" if "step" in fields else "step": step})
    return found


def same(one: Any, other: Any) -> bool:
    """Of one type too; NaN is NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and (one == other or (isinstance(one, float) and math.isnan(one + other)))


@pytest.mark.parametrize("metric", ["train", "history", "eval"])
def test_every_row_is_a_point_of_its_metrics_with_its_step(root: Path, ledger: dict[str, Any], metric: str) -> None:
    """Also NaN, the infinities, steps that go back, and a field `step` of their own."""
    told = expected(ledger["walk"]["rows"], metric)
    found = points(root, name_of(ledger, "walk"), metric)
    if metric == "history":
        assert found.pop() == {"weights": {"bins": [0, 1, 2, 3], "values": [1, 2, 1]}, "step": 101}
    assert len(found) == len(told) and all(map(same, found, told))


def test_a_run_that_went_on_in_fragments_has_the_rows_of_both(root: Path, ledger: dict[str, Any]) -> None:
    rows = [*ledger["again"]["rows"], *ledger["resumed"]["rows"]]
    assert ledger["again"]["id"] == ledger["resumed"]["id"]
    for metric in ("train", "history"):
        assert points(root, name_of(ledger, "again"), metric) == expected(rows, metric)
    experiment = Experiment(f"{INTO}/{name_of(ledger, 'again')}", root=root)
    assert experiment.params.get() == {"lr": 0.003}  # the later one counts
    (line,) = experiment.logs.read()
    assert (line["level"], line["message"], line["metadata"]) == ("info", "resumed", {"alert": "resumed", "step": 3})


def test_a_run_of_fragments_alone_is_whole(root: Path, ledger: dict[str, Any]) -> None:
    for metric in ("train", "history"):
        told = expected(ledger["far"]["rows"], metric)
        found = points(root, name_of(ledger, "far"), metric)
        assert len(found) == len(told) and all(map(same, found, told))
    assert points(root, name_of(ledger, "far"), "system/unknown") == [{"cpu": 1.5}]


def test_times_are_those_of_the_batches(root: Path, source: Path, ledger: dict[str, Any]) -> None:
    """trackio keeps no others."""
    with closing(sqlite3.connect(source / "robots.db")) as database:
        asked = "select timestamp from metrics where run_id = ? order by id limit 4"
        stored = [time for (time,) in database.execute(asked, (ledger["walk"]["id"],))]
    found = times(root, name_of(ledger, "walk"), "train")
    assert [time[:23] for time in found] == [time[:23] for time in stored] and len({*found}) == 1


def test_parameters_are_the_config_without_secrets_and_e_mails(root: Path, ledger: dict[str, Any]) -> None:
    experiment = Experiment(f"{INTO}/{name_of(ledger, 'walk')}", root=root)
    params = experiment.params.get()
    assert params == {
        "lr": 0.001,
        "batch": 64,
        "whole": 1.0,
        "model.depth": 3,
        "model.name": "mlp",
        "model.sizes": [32, 16],
        "optim.eps": 1e-8,
        "least": -math.inf,
        "none": None,
        "api_key": "•••",
        "database": "postgres://alice:•••@db.example/runs",
        "max_tokens": 512,
    }
    about = experiment._reader().experiment()
    assert about is not None and experiment.run.status == "COMPLETED"
    told = {"imported_from": "trackio", "id": ledger["walk"]["id"], "name": "walk", "group": "sweep-3"}
    assert about["metadata"] == {**told, "status_unknown": True}


def test_alerts_are_lines_and_the_machine_s_statistics_a_metric(root: Path, ledger: dict[str, Any]) -> None:
    lines = Experiment(f"{INTO}/{name_of(ledger, 'walk')}", root=root).logs.read()
    assert [(line["level"], line["message"]) for line in lines] == [
        ("warn", "slow: the loader waits"),
        ("warn", "done"),
    ]
    found = points(root, name_of(ledger, "walk"), "system/unknown")
    assert all(
        map(same, found, [{"gpu/0/utilization": 50.0, "cpu": 12.5}, {"gpu/0/utilization": math.nan, "cpu": 13.0}])
    )


def test_what_is_not_taken_is_counted(source: Path, tmp_path: Path) -> None:
    done = import_all(source, root=tmp_path / "root", options=("--dry-run",))
    assert "trackio.markdown (1)" in done.output and "trackio.trace (1)" in done.output and "e-mail (1)" in done.output


def test_the_last_rows_are_those_beside_the_database(source: Path, tmp_path: Path, ledger: dict[str, Any]) -> None:
    """What is in robots.db-wal counts; without it they are not there."""
    for beside in source.glob("*-wal"):
        beside.unlink()
    shutil.rmtree(source / "inbox")
    done = import_all(source, root=tmp_path / "root")
    assert name_of(ledger, "walk") in done.output and name_of(ledger, "again") not in done.output


@pytest.mark.parametrize("what", ["robots.db", "inbox"])
def test_a_part_of_a_folder_brings_all_that_lies_of_its_runs(
    source: Path, tmp_path: Path, ledger: dict[str, Any], what: str
) -> None:
    """Or the rows would have other places in another import."""
    import_all(source, root=tmp_path / "whole")
    import_all(source / what, root=tmp_path / "part")
    assert everything(tmp_path / "part") == everything(tmp_path / "whole")


def test_fragments_that_trackio_has_taken_in_meanwhile_come_once(
    source: Path, tmp_path: Path, ledger: dict[str, Any]
) -> None:
    """Writer by writer, by the writers' names, so not in the order in which they were written."""
    import_all(source, root=tmp_path / "root")
    before = everything(tmp_path / "root")
    fragments = sorted((source / "inbox").rglob("*.jsonl"), reverse=True)
    with closing(sqlite3.connect(source / "robots.db")) as database, database:
        for record in (json.loads(line) for path in fragments for line in path.read_text().splitlines()):
            run = (record["run_id"], record["run"], record["timestamp"])
            if record["kind"] == "alert":
                told = (*run, record["title"], record["level"], record["step"], record["alert_id"])
                columns = "run_id, run_name, timestamp, title, level, step, alert_id"
                database.execute(f"insert into alerts ({columns}) values (?, ?, ?, ?, ?, ?, ?)", told)
            else:
                is_metric = record["kind"] == "metric"
                table, columns = ("metrics", ", step") if is_metric else ("system_metrics", "")
                told = (*run, json.dumps(record["metrics"]), record["log_id"], *([record["step"]] if is_metric else []))
                asked = f"insert into {table} (run_id, run_name, timestamp, metrics, log_id{columns}) values "
                database.execute(f"{asked}({', '.join('?' * len(told))})", told)
            if record.get("config"):
                told = (record["run_id"], record["run"], json.dumps(record["config"]), record["timestamp"])
                asked = "insert or replace into configs (run_id, run_name, config, created_at) values (?, ?, ?, ?)"
                database.execute(asked, told)
    import_all(source, root=tmp_path / "root")  # both: as if it had not deleted them yet
    assert everything(tmp_path / "root") == before
    for path in fragments:
        path.unlink()
    import_all(source, root=tmp_path / "root")
    assert everything(tmp_path / "root") == before


@pytest.mark.parametrize("counts", [(0, 3), (5, 9), (2, 14)])
def test_what_has_grown_is_as_if_it_had_been_imported_at_once(
    source: Path, tmp_path: Path, counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its runs go on; a run that has been quiet for an hour has ended, as it was."""
    with monkeypatch.context() as going_on:
        going_on.setattr(quiet, "QUIET_S", float("inf"))
        for count in counts:
            earlier = tmp_path / str(count) / "trackio"
            shutil.copytree(source, earlier, ignore=shutil.ignore_patterns("inbox"))
            with closing(sqlite3.connect(earlier / "robots.db")) as database, database:
                database.execute("delete from metrics where id > ?", (count,))
                database.execute("delete from system_metrics where id >= ?", (count,))
            import_all(earlier, root=tmp_path / "one")
    for name in ("one", "other"):
        import_all(source, root=tmp_path / name)
    assert everything(tmp_path / "one") == everything(tmp_path / "other")


def test_a_database_of_before_ids_has_a_run_a_name(tmp_path: Path) -> None:
    """As trackio made it until 0.24, with the smallest set of its columns."""
    source = tmp_path / "trackio" / "robots.db"
    source.parent.mkdir()
    with closing(sqlite3.connect(source)) as database, database:
        database.execute(
            "create table metrics (id integer primary key, timestamp text, run_name text, step integer, metrics text)"
        )
        database.execute("create table configs (id integer primary key, run_name text, config text, created_at text)")
        database.execute("insert into metrics values (1, '2025-10-01T10:00:00', 'fall', 0, '{\"loss\": 1.5}')")
        database.execute("insert into configs values (1, 'fall', '{\"lr\": 0.5}', '2025-10-01T10:00:00')")
    import_all(source, root=tmp_path / "root")
    assert points(tmp_path / "root", "fall", "history") == [{"loss": 1.5, "step": 0}]
    assert times(tmp_path / "root", "fall", "history") == ["2025-10-01T10:00:00.000000Z"]
    assert Experiment(f"{INTO}/fall", root=tmp_path / "root").params.get() == {"lr": 0.5}


def test_a_damaged_fragment_ends_its_writer_and_says_where(
    source: Path, tmp_path: Path, ledger: dict[str, Any]
) -> None:
    first, *_ = sorted((source / "inbox").rglob("*.jsonl"))
    one, other = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(one + b"{" + other[2:])
    done = import_all(source, root=tmp_path / "root", code=1)
    assert f"{first}: a line is no record at byte {len(one)}" in done.output
    assert len(points(tmp_path / "root", name_of(ledger, "far"), "train")) == 1


def test_a_row_that_is_none_is_told_by_its_number(source: Path, tmp_path: Path, ledger: dict[str, Any]) -> None:
    with closing(sqlite3.connect(source / "robots.db")) as database, database:
        database.execute("update metrics set metrics = x'ff' where id = 2")
    done = import_all(source, root=tmp_path / "root", code=1)
    assert "row 2 of metrics can't be read" in done.output
    assert len(points(tmp_path / "root", name_of(ledger, "walk"), "train")) == 3


def test_a_record_without_a_step_is_told(source: Path, tmp_path: Path, ledger: dict[str, Any]) -> None:
    for database in source.glob("robots.db*"):
        database.unlink()
    first, *_ = sorted((source / "inbox").rglob("*.jsonl"))
    first.write_text(first.read_text().replace('"step":0', '"step":null', 1))
    done = import_all(source, root=tmp_path / "root", code=1)
    assert "a record can't be read" in done.output
    assert len(points(tmp_path / "root", name_of(ledger, "far"), "train")) == 2
