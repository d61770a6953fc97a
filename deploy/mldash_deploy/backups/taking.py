"""Taking a backup: hold, moment, documents, objects, backup.json; whatever goes wrong, nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import time
from typing import Final

import structlog

from mldash.connections.servers import StoreServers
from mldash.process.clock import Deadline
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.holds import place_hold, release_hold, renew_hold
from mldash_ingest.documents.mongo import Mongo, OperationFailure, PyMongoError, Session

from .contents import CONTENTS, OBJECTS, Contents, SavedCollection, SavedObject, write_contents, write_objects
from .documents import collections_of, save_collection
from .errors import HoldLost, MomentGone, NotEmpty
from .files import Stage, Tell
from .objects import check_sizes, copy_out, needed_objects, sizes_of
from .stores import opened

_HOLD_S: Final = 600.0
_RENEW_S: Final = 60.0
_BEGIN_S: Final = 60.0
_AGAIN_S: Final = 0.5
_NOT_ALLOWED, _TOO_OLD, _UNAVAILABLE = 13, 239, 246
_HISTORY: Final = "minSnapshotHistoryWindowInSeconds"
_log = structlog.get_logger()


async def take_backup(
    settings: StoreServers, folder: Path, *, with_objects: bool, history_s: int | None, tell: Tell
) -> Contents:
    """`folder` must not be there, or be empty. `history_s`: how far back MongoDB is to remember meanwhile.

    Raises BackupError, ChunkDamaged, OSError, and what the servers' clients raise: then nothing is left in the folder.
    """
    was_there = _claim(folder)
    try:
        async with opened(settings) as (mongo, store), _hold(mongo):
            async with _history(mongo, history_s):
                taken_at, collections = await _save_documents(mongo, folder, tell)
            objects = await _save_objects(store, folder, with_objects, tell)
        contents = Contents(
            taken_at=taken_at,
            database=settings.mongo_database,
            bucket=settings.s3_bucket,
            collections=collections,
            objects=write_objects(folder, objects),
            object_count=len(objects),
            object_bytes=sum(one.bytes for one in objects),
            has_objects=with_objects,
        )
        write_contents(folder, contents)
    except BaseException:
        _clear(folder, keep=was_there)
        raise
    return contents


async def _save_documents(mongo: Mongo, folder: Path, tell: Tell) -> tuple[float, list[SavedCollection]]:
    names = await collections_of(mongo)
    size = (await mongo.database.command("dbStats"))["dataSize"]
    stage = Stage(tell, "documents", int(size))
    async with AsyncExitStack() as sessions:
        taken_at, moment = await _choose_moment(mongo, names, sessions)
        try:
            return taken_at, [await save_collection(mongo, moment, name, folder, stage) for name in names]
        except OperationFailure as error:
            if error.code == _TOO_OLD:
                advice = "have it remember for longer, as with --history 3600"
                raise MomentGone("the backup takes longer than MongoDB remembers", advice) from None
            if error.code == _UNAVAILABLE:
                raise MomentGone("a collection or an index was made or dropped meanwhile", "begin again") from None
            raise


async def _choose_moment(mongo: Mongo, names: Sequence[str], sessions: AsyncExitStack) -> tuple[float, Session]:
    """One at which every collection can be read: where one was made a moment ago MongoDB refuses at first."""
    deadline = Deadline(_BEGIN_S)
    while True:
        taken_at = time()
        moment = await sessions.enter_async_context(await mongo.one_moment())
        try:
            for name in names:
                await mongo.database[name].find_one({}, {"_id": 1}, session=moment)
            return taken_at, moment
        except OperationFailure as error:
            if error.code != _UNAVAILABLE:
                raise
            if deadline.passed:
                raise MomentGone("collections or indexes are made all the while", "begin again") from None
        await asyncio.sleep(_AGAIN_S)


async def _save_objects(store: ObjectStore, folder: Path, with_copies: bool, tell: Tell) -> list[SavedObject]:
    chunks = folder / "collections" / "chunks.bson"
    needed = needed_objects(chunks) if chunks.exists() else {}
    sizes = await sizes_of(store, needed)
    named = [SavedObject(key=key, bytes=sizes.get(key, -1)) for key in sorted(needed)]
    check_sizes([one for one in named if one.key not in sizes], sizes)
    if not with_copies:
        return named
    stage = Stage(tell, "objects", sum(sizes.values()))
    return await copy_out(store, needed, sizes, folder, stage)


@asynccontextmanager
async def _hold(mongo: Mongo) -> AsyncIterator[None]:
    """No object is deleted within. Raises HoldLost at its end where that was not so to the end."""
    holder = os.urandom(16)
    await place_hold(mongo, holder, _HOLD_S)
    renewing = asyncio.create_task(_renew(mongo, holder))
    try:
        yield
        if not await renew_hold(mongo, holder, _HOLD_S):  # one that has ended can't be renewed, so this tells of all
            raise HoldLost(_HOLD_S)
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await release_hold(mongo, holder)


async def _renew(mongo: Mongo, holder: bytes) -> None:
    while True:
        await asyncio.sleep(_RENEW_S)
        try:
            await renew_hold(mongo, holder, _HOLD_S)
        except PyMongoError as error:
            _log.warning("the hold on the objects was not renewed; it is tried again", error=str(error)[:200])


@asynccontextmanager
async def _history(mongo: Mongo, seconds: int | None) -> AsyncIterator[None]:
    """MongoDB remembers for so long at least, and afterwards as it did before. Needs the right to set parameters."""
    if seconds is None:
        yield
        return
    admin = mongo.database.client.admin
    try:
        before = int((await admin.command({"getParameter": 1, _HISTORY: 1}))[_HISTORY])
        await admin.command({"setParameter": 1, _HISTORY: max(seconds, before)})
    except OperationFailure as error:
        if error.code != _NOT_ALLOWED:
            raise
        advice = "give it the roles hostManager and clusterMonitor, or leave --history out"
        raise MomentGone("this user may not set parameters", advice) from None
    try:
        yield
    finally:
        await admin.command({"setParameter": 1, _HISTORY: before})


def _claim(folder: Path) -> bool:
    """Whether it was there, and empty; made where it was not. Raises NotEmpty, OSError."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = sorted(one.name for one in folder.iterdir())
        if found:
            raise NotEmpty(f"the folder {folder}", found[0]) from None
        return True
    return False


def _clear(folder: Path, *, keep: bool) -> None:
    """What this backup has written."""
    for name in ("collections", "objects"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (OBJECTS, CONTENTS, f".{CONTENTS}.new"):
        (folder / name).unlink(missing_ok=True)
    if not keep:
        folder.rmdir()
