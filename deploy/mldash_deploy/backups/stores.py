"""The two servers that a backup reads and a restore writes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mldash.connections.servers import Servers, StoreServers
from mldash_compactor.chunks.s3 import ObjectStore, open_store
from mldash_ingest.documents.mongo import Mongo, open_mongo


@asynccontextmanager
async def opened(settings: Servers | StoreServers) -> AsyncIterator[tuple[Mongo, ObjectStore]]:
    """Both answer. Raises what their clients raise."""
    async with AsyncExitStack() as clients:
        mongo = open_mongo(settings)
        clients.push_async_callback(mongo.close)
        await mongo.ping()
        store = await clients.enter_async_context(open_store(settings))
        await store.ping()
        yield mongo, store
