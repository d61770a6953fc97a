"""The file of a private token is its owner's alone, or it is refused."""

from pathlib import Path

import pytest

from mldash_api.errors import TokenFileUnusable
from mldash_api.rights.private_token import read_private_token
from mldash_api.rights.token_text import is_token

KNOWN = "mld_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP"
"""Parameters are the same in every process of a test run."""


def test_a_file_that_is_missing_is_made_for_its_owner_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = read_private_token(str(file))
    assert is_token(token)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_private_token(str(file)) == token


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    token = read_private_token(str(file))
    file.chmod(mode)
    with pytest.raises(TokenFileUnusable, match="0600") as told:
        read_private_token(str(file))
    file.chmod(0o600)
    assert token not in str(told.value)


def test_a_link_and_a_folder_are_no_file_of_ours(tmp_path: Path) -> None:
    """A link could lead to what somebody else can write."""
    read_private_token(str(tmp_path / "token"))
    (tmp_path / "link").symlink_to(tmp_path / "token")
    for name in ("link", ".", "missing/token"):
        with pytest.raises(TokenFileUnusable):
            read_private_token(str(tmp_path / name))


@pytest.mark.parametrize("text", ["", "secret", KNOWN[:-1], "é"])
def test_a_file_with_something_else_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(TokenFileUnusable, match="no token") as told:
        read_private_token(str(file))
    assert not text or text not in str(told.value)
