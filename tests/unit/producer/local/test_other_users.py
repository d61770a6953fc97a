"""Another user who may read the files reads the experiment, while it runs and when its process is gone."""

import json
import os
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.journal.sessions import find_sessions
from mldash.local.folder import experiment_folder

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")

NOBODY = 65534


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that another user reaches: those of pytest lie within one that is for its user alone."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield root


def read(root: Path) -> list[object]:
    experiment = Experiment("owner/project/run", root=root, mode="local")
    points = [point["data"] for point in experiment.metrics("train").read()["data"]]
    params, lines, metrics = experiment.params.get(), experiment.logs.read(), experiment.metrics.list()
    return [experiment.run.status, points, params, len(lines), len(metrics)]


def read_as_another(root: Path) -> list[object]:
    """In a forked child: the interpreter's own files may be out of the other user's reach."""
    assert read(root)  # so that all is imported
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, json.dumps(read(root)).encode())
        except BaseException as error:
            os.write(writing, json.dumps(traceback.format_exception(error)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found: list[object] = json.loads(pipe.read())
    os.waitpid(child, 0)
    return found


def test_another_user_reads_a_run_that_goes_on_and_one_that_has_ended(root: Path) -> None:
    before = os.umask(0o022)
    try:
        with Experiment("owner/project/run", root=root, mode="local", echo=False).run as experiment:
            experiment.metrics("train").log(loss=0.5)
            experiment.params.set(lr=0.1)
            experiment.log("begun")
            experiment.flush()
            assert read_as_another(root) == ["RUNNING", [{"loss": 0.5}], {"lr": 0.1}, 1, 1]
        assert read_as_another(root) == ["COMPLETED", [{"loss": 0.5}], {"lr": 0.1}, 1, 1]
    finally:
        os.umask(before)


def test_another_user_reads_what_is_stored_where_the_session_is_for_its_user_alone(root: Path) -> None:
    """As version 0.1.0 made session folders, and as a umask of 077 does."""
    before = os.umask(0o022)
    try:
        with Experiment("owner/project/run", root=root, mode="local", echo=False).run as experiment:
            experiment.metrics("train").log(loss=0.5)
            experiment.flush()
            (session,) = find_sessions(experiment_folder(str(root), "owner/project/run").journal)
            session.path.chmod(0o700)
            assert read_as_another(root)[:2] == ["RUNNING", [{"loss": 0.5}]]
    finally:
        os.umask(before)
