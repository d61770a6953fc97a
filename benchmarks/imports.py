"""What `mldash import` stores in a second, beside a bare reader of the same file and the trackers' own.

`python -m benchmarks.imports --trackers PYTHON`: an interpreter that has tensorboard, and a wandb that reads its own
log in Python: 0.19 does, 0.31 has that part in Go. Points a second of CPU, each case in a process of its own, medians
of three; two files at once by the clock. The bare reader parses each record field by field and stores nothing. With
`--points 10000000` the memory of as many is measured beside that of a tenth.
"""

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mldash.importers.events import LeftOut
from mldash.importers.finding import find
from mldash.importers.parallel import take_all
from mldash.importers.protobuf import fields, message
from mldash.importers.taking import target_of
from mldash.importers.tensorboard.frames import records as event_records
from mldash.importers.tensorboard.summaries import values_of
from mldash.importers.wandb.frames import records as wandb_records
from mldash.importers.wandb.records import HISTORY, items
from mldash.settings import SdkSettings

from .case import Case, at_least, at_most, no_less, run_alone
from .import_files import event_file, wandb_log
from .table import write

_POINTS: Final = 200_000
_ROWS: Final = 20_000
_REPEAT: Final = 3
_TENSORBOARD: Final = """
import json, sys, time
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
begun = time.process_time()
count = sum(1 for event in EventFileLoader(sys.argv[1]).Load() for value in event.summary.value)
print(json.dumps({"points": count, "took": time.process_time() - begun}))
"""
_WANDB: Final = """
import json, sys, time
from wandb.proto.wandb_internal_pb2 import Record
from wandb.sdk.internal.datastore import DataStore
begun, count, store = time.process_time(), 0, DataStore()
store.open_for_scan(sys.argv[1])
while (data := store.scan_data()) is not None:
    record = Record()
    record.ParseFromString(data)
    if record.WhichOneof("record_type") == "history":
        row = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        count += 1
print(json.dumps({"points": count, "took": time.process_time() - begun}))
"""


def _stored(path: Path, processes: int) -> int:
    """Points that come into a new folder."""
    with tempfile.TemporaryDirectory() as root:
        settings = SdkSettings(root=root, mode="local")
        targets = [(run, target_of(run, "bench/imports")) for run in find(path).runs]
        outcomes = take_all(targets, settings, is_dry=False, processes=processes)(_look_away)
        assert all(outcome.is_whole for outcome in outcomes)
        return sum(outcome.counts.found["metrics"] for outcome in outcomes)


def _read(path: Path, processes: int) -> int:
    """By our reader, which is all of an import but storing."""
    events = (event for run in find(path).runs for part in run.parts for event in part.events(LeftOut(), _look_away))
    return sum(1 for event in events if getattr(event, "kind", "") == "metrics")


def _bare_tensorboard(path: Path, processes: int) -> int:
    plugins: dict[str, str] = {}
    found = (message(data).get(5) for data in event_records(path, LeftOut(), _look_away))
    return sum(len(values_of(summary, plugins)) for summary in found if isinstance(summary, bytes))


def _bare_wandb(path: Path, processes: int) -> int:
    return sum(1 for data in _history(path) if [*items(data)])


def _history(path: Path) -> Iterator[bytes]:
    for record in wandb_records(path, LeftOut(), _look_away):
        for number, value in fields(record):
            if number == HISTORY and isinstance(value, bytes):
                yield value


def _look_away(size: int) -> None:
    """Nobody waits for it."""


WAYS: Final[dict[str, Callable[[Path, int], int]]] = {
    "stored": _stored,
    "read": _read,
    "bare_tensorboard": _bare_tensorboard,
    "bare_wandb": _bare_wandb,
}


def _alone(way: str, path: Path, processes: int) -> dict[str, float]:
    begun, clock = time.process_time(), time.perf_counter()
    count = WAYS[way](path, processes)
    took, passed = time.process_time() - begun, time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"points": count, "took": took, "passed": passed, "peak": peak}


def _measured(way: str, path: Path, processes: int = 1, repeat: int = _REPEAT) -> dict[str, float]:
    arguments = ["--alone", way, "--path", str(path), "--processes", str(processes)]
    return run_alone("benchmarks.imports", arguments, repeat)


def _theirs(python: str, code: str, path: Path) -> float | None:
    """Points or rows a second; None where it is not installed."""
    rates: list[float] = []
    for _ in range(_REPEAT):
        done = subprocess.run([python, "-c", code, str(path)], capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        rates.append(found["points"] / found["took"])
    return statistics.median(rates)


def _tensorboard(folder: Path, trackers: str | None) -> Iterator[Case]:
    path = event_file(folder / "one", _POINTS)
    stored, bare, read = (_measured(way, path) for way in ("stored", "bare_tensorboard", "read"))
    rate = stored["points"] / stored["took"]
    yield at_least("tensorboard, stored", rate, "points/s", bare["points"] / bare["took"], 0.6)
    yield no_less("tensorboard, our reader alone", read["points"] / read["took"], "points/s")
    theirs = _theirs(trackers, _TENSORBOARD, path) if trackers else None
    if theirs is not None:
        yield at_least("tensorboard, stored, beside its own loader", rate, "points/s", theirs, 10)
    event_file(folder / "two" / "a", _POINTS)
    event_file(folder / "two" / "b", _POINTS)
    one, two = (_measured("stored", folder / "two", processes)["passed"] for processes in (1, 2))
    yield at_least("two files, by two processes", 2 * _POINTS / two, "points/s", 2 * _POINTS / one, 1.5)


def _wandb(folder: Path, trackers: str) -> Iterator[Case]:
    path = wandb_log(trackers, folder / "wandb", _ROWS)
    stored, bare = _measured("stored", path), _measured("bare_wandb", path)
    rate = _ROWS / stored["took"]
    yield at_least("wandb, rows stored", rate, "rows/s", bare["points"] / bare["took"], 0.6)
    theirs = _theirs(trackers, _WANDB, path)
    if theirs is not None:
        yield at_least("wandb, rows stored, beside its own reader", rate, "rows/s", theirs, 1)


def _memory(folder: Path, points: int) -> Iterator[Case]:
    peaks = [_measured("stored", event_file(folder / str(n), n), repeat=1)["peak"] for n in (points // 10, points)]
    yield at_most(f"peak memory of {points:,} points", peaks[1], "MB", peaks[0], 1.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trackers", metavar="PYTHON", help="an interpreter that has tensorboard and wandb")
    parser.add_argument("--points", type=int, help="measure the memory of so many")
    parser.add_argument("--alone", choices=WAYS, help="measure one way in this process and print JSON")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(_alone(arguments.alone, arguments.path, arguments.processes)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        cases = [*_tensorboard(Path(temporary), arguments.trackers)]
        if arguments.trackers:
            cases += _wandb(Path(temporary), arguments.trackers)
        if arguments.points:
            cases += _memory(Path(temporary), arguments.points)
    write("imports", cases)


if __name__ == "__main__":
    main()
