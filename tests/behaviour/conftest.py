"""One set of cases, every mode: a case takes `experiment` (its run is open) or `make_experiment`, and runs once a mode.

Which modes there are is this list and nothing else: a mode that is in it and can't be had fails its cases, it does not
skip them. "remote" asks for a fixture of that name, which gives the keywords of an Experiment on the session's stack.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

MODES = ["local", "network", "remote", "offline"]
"""network: local mode as it is where the experiment's folder lies on a network file system."""

_NEEDS = {"remote": pytest.mark.integration}

MakeExperiment = Callable[..., Experiment]

_numbers = itertools.count()
_session = uuid.uuid4().hex[:12]


@pytest.fixture(params=[pytest.param(mode, marks=_NEEDS.get(mode, ())) for mode in MODES])
def mode(request: pytest.FixtureRequest) -> str:
    """The mode that this case runs in."""
    return str(request.param)


@pytest.fixture
def mode_keywords(mode: str, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The keywords that put an Experiment into the mode."""
    if mode == "remote":
        return {"echo": False, **request.getfixturevalue("remote")}
    if mode == "offline":
        return {"echo": False, "mode": "offline", "journal": str(tmp_path / "journal")}
    return {"echo": False, "root": str(tmp_path / "dash"), "network_files": mode == "network" or None}


@pytest.fixture
def prefix() -> str:
    """A prefix that no other case uses: remotely they share a database."""
    return f"owner/{_session}/run-{next(_numbers)}"


@pytest.fixture
def make_experiment(mode_keywords: dict[str, Any], prefix: str) -> Iterator[MakeExperiment]:
    """`make_experiment(prefix=…, **settings)`: an experiment in the case's mode, not yet started; ended afterwards."""
    made: list[Experiment] = []

    def make(prefix: str = prefix, **keywords: Any) -> Experiment:
        experiment = Experiment(prefix, **{**mode_keywords, **keywords})
        made.append(experiment)
        return experiment

    yield make
    for experiment in made:
        if experiment.run.is_open:
            experiment.run.complete()


@pytest.fixture
def experiment(make_experiment: MakeExperiment) -> Experiment:
    """An experiment whose run is open."""
    started: Experiment = make_experiment().run.start()
    return started
