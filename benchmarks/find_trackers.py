"""The same question of the same 10,000 runs, to ML-Dash over HTTP and to other trackers inside their own process.

`python -m benchmarks.find_trackers`, with whichever of them are installed beside ml-dash (`pip install mlflow`).
Each run has what those of find_runs.py have. 1,000 runs pass; sorted by another field where the tracker can sort, the
first 50 are shown. Medians; each request has another limit.

mlflow   sqlite; search_runs with filter_string and order_by. Its parameters are texts, so the filter goes by metrics.
         The rows are written into its tables directly: by its client they would take hours
aim      is not asked yet: it takes runs one by one, 731 of them in five minutes where this was measured
"""

import argparse
import asyncio
import importlib.util
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from .api_process import api
from .case import Case, no_less, run_alone
from .find import page_of, servers_of
from .find_runs import FIELDS, METRICS, make_runs, orders, params_of, statistics_of
from .stack import running_stack
from .table import write

RUNS: Final = 10_000
_MATCHING: Final = 10  # one in so many
_REQUESTS: Final = 20
_SHOWN: Final = 50
_BEGIN_MS: Final = 1_767_225_600_000


class Tracker(NamedTuple):
    """`load` returns how many runs it has taken; `search` gives what asks it once, with so many matching."""

    module: str
    load: Callable[[Path], int]
    search: Callable[[Path, int], Callable[[], Any]]


def _runs() -> Any:
    """(number, order, parameters, {metric/field: last value}) of each."""
    for number, order in enumerate(orders(RUNS)):
        draw = random.Random(number)
        params = params_of(number, order, draw)
        values = {f"{name}/{field}": one.last for name in METRICS for field, one in statistics_of(draw).items()}
        yield number, order, params, values


def _load_mlflow(folder: Path) -> int:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("bench")
    client.log_metric(client.create_run(experiment).info.run_id, "made", 1.0)  # so that every table is there
    rows: dict[str, list[dict[str, Any]]] = {"runs": [], "params": [], "latest_metrics": []}
    for number, order, params, values in _runs():
        run, began = f"{number:032x}", _BEGIN_MS + 60_000 * number
        rows["runs"].append(
            {
                "run_uuid": run, "name": f"run {number}", "source_type": "UNKNOWN", "user_id": "ada",
                "status": "FINISHED", "start_time": began, "end_time": began + 600_000, "lifecycle_stage": "active",
                "artifact_uri": "", "experiment_id": int(experiment),
            }
        )  # fmt: skip
        rows["params"] += [{"key": key, "value": str(value), "run_uuid": run} for key, value in params.items()]
        rows["latest_metrics"] += [
            {"key": key, "value": value, "timestamp": began, "step": 1_000, "is_nan": 0, "run_uuid": run}
            for key, value in {**values, "order": float(order)}.items()
        ]
    database = sqlite3.connect(folder / "mlflow.db")
    with database:
        for table, made in rows.items():
            columns = list(made[0])
            places = ", ".join(f":{column}" for column in columns)
            database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", made)
    database.close()
    return RUNS


def _search_mlflow(folder: Path, matching: int) -> Callable[[], Any]:
    from mlflow import MlflowClient

    client, draw = MlflowClient(f"sqlite:///{folder}/mlflow.db"), random.Random(7)
    (experiment,) = client.search_experiments(filter_string="name = 'bench'")

    def once() -> Any:
        found = client.search_runs(
            [experiment.experiment_id],
            f"metrics.order < {matching} and metrics.`eval/f{draw.randrange(10)}` > -{draw.random()} "
            "and attributes.status = 'FINISHED'",
            order_by=[f"metrics.`train/{draw.choice(FIELDS)}` DESC"],
            max_results=_SHOWN,
        )
        assert len(found) == _SHOWN, len(found)
        return found

    return once


TRACKERS: Final = {
    "mlflow": Tracker("mlflow", _load_mlflow, _search_mlflow),
}


def measure(name: str, folder: Path) -> dict[str, float]:
    """Loaded once a folder."""
    said, tracker = folder / "loaded.json", TRACKERS[name]
    if not said.exists():
        said.write_text(json.dumps(tracker.load(folder)))
    count = int(json.loads(said.read_text()))
    once, took = tracker.search(folder, RUNS // _MATCHING), list[float]()
    once()
    for _ in range(_REQUESTS):
        begun = time.perf_counter()
        once()
        took.append(time.perf_counter() - begun)
    return {"runs": count, "took": statistics.median(took)}


def _ours(data: str) -> float:
    draw = random.Random(7)
    with api(servers_of(data, RUNS)) as one:
        while True:
            try:
                one.ask("/v1/experiments", {"filter": "archived", "limit": 0})
                break
            except RuntimeError:
                one.hang_up()
        return statistics.median(
            one.ask("/v1/experiments", page_of(RUNS // _MATCHING, draw)) for _ in range(5 * _REQUESTS)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--folder", help="where the trackers' data are kept; without it they are made anew each time")
    parser.add_argument("--only", help="trackers, by comma")
    parser.add_argument("--alone", choices=TRACKERS, help="measure one in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(measure(arguments.alone, Path(arguments.folder))))
        return
    wanted = arguments.only.split(",") if arguments.only else list(TRACKERS)
    installed = [name for name in wanted if importlib.util.find_spec(TRACKERS[name].module)]
    with running_stack(arguments.data) as stack, tempfile.TemporaryDirectory() as temporary:
        asyncio.run(make_runs(servers_of(stack, RUNS), RUNS))
        ours = _ours(stack) * 1e3
        cases = [Case(name="1,000 of 10,000 runs, ml-dash", value=ours, unit="ms")]
        for name in installed:
            folder = Path(arguments.folder or temporary) / name
            folder.mkdir(parents=True, exist_ok=True)
            found = run_alone("benchmarks.find_trackers", ["--alone", name, "--folder", str(folder)])
            took = found["took"] * 1e3
            case = no_less(f"1,000 of 10,000 runs, {name} ({found['runs']:,.0f} of them)", took / ours, "times", 20)
            cases += [Case(name=f"{case.name}, ms", value=took, unit="ms", bare=ours, ratio=took / ours), case]
        write("find_trackers", cases)


if __name__ == "__main__":
    main()
