"""What is recorded of how a run was started."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from mldash.capture import run_context
from mldash.capture.run_context import command_line, gather, git_state, package_versions


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A working tree with one commit."""
    for arguments in (
        ["init", "-q", "-b", "trunk"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)
    return tmp_path


def test_the_context_names_command_python_packages_and_place() -> None:
    context = gather()
    assert context["python"].count(".") == 2
    assert context["packages"]["pytest"] == pytest.__version__
    assert context["cwd"] == str(Path.cwd())
    assert context["command"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(context)) == context


def test_git_tells_commit_branch_and_whether_files_are_changed(repository: Path) -> None:
    clean = git_state(repository)
    assert len(clean["commit"]) == 40
    assert (clean["branch"], clean["dirty"]) == ("trunk", False)
    (repository / "new.txt").write_text("untracked files are not counted")
    assert git_state(repository)["dirty"] is False
    subprocess.run(["git", "-C", str(repository), "add", "new.txt"], check=True)
    below = repository / "sub"
    below.mkdir()
    assert git_state(below)["dirty"] is True


def test_outside_of_a_working_tree_and_without_git_there_is_no_git_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git_state(tmp_path) == {}
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) == {}


def test_a_git_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(run_context, "GIT_TIMEOUT_S", 0.1)
    began = time.monotonic()
    assert git_state(tmp_path) == {}
    assert time.monotonic() - began < 50  # git itself sleeps for 60 s


def test_secrets_of_the_command_line_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["python", "train.py", "--lr=0.1", "--api-key=abc", "--token", "def", "--password=x=y", "token"]
    monkeypatch.setattr(sys, "orig_argv", arguments)
    hidden = "•••"
    assert command_line() == [
        "python",
        "train.py",
        "--lr=0.1",
        f"--api-key={hidden}",
        "--token",
        hidden,
        f"--password={hidden}",
        "token",
    ]


def test_a_command_line_of_any_length_and_encoding_is_bounded_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "\udcff.py", *["x" * 1000] * 1000])
    context = gather()
    assert len(json.dumps(context["command"]).encode()) < 100_000
    assert context["command"][-1] == "…"


def test_versions_are_told_without_importing_or_touching_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy:
        def __getattr__(self, name: str) -> str:
            raise AssertionError("touched")

    monkeypatch.setitem(sys.modules, "lazy_module", Lazy())  # type: ignore[arg-type]
    before = set(sys.modules)
    versions = package_versions()
    assert set(sys.modules) == before
    assert versions["msgspec"] == msgspec.__version__
    assert "lazy_module" not in versions
    assert "os" not in versions
