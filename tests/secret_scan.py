"""At the end of a run: no secret that its tests used stands in a log, an output, a traceback or a database.

    secrets    the passwords of each secured stack (passwords.json), and what a test has said by `note`
    tokens     whatever is one by its form: the API's (with their checksum), and JSON Web Tokens
    searched   every file below the run's folder, the servers' own data apart (they are compressed); what each test
               printed, logged and failed with; each document of the shared MongoDB, packed values apart

A file that is there to hold a secret may do so: it has mode 0600 and is no log.
"""

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from mldash_api.rights.token_text import is_token

from . import leftovers

_NOTED: Final = "secrets-of-tests"
_OUTPUTS: Final = "outputs-of-tests.log"
_DOCUMENTS: Final = "documents.log"
_PACKED: Final = frozenset({"buckets", "levels", "seqs"})
_DATA_OF_SERVERS: Final = ("WiredTiger", "meta.properties", "filerldb2")
"""Each folder of theirs holds one of these."""

_SOURCES: Final = Path(__file__).parent
"""Tokens that stand in the tests themselves are examples; a copy of the tree is no leak."""

_TOKENS: Final = r"\bmld_[0-9A-Za-z]{49}\b|\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"
_SHORTEST: Final = 12
_FILES_A_CALL: Final = 500


def note(secret: str) -> str:
    """Of this run; it must then stand nowhere. Returns it."""
    _append(Path(os.environ[leftovers.VARIABLE]) / _NOTED, secret.encode() + b"\n")
    return secret


def write_secret(path: Path, text: str) -> None:
    """A file that is there to hold it: its owner's alone."""
    path.touch(0o600)
    path.write_text(text)


def note_outputs(folder: Path, report: pytest.TestReport) -> None:
    """What a test printed, logged and failed with."""
    texts = [content for _, content in report.sections] + ([report.longreprtext] if report.failed else [])
    if texts:
        _append(folder / _OUTPUTS, "\n".join([f"== {report.nodeid} ({report.when})", *texts, ""]).encode())


def note_documents(folder: Path, mongo: str, **options: Any) -> None:
    """All of a MongoDB that is about to go away."""
    client: MongoClient[RawBSONDocument] = MongoClient(
        mongo, document_class=RawBSONDocument, serverSelectionTimeoutMS=5_000, **options
    )
    with client:
        for name in client.list_database_names():
            if name in ("admin", "config", "local"):  # MongoDB's own, which keeps no password
                continue
            database = client[name]
            for collection in set(database.list_collection_names()) - _PACKED:
                _append(folder / _DOCUMENTS, b"\n".join(document.raw for document in database[collection].find()))


def find_told(folder: Path) -> list[str]:
    """Where something is told, by file; `folder` is the whole run's. Never the secret itself."""
    files = [*_searched(folder)]
    examples = _tokens_in(_SOURCES.rglob("*.py"))
    with_tokens = [path for path in _matching(files, ["-aEl", "-e", _TOKENS]) if _tokens_in([path]) - examples]
    told = [f"{path} tells a token" for path in with_tokens]
    known = sorted(_secrets(folder))
    if known:
        patterns = folder / "patterns-of-secrets"
        patterns.touch(0o600)
        patterns.write_text("\n".join(known) + "\n")
        told += [f"{path} tells a password" for path in _matching(files, ["-aFl", "-f", str(patterns)])]
        patterns.unlink()
    return [one for one in told if not _may_hold(Path(one.rpartition(" tells ")[0]))]


def _secrets(folder: Path) -> set[str]:
    found = set[str]()
    for file in folder.rglob(_NOTED):
        found |= {*file.read_text().split("\n")}
    for file in folder.rglob("security/passwords.json"):
        found |= {*_values(json.loads(file.read_text()))}
    return {one for one in found if len(one) >= _SHORTEST}


def _values(document: Any) -> Iterator[str]:
    """The texts in a passwords.json, access keys apart: they are names."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _values(value)
        elif name != "access_key":
            yield value


def _searched(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        if any(mark in names or mark in folders for mark in _DATA_OF_SERVERS):
            folders.clear()
            continue
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                yield path


def _matching(files: list[Path], options: list[str]) -> Iterator[Path]:
    for first in range(0, len(files), _FILES_A_CALL):
        command = ["grep", "-sZ", *options, "--", *map(str, files[first : first + _FILES_A_CALL])]
        done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "LC_ALL": "C"})
        yield from (Path(os.fsdecode(one)) for one in done.stdout.split(b"\0") if one)


def _tokens_in(paths: Iterable[Path]) -> set[bytes]:
    """JSON Web Tokens, and of ours those with a right checksum: not what only looks like one."""
    found = {one for path in paths for one in re.findall(_TOKENS.encode(), path.read_bytes())}
    return {one for one in found if one.startswith(b"eyJ") or is_token(one.decode())}


def _may_hold(path: Path) -> bool:
    return path.suffix != ".log" and not stat.S_IMODE(path.stat().st_mode) & 0o077


def _append(path: Path, content: bytes) -> None:
    path.touch(0o600)
    with path.open("ab") as file:
        file.write(content)
