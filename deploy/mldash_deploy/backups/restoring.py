"""Restoring a backup into an empty database and, where it has objects, an empty bucket.

check       the whole folder, before anything is touched
positions   the workers' group goes back to the beginning of what Kafka holds: it stood further than the backup does,
            and a worker that went on there would skip what lies between. What is stored already is found stored
objects     before the documents that name them
documents   each collection, then read again and compared; indexes come last, for one of them removes what has expired
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mldash.connections.servers import EventServers
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_deploy.preparing.settings import PrepareSettings
from mldash_ingest.documents.collections import ensure_indexes
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.offsets import positions, reset
from mldash_ingest.settings import WorkerSettings

from .contents import Contents, SavedObject, read_contents, read_objects
from .documents import collections_of, compare_collection, load_collection
from .errors import NotEmpty
from .files import Stage, Tell, check_file
from .objects import check_copies, check_sizes, copy_in, sizes_of
from .stores import opened


def check_backup(folder: Path, tell: Tell) -> Contents:
    """What it holds. Raises NotABackup, BackupDamaged with the place."""
    contents = read_contents(folder)
    copies = contents.object_bytes if contents.has_objects else 0
    stage = Stage(tell, "checking", contents.document_bytes + contents.objects.bytes + copies)
    for file in [contents.objects, *(one.file for one in contents.collections)]:
        check_file(folder, file, stage)
    if contents.has_objects:
        check_copies(read_objects(folder), folder, stage)
    return contents


async def restore(settings: PrepareSettings, folder: Path, contents: Contents, tell: Tell) -> int:
    """A backup that was checked; how many partitions are read again from their beginning.

    Raises BackupError, GroupAtWork while workers run, and what the servers' clients raise: then database and bucket are
    empty again, unless they can no longer be reached.
    """
    objects = read_objects(folder)
    async with opened(settings) as (mongo, store):
        await _refuse_full_database(mongo)
        if contents.has_objects:
            await _refuse_full_bucket(store)
        else:
            check_sizes(objects, await sizes_of(store, (one.key for one in objects)))
        count = await _read_again(settings)
        try:
            if contents.has_objects:
                await copy_in(store, objects, folder, Stage(tell, "objects", contents.object_bytes))
            await _restore_documents(mongo, folder, contents, tell)
        except BaseException:
            await _take_back(mongo, store, contents, objects)
            raise
        await ensure_indexes(mongo)
    return count


async def _restore_documents(mongo: Mongo, folder: Path, contents: Contents, tell: Tell) -> None:
    for name in await collections_of(mongo):
        await mongo.database.drop_collection(name)  # empty, but for its indexes
    stage = Stage(tell, "documents", contents.document_bytes)
    for one in contents.collections:
        await load_collection(mongo, one, folder, stage)
    stage = Stage(tell, "reading again", contents.document_bytes)
    for one in contents.collections:
        await compare_collection(mongo, one, stage)


async def _refuse_full_database(mongo: Mongo) -> None:
    for name in await collections_of(mongo):
        if await mongo.database[name].find_one({}, {"_id": 1}) is not None:
            raise NotEmpty(f"the database {mongo.database.name!r}", f"documents in {name}")


async def _refuse_full_bucket(store: ObjectStore) -> None:
    async for one in store.list():
        raise NotEmpty(f"the bucket {store.bucket!r}", one.key)


async def _read_again(settings: PrepareSettings) -> int:
    shared: dict[str, Any] = {name: getattr(settings, name) for name in EventServers.__struct_fields__}
    workers = WorkerSettings(**shared, group=settings.group)
    committed = [one for one in await positions(workers) if one.committed is not None]
    await reset(workers, committed)
    return len(committed)


async def _take_back(mongo: Mongo, store: ObjectStore, contents: Contents, objects: list[SavedObject]) -> None:
    """The database was empty, so all of it goes; of the bucket what this restore has put there."""
    for one in contents.collections:
        await mongo.database.drop_collection(one.name)
    if contents.has_objects:
        await store.delete([one.key for one in objects])
    await ensure_indexes(mongo)
