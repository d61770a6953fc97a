"""`mldash open`: which address it shows."""

import webbrowser

import pytest
from click.testing import CliRunner

from mldash.command_line import group


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was asked to open."""
    found = list[str]()
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ([], "http://api:8700/base/"),
        (["alice/robots/walk-07"], "http://api:8700/base/run/alice/robots/walk-07"),
        (["/a/b c?d#e%/"], "http://api:8700/base/run/a/b%20c%3Fd%23e%25"),
    ],
)
def test_the_page_of_all_runs_or_of_one_is_opened(opened: list[str], arguments: list[str], address: str) -> None:
    done = CliRunner().invoke(group, ["open", "--remote", "http://api:8700/base", *arguments])
    assert (done.exit_code, done.output, opened) == (0, address + "\n", [address])


def test_the_address_alone_is_printed_where_that_is_asked(opened: list[str]) -> None:
    done = CliRunner().invoke(group, ["open", "--remote", "http://api:8700", "--print"])
    assert (done.output, opened) == ("http://api:8700/\n", [])


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("http://me:secret@api:8700/", "http://api:8700/"),
        ("me:secret@api:8700/base", "http://api:8700/base/"),
        ("api:8700", "http://api:8700/"),
        ("https://[::1]:8700", "https://[::1]:8700/"),
    ],
)
def test_the_address_has_a_scheme_and_no_password(opened: list[str], remote: str, address: str) -> None:
    done = CliRunner().invoke(group, ["open", "--remote", remote])
    assert (done.exit_code, done.output, opened) == (0, address + "\n", [address])


def test_what_is_no_address_of_a_page_is_not_opened(opened: list[str]) -> None:
    done = CliRunner().invoke(group, ["open", "--remote", "file://me:secret@host/etc/passwd"])
    assert (done.exit_code, opened) == (2, [])
    assert "secret" not in done.output and "write http://HOST:PORT" in done.output


def test_without_an_api_it_says_what_to_say(opened: list[str]) -> None:
    done = CliRunner().invoke(group, ["open"])
    assert done.exit_code == 2
    assert "say whose page: --remote URL" in done.output
