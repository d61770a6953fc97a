"""What `pip install mldash` brings: small, and enough to log, read and sync, in files and through the pipeline."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.components import Pipeline

from .installing import PACKAGES, ROOT, build_requires, python, run_python

MOST_PACKAGES = 14
MOST_BYTES = 25_000_000
"""Without byte code, over bare Python."""

START = "import sys; sys.path.insert(0, sys.argv.pop(1)); "
"""Before each script: what is installed, and nothing else (-S: no site-packages)."""

JOB = """
import sys
from mldash import Experiment, PackageMissing

keywords = {"remote": sys.argv[1], "journal": sys.argv[2]} if len(sys.argv) == 3 else {"root": "here"}
with Experiment("base/install/run", echo=False, **keywords).run as experiment:
    experiment.params.set(model={"depth": 4})
    experiment.metrics("train").log_many(step=list(range(3_000)), loss=[0.5] * 3_000)
    experiment.tracks("robot/position").append(x=1.0, _ts=0.5)
    experiment.log("done", metadata={"steps": 10})
    experiment.flush()
    assert experiment.params.get() == {"model.depth": 4}
    assert experiment.metrics("train").read_columns(limit=None)["step"] == list(range(3_000))
    assert experiment.metrics("train").view("loss", points=100)["totalPoints"] == 3_000
    assert experiment.tracks("robot/position").read()["entries"] == [{"timestamp": 0.5, "x": 1.0}]
    assert experiment.tracks("robot/position").read(format="mcap")
    assert [line["message"] for line in experiment.logs.read()] == ["done"]
    for read in (
        lambda: experiment.metrics("train").read_columns(limit=None, format="arrow"),
        lambda: experiment.tracks("robot/position").read(format="parquet"),
    ):
        try:
            read()
        except PackageMissing as error:
            assert "pip install 'mldash[arrow]'" in str(error)
        else:
            raise AssertionError("pyarrow is there")
assert not {"pyarrow", "numpy", "motor", "aioboto3"} & {name.partition(".")[0] for name in sys.modules}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base alone, in the versions that the lock pins."""
    work = tmp_path_factory.mktemp("base")
    pinned = re.findall(r"^([\w.-]+==[^\s;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    (work / "pinned").write_text("\n".join([*pinned, *build_requires()]))
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--constraint")
    python(*install, str(work / "pinned"), "--target", str(work / "site"), str(ROOT))
    return work / "site"


def test_the_base_is_few_packages_and_few_megabytes(site: Path) -> None:
    packages = sorted(path.name.rpartition("-")[0] for path in site.glob("*.dist-info"))
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and path.suffix != ".pyc")
    print(f"{len(packages)} packages, {size:,} bytes")
    assert "pyarrow" not in packages
    assert len(packages) <= MOST_PACKAGES, packages
    assert size <= MOST_BYTES


def test_it_logs_and_reads_files(site: Path, tmp_path: Path) -> None:
    python("-S", "-c", START + JOB, str(site), cwd=tmp_path)


@pytest.mark.integration
def test_it_logs_reads_syncs_and_follows_through_the_pipeline(
    site: Path, tmp_path: Path, remote: dict[str, Any], pipeline: Pipeline
) -> None:
    prefix = f"base/install/{os.urandom(6).hex()}"
    job = JOB.replace("base/install/run", prefix)
    python("-S", "-c", START + job, str(site), remote["remote"], str(tmp_path / "journal"), cwd=tmp_path)
    offline = f"""
from mldash import Experiment
with Experiment({prefix + "-offline"!r}, mode="offline", journal="offline", echo=False).run as experiment:
    experiment.metrics("train").log(loss=0.5)
"""
    python("-S", "-c", START + offline, str(site), cwd=tmp_path)
    sync = "from mldash.command_line import main; main()"
    python("-S", "-c", START + sync, str(site), "sync", "offline", "--remote", remote["remote"], cwd=tmp_path)
    wanted = ("--experiment", f"{prefix}-offline", "--kind", "metrics")
    followed = ("tail", "--beginning", "--stored", *wanted, "--limit", "1")
    python("-S", "-c", START + sync, str(site), *followed, cwd=tmp_path, **pipeline.variables)


def test_a_command_that_needs_more_says_how_to_install_it(site: Path, tmp_path: Path) -> None:
    """In one line, before it asks for the address of a server."""
    for name, extra in (("worker", "server"), ("chunks", "server"), ("up", "stack")):
        done = mldash(site, name, cwd=tmp_path)
        assert done.returncode == 1
        assert re.fullmatch(rf"mldash: {name}: .* pip install 'mldash\[{extra}\]'\n", done.stderr), done.stderr


def test_help_names_what_runs_and_what_needs_more_apart(site: Path, tmp_path: Path) -> None:
    sections = mldash(site, "--help", cwd=tmp_path).stdout.split("\nCommands")[1:]
    heads = [section.splitlines()[0] for section in sections]
    after = [f" after pip install 'mldash[{extra}]':" for extra in ("stack", "server", "view", "agents")]
    assert heads == [":", *after]
    names = [re.findall(r"^  ([a-z-]+)  ", section, re.MULTILINE) for section in sections]
    of_runs = ["ls", "show", "compare", "snapshot", "logs", "export"]
    assert names[0] == ["config", "doctor", "token", *of_runs, "open", "sync", "import", "tail"]
    assert {"up", "status"} <= set(names[1])
    assert {"worker", "compactor", "api"} <= set(names[2])
    assert names[3:] == [["view"], ["mcp"]]


def test_the_sdk_s_commands_need_no_other_component(site: Path, tmp_path: Path) -> None:
    """Not even its modules: an import of them fails here."""
    for arguments, told in {
        ("doctor",): "✓ root",
        ("config", "sdk"): "[sdk]",
        ("sync", str(tmp_path)): "nothing to send",
        ("tail", "--set", "kafka=127.0.0.1:1"): "no Kafka broker answers at 127.0.0.1:1",
    }.items():
        done = mldash(site, *arguments, cwd=tmp_path, before="sys.modules |= dict.fromkeys(OTHERS); ")
        assert told in done.stdout + done.stderr, (arguments, done)


def mldash(site: Path, *arguments: str, cwd: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command of the base install, as it ends."""
    others = {name for name in PACKAGES if name != "mldash"}
    script = f"{START}{before.replace('OTHERS', repr(others))}from mldash.command_line import main; main()"
    return run_python("-S", "-c", script, str(site), *arguments, cwd=cwd)
