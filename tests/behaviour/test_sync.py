"""What was logged offline, or left by a killed process, `mldash sync` publishes: once, however often it is run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.components import Pipeline
from tests.stack import run_mldash

pytestmark = pytest.mark.integration

KILLED = """
import os, signal
from mldash import Experiment
experiment = Experiment({prefix!r}, mode="offline", journal={journal!r}, echo=False)
experiment.run.start()
for step in range(2_000):
    experiment.metrics("train").log(step=step)
    experiment.tracks("pose").append(x=step, _ts=step % 100)
os.kill(os.getpid(), signal.SIGKILL)
"""


def eventually(read: Callable[[], Any], expected: Any) -> None:
    """The reader is another process than the one that wrote, so it does not know what to wait for."""
    deadline = time.monotonic() + 90
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"still {found!r:.3000}"
        time.sleep(0.05)


def steps(there: Experiment) -> list[int]:
    return [point["data"]["step"] for point in there.metrics("train").read(limit=10_000)["data"]]


def test_an_offline_run_is_published_once_however_often_it_is_synced(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, journal = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "offline")
    with Experiment(prefix, mode="offline", journal=journal, echo=False).run as experiment:
        experiment.params.set(lr=0.1)
        for step in range(100):
            experiment.metrics("train").log(step=step)
        experiment.log("done", metadata={"ok": True})
    for _ in range(2):
        run_mldash("sync", journal, "--remote", remote["remote"])
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), list(range(100)))
    eventually(there.params.get, {"lr": 0.1})
    eventually(lambda: [(line["message"], line["metadata"]) for line in there.logs.read()], [("done", {"ok": True})])


def test_what_a_killed_process_left_is_published_whole_and_in_order(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, journal = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "killed")
    done = subprocess.run([sys.executable, "-c", KILLED.format(prefix=prefix, journal=journal)], check=False)
    assert done.returncode == -signal.SIGKILL
    run_mldash("sync", journal, "--remote", remote["remote"])
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), list(range(2_000)))
    last = [{"timestamp": float(at), "x": 1_900 + at} for at in range(100)]
    eventually(lambda: there.tracks("pose").read()["entries"], last)


def everything(experiment: Experiment) -> dict[str, Any]:
    """All that a reader sees of an experiment but its ids."""
    about = experiment._reader().experiment() or {}
    sessions = experiment._reader().sessions()
    return {
        "about": {part: about.get(part) for part in ("description", "readme", "tags", "metadata", "status")},
        "sessions": [{part: one[part] for part in ("session", "status", "host", "pid")} for one in sessions],  # type: ignore[literal-required]
        "params": experiment.params.get(),
        "metrics": {
            entry["name"]: [*experiment.metrics(entry["name"]).iter()]  # type: ignore[arg-type]
            for entry in experiment.metrics.list()
            if entry["totalDataPoints"]
        },
        "said": {entry["name"]: (entry["description"], entry["tags"]) for entry in experiment.metrics.list()},
        "tracks": {
            entry["topic"]: experiment.tracks(entry["topic"]).read()["entries"] for entry in experiment.tracks.list()
        },
        "logs": experiment.logs.read(limit=10_000),
    }


def log_everything(experiment: Experiment, count: int) -> None:
    with experiment.run:
        experiment.params.set(optimizer={"name": "adam", "lr": 3e-4}, seed=7, raw=b"\0\xff")
        train = experiment.metrics("train", description="of training", tags=["loss"])
        for step in range(count):
            train.log(step=step, loss=1 / (step + 1), _ts=step / 7)
        train.log(step=-1, odd=[1, 1.0, True, None, {"a": b"\1"}], least=-(2**63), nothing=None, zero=-0.0)
        experiment.metrics.log(epoch=1, val={"loss": 0.5})
        experiment.tracks("robot/pose").append(x=1.0, q=[1, 2], _ts=5)
        experiment.tracks("robot/pose").append(y=2.0, _ts=5.0)
        experiment.log("x" * 100_000, level="warn", metadata={"gpus": 8})


def test_a_local_experiment_arrives_as_it_is_and_what_it_grew_by_follows(
    remote: dict[str, Any], tmp_path: Path
) -> None:
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", tmp_path / "dash"
    here = Experiment(prefix, root=root, echo=False, description="d", readme="long", tags=["a", "b"], metadata={"m": 1})
    log_everything(here, 3_000)
    there = Experiment(prefix, **remote)
    (said,) = run_mldash("sync", str(root), "--remote", remote["remote"]).stdout.splitlines()
    first = int(said.split("  ")[1].split()[0])
    assert first > 3_000
    eventually(lambda: everything(there), everything(here))
    (said,) = run_mldash("sync", str(root / prefix), "--remote", remote["remote"]).stdout.splitlines()
    assert "  0 events sent  " in said
    with pytest.raises(ZeroDivisionError), here.run:
        here.metrics("train").log(step=3_001)
        raise ZeroDivisionError
    (said,) = run_mldash("sync", str(root), "--remote", remote["remote"]).stdout.splitlines()
    assert "  4 events sent  " in said  # start, about, point, end
    eventually(lambda: everything(there), everything(here))
    assert (there._reader().experiment() or {})["status"] == "FAILED"
    (said,) = run_mldash("sync", str(root), "--all", "--remote", remote["remote"]).stdout.splitlines()
    assert f"  {first + 4} events sent  " in said
    with Experiment(prefix, **remote).run:  # what was sent before this is stored before it is
        pass
    eventually(lambda: there.metrics("train").stats()["totalDataPoints"], 3_002)
    assert everything(there)["metrics"] == everything(here)["metrics"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sync_that_is_interrupted_again_and_again_adds_nothing_twice(
    remote: dict[str, Any], tmp_path: Path, number: signal.Signals
) -> None:
    """Killed once more of the points are stored; the last sync is left to end."""
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", tmp_path / "dash"
    count = 40_000
    with Experiment(prefix, root=root, echo=False).run as here:
        for step in range(count):
            here.metrics("train").log(step=step)
            here.tracks("pose").append(x=step, _ts=step)
    there = Experiment(prefix, **remote)

    def stored() -> int:
        try:
            return there.metrics("train").stats()["totalDataPoints"]
        except KeyError:
            return 0

    command = [sys.executable, "-m", "mldash", "sync", str(root), "--all", "--remote", remote["remote"]]
    ends = []
    for _ in range(3):
        before = stored()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sync:
            while sync.poll() is None and stored() == before:
                pass
            sync.send_signal(number)
            sync.communicate()
        ends.append(sync.returncode)
    assert set(ends) <= {0, -number, 130}, ends  # -2: it had not begun yet
    run_mldash("sync", str(root), "--remote", remote["remote"])
    eventually(stored, count)
    assert [point["data"]["step"] for point in there.metrics("train").iter()] == list(range(count))
    eventually(lambda: there.tracks.list()[0]["totalEntries"], count)


def test_what_was_deleted_there_is_sent_anew_once_however_often_it_is_asked_for(
    pipeline: Pipeline, remote: dict[str, Any], tmp_path: Path
) -> None:
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "dash")
    with Experiment(prefix, root=root, echo=False).run as here:
        for step in range(100):
            here.metrics("train").log(step=step)
    there = Experiment(prefix, **remote)
    run_mldash("sync", root, "--remote", remote["remote"])
    eventually(lambda: steps(there), list(range(100)))
    for _ in range(2):
        run_mldash("rm", prefix, "--yes", **pipeline.variables)
        assert steps(there) == []
        said = run_mldash("sync", root, "--all", "--remote", remote["remote"]).stdout
        assert "its experiment was deleted there: --anew sends it as new events" in said
        for _ in range(3):
            run_mldash("sync", root, "--anew", "--remote", remote["remote"])
        eventually(lambda: steps(there), list(range(100)))
    with Experiment(prefix, **remote).run as last:  # what it waits for is behind all that was sent
        last.metrics("train").log(step=-1)
        assert steps(last) == [*range(100), -1]
    refused = run_mldash("sync", root, "--anew", "--kafka", "127.0.0.1:1", check=False)
    assert refused.returncode == 2 and "--anew asks an API" in refused.stderr


def test_who_sends_a_journal_of_what_was_deleted_there_is_told_so(
    pipeline: Pipeline, remote: dict[str, Any], tmp_path: Path
) -> None:
    prefix, journal = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "offline")
    with Experiment(prefix, mode="offline", journal=journal, echo=False).run as experiment:
        experiment.metrics("train").log(step=0)
    copy = shutil.copytree(journal, tmp_path / "copy")
    assert "deleted" not in run_mldash("sync", journal, "--remote", remote["remote"]).stdout
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), [0])
    run_mldash("rm", prefix, "--yes", **pipeline.variables)
    said = run_mldash("sync", str(copy), "--remote", remote["remote"]).stdout
    assert "  (its experiment was deleted there: what it logged is dropped)" in said
    assert steps(there) == []


WRITING = """
import sys
from mldash import Experiment
with Experiment(sys.argv[1], root=sys.argv[2], echo=False).run as experiment:
    for line in sys.stdin:
        for _ in range(500):
            experiment.metrics("train").log(step=int(line))
        experiment.flush()
        print("flushed", flush=True)
"""


def test_a_local_run_is_synced_while_it_writes(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "dash")
    there = Experiment(prefix, **remote)

    def status() -> str:
        return (there._reader().experiment() or {})["status"]

    with subprocess.Popen(
        [sys.executable, "-c", WRITING, prefix, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as job:
        assert job.stdin is not None and job.stdout is not None
        for step in range(3):
            job.stdin.write(f"{step}\n")
            job.stdin.flush()
            assert job.stdout.readline() == "flushed\n"
            run_mldash("sync", root, "--remote", remote["remote"])
            eventually(lambda: steps(there), [one for one in range(step + 1) for _ in range(500)])
            assert status() == "RUNNING"
        job.stdin.close()
    run_mldash("sync", root, "--remote", remote["remote"])
    eventually(status, "COMPLETED")


def test_what_a_killed_local_process_left_is_drained_and_sent(remote: dict[str, Any], tmp_path: Path) -> None:
    """It is killed before its files are written: what its calls had returned for lies in its journal alone."""
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "dash")
    script = KILLED.replace('mode="offline", journal={journal!r}', "root={root!r}, linger_s=60")
    done = subprocess.run([sys.executable, "-c", script.format(prefix=prefix, root=root)], check=False)
    assert done.returncode == -signal.SIGKILL
    run_mldash("sync", root, "--remote", remote["remote"])
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), list(range(2_000)))


def test_a_local_experiment_needs_a_place_to_go(tmp_path: Path) -> None:
    with Experiment("owner/sync/nowhere", root=tmp_path, echo=False).run as experiment:
        experiment.metrics("train").log(step=1)
    done = run_mldash("sync", str(tmp_path), check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("mldash: sync: ") and "--remote URL" in done.stderr


def test_a_folder_that_may_not_be_written_is_sent_all_the_same(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, root = f"owner/sync/{os.urandom(6).hex()}", tmp_path / "dash"
    with Experiment(prefix, root=root, echo=False).run as experiment:
        experiment.metrics("train").log(step=0)
    blocked = root / prefix / ".state" / "sent.json"
    blocked.mkdir()  # root may write everywhere; over a folder no file can be put
    for _ in range(2):
        done = run_mldash("sync", str(root), "--remote", remote["remote"])
        assert "3 events sent" in done.stdout and "may not be written" in done.stdout
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), [0])
