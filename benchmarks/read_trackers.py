"""The same reads of 1,000,000 points with other trackers, as far as each can read what it holds on its own machine.

`python -m benchmarks.read_trackers`, with whichever of them are installed beside ml-dash (`pip install mlflow aim …`).
A point has one float. Each tracker takes the points by its fastest way, 5 minutes at most; each is asked by the fastest
of its own functions that answers at all, inside its process and without a server. ML-Dash is asked over HTTP by its
SDK, as a user asks it, of a stack of real servers; `ml-dash in plain files` is its local mode.

  last     the last 1,000 points            middle   10,000 from the middle
  whole    a chart of 1,000 points of all   part     of 50,000 anywhere
  export   all points, as the tracker gives many: a table, arrays or a list

ML-Dash's chart keeps first, last, least and greatest of each of 1,000 pixel columns, so up to 4,000 points.

mlflow     sqlite; get_metric_history(…_bulk_interval), which a chart asks too: points that lie evenly, no extremes
aim        data.numpy(), which knows no ranges, and sample(): points drawn at random as they were logged
trackio    get_metric_values() and get_logs(): points that lie evenly
swanlab    `local` mode and its board's own reader, which knows no ranges: it always reads all of a metric
wandb      offline; `wandb leet inspect` prints the whole log and is all that reads it without a server
neptune    has no row: its documentation knows one use of an offline run's file, `neptune sync`, which uploads it, and
           neptune-fetcher reads from the service alone
"""

import argparse
import asyncio
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from mldash.connections.servers import Servers

from .api_process import api, servers_of
from .case import Case, no_less, run_alone
from .read_streams import SHORT, make_short
from .stack import running_stack
from .table import write

POINTS: Final = 1_000_000
PART: Final = 50_000
CHART: Final = 1_000
READS: Final = ("last", "middle", "whole", "part", "export")
_LOAD_S: Final = 300.0
_READ_S: Final = 5.0
_MOST_RUNS: Final = 20
_BATCH: Final = 10_000

Read = Callable[[], Any]


class Tracker(NamedTuple):
    """`module`: what has to be installed. `load` returns how many points it has taken, `reads` what answers each."""

    module: str
    load: Callable[[Path], int]
    reads: Callable[[Path], Mapping[str, Read]]


def value(index: int) -> float:
    return index * 0.1


class _Load:
    """Batches of indices until all are there or the time is over."""

    def __init__(self, batch: int = _BATCH) -> None:
        self.done, self._batch, self._deadline = 0, batch, time.monotonic() + _LOAD_S

    def __iter__(self) -> "_Load":
        return self

    def __next__(self) -> range:
        if self.done >= POINTS or time.monotonic() > self._deadline:
            raise StopIteration
        batch = range(self.done, min(POINTS, self.done + self._batch))
        self.done = batch.stop
        print(f"\r{self.done:,} of {POINTS:,} points", end="", file=sys.stderr, flush=True)
        return batch


def _begin_of_part() -> Callable[[], int]:
    draw = random.Random(4)
    return lambda: draw.randrange(POINTS - PART)


def _load_files(folder: Path) -> int:
    from mldash import Experiment

    batches = _Load()
    with Experiment("bench/trackers/run", root=str(folder), echo=False).run as experiment:
        metric = experiment.metrics("train")
        for batch in batches:
            metric.log_many(loss=[value(i) for i in batch])
            experiment.flush()
    return batches.done


def _read_files(folder: Path) -> Mapping[str, Read]:
    from mldash import Experiment

    return _of_ml_dash(Experiment("bench/trackers/run", root=str(folder), echo=False), "train")


def _read_pipeline(folder: Path) -> Mapping[str, Read]:
    """A stream that read_streams.py has made: a million points cold and some thousand hot behind them."""
    from mldash import Experiment

    return _of_ml_dash(Experiment(SHORT, remote=(folder / "api").read_text(), echo=False), "train")


def _of_ml_dash(experiment: Any, name: str) -> Mapping[str, Read]:
    metric, begin = experiment.metrics(name), _begin_of_part()

    def part() -> Any:
        start = begin()
        return metric.view("loss", start=start, end=start + PART - 1, points=CHART)

    return {
        "last": lambda: metric.read(POINTS - 1_000, 1_000),
        "middle": lambda: metric.read(POINTS // 2, 10_000),
        "whole": lambda: metric.view("loss", end=POINTS - 1, points=CHART),
        "part": part,
        "export": lambda: metric.read_columns(0, POINTS, fields=["loss"], format="arrow"),
    }


def _load_mlflow(folder: Path) -> int:
    from mlflow.entities import Metric

    client, batches = _mlflow(folder), _Load(1_000)
    run = client.create_run(client.create_experiment("bench")).info.run_id
    for batch in batches:
        client.log_batch(run, metrics=[Metric("loss", value(i), 1_700_000_000_000 + i, i) for i in batch])
    return batches.done


def _mlflow(folder: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def _read_mlflow(folder: Path) -> Mapping[str, Read]:
    client = _mlflow(folder)
    (experiment,) = client.search_experiments(filter_string="name = 'bench'")
    run, store = client.search_runs([experiment.experiment_id])[0].info.run_id, client._tracking_client.store
    begin = _begin_of_part()

    def between(first: int, count: int, most: int) -> Any:
        return store.get_metric_history_bulk_interval([run], "loss", most, first, first + count - 1)

    return {
        "last": lambda: between(POINTS - 1_000, 1_000, 1_000),
        "middle": lambda: between(POINTS // 2, 10_000, 10_000),
        "whole": lambda: between(0, POINTS, CHART),
        "part": lambda: between(begin(), PART, CHART),
        "export": lambda: store.get_metric_history(run, "loss"),
    }


def _load_aim(folder: Path) -> int:
    from aim import Repo, Run
    from aim.sdk.index_manager import RepoIndexManager

    run, batches = Run(repo=str(folder), system_tracking_interval=None, log_system_params=False), _Load()
    for batch in batches:
        for i in batch:
            run.track(value(i), name="loss", step=i)
    run.close()
    RepoIndexManager.get_index_manager(Repo.from_path(str(folder))).index(run.hash)  # as its server does
    return batches.done


def _read_aim(folder: Path) -> Mapping[str, Read]:
    from aim import Repo

    runs = Repo.from_path(str(folder)).query_metrics("metric.name == 'loss'").iter_runs()
    data, begin = next(metric for run in runs for metric in run).data, _begin_of_part()

    def between(first: int, count: int, step: int = 1) -> Any:
        steps, (values,) = data.view(["val"]).numpy()
        return steps[first : first + count : step], values[first : first + count : step]

    return {
        "last": lambda: between(POINTS - 1_000, 1_000),
        "middle": lambda: between(POINTS // 2, 10_000),
        "whole": lambda: data.view(["val"]).sample(CHART).numpy(),
        "part": lambda: between(begin(), PART, PART // CHART),
        "export": lambda: data.view(["val"]).numpy(),
    }


def _trackio(folder: Path) -> Any:
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage


def _load_trackio(folder: Path) -> int:
    store, batches = _trackio(folder), _Load()
    for batch in batches:
        times = [datetime.fromtimestamp(1.7e9 + i / 1_000, UTC).isoformat() for i in batch]
        store.bulk_log("bench", "run", [{"loss": value(i)} for i in batch], steps=list(batch), timestamps=times)
    return batches.done


def _read_trackio(folder: Path) -> Mapping[str, Read]:
    store, begin = _trackio(folder), _begin_of_part()

    def around(first: int, count: int, most: int | None = None) -> Any:
        half = count // 2
        return store.get_metric_values("bench", "run", "loss", around_step=first + half, window=half, max_points=most)

    return {
        "last": lambda: around(POINTS - 1_000, 1_000),
        "middle": lambda: around(POINTS // 2, 10_000),
        "whole": lambda: store.get_logs("bench", "run", max_points=CHART),
        "part": lambda: around(begin(), PART, CHART),
        "export": lambda: store.get_logs("bench", "run"),
    }


def _load_swanlab(folder: Path) -> int:
    import swanlab

    swanlab.init(project="bench", logdir=str(folder), mode="local")
    batches = _Load()
    for batch in batches:
        for i in batch:
            swanlab.log({"loss": value(i)}, step=i)
    swanlab.finish()
    return batches.done


def _read_swanlab(folder: Path) -> Mapping[str, Read]:
    from swanboard.controller.utils import get_tag_files, lttb, read_tag_data

    tag = next(folder.glob("*/logs/*"))

    def everything() -> list[dict[str, Any]]:
        return [row for name in get_tag_files(str(tag), ["_summary.json"]) for row in read_tag_data(str(tag / name))]

    begin = _begin_of_part()

    def part() -> Any:
        start = begin()
        return lttb(everything()[start : start + PART], CHART)

    return {
        "last": lambda: everything()[-1_000:],
        "middle": lambda: everything()[POINTS // 2 : POINTS // 2 + 10_000],
        "whole": lambda: lttb(everything(), CHART),
        "part": part,
        "export": everything,
    }


def _load_wandb(folder: Path) -> int:
    import wandb

    run = wandb.init(project="bench", dir=str(folder), mode="offline", settings=wandb.Settings(silent=True))
    batches = _Load()
    for batch in batches:
        for i in batch:
            run.log({"loss": value(i)})
    run.finish()
    return batches.done


def _read_wandb(folder: Path) -> Mapping[str, Read]:
    """One program, which prints everything: so each read is that."""
    log = next(folder.glob("wandb/offline-run-*/run-*.wandb"))
    command = [str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--json", str(log)]
    return dict.fromkeys(READS, lambda: subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


TRACKERS: Final = {
    "ml-dash in plain files": Tracker("mldash", _load_files, _read_files),
    "mlflow": Tracker("mlflow", _load_mlflow, _read_mlflow),
    "aim": Tracker("aim", _load_aim, _read_aim),
    "trackio": Tracker("trackio", _load_trackio, _read_trackio),
    "swanlab": Tracker("swanboard", _load_swanlab, _read_swanlab),
    "wandb": Tracker("wandb", _load_wandb, _read_wandb),
}
OURS: Final = "ml-dash"
"""The pipeline: what the others are held against."""


def load(name: str, folder: Path) -> dict[str, float]:
    """Once a folder: what is there already is kept."""
    said = folder / "loaded.json"
    if not said.exists():
        begun = time.perf_counter()
        count = TRACKERS[name].load(folder)
        print(file=sys.stderr)
        said.write_text(json.dumps({"points": count, "seconds": time.perf_counter() - begun}))
    found: dict[str, float] = json.loads(said.read_text())
    return found


def read(name: str, folder: Path) -> dict[str, float]:
    """Median seconds of each read: some seconds of them, the first one, which opens things, left out."""
    reads = _read_pipeline(folder) if name == OURS else TRACKERS[name].reads(folder)
    medians = {one: _median(one) for one in dict.fromkeys(reads[which] for which in READS)}
    return {which: medians[reads[which]] for which in READS}


def _median(one: Read) -> float:
    one()
    took, deadline = list[float](), time.perf_counter() + _READ_S
    while not took or (len(took) < _MOST_RUNS and time.perf_counter() < deadline):
        begun = time.perf_counter()
        one()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def cases_of(name: str, found: Mapping[str, float], ours: Mapping[str, float]) -> list[Case]:
    """Each read in milliseconds, beside what ML-Dash takes: the ratio says how many times as long it takes."""
    cases = list[Case]()
    for which in READS:
        took, bare = found[which] * 1e3, ours[which] * 1e3
        goal = None if name in (OURS, "ml-dash in plain files") else 1.0
        holds = None if goal is None else took >= bare
        case = Case(
            name=f"{which}, {name}", value=took, unit="ms", bare=bare, ratio=took / bare, goal=goal, holds=holds
        )
        cases.append(case)
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--folder", help="where the trackers' data are kept; without it they are made anew each time")
    parser.add_argument("--only", help="trackers, by comma")
    parser.add_argument("--make", action="store_true", help="load the points and measure nothing")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        work = read if arguments.read else load
        print(json.dumps(work(arguments.case, Path(arguments.folder))))
        return
    with (
        running_stack(arguments.data, "--servers-only") as data,
        tempfile.TemporaryDirectory(dir="/var/tmp") as own,
    ):
        asyncio.run(make_short(servers_of(data)))
        _run(servers_of(data), Path(arguments.folder or own), arguments)


def _run(servers: Servers, folder: Path, arguments: argparse.Namespace) -> None:
    names = arguments.only.split(",") if arguments.only else [*TRACKERS]
    full = list[str]()
    for name in names:
        if importlib.util.find_spec(TRACKERS[name].module) is None:
            print(f"{name}: not installed", file=sys.stderr)
            continue
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        loaded = run_alone("benchmarks.read_trackers", ["--case", name, "--folder", str(place)])
        if loaded["points"] < POINTS:
            taken = no_less(f"points taken in 5 minutes, {name}", loaded["points"], "points", POINTS)
            write("read_trackers", [taken])
        else:
            full.append(name)
    if arguments.make:
        return
    place = folder / OURS
    place.mkdir(exist_ok=True)
    with api(servers) as one:
        (place / "api").write_text(one.address)
        ours = _read_alone(OURS, place)
    write("read_trackers", cases_of(OURS, ours, ours))
    for name in full:
        write("read_trackers", cases_of(name, _read_alone(name, folder / name), ours))


def _read_alone(name: str, place: Path) -> dict[str, float]:
    return run_alone("benchmarks.read_trackers", ["--case", name, "--folder", str(place), "--read"])


if __name__ == "__main__":
    main()
