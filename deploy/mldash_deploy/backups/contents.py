"""What backup.json says, and the list of objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from .errors import NotABackup
from .files import NewFile, SavedFile

FORMAT: Final = 1
CONTENTS: Final = "backup.json"
OBJECTS: Final = "objects.jsonl"


class SavedCollection(Struct, frozen=True, kw_only=True):
    """One collection, and the file that holds its documents."""

    name: str
    documents: int
    file: SavedFile


class SavedObject(Struct, frozen=True, kw_only=True):
    """One object of the manifest."""

    key: str
    bytes: int
    crc32c: int | None = None
    """None: it was not copied."""


class Contents(Struct, frozen=True, kw_only=True):
    """A backup. A Struct only gains fields: last, with a default."""

    format: int = FORMAT
    taken_at: float
    """When the moment was chosen, in seconds since the epoch: all that was stored before is in it."""
    database: str
    bucket: str
    collections: Sequence[SavedCollection]
    objects: SavedFile
    object_count: int
    object_bytes: int
    has_objects: bool

    @property
    def document_count(self) -> int:
        return sum(one.documents for one in self.collections)

    @property
    def document_bytes(self) -> int:
        return sum(one.file.bytes for one in self.collections)


_contents = msgspec.json.Decoder(Contents)
_object = msgspec.json.Decoder(SavedObject)


def write_contents(folder: Path, contents: Contents) -> None:
    """Under its name only once it is whole."""
    new = folder / f".{CONTENTS}.new"
    with NewFile(folder, new.name) as file:
        file.write(msgspec.json.format(msgspec.json.encode(contents)))
    new.replace(folder / CONTENTS)


def read_contents(folder: Path) -> Contents:
    """Raises NotABackup."""
    try:
        contents = _contents.decode((folder / CONTENTS).read_bytes())
    except OSError as error:
        raise NotABackup(str(folder), f"{CONTENTS} can't be read ({error.strerror})") from None
    except msgspec.DecodeError as error:
        raise NotABackup(str(folder), f"{CONTENTS} is damaged, or of another version ({error})") from None
    if contents.format != FORMAT:
        raise NotABackup(str(folder), f"its format is {contents.format}, this version reads {FORMAT}")
    return contents


def write_objects(folder: Path, objects: Sequence[SavedObject]) -> SavedFile:
    with NewFile(folder, OBJECTS) as file:
        for one in objects:
            file.write(msgspec.json.encode(one) + b"\n")
    return file.saved


def read_objects(folder: Path) -> list[SavedObject]:
    """Of a file that has been checked."""
    with (folder / OBJECTS).open("rb") as lines:
        return [_object.decode(line) for line in lines]
