"""Collections out of MongoDB into files, and back. Documents stay the bytes that MongoDB stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bson.raw_bson import RawBSONDocument

from mldash_ingest.documents.mongo import Mongo, Session

from .contents import SavedCollection
from .errors import RestoredDiffers
from .files import Blocks, NewFile, Stage, where_they_differ

_BY_ID: Final = [("_id", 1)]
_LENGTH_BYTES: Final = 4
_INSERT_DOCUMENTS: Final = 1_000
_INSERT_BYTES: Final = 8 << 20


async def collections_of(mongo: Mongo) -> list[str]:
    """Those that a backup is of, by name. A hold is that of a backup itself: restored it would hold for nobody."""
    names = sorted(await mongo.database.list_collection_names())
    return [one for one in names if one != "holds" and not one.startswith("system.")]


async def save_collection(mongo: Mongo, moment: Session, name: str, folder: Path, stage: Stage) -> SavedCollection:
    """All documents as they are at the session's moment, in the order of _id."""
    count = 0
    with NewFile(folder, f"collections/{name}.bson") as file:
        async for batch in mongo.database[name].find_raw_batches({}, sort=_BY_ID, session=moment):
            file.write(batch)
            count += _count(batch)
            stage.advance(len(batch))
    return SavedCollection(name=name, documents=count, file=file.saved)


async def load_collection(mongo: Mongo, saved: SavedCollection, folder: Path, stage: Stage) -> None:
    """Raises what MongoDB's driver raises; DuplicateKeyError where somebody else writes too."""
    collection = mongo.database[saved.name]
    for batch in _batches(folder / saved.file.path):
        documents: list[Any] = batch
        await collection.insert_many(documents)
        stage.advance(sum(len(one.raw) for one in batch))


async def compare_collection(mongo: Mongo, saved: SavedCollection, stage: Stage) -> None:
    """Raises RestoredDiffers."""
    found, count = Blocks(), 0
    async for batch in mongo.database[saved.name].find_raw_batches({}, sort=_BY_ID):
        found.update(batch)
        count += _count(batch)
        stage.advance(len(batch))
    if count != saved.documents:
        raise RestoredDiffers(saved.name, f"{count} documents, and {saved.documents} were restored")
    place = where_they_differ(saved.file, found)
    if place is not None:
        raise RestoredDiffers(saved.name, place)


def saved_documents(path: Path) -> Iterator[RawBSONDocument]:
    """Of a file that is whole, one after the other."""
    with path.open("rb") as file:
        while head := file.read(_LENGTH_BYTES):
            length = int.from_bytes(head, "little")
            yield RawBSONDocument(head + file.read(length - _LENGTH_BYTES))


def _batches(path: Path) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for document in saved_documents(path):
        batch.append(document)
        size += len(document.raw)
        if len(batch) == _INSERT_DOCUMENTS or size >= _INSERT_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _count(batch: bytes) -> int:
    """Documents that stand end to end."""
    at = count = 0
    while at < len(batch):
        at += int.from_bytes(batch[at : at + _LENGTH_BYTES], "little")
        count += 1
    return count
