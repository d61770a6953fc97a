"""A process that goes to another folder takes nothing with it: relative folders were settled when it said them."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

PREFIX = "owner/project/run"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to go to; the process stands in another one now."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    return there


@pytest.mark.parametrize(
    "keywords", [{"root": "dash"}, {}, {"mode": "offline", "journal": "journal"}], ids=["root", "default", "journal"]
)
@pytest.mark.parametrize("ended", [False, True])
def test_a_relative_folder_is_that_of_where_the_experiment_was_made(
    elsewhere: Path, keywords: dict[str, Any], ended: bool
) -> None:
    """Made here and read there, in an open run and after its end, and by an object of the whole path."""
    here = Path.cwd()
    experiment = Experiment(PREFIX, echo=False, **keywords)
    experiment.run.start()
    experiment.metrics("train").log(step=0)
    if ended:
        experiment.run.complete()
    os.chdir(elsewhere)
    assert [one["data"] for one in experiment.metrics("train").read()["data"]] == [{"step": 0}]
    again = experiment.run.start() if ended else experiment
    again.metrics("train").log(step=1)
    again.run.complete()
    assert [*elsewhere.iterdir()] == []
    whole = {name: str(here / value) if name in ("root", "journal") else value for name, value in keywords.items()}
    other = Experiment(PREFIX, **({"root": here / ".dash"} if not keywords else whole))
    assert [one["data"]["step"] for one in other.metrics("train").read()["data"]] == [0, 1]


def test_folders_from_the_environment_are_settled_too(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDASH_ROOT", "dash")
    monkeypatch.setenv("MLDASH_JOURNAL", "journal")
    here = Path.cwd()
    assert Experiment(PREFIX).settings.root == str(here / "dash")
    assert Experiment(PREFIX, mode="offline").settings.journal == str(here / "journal")
    assert Experiment(PREFIX, remote="http://127.0.0.1:9").settings.journal == str(here / "journal")


def test_a_forked_child_that_goes_elsewhere_writes_where_its_parent_does(elsewhere: Path) -> None:
    here = Path.cwd()
    with Experiment(PREFIX, root="dash", echo=False).run as experiment:
        experiment.metrics("train").log(who=0)
        child = multiprocessing.get_context("fork").Process(target=_log_there, args=(experiment, elsewhere))
        child.start()
        child.join(30)
        assert child.exitcode == 0
    assert [*elsewhere.iterdir()] == []
    points = Experiment(PREFIX, root=here / "dash").metrics("train").read()["data"]
    assert sorted(one["data"]["who"] for one in points) == [0, 1]


def _log_there(experiment: Experiment, folder: Path) -> None:
    os.chdir(folder)
    experiment.metrics("train").log(who=1)


def test_one_folder_by_two_names_is_one_session(elsewhere: Path) -> None:
    """Relative and whole: two objects of one process still share a run."""
    whole = Path.cwd() / "dash"
    with Experiment(PREFIX, root="dash", echo=False).run as one, Experiment(PREFIX, root=whole).run as two:
        assert one._session is two._session


def test_a_folder_that_is_gone_hinders_only_who_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert Experiment(PREFIX, remote="http://127.0.0.1:9").settings.root == ".dash"
    assert Experiment(PREFIX, root=tmp_path).settings.root == str(tmp_path)
    with pytest.raises(FileNotFoundError):
        Experiment(PREFIX)
