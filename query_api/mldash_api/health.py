"""Ready, or why not: MongoDB and S3 are asked. Kafka is not: without it new sessions can't connect, but reads work."""

import asyncio
from collections.abc import Awaitable

from mldash_compactor.chunks.errors import ColdStoreError
from mldash_ingest.documents.mongo import MongoUnreachable

from .errors import ServerAway
from .limits import READY_TIMEOUT_S
from .stores.streams import Stores


async def check(stores: Stores) -> None:
    """Raises ServerAway with the first server that does not answer."""
    await _answers("MongoDB", stores.mongo.ping())
    await _answers("S3", stores.objects.ping())


async def why_not_ready(stores: Stores) -> str | None:
    """None: ready. Else every server that does not answer."""
    found = await asyncio.gather(
        _answers("MongoDB", stores.mongo.ping()), _answers("S3", stores.objects.ping()), return_exceptions=True
    )
    reasons = list[str]()
    for one in found:
        if isinstance(one, ServerAway):
            reasons.append(str(one))
        elif one is not None:
            raise one
    return "; ".join(reasons) or None


async def _answers(server: str, asked: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await asked
    except TimeoutError:
        raise ServerAway(server, f"{server} does not answer within {READY_TIMEOUT_S:g} s") from None
    except (MongoUnreachable, ColdStoreError) as error:
        raise ServerAway(server, str(error)) from error
