"""docs/operations.md, What runs have logged: `mldash logs` over the API and over folders alike."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from click.testing import CliRunner

from mldash import Experiment
from mldash.command_line import group
from tests.stored import until_stored

PLACES = ["local", pytest.param("remote", marks=pytest.mark.integration)]


@pytest.fixture(params=PLACES)
def keywords(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    if request.param == "remote":
        return {"echo": False, **request.getfixturevalue("remote")}
    (tmp_path / ".dash").mkdir()
    return {"echo": False, "root": tmp_path / ".dash"}


def place(keywords: dict[str, Any]) -> list[str]:
    return ["--remote", keywords["remote"]] if "remote" in keywords else ["--root", str(keywords["root"])]


@contextmanager
def following(*arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mldash", "logs", "--follow", *arguments]
    with subprocess.Popen(command, text=True, stdout=more.pop("stdout", subprocess.PIPE), **more) as process:
        try:
            yield process
        finally:
            process.kill()


def test_lines_of_several_runs_come_in_the_order_of_time_and_are_filtered(
    keywords: dict[str, Any], prefix: str
) -> None:
    names = [f"{prefix}/a", f"{prefix}/b"]
    with Experiment(names[0], **keywords).run as one, Experiment(names[1], **keywords).run as two:
        one.log("first", metadata={"at": 1})
        two.log("second\x1b[2J", level="error")
        one.log("Third", level="warn")

    def told(*arguments: str) -> list[str]:
        done = CliRunner().invoke(group, ["logs", *names, *place(keywords), *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    until = monotonic() + 90
    while len(told("--json")) < 3 and monotonic() < until:  # what others have logged is stored a moment later
        sleep(0.1)
    lines = [json.loads(one) for one in told("--json")]
    messages = [(one["prefix"], one["message"]) for one in lines]
    assert messages == [(names[0], "first"), (names[1], "second\x1b[2J"), (names[0], "Third")]
    assert lines[0]["metadata"] == {"at": 1}
    plain = told()
    assert [one.split("  ", 1)[1] for one in plain] == [
        f"{names[0]}  INFO   first  [at=1]", f"{names[1]}  ERROR  second\\x1b[2J", f"{names[0]}  WARN   Third",
    ]  # fmt: skip
    assert len(told("--level", "warn", "--level", "error")) == 2 and len(told("--search", "third")) == 1
    assert len(told("--start", lines[1]["timestamp"])) == 2 and len(told("--end", lines[0]["timestamp"])) == 1
    assert told("--start", "2001-01-01", "--end", "2001-01-02") == []


def test_what_comes_is_followed_to_the_end_of_the_run(keywords: dict[str, Any], prefix: str) -> None:
    asked = [prefix, *place(keywords), "--beginning", "--until-end", "--json", "--search", "line"]
    with Experiment(prefix, **keywords).run as experiment:
        experiment.log("line 0")
        experiment.flush()
        with following(*asked) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["message"] == "line 0"
            experiment.log("another")
            experiment.log("line 1", level="error")
            experiment.flush()
            assert json.loads(process.stdout.readline())["message"] == "line 1"
            experiment.run.complete()
            rest, _ = process.communicate(timeout=90)
    assert (rest, process.returncode) == ("", 0)


def test_on_a_terminal_levels_have_colours_and_ctrl_c_ends_it_cleanly(tmp_path: Path, prefix: str) -> None:
    with Experiment(prefix, root=tmp_path, echo=False).run as experiment:
        experiment.log("it fails", level="error")
    ours, theirs = pty.openpty()
    try:
        with following(
            prefix, "--root", str(tmp_path), "--beginning", stdout=theirs, stderr=subprocess.PIPE
        ) as process:
            os.close(theirs)
            seen = b""
            while b"it fails" not in seen:
                seen += os.read(ours, 1_000)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert (process.wait(60), process.stderr.read().strip()) == (130, "")
    finally:
        os.close(ours)
    assert b"\x1b[31mERROR" in seen


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["a/b/c", "--beginning"], 2, "belong to --follow"),
        (["a/b/c", "--level", "loud"], 2, "loud"),
        (["a"], 2, "prefix"),
        (["a/b/c", "--start", "soon"], 2, "--start"),
        (["a/b/c", "--root", "nowhere"], 2, "no folder"),
        (["a/b/c", "--remote", "http://127.0.0.1:9", "--follow"], 1, "no answer"),
        (["a/b/c", "--remote", "http://127.0.0.1:9"], 1, "no answer"),
        (["a/b/c"], 1, "nothing was logged at a/b/c: `mldash ls`"),
        (["a/b/c", "a/b/d", "--json"], 1, "nothing was logged at any of these"),
    ],
)
def test_a_call_that_is_wrong_and_an_api_that_is_away_have_exit_codes_of_their_own(
    arguments: list[str], code: int, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, main: Callable[[list[str]], int],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dash").mkdir()
    assert main(["logs", *arguments]) == code
    error = capsys.readouterr().err
    assert text in error and "Traceback" not in error


def test_runs_that_are_not_there_are_named_and_one_without_such_lines_is_there(
    keywords: dict[str, Any], prefix: str
) -> None:
    names = [f"{prefix}/a", f"{prefix}/none", f"{prefix}/b"]
    with Experiment(names[0], **keywords).run as one, Experiment(names[2], **keywords).run as two:
        one.log("first")
        two.params.set(lr=1)
        until_stored(one)
        until_stored(two)
        done = CliRunner().invoke(group, ["logs", *names, *place(keywords)], catch_exceptions=False)
        assert (done.exit_code, done.stderr) == (0, f"nothing was logged at {names[1]}\n") and "first" in done.stdout
        done = CliRunner().invoke(group, ["logs", names[0], "--level", "error", *place(keywords)])
        assert (done.exit_code, done.output) == (0, "")


@pytest.fixture
def main() -> Callable[[list[str]], int]:
    from mldash.command_line import main

    def run(arguments: list[str]) -> int:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        return int(str(left.value.code))

    return run
