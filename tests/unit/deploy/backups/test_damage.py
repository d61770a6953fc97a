"""A backup whose bytes are not those that were written is refused, and the place is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bson
import pytest

from mldash_compactor.chunks.checksum import crc32c
from mldash_deploy.backups.contents import (
    Contents,
    SavedCollection,
    SavedObject,
    write_contents,
    write_objects,
)
from mldash_deploy.backups.documents import saved_documents
from mldash_deploy.backups.errors import BackupDamaged, NotABackup
from mldash_deploy.backups.files import BLOCK_BYTES, NewFile
from mldash_deploy.backups.objects import needed_objects
from mldash_deploy.backups.restoring import check_backup

KEY = f"owner=o/project=p/experiment=e/gen=0/stream={'ab' * 16}/00000000-000001.parquet"
STREAMS = "collections/streams.bson"


def silent(what: str, done: int, total: int) -> None:
    """Nobody looks at the bar."""


def make_backup(folder: Path, documents: bytes, key: str = KEY) -> Contents:
    """One collection with these bytes, one object of 3,000."""
    with NewFile(folder, STREAMS) as file:
        file.write(documents)
    cold = bytes(range(250)) * 12
    with NewFile(folder, f"objects/{KEY}") as copy:
        copy.write(cold)
    contents = Contents(
        taken_at=1.0,
        database="d",
        bucket="b",
        collections=[SavedCollection(name="streams", documents=1, file=file.saved)],
        objects=write_objects(folder, [SavedObject(key=key, bytes=len(cold), crc32c=crc32c(cold))]),
        object_count=1,
        object_bytes=len(cold),
        has_objects=True,
    )
    write_contents(folder, contents)
    return contents


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path, at: int) -> None:
    path.write_bytes(path.read_bytes()[:at])


def test_a_whole_backup_is_accepted_and_nobody_else_may_read_its_files(tmp_path: Path) -> None:
    made = make_backup(tmp_path, b"x" * 1_000)
    told: list[tuple[str, int, int]] = []
    assert check_backup(tmp_path, lambda what, done, total: told.append((what, done, total))) == made
    assert told[0][1] == 0 and told[-1][1] == told[-1][2] == told[0][2]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}


@pytest.mark.parametrize(
    ("damage", "path", "at", "told"),
    [
        (flip, STREAMS, BLOCK_BYTES + 7, f"bytes {BLOCK_BYTES} to {BLOCK_BYTES + 100} are not those"),
        (flip, STREAMS, 0, f"bytes 0 to {BLOCK_BYTES} are not those"),
        (cut, STREAMS, 90, f"90 bytes, and {BLOCK_BYTES + 100} were written"),
        (flip, "objects.jsonl", 3, "bytes 0 to"),
        (cut, f"objects/{KEY}", 2_999, "2999 bytes, and 3000 were written"),
        (flip, f"objects/{KEY}", 2_999, "its bytes are not those that were written"),
    ],
)
def test_a_cut_file_and_a_flipped_bit_are_named_with_their_place(
    tmp_path: Path, damage: Callable[[Path, int], None], path: str, at: int, told: str
) -> None:
    make_backup(tmp_path, b"x" * (BLOCK_BYTES + 100))
    damage(tmp_path / path, at)
    with pytest.raises(BackupDamaged) as caught:
        check_backup(tmp_path, silent)
    assert str(caught.value).startswith(f"the backup is damaged, nothing was restored: {path}: {told}")


@pytest.mark.parametrize("path", [STREAMS, "objects.jsonl", f"objects/{KEY}"])
def test_a_file_that_is_gone_is_named(tmp_path: Path, path: str) -> None:
    make_backup(tmp_path, b"x")
    (tmp_path / path).unlink()
    with pytest.raises(BackupDamaged, match="can't be read") as caught:
        check_backup(tmp_path, silent)
    assert caught.value.path == path


@pytest.mark.parametrize("key", ["../../etc/passwd", f"owner=o/../../../x/{KEY}", "/etc/passwd"])
def test_a_key_that_would_lead_out_of_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    make_backup(tmp_path, b"x", key=key)
    with pytest.raises(BackupDamaged, match="is not a chunk's key"):
        check_backup(tmp_path, silent)


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"format": 1}'])
def test_a_folder_without_its_last_file_is_no_backup(tmp_path: Path, content: bytes | None) -> None:
    make_backup(tmp_path, b"x")
    (tmp_path / "backup.json").unlink()
    if content is not None:
        (tmp_path / "backup.json").write_bytes(content)
    with pytest.raises(NotABackup, match=r"backup\.json"):
        check_backup(tmp_path, silent)


def test_a_backup_of_a_later_format_is_refused(tmp_path: Path) -> None:
    make_backup(tmp_path, b"x")
    path = tmp_path / "backup.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(NotABackup, match="its format is 2, this version reads 1"):
        check_backup(tmp_path, silent)


def test_objects_are_those_that_chunks_name_each_once_with_all_its_parts(tmp_path: Path) -> None:
    lives = [
        {"key": "a", "offset": 0, "bytes": 3, "crc32c": crc32c(b"abc")},
        None,
        {"key": "a", "offset": 3, "bytes": 2, "crc32c": crc32c(b"de")},
        {"key": "b", "bytes": 1, "crc32c": crc32c(b"z")},  # of a time before chunks shared an object
    ]
    with NewFile(tmp_path, "chunks.bson") as file:
        for number, live in enumerate(lives):
            file.write(bson.encode({"_id": number, "live": live}))
    assert [one["_id"] for one in saved_documents(tmp_path / "chunks.bson")] == [0, 1, 2, 3]
    needed = needed_objects(tmp_path / "chunks.bson")
    assert {key: len(parts) for key, parts in needed.items()} == {"a": 2, "b": 1}
    for at, piece in ((0, b"a"), (1, b"bcd"), (4, b"e")):  # as it comes, and a part lies across
        for part in needed["a"]:
            part.update(at, piece)
    assert [part.found == part.crc32c for part in needed["a"]] == [True, True]
