"""Links within a run's folder: who looks at folders of others follows none, who logs is not held up by any."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.client.client import Client
from mldash.client.kept_runs import KeptRuns
from mldash.client.unreadable import RunUnreadable

RUN, OTHER = "o/p/run", "o/p/other"


def log(root: Path, prefix: str, loss: float) -> Path:
    with Experiment(prefix, root=str(root), echo=False).run as run:
        run.metrics("train").log(loss=loss)
        run.params.set(loss=loss)
    return root / prefix


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return log(tmp_path / "shown", RUN, 1.0)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """What its owner alone may look at."""
    return log(tmp_path / "hidden", OTHER, 666.0)


def names(root: Path) -> list[str | None]:
    return [one["name"] for one in KeptRuns(root).find()[RUN].reader.metrics()]


def test_folders_of_metrics_that_are_links_are_none(tmp_path: Path, run: Path, other: Path) -> None:
    """Those that lead in circles, those that lead out, and data that are a link; asked for by name, too."""
    (run / "metrics" / "a").symlink_to(".")
    (run / "metrics" / "b").symlink_to(".")
    (run / "metrics" / "out").symlink_to(other / "metrics" / "train")
    (run / "metrics" / "file").mkdir()
    (run / "metrics" / "file" / "data.jsonl").symlink_to(other / "metrics" / "train" / "data.jsonl")
    assert names(tmp_path / "shown") == ["train"]
    kept = KeptRuns(tmp_path / "shown").find()[RUN]
    for name in ("out", "file", "a/train"):
        with pytest.raises(RunUnreadable, match="links within a run are not followed"), kept.reading() as reader:
            reader.metric_points(name, 0, 10)
    (found,) = KeptRuns(tmp_path / "shown").plain()
    assert list(found["metrics"]) == ["train"]
    assert [one.prefix for one in Client(tmp_path / "shown").runs("metrics.train.loss.last = 1")] == [RUN]


def link_state(run: Path, other: Path) -> None:
    shutil.rmtree(run / ".state")
    (run / ".state").symlink_to(other / ".state")


def link_history(run: Path, other: Path) -> None:
    (run / ".state" / "runs.jsonl").unlink()
    (run / ".state" / "runs.jsonl").symlink_to(other / ".state" / "runs.jsonl")


def pipe_for_history(run: Path, other: Path) -> None:
    (run / ".state" / "runs.jsonl").unlink()
    os.mkfifo(run / ".state" / "runs.jsonl")


@pytest.mark.parametrize("change", [link_state, link_history, pipe_for_history])
def test_a_run_whose_state_is_elsewhere_is_in_no_list(
    tmp_path: Path, run: Path, other: Path, change: Callable[[Path, Path], None]
) -> None:
    change(run, other)
    runs = KeptRuns(tmp_path / "shown")
    assert list(runs.plain()) == []
    with pytest.raises(RunUnreadable):
        runs.find()[RUN].plain()


def test_a_linked_experiment_file_and_journal_say_nothing(tmp_path: Path, run: Path, other: Path) -> None:
    (run / "experiment.json").unlink()
    (run / "experiment.json").symlink_to(other / "experiment.json")
    shutil.rmtree(run / ".journal", ignore_errors=True)
    (run / ".journal").symlink_to(other / ".journal")
    assert KeptRuns(tmp_path / "shown").find() == {}


def test_a_root_and_an_owner_that_are_links_are_written_and_a_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to("disk")
    log(tmp_path / "root", RUN, 1.0)
    (tmp_path / "disk" / "far").mkdir()
    (tmp_path / "disk" / "near").symlink_to("far")
    log(tmp_path / "root", "near/p/run", 2.0)
    assert [one["prefix"] for one in KeptRuns(tmp_path / "root").plain()] == ["near/p/run", RUN]


def test_who_logs_reads_its_own_metrics_through_a_link(tmp_path: Path, run: Path) -> None:
    """As one that was moved to a larger disk."""
    shutil.move(run / "metrics", tmp_path / "metrics")
    (run / "metrics").symlink_to(tmp_path / "metrics")
    log(tmp_path / "shown", RUN, 2.0)
    experiment = Experiment(RUN, root=str(tmp_path / "shown"))
    assert [one["name"] for one in experiment.metrics.list()] == ["train"]
    assert [one["data"]["loss"] for one in experiment.metrics("train").read()["data"]] == [1.0, 2.0]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_session_that_is_for_its_owners_eyes_does_not_hide_the_run(tmp_path: Path) -> None:
    """Its process lives: more can't be told."""
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        Path(root).chmod(0o755)
        with Experiment(RUN, root=root, echo=False).run as run:
            run.metrics("train").log(loss=1.0)
            run.flush()
            (session,) = (path for path in (Path(root) / RUN / ".journal").iterdir() if not path.name.startswith("."))
            session.chmod(0o700)
            os.seteuid(65534)
            try:
                found = [(one["prefix"], one["status"]) for one in KeptRuns(Path(root)).plain()]
            finally:
                os.seteuid(0)
        assert found == [(RUN, "RUNNING")]
