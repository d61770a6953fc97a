"""`mldash mcp`: where it reads, and with which token."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mldash import Client
from mldash.command_line import group
from mldash_api.agents import server
from tests.secret_scan import write_secret


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """The clients that would be served."""
    clients = list[Client]()
    monkeypatch.setattr(server, "run_over_stdio", lambda client, *, changes: clients.append(client))
    return clients


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["mcp", *arguments])


def test_the_token_comes_from_its_file(served: list[Client], tmp_path: Path) -> None:
    write_secret(tmp_path / "token", "mldash-agents-token-1\n")
    assert run("--api", "http://127.0.0.1:9", "--token-file", str(tmp_path / "token")).exit_code == 0
    (client,) = served
    assert client._settings.token == "mldash-agents-token-1"
    assert client.where == "http://127.0.0.1:9" and "agents-token" not in repr(client)


def test_local_folders_need_no_address(served: list[Client], tmp_path: Path) -> None:
    assert run("--root", str(tmp_path)).exit_code == 0
    assert served[0].where == str(tmp_path)


def test_a_place_that_is_none_is_told_before_anything_is_served(served: list[Client], tmp_path: Path) -> None:
    both = run("--root", str(tmp_path), "--api", "http://127.0.0.1:9")
    none = run("--root", str(tmp_path / "none"))
    assert both.exit_code == none.exit_code == 2 and not served
    assert "not both" in both.output and "there is no folder" in none.output


def test_changes_are_for_an_api(served: list[Client], tmp_path: Path) -> None:
    over_folders = run("--root", str(tmp_path), "--changes")
    assert over_folders.exit_code == 2 and "is for an API" in over_folders.output and not served
    assert run("--api", "http://127.0.0.1:9", "--changes").exit_code == 0 and served
