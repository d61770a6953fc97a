"""Runs of other trackers that are imported to the servers: all of them are there, once, whatever came in between."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.components import Pipeline
from tests.stack import run_mldash

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).parents[1] / "unit" / "producer" / "importers" / "samples"
LOG = next(SAMPLES.glob("wandb/0.31/wandb/*killed/*.wandb"))
STEPS = [*range(150)]


def eventually(read: Callable[[], Any], expected: Any) -> None:
    """The reader is another process than the one that wrote, so it does not know what to wait for."""
    deadline = time.monotonic() + 90
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"still {found!r:.3000}"
        time.sleep(0.05)


def steps(there: Experiment) -> list[int]:
    return [point["data"]["step"] for point in there.metrics("train").read(limit=10_000)["data"]]


def test_a_run_is_there_once_however_often_it_is_imported_while_it_grows_and_after_it_was_deleted(
    pipeline: Pipeline, remote: dict[str, Any], tmp_path: Path
) -> None:
    """Cut in the middle of a record, then whole, twice each; then `mldash rm`, and twice again."""
    into = f"owner/{os.urandom(6).hex()}"
    there = Experiment(f"{into}/fall-killed", **remote)
    file = tmp_path / "run" / LOG.name
    file.parent.mkdir()
    whole = LOG.read_bytes()
    for size in (len(whole) // 2, len(whole)):
        file.write_bytes(whole[:size])
        for _ in range(2):
            run_mldash("import", str(file), "--into", into, "--remote", remote["remote"])
    eventually(lambda: steps(there), STEPS)
    points = there.metrics("train").read(limit=1)["data"]
    assert points[0]["data"] == {"loss": 1.0, "acc": 0.0, "step": 0}
    run_mldash("rm", there.prefix, "--yes", **pipeline.variables)
    assert steps(there) == []
    for _ in range(2):
        run_mldash("import", str(file), "--into", into, "--remote", remote["remote"])
    eventually(lambda: steps(there), STEPS)
    with Experiment(there.prefix, **remote).run as last:  # what it waits for is behind all that was sent
        last.metrics("train").log(step=-1)
        assert steps(last) == [*STEPS, -1]


def test_servers_that_can_not_be_reached_are_a_problem_of_one_line() -> None:
    done = run_mldash("import", str(LOG), "--remote", "http://127.0.0.1:1", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "127.0.0.1:1" in done.stderr
