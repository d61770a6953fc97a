"""The metadata.json of a stream is written now and then: who waits finds it right, and who comes after a kill too."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

PREFIX = "owner/project/run"
SLOW = """
import mldash.delivery.drain, mldash.local.sink
mldash.local.sink._METADATA_EVERY_S = mldash.delivery.drain._TIDY_AFTER_S = 3600.0
"""
KILLED = f"""
import json, os, signal, sys, time
from pathlib import Path
from mldash import Experiment
{SLOW}
folder = Path(sys.argv[1], "{PREFIX}")
experiment = Experiment("{PREFIX}", root=sys.argv[1], echo=False, capture_context=False)
experiment.run.start()
def log(n):
    experiment.metrics("m").log(n=n)
    experiment.tracks("t").append(n=n, _ts=float(n))
def stored():
    rows = [folder / "metrics/m/data.jsonl", folder / "tracks/t/data.jsonl"]
    return min(path.read_bytes().count(b"\\n") if path.exists() else 0 for path in rows)
log(0)
while stored() < 1:
    time.sleep(0.005)
for n in range(1, 100):
    log(n)
while stored() < 100:
    time.sleep(0.005)
os.kill(os.getpid(), signal.SIGKILL)
"""


def told(root: Path) -> tuple[Any, Any]:
    """Points and entries, as the two files have it."""
    folder = root / PREFIX
    point, entry = (json.loads((folder / f"{one}/metadata.json").read_bytes()) for one in ("metrics/m", "tracks/t"))
    return point["totalDataPoints"], entry["totalEntries"]


@pytest.mark.parametrize("network_files", [None, True], ids=["locks", "network"])
def test_who_comes_after_a_killed_process_writes_what_that_had_put_off(
    tmp_path: Path, network_files: bool | None
) -> None:
    """Killed when the rows are acknowledged and their metadata lags. Readers are right all along."""
    settings: dict[str, Any] = {"root": tmp_path, "echo": False, "network_files": network_files}
    script = KILLED.replace("echo=False", f"echo=False, network_files={network_files}")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert told(tmp_path) != (100, 100), "there is something to make up for"
    there = Experiment(PREFIX, **settings)
    assert there.metrics("m").read()["total"] == there.tracks("t").read()["count"] == 100
    assert [one["totalDataPoints"] for one in there.metrics.list()] == [100]
    with Experiment(PREFIX, **settings).run as following:
        following.log("nothing of these streams")
    assert told(tmp_path) == (100, 100)


def test_an_end_that_can_not_write_it_says_so_and_leaves_the_journal_by_which_the_next_one_does(tmp_path: Path) -> None:
    """A full disk, as it comes to the files that are written anew."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True, stderr=subprocess.PIPE, text=True)
    assert f"events of {PREFIX}" in done.stderr and "mldash sync" in done.stderr and " 0 bytes" not in done.stderr
    assert told(tmp_path) == (1, 1), "there is something to make up for"
    with Experiment(PREFIX, root=tmp_path, echo=False).run as following:
        following.log("nothing of these streams")
    assert told(tmp_path) == (100, 100)


FULL = f"""
import errno, sys
from mldash import Experiment
{SLOW}
write_json = mldash.local.sink.write_json
def full(path, *rest):
    if path.name == "metadata.json":
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
    write_json(path, *rest)
experiment = Experiment("{PREFIX}", root=sys.argv[1], echo=False, capture_context=False, close_timeout_s=2.0)
with experiment.run:
    for n in range(100):
        experiment.metrics("m").log(n=n)
        experiment.tracks("t").append(n=n, _ts=float(n))
        if n == 0:
            experiment.flush(60)
            mldash.local.sink.write_json = full
"""


def test_a_flush_finds_metadata_right_also_of_what_was_delivered_before_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FLUSHES, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout.split() == [str(n) for n in range(1, 21)]


FLUSHES = f"""
import json, sys, time
from pathlib import Path
from mldash import Experiment
{SLOW}
folder = Path(sys.argv[1], "{PREFIX}/metrics/m")
with Experiment("{PREFIX}", root=sys.argv[1], echo=False, capture_context=False).run as experiment:
    for n in range(20):
        experiment.metrics("m").log(n=n)
        while n % 2 and (folder / "data.jsonl").read_bytes().count(b"\\n") <= n:
            time.sleep(0.005)
        experiment.flush()
        print(json.loads((folder / "metadata.json").read_bytes())["nextIndex"])
"""


def test_metadata_follows_within_seconds_where_nobody_waits(tmp_path: Path) -> None:
    with Experiment(PREFIX, root=tmp_path, echo=False).run as experiment:
        for n in range(50):
            experiment.metrics("m").log(n=n)
            experiment.tracks("t").append(n=n, _ts=float(n))
            time.sleep(0.001)
        deadline = time.monotonic() + 60
        while not (tmp_path / PREFIX / "tracks/t/metadata.json").exists() or told(tmp_path) != (50, 50):
            assert time.monotonic() < deadline
            time.sleep(0.02)
