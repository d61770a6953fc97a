"""`mldash`: quick help, one line for what is wrong, exit codes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mldash import Experiment
from mldash.command_line import COMMANDS, main


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    output = capsys.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, output.out, output.err


def test_help_lists_every_command_and_imports_none_of_them() -> None:
    """In a process of its own: what other tests have imported does not count."""
    script = (
        "import sys\n"
        "from mldash.command_line import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as e:\n    assert e.code == 0\n"
        "heavy = {'motor', 'pymongo', 'aiokafka', 'aioboto3', 'litestar', 'pyarrow', 'structlog', 'rich', 'psutil'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert not [m for m in sys.modules if m.startswith('mldash.commands')]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_is_there_with_a_help_text(name: str) -> None:
    command = importlib.import_module(COMMANDS[name][0]).command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "mldash: No such command 'nonsense'."),
        (["up", "--workers", "many"], "mldash: up: Invalid value for '--workers': 'many' is not a valid integer."),
        (["status", "--nonsense"], "mldash: status: No such option"),
    ],
)
def test_a_wrong_call_is_one_line_with_where_help_is(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith(told)
    assert "--help" in err.splitlines()[1]


def test_a_wrong_setting_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLDASH_STACK_WORKERS", "many")
    code, out, err = call("up", capsys=capsys)
    assert (code, out) == (1, "")
    assert err == (
        "mldash: up: MLDASH_STACK_WORKERS: workers is 'many', allowed is a whole number, at least 0, at most 64\n"
    )


@pytest.mark.parametrize("name", ["worker", "compactor", "api"])
def test_a_component_without_addresses_says_which_variable_is_missing(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(name, capsys=capsys)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "set MLDASH_" in err


def test_what_is_asked_of_a_stack_that_is_not_up_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("env", "status"):
        code, out, err = call(name, "--data", str(tmp_path), capsys=capsys)
        assert (code, out) == (1, "")
        assert err == f"mldash: {name}: no stack runs on {tmp_path}: `mldash up --data {tmp_path}` starts one\n"
    code, out, err = call("down", "--data", str(tmp_path), capsys=capsys)
    assert (code, err) == (0, "")
    assert "nothing to stop" in out


def test_status_has_its_documented_shape_also_where_nothing_ran(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call("status", "--json", "--data", str(tmp_path), capsys=capsys)
    s3 = {"endpoint": None, "bucket": None, "access_key": None, "secret_key": None}
    addresses = {"api": None, "kafka": None, "mongo": None, "s3": s3}
    assert (code, json.loads(out)) == (1, {"ready": False, "addresses": addresses, "processes": []})


def test_config_lists_every_setting_with_its_source_and_hides_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLDASH_S3_SECRET_KEY", "the-secret")
    monkeypatch.setenv("MLDASH_WORKER_SLOT", "3")
    code, out, _ = call("config", capsys=capsys)
    assert code == 0
    assert "the-secret" not in out
    assert "s3_secret_key = •••    (MLDASH_S3_SECRET_KEY)" in out
    assert "slot = 3    (MLDASH_WORKER_SLOT)" in out
    code, out, _ = call("config", "worker", "--json", capsys=capsys)
    rows = {row["name"]: row for row in json.loads(out)["worker"]}
    assert rows["slot"]["source"] == "MLDASH_WORKER_SLOT"
    assert rows["kafka"]["source"] == "required"


def test_traceback_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    from mldash_deploy.stack.errors import NotRunning

    with pytest.raises(NotRunning):
        main(["--traceback", "env", "--data", str(tmp_path)])


@pytest.mark.parametrize(
    "arguments",
    [("logs", "a/b/many"), ("ls",), ("ls", "--json"), ("export", "a/b/many", "--logs", "--format=jsonl"), ("config",)],
    ids=" ".join,
)
def test_a_reader_that_goes_after_a_line_is_no_error(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """As `| head -1`: the process leaves with 0 and says nothing of it."""
    with Experiment(prefix="a/b/many", root=tmp_path) as experiment:
        experiment.params.set(**{f"param_{i}": "a value of some length" for i in range(2_000)})
        for i in range(5_000):
            experiment.log(f"line {i} of a log that no pipe holds whole")
    read, write = os.pipe()
    started = subprocess.Popen(
        [sys.executable, "-m", "mldash", *arguments],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MLDASH_ROOT": str(tmp_path)},
    )
    os.close(write)
    os.close(read)
    assert (started.communicate(timeout=60)[1], started.returncode) == ("", 0)
