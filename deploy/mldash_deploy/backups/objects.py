"""Objects of the manifest out of S3 into files, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from mldash_compactor.chunks.checksum import compare, crc32c
from mldash_compactor.chunks.keys import parse_key
from mldash_compactor.chunks.s3 import ObjectStore

from .contents import SavedObject
from .documents import saved_documents
from .errors import BackupDamaged, ObjectLacking
from .files import NewFile, Stage

FOLDER: Final = "objects"
_PIECE_BYTES: Final = 8 << 20
_AT_ONCE: Final = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


class Part(Struct):
    """The bytes of one chunk in an object, and their checksum by the manifest; `found` is of those that have come."""

    offset: int
    size: int
    crc32c: int
    found: int = 0

    def update(self, at: int, data: bytes) -> None:
        """`data` lies at `at` of the object."""
        first, end = max(self.offset, at), min(self.offset + self.size, at + len(data))
        if first < end:
            self.found = crc32c(data[first - at : end - at], self.found)


def needed_objects(chunks: Path) -> dict[str, list[Part]]:
    """By key, from the saved documents of the manifest."""
    needed: dict[str, list[Part]] = {}
    for document in saved_documents(chunks):
        live = document["live"]
        if live is not None:
            part = Part(live.get("offset", 0), live["bytes"], live["crc32c"])  # old ones have an object each
            needed.setdefault(live["key"], []).append(part)
    return needed


async def sizes_of(store: ObjectStore, keys: Iterable[str]) -> dict[str, int]:
    """Bytes of those that are in the bucket: one listing of all of it."""
    wanted = set(keys)
    return {one.key: one.bytes async for one in store.list() if one.key in wanted}


def check_sizes(objects: Sequence[SavedObject], there: Mapping[str, int]) -> None:
    """Raises ObjectLacking with the first that is not there as it should be."""
    lacking = [one for one in objects if there.get(one.key) != one.bytes]
    if lacking:
        first = lacking[0]
        size = there.get(first.key)
        why = "it is not in the bucket" if size is None else f"it has {size} bytes there, not {first.bytes}"
        raise ObjectLacking(first.key, why, len(lacking))


async def copy_out(
    store: ObjectStore, needed: Mapping[str, list[Part]], sizes: Mapping[str, int], folder: Path, stage: Stage
) -> list[SavedObject]:
    """Each read once, compared with the manifest's checksums. Raises ObjectLacking, ChunkDamaged, and what S3's client
    raises."""

    async def one(key: str) -> SavedObject:
        at = checksum = 0
        with NewFile(folder, _path(key)) as file:
            while data := await store.get_range(key, at, _PIECE_BYTES):
                for part in needed[key]:
                    part.update(at, data)
                file.write(data)
                checksum = crc32c(data, checksum)
                at += len(data)
                stage.advance(len(data))
                if len(data) < _PIECE_BYTES:
                    break
        check_sizes([SavedObject(key=key, bytes=at)], sizes)
        for part in needed[key]:
            compare(key, part.size, part.found, part.crc32c)
        return SavedObject(key=key, bytes=at, crc32c=checksum)

    return await _side_by_side(sorted(needed), one)


def check_copies(objects: Sequence[SavedObject], folder: Path, stage: Stage) -> None:
    """Raises BackupDamaged."""
    for one in objects:
        path = _path(one.key)
        found = size = 0
        try:
            with (folder / path).open("rb") as file:
                while data := file.read(_PIECE_BYTES):
                    found = crc32c(data, found)
                    size += len(data)
                    stage.advance(len(data))
        except OSError as error:
            raise BackupDamaged(path, f"it can't be read ({error.strerror})") from None
        if size != one.bytes:
            raise BackupDamaged(path, f"{size} bytes, and {one.bytes} were written")
        if found != one.crc32c:
            raise BackupDamaged(path, f"its bytes are not those that were written (CRC32C {found:08x})")


async def copy_in(store: ObjectStore, objects: Sequence[SavedObject], folder: Path, stage: Stage) -> None:
    """Each under its key. Raises what S3's client raises, and ObjectLacking where S3 does not list what it took."""

    async def one(saved: SavedObject) -> None:
        await _put(store, saved, folder)
        stage.advance(saved.bytes)

    await _side_by_side(objects, one)
    check_sizes(objects, await sizes_of(store, (one.key for one in objects)))


async def _put(store: ObjectStore, saved: SavedObject, folder: Path) -> None:
    with (folder / _path(saved.key)).open("rb") as file:
        data = file.read(_PIECE_BYTES)
        if saved.bytes <= _PIECE_BYTES:
            await store.put(saved.key, data, crc32c(data))
            return
        upload = await store.open_upload(saved.key)
        try:
            while data:
                await upload.part(data)
                data = file.read(_PIECE_BYTES)
            await upload.complete()
        except BaseException:
            await upload.abandon()
            raise


def _path(key: str) -> str:
    """Where the object of a chunk lies. Raises BackupDamaged where the key is none: it would lead anywhere."""
    if parse_key(key) is None or {"", ".", ".."} & set(key.split("/")):
        raise BackupDamaged("objects.jsonl", f"{key!r} is not a chunk's key")
    return f"{FOLDER}/{key}"


async def _side_by_side(items: Sequence[Item], act: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Some at once, each to its end, then the first error."""
    done: list[Result] = []
    waiting = iter(items)
    while some := list(islice(waiting, _AT_ONCE)):
        ended = await asyncio.gather(*map(act, some), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
            done.append(one)
    return done
