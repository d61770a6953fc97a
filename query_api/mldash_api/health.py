"""The servers behind the API: asked once before it begins to serve, and then every few seconds.

At the start both stores must answer. From then on a server that is away makes no API unready: each request that needs
it is answered with the problem `server-away`, and those that do not need it are answered as ever.
"""

import asyncio
from collections.abc import Awaitable

from mldash.process.dependencies import Dependencies
from mldash_compactor.chunks.errors import ColdStoreError
from mldash_ingest.documents.mongo import MongoUnreachable

from . import instruments
from .errors import ServerAway
from .kafka import Topics
from .limits import READY_TIMEOUT_S
from .stores.streams import Stores


async def check(stores: Stores) -> None:
    """Raises ServerAway with the first server that does not answer."""
    await _answers("MongoDB", stores.mongo.ping())
    await _answers("S3", stores.objects.ping())


def dependencies_of(stores: Stores, topics: Topics) -> Dependencies:
    """Kafka too: without it new sessions can't connect, but reads work."""
    asked = {"MongoDB": lambda: stores.mongo.ping(), "S3": lambda: stores.objects.ping(), "Kafka": topics.ask}
    return Dependencies(asked, instruments.show_dependency)


async def _answers(server: str, asked: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await asked
    except TimeoutError:
        raise ServerAway(server, f"{server} does not answer within {READY_TIMEOUT_S:g} s") from None
    except (MongoUnreachable, ColdStoreError) as error:
        raise ServerAway(server, str(error)) from error
