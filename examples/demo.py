"""The whole way, on real servers: `make demo`.

    up        a local stack, unless one runs on the data folder
    train     train_digits.py on four processes; each keeps what it logged
    wait      until readers can see all of it, and every full range of 10,000 points lies in S3
    compare   what is read back with what was logged, value for value
    tell      a table; the exit code is 0 only where all is equal
    down      the stack, if it was started here; the data stay

--secure starts the stack with TLS and passwords everywhere.
--kill-worker kills the ingest worker (SIGKILL) while the ranks are half way; the supervisor starts it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, NoReturn

import msgspec
from demo_latency import probing
from demo_reading import METRICS, TOPICS, Stored, differences, objects_of, point_counts, read_all, wait_until_stored
from demo_recording import Calls, read_recordings
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from train_digits import Job, progress_bars, running, wait

from mldash import Experiment

_WORKER = "worker-1"
_LOOK_S = 0.3
_console = Console(highlight=False)


class Stack(Struct):
    """A running stack, as `mldash status --json` describes it."""

    data: str
    secure: bool = False
    started_here: bool = False

    def status(self) -> dict[str, Any]:
        """Ready or not, addresses, processes."""
        told: dict[str, Any] = json.loads(_mldash("status", "--json", "--data", self.data))
        return told

    def process(self, name: str) -> dict[str, Any]:
        """Its pid, state and restarts."""
        found: dict[str, Any] = next(one for one in self.status()["processes"] if one["name"] == name)
        return found


@contextmanager
def stack_on(data: str, *, secure: bool) -> Iterator[Stack]:
    """The stack of this folder; one that was not running is started, and taken down at the end."""
    stack = Stack(data, secure)
    if stack.status()["ready"]:
        _console.print(f"a stack runs on {data}: it is used, and left running")
        yield stack
        return
    stack.started_here = True
    try:
        code = _call("up", "--detach", *(["--secure"] if secure else []), "--data", data)
    except BaseException:
        _call("down", "--data", data)  # told to stop while it came up
        raise
    if code:
        raise SystemExit(code)  # it has said why, and has taken down what it had started
    try:
        yield stack
    finally:
        _call("down", "--data", data)


def variables_of(stack: Stack) -> dict[str, str]:
    """What `mldash env` tells a shell: where everything is, and how one signs in."""
    told = (line.partition("export ")[2] for line in _mldash("env", "--data", stack.data).splitlines())
    pairs = (one.partition("=") for one in told if one)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}


def train(job: Job, stack: Stack, *, kill_worker: bool) -> None:
    """All ranks to their end, with a bar each and one for what readers can see."""
    total = job.ranks * job.epochs * job.steps
    reader = Experiment(job.prefix)
    to_kill = stack.process(_WORKER)["pid"] if kill_worker else None
    with progress_bars() as bars, running(job) as (processes, steps_done):
        rows = [bars.add_task(f"rank {rank}", total=job.epochs * job.steps) for rank in range(job.ranks)]
        readable = bars.add_task("readable", total=total)
        look_at = 0.0

        def tell() -> None:
            nonlocal to_kill, look_at
            done = steps_done()
            for row, steps in zip(rows, done, strict=True):
                bars.update(row, completed=steps)
            if time.monotonic() > look_at:
                look_at = time.monotonic() + _LOOK_S
                bars.update(readable, completed=point_counts(reader).get("train", 0))
            if to_kill is not None and sum(done) * 2 > total:
                os.kill(to_kill, signal.SIGKILL)
                bars.console.print(f"{_WORKER} (pid {to_kill}) killed at step {sum(done):,} of {total:,}")
                to_kill = None

        wait(processes, tell)


def table_of(ranks: Sequence[Calls], stored: Stored, objects: tuple[int, int], probes: Sequence[float]) -> Table:
    """The figures of this run."""
    table = Table(show_header=False, title="What went through", title_justify="left")
    train = stored.statistics["train"]
    seconds = max(calls.ended for calls in ranks) - min(calls.began for calls in ranks)
    points = sum(len(some) for calls in ranks for some in calls.points.values())
    costs = [cost for calls in ranks for cost in calls.log_seconds]
    table.add_row("params", f"{sum(len(calls.params) for calls in ranks)} calls, {len(stored.params)} keys")
    for name in METRICS:
        table.add_row(f"metrics {name}", f"{len(stored.points[name]):,} points")
    table.add_row("logs", f"{len(stored.lines):,} lines")
    for topic in TOPICS:
        appended, merged = sum(len(calls.entries[topic]) for calls in ranks), len(stored.entries[topic])
        table.add_row(f"tracks {topic}", f"{appended:,} events, merged into {merged:,} entries")
    table.add_row("runs", f"{len(ranks)} processes, {stored.status}")
    table.add_section()
    table.add_row("train, hot in MongoDB", f"{train['bufferedDataPoints']:,} points")
    table.add_row("train, cold on S3", f"{train['chunkedDataPoints']:,} points in {train['totalChunks']} chunks")
    table.add_row("objects on S3", f"{objects[0]}, {objects[1]:,} bytes")
    table.add_section()
    table.add_row("points a second", f"{points / seconds:,.0f}, logged while training, {seconds:.1f} s")
    table.add_row("one call of log()", _p50_p99(costs, 1e6, "µs"))
    table.add_row("log() to readable", f"{_p50_p99(probes, 1e3, 'ms')} ({len(probes)} probes)")
    return table


def demo(data: str, job: Job, *, kill_worker: bool, secure: bool) -> bool:
    """Whether everything came back as it was logged."""
    with stack_on(data, secure=secure) as stack, tempfile.TemporaryDirectory(prefix="mldash-demo-") as folder:
        addresses = stack.status()["addresses"]
        # For this process and those that it starts. What a killed rank leaves in its journal stays with this stack.
        os.environ.update(variables_of(stack))
        api = addresses["api"]
        os.environ.setdefault("MLDASH_JOURNAL", str(Path(data, "journal").absolute()))
        _console.print(f"{job.ranks} processes train and log into {job.prefix}")
        restarts = -stack.process(_WORKER)["restarts"]
        job = msgspec.structs.replace(job, started=time.time(), record=folder)
        with probing(f"{job.prefix}-probe") as measured:
            train(job, stack, kill_worker=kill_worker)
            probes = measured()
        ranks = read_recordings(Path(folder), job.ranks)
        experiment = Experiment(job.prefix)
        with _console.status("waiting until all is stored"):
            wait_until_stored(experiment, api, ranks)
        with _console.status("reading it back"):
            stored = read_all(experiment, api)
        found = differences(ranks, stored)
        restarts += stack.process(_WORKER)["restarts"]
        table = table_of(ranks, stored, asyncio.run(objects_of(job.prefix, addresses["s3"])), probes)
        table.add_row(f"restarts of {_WORKER}", f"{restarts}" + (", killed in the middle" if kill_worker else ""))
        if kill_worker and not restarts:
            found.append(f"{_WORKER} was to be killed and started again, and was not")
        _console.print(table)
        _tell_the_outcome(found)
        _tell_how_to_open(stack, job.prefix)
    return not found


def _tell_the_outcome(found: Sequence[str]) -> None:
    for line in found:
        _console.print(line, style="red", markup=False)
    if found:
        _console.print("DIFFERENT: what was read back is not what was logged", style="bold red")
    else:
        _console.print("EQUAL: all that was logged was read back, value for value, each once", style="bold green")


def _tell_how_to_open(stack: Stack, prefix: str) -> None:
    mldash = str(Path(sys.executable).with_name("mldash"))
    lines = ["", "To look at it:"]
    if stack.started_here:
        lines.append(f"  {mldash} up --detach --data {stack.data}          # the data stay there")
    lines += [
        f'  eval "$({mldash} env --data {stack.data})"',
        f"  {sys.executable} -c 'from mldash import Experiment;"
        f' print(Experiment("{prefix}").metrics("eval").stats())\'',
    ]
    _console.print("\n".join(lines), markup=False, soft_wrap=True)


def _p50_p99(seconds: Sequence[float], factor: float, unit: str) -> str:
    parts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {parts[49] * factor:.1f} {unit}, p99 {parts[98] * factor:.1f} {unit}"


def _mldash(*arguments: str) -> str:
    """What the command line prints."""
    command = [sys.executable, "-P", "-m", "mldash", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout


def _call(*arguments: str) -> int:
    """Run the command line, its output shown; answers with its exit code."""
    return subprocess.run([sys.executable, "-P", "-m", "mldash", *arguments], check=False).returncode


def _terminated(number: int, _: Any) -> NoReturn:
    raise SystemExit(128 + number)  # so that every `finally` runs


def main() -> None:
    defaults = Job(prefix="")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", default=".mldash", help="the stack's folder (%(default)s)")
    parser.add_argument("--secure", action="store_true", help="a stack with TLS and passwords, if it is started here")
    parser.add_argument("--kill-worker", action="store_true", help="kill the ingest worker in the middle")
    parser.add_argument("--ranks", type=int, default=defaults.ranks, help="training processes (%(default)s)")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="of 90 steps each (%(default)s)")
    given = parser.parse_args()
    job = Job(prefix=f"demo/digits/{time.strftime('%Y%m%d-%H%M%S')}", ranks=given.ranks, epochs=given.epochs)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        equal = demo(given.data, job, kill_worker=given.kill_worker, secure=given.secure)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(0 if equal else 1)


if __name__ == "__main__":
    main()
