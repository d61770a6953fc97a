"""The scan at the run's end finds what is told, wherever it stands, and leaves the files that are there for it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mldash_api.rights.token_text import new_token
from tests import leftovers, secret_scan
from tests.secret_scan import find_told, note, write_secret

PASSWORD = "correct-horse-battery"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a run, one of whose tests has a secured stack; gone before the scan of this run itself."""
    monkeypatch.setenv(leftovers.VARIABLE, str(tmp_path))
    security = tmp_path / "stack" / "security"
    security.mkdir(parents=True)
    passwords = {"kafka": {"admin": PASSWORD}, "s3": {"admin": {"access_key": "AKIAISNONE1", "secret_key": "s" * 30}}}
    write_secret(security / "passwords.json", json.dumps(passwords))
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_files_that_hold_secrets_for_their_owner_alone_are_no_find(run: Path) -> None:
    write_secret(run / "token", new_token())
    (run / "worker.log").write_text("signed in as AKIAISNONE1; nothing else to say")
    assert not find_told(run)


@pytest.mark.parametrize("name", ["worker.log", "deeper/output.txt", "dump"])
def test_a_password_that_a_file_tells_is_found_and_not_told_again(run: Path, name: str) -> None:
    file = run / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\0\xff could not sign in with " + PASSWORD.encode())
    assert find_told(run) == [f"{file} tells a password"]


def test_what_a_test_has_noted_is_looked_for_in_logs_however_private(run: Path) -> None:
    write_secret(run / "api.log", f"header: {note('geheim-geheim-geheim')}")
    assert find_told(run) == [f"{run / 'api.log'} tells a password"]


def test_tokens_are_found_by_their_form(run: Path) -> None:
    token = new_token()
    (run / "one.log").write_text(f"Authorization: Bearer {token}")
    (run / "wrong-checksum.log").write_text(token[:-1] + ("0" if token[-1] != "0" else "1"))
    (run / "jwt.log").write_text("Bearer " + ".".join(("eyJhbGciOiJub25lIn0", "eyJzdWIiOiJhbGljZSJ9", "c2lnbmF0dXJl")))
    assert sorted(find_told(run)) == [f"{run / name} tells a token" for name in ("jwt.log", "one.log")]


def test_what_a_failed_test_printed_is_searched(run: Path) -> None:
    report = pytest.TestReport(
        "tests/x.py::test_y", ("x.py", 1, "test_y"), {}, "failed", f"assert {PASSWORD!r}", "call", [("stdout", "…")]
    )
    secret_scan.note_outputs(run, report)
    assert len(find_told(run)) == 1
