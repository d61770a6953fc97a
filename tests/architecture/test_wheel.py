"""What is installed: the source distribution, the wheel of it, and a job that has a producer.py of its own."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from .installing import PACKAGES, ROOT, build_requires, python

JOB = """
import sys
from pathlib import Path

import deploy
import mldash
import producer
from mldash import Experiment

installed = Path(sys.argv[1])
assert Path(mldash.__file__).is_relative_to(installed), mldash.__file__
assert producer.WHOSE == deploy.WHOSE == "the user's"

with Experiment("alice/robots/walk", root="here", echo=False).run as experiment:
    experiment.params.set(model={"depth": 4})
    for step in range(10):
        experiment.metrics("train").log(step=step, loss=1 / (step + 1))
    experiment.tracks("robot/position").append(x=1.0, _ts=0.5)
    experiment.log("done", metadata={"steps": 10})

finished = Experiment("alice/robots/walk", root="here")
assert finished.params.get() == {"model.depth": 4}
points = finished.metrics("train").read()["data"]
assert [point["data"]["step"] for point in points] == list(range(10))
assert finished.tracks("robot/position").read()["entries"] == [{"timestamp": 0.5, "x": 1.0}]
assert [line["message"] for line in finished.logs.read()] == ["done"]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of the source distribution was installed."""
    work = tmp_path_factory.mktemp("installed")
    pip = ("-m", "pip", "install", "--quiet", "--no-compile", "--target")
    python(*pip, str(work / "backend"), *build_requires())
    build = f"from hatchling.build import build_sdist; build_sdist({str(work / 'dist')!r})"
    python("-c", build, PYTHONPATH=str(work / "backend"))
    (source,) = (work / "dist").glob("*.tar.gz")
    python(*pip, str(work / "site"), "--no-deps", "--no-build-isolation", str(source), PYTHONPATH=str(work / "backend"))
    return work / "site"


def test_the_wheel_holds_every_module_of_the_checkout_once(installed: Path) -> None:
    """By path: five packages side by side, and nothing else."""
    expected = {
        str(path.relative_to(ROOT / folder))
        for package, folder in PACKAGES.items()
        for path in _files(ROOT / folder / package)
    }
    found = {str(path.relative_to(installed)) for path in _files(installed) if ".dist-info" not in str(path)}
    assert found == expected


def test_a_job_with_its_own_producer_and_deploy_logs_and_reads(installed: Path, tmp_path: Path) -> None:
    """They lie beside its script, whose folder comes first on sys.path; ours have other names."""
    (tmp_path / "train.py").write_text(JOB)
    (tmp_path / "producer.py").write_text('WHOSE = "the user\'s"\n')
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "__init__.py").write_text('WHOSE = "the user\'s"\n')
    python("train.py", str(installed), cwd=tmp_path, PYTHONPATH=str(installed))


def test_an_unpacked_archive_compiles_and_installs(tmp_path: Path) -> None:
    """What a forge gives as a zip: no links, and nothing that only git knows."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is an unpacked archive itself: it was installed from here")
    archive, tree = tmp_path / "archive.tar", tmp_path / "tree"
    tree.mkdir()
    subprocess.run(["git", "archive", "-o", str(archive), "HEAD"], cwd=ROOT, check=True, timeout=60)
    with tarfile.open(archive) as whole:
        assert not [one.name for one in whole if one.issym() or one.islnk()]
        whole.extractall(tree, filter="data")
    python("-m", "compileall", "-q", *PACKAGES.values(), cwd=tree)
    path = os.pathsep.join(str(tree / folder) for folder in PACKAGES.values())
    python("-S", "-c", f"import {', '.join(PACKAGES)}", cwd=tree, PYTHONPATH=path)


def test_the_wheel_has_licence_and_command(installed: Path) -> None:
    """What package indexes and pip look for."""
    (information,) = installed.glob("mldash-*.dist-info")
    assert (information / "licenses" / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "mldash = mldash.command_line:main" in (information / "entry_points.txt").read_text()


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.parent.name != "bin"
    ]
