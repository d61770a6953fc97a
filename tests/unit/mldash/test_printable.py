"""What users have logged drives no terminal, whichever command shows it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mldash import Experiment
from mldash.command_line import group, main

DRIVING = "a\x1b[2J\x07\x7f\x85\x9b31m\u202e\u2066\u2028\U000e0041z"
ONE, TWO = "alice/robots/1", "alice/robots/2"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folders")
    for at, prefix in enumerate([ONE, TWO]):
        experiment = Experiment(prefix, root=str(root), echo=False, tags=[DRIVING], description=DRIVING)
        with pytest.raises(RuntimeError), experiment.run:
            experiment.params.set(**{"text": f"{DRIVING}{at}", f"name{DRIVING}": at, "listed": [DRIVING, at]})
            experiment.params.set(smiling=f":smile: [red]{at}")
            experiment.metrics(f"train{DRIVING}").log(**{f"loss{DRIVING}": 1.5 + at})
            experiment.tracks(f"pose{DRIVING}").append(x=1.0, _ts=0.5)
            experiment.log(DRIVING, metadata={f"at{DRIVING}": DRIVING})
            raise RuntimeError(DRIVING)
    return root


CALLS = [
    ["show", ONE],
    ["compare", ONE, TWO, "--all"],
    ["ls", "--columns", "tags,title,params.text,params.listed,params.smiling"],
    ["logs", ONE, TWO],
]


@pytest.mark.parametrize("arguments", CALLS, ids=lambda one: one[0])
def test_logged_text_reaches_a_terminal_as_printable_letters_alone(root: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(group, [*arguments, "--root", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "a\\x1b[2J" in done.stdout and "\\u202e" in done.stdout
    assert done.stdout.replace("\n", "").isprintable()
    assert arguments[0] == "logs" or ":smile: [red]0" in done.stdout, "nor does Rich take it for markup"


@pytest.mark.parametrize("arguments", CALLS, ids=lambda one: one[0])
def test_json_for_programs_is_printable_and_the_same_text(root: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(group, [*arguments, "--json", "--root", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.replace("\n", "").isprintable()
    parts = done.stdout.splitlines() if arguments[0] == "logs" else [done.stdout]
    assert DRIVING in _texts([json.loads(part) for part in parts])


@pytest.mark.parametrize("command", ["show", "logs", "compare"])
def test_a_name_in_a_message_is_printable(root: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [ONE, f"a/b/{DRIVING}"] if command == "compare" else [f"a/b/{DRIVING}"]
    with pytest.raises(SystemExit):
        main([command, *runs, "--root", str(root)])
    error = capsys.readouterr().err
    assert "nothing was logged at a/b/a\\x1b[2J" in error and error.replace("\n", "").isprintable()


def _texts(value: object) -> str:
    if isinstance(value, dict):
        return "".join(map(_texts, [*value, *value.values()]))
    return "".join(map(_texts, value)) if isinstance(value, list) else str(value)
