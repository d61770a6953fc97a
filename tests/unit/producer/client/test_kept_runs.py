"""Runs of a folder for who asks again and again."""

import shutil
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.client.kept_runs import KeptRuns
from mldash.client.unreadable import RunUnreadable


def log(root: Path, prefix: str, seed: int) -> None:
    with Experiment(prefix, root=str(root), echo=False).run as run:
        run.params.set(seed=seed)


def test_a_run_that_has_ended_is_read_once_until_somebody_logs_to_it_again(tmp_path: Path) -> None:
    log(tmp_path, "o/p/run", 1)
    run = KeptRuns(tmp_path).find()["o/p/run"]
    first = run.plain()
    assert first is not None and first["params"] == {"seed": 1}
    assert run.plain() is first
    log(tmp_path, "o/p/run", 2)
    again = run.plain()
    assert again is not None and (again["params"], again["sessions"]) == ({"seed": 2}, 2)


def test_a_run_that_goes_on_is_read_anew(tmp_path: Path) -> None:
    with Experiment("o/p/run", root=str(tmp_path), echo=False).run as run:
        kept = KeptRuns(tmp_path).find()["o/p/run"]
        for seed in range(2):
            run.params.set(seed=seed)
            run.flush()
            found = kept.plain()
            assert found is not None and (found["params"], found["status"]) == ({"seed": seed}, "RUNNING")


def test_of_copies_the_first_is_shown_and_what_is_no_run_is_left_out(tmp_path: Path) -> None:
    log(tmp_path / "a", "o/p/run", 1)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "experiment.json").write_text("{}")
    found = KeptRuns(tmp_path).find()
    assert [(prefix, run.experiment.folder.path.parts[-4]) for prefix, run in found.items()] == [("o/p/run", "a")]


def test_a_run_that_was_deleted_and_logged_again_is_told_anew(tmp_path: Path) -> None:
    """The second has as many rows of everything, and more."""
    runs = KeptRuns(tmp_path)
    for loss, count in ((1.0, 3), (5.0, 4)):
        shutil.rmtree(tmp_path / "o", ignore_errors=True)
        with Experiment("o/p/run", root=str(tmp_path), echo=False, description=f"loss {loss}").run as run:
            run.metrics("train").log_many(loss=[loss] * count)
            for at in range(count):
                run.tracks("arm").append(**{f"x{loss:g}": at}, _ts=at + loss)
        kept = runs.find()["o/p/run"]
        found = kept.plain()
        assert found is not None and found["metrics"]["train"]["loss"]["mean"] == loss
        assert found["metrics"]["train"]["loss"]["count"] == count
        assert (found["description"], found["sessions"]) == (f"loss {loss}", 1)
        assert [track["columns"] for track in kept.reader.tracks()] == [[f"x{loss:g}"]]


def test_what_could_not_be_read_once_is_read_when_it_can(tmp_path: Path) -> None:
    """A run that has ended, logged to again, while its history is damaged for a while."""
    log(tmp_path, "o/p/run", 1)
    run = KeptRuns(tmp_path).find()["o/p/run"]
    assert run.plain() is not None
    log(tmp_path, "o/p/run", 2)
    history = run.experiment.folder.state / "runs.jsonl"
    whole = history.read_bytes()
    history.write_bytes(b"x" * (len(whole) - 1) + b"\n")
    with pytest.raises(RunUnreadable):
        run.plain()
    history.write_bytes(whole)
    found = run.plain()
    assert found is not None and (found["params"], found["sessions"]) == ({"seed": 2}, 2)
