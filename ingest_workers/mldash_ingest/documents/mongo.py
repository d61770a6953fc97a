"""The only module that imports motor: what moves when it is replaced by PyMongo's own asyncio API.

Writes are majority and journaled; reads that decide anything go to the primary with majority concern
(docs/protocol.md). A read that must be causally after a write is made in the same causally consistent session; a
linearizable one outside sessions and with a time limit, for MongoDB refuses the two together.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import DeleteMany, DeleteOne, InsertOne, UpdateMany, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

__all__ = [
    "AutoReconnect",
    "BulkWriteError",
    "DeleteMany",
    "DeleteOne",
    "DuplicateKeyError",
    "InsertOne",
    "Mongo",
    "MongoUnreachable",
    "PyMongoError",
    "Session",
    "UpdateMany",
    "UpdateOne",
]

Collection = AsyncIOMotorCollection[dict[str, Any]]
Session = AsyncIOMotorClientSession

_MAJORITY = WriteConcern(w="majority", j=True)
_SELECTION_TIMEOUT_MS = 5_000
_SOCKET_TIMEOUT_MS = 30_000
_LINEARIZABLE_TIMEOUT_MS = 10_000


class MongoUnreachable(ConnectionError):
    """No primary answers at `hosts`. Whoever starts gives up with this; whoever runs waits and tries again."""

    def __init__(self, hosts: str, reason: str) -> None:
        super().__init__(hosts, reason)
        self.hosts, self.reason = hosts, reason

    def __str__(self) -> str:
        return f"no MongoDB primary answers at {self.hosts} (MLDASH_MONGO): {self.reason}"


class Mongo:
    """One database with the concerns above. Connects when first used; close() when done."""

    def __init__(self, uri: str, database: str) -> None:
        self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            uri,
            serverSelectionTimeoutMS=_SELECTION_TIMEOUT_MS,
            socketTimeoutMS=_SOCKET_TIMEOUT_MS,
            retryWrites=False,
            tz_aware=True,
            appname="mldash",
        )
        # Of the URI, only the hosts may be told: the rest holds the password.
        self._hosts = ",".join(f"{host}:{port}" for host, port in parse_uri(uri)["nodelist"])
        self.database = self._client.get_database(
            database,
            write_concern=_MAJORITY,
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self.experiments: Collection = self.database["experiments"]
        self.sessions: Collection = self.database["sessions"]
        self.claims: Collection = self.database["claims"]
        self.streams: Collection = self.database["streams"]
        self.buckets: Collection = self.database["buckets"]
        self.chunks: Collection = self.database["chunks"]
        self.levels: Collection = self.database["levels"]
        self.seqs: Collection = self.database["seqs"]
        self.policies: Collection = self.database["policies"]

    async def causal(self) -> AbstractAsyncContextManager[Session]:
        """A causally consistent session: a read in it sees every write in it."""
        session: AbstractAsyncContextManager[Session] = await self._client.start_session(causal_consistency=True)
        return session

    async def find_linearizable(self, collection: Collection, document_id: Any) -> dict[str, Any] | None:
        """The document as it truly is now, not as a deposed primary believes."""
        linearizable = collection.with_options(read_concern=ReadConcern("linearizable"))
        return await linearizable.find_one({"_id": document_id}, max_time_ms=_LINEARIZABLE_TIMEOUT_MS)

    async def ping(self) -> None:
        """Raises MongoUnreachable where no primary answers."""
        try:
            await self.database.command("ping")
        except PyMongoError as error:
            raise MongoUnreachable(self._hosts, str(error).split(" (configured", 1)[0]) from error

    async def close(self) -> None:
        # On a thread: it says goodbye to the server and waits for the answer, even of a server that is gone.
        await asyncio.to_thread(self._client.close)
