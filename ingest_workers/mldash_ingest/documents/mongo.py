"""The only module that imports motor: what moves when it is replaced by PyMongo's own asyncio API.

Writes are majority and journaled; reads that decide anything go to the primary with majority concern
(docs/protocol.md). A read that must be causally after a write is made in the same causally consistent session; a
linearizable one outside sessions and with a time limit, for MongoDB refuses the two together.
"""

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from motor.motor_asyncio import (
    AsyncIOMotorChangeStream,
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import DeleteMany, DeleteOne, InsertOne, UpdateMany, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from mldash.connections.servers import EventServers, Servers, StoreServers
from mldash.process.environment import HIDDEN, SettingError

__all__ = [
    "AutoReconnect",
    "BulkWriteError",
    "ChangeStream",
    "DeleteMany",
    "DeleteOne",
    "DuplicateKeyError",
    "InsertOne",
    "Mongo",
    "MongoRefused",
    "MongoUnreachable",
    "OperationFailure",
    "PyMongoError",
    "Session",
    "UpdateMany",
    "UpdateOne",
    "open_mongo",
]

Collection = AsyncIOMotorCollection[dict[str, Any]]
Session = AsyncIOMotorClientSession
ChangeStream = AsyncIOMotorChangeStream[dict[str, Any]]

_MAJORITY = WriteConcern(w="majority", j=True)
_SELECTION_TIMEOUT_MS = 5_000
_SOCKET_TIMEOUT_MS = 30_000
_LINEARIZABLE_TIMEOUT_MS = 10_000
_HEARTBEAT_MS = 5_000
_TEXT_LETTERS = 200
_WORDS_OF_CODES = {
    13: "this user lacks the right to read and write the database (role readWrite on MLDASH_MONGO_DATABASE), or nobody "
    "has signed in",
    18: "user or password are wrong, or are another database's: correct MLDASH_MONGO (authSource, authMechanism)",
}
_WORDS_OF_TEXTS = {
    "Hostname mismatch": "its certificate is made out to another name than MLDASH_MONGO calls",
    "IP address mismatch": "its certificate is made out to another name than MLDASH_MONGO calls",
    "certificate verify failed": "its certificate is signed by an authority that is not trusted here: set "
    "MLDASH_MONGO_CA_FILE to the authority's PEM",
    "WRONG_VERSION_NUMBER": "TLS is spoken to it, and it does not answer in TLS: take tls=true out of MLDASH_MONGO",
    "SSL handshake failed": "TLS is spoken to it, and it does not take part: look at tls=true in MLDASH_MONGO and "
    "MLDASH_MONGO_CA_FILE",
    "connection closed": "it ends a connection without TLS: put tls=true into MLDASH_MONGO",
}


class MongoUnreachable(ConnectionError):
    """No primary answers at `hosts`. Whoever starts gives up with this; whoever runs waits and tries again."""

    def __init__(self, hosts: str, reason: str) -> None:
        super().__init__(hosts, reason)
        self.hosts, self.reason = hosts, reason

    def __str__(self) -> str:
        return f"no MongoDB primary answers at {self.hosts} (MLDASH_MONGO): {self.reason}"


class MongoRefused(MongoUnreachable):
    """MongoDB answers at `hosts` and does not let this program in, or not to its database."""

    def __str__(self) -> str:
        return f"MongoDB at {self.hosts}: {self.reason}"


class Mongo:
    """One database with the concerns above. Connects when first used; close() when done."""

    def __init__(self, uri: str, database: str, ca_file: str | None = None) -> None:
        """`ca_file`: PEM of who signs the servers' certificates, where that is not whom the host trusts. Raises
        SettingError."""
        trust: dict[str, Any] = {}
        if ca_file is not None:
            trust = {"tls": True, "tlsCAFile": str(Path(ca_file).expanduser())}
        try:
            self._client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
                uri,
                serverSelectionTimeoutMS=_SELECTION_TIMEOUT_MS,
                socketTimeoutMS=_SOCKET_TIMEOUT_MS,
                heartbeatFrequencyMS=_HEARTBEAT_MS,
                retryWrites=False,
                tz_aware=True,
                appname="mldash",
                **trust,
            )
            # Of the URI, only the hosts may be told: the rest holds the password.
            self._hosts = ",".join(f"{host}:{port}" for host, port in parse_uri(uri)["nodelist"])
        except (OSError, ssl.SSLError) as error:
            came = f"{ca_file!r} ({error.strerror or error})"
            raise SettingError("mongo_ca_file", "MLDASH_MONGO_CA_FILE", came, "a PEM file that can be read") from None
        except (PyMongoError, ValueError):  # their texts quote the URI
            allowed = "mongodb://user:password@host:port/?…, with user and password percent-encoded"
            raise SettingError("mongo", "MLDASH_MONGO", HIDDEN, allowed) from None
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
        self.tokens: Collection = self.database["tokens"]
        self.links: Collection = self.database["links"]
        self.sign_ins: Collection = self.database["sign_ins"]
        self.writers: Collection = self.database["writers"]
        self.changes: Collection = self.database["changes"]
        self.positions: Collection = self.database["positions"]
        self.listeners: Collection = self.database["listeners"]
        self.listened: Collection = self.database["listened"]
        self.annotations: Collection = self.database["annotations"]
        self.views: Collection = self.database["views"]
        self.short_urls: Collection = self.database["short_urls"]
        self.holds: Collection = self.database["holds"]

    async def causal(self) -> AbstractAsyncContextManager[Session]:
        """A causally consistent session: a read in it sees every write in it."""
        session: AbstractAsyncContextManager[Session] = await self._client.start_session(causal_consistency=True)
        return session

    async def one_moment(self) -> AbstractAsyncContextManager[Session]:
        """A session whose reads all see the moment of its first one, for as long as MongoDB keeps its history."""
        session: AbstractAsyncContextManager[Session] = await self._client.start_session(snapshot=True)
        return session

    async def find_linearizable(self, collection: Collection, document_id: Any) -> dict[str, Any] | None:
        """The document as it truly is now, not as a deposed primary believes."""
        linearizable = collection.with_options(read_concern=ReadConcern("linearizable"))
        return await linearizable.find_one({"_id": document_id}, max_time_ms=_LINEARIZABLE_TIMEOUT_MS)

    def watch(self, pipeline: list[dict[str, Any]], resume_after: Any, await_ms: int) -> ChangeStream:
        """Every change of the database that the pipeline lets through, in their order, once a majority has it; from a
        token of an earlier change stream on, None: from now on. `await_ms`: how long one look waits for the next."""
        return self.database.watch(pipeline, resume_after=resume_after, max_await_time_ms=await_ms)

    async def ping(self) -> None:
        """Raises MongoUnreachable where no primary answers, MongoRefused where it does not let this program in."""
        try:
            await self.database.command("ping")
            await self.streams.find_one({"_id": 0}, {"_id": 1})  # a ping needs no right at all
        except PyMongoError as error:
            raise self._explained(error) from None  # its text and its details quote what was asked

    def _explained(self, error: PyMongoError) -> MongoUnreachable:
        text = str(error).split(" (configured", 1)[0].split(", full error", 1)[0]
        if isinstance(error, OperationFailure) and error.code in _WORDS_OF_CODES:
            return MongoRefused(self._hosts, f"{_WORDS_OF_CODES[error.code]} (code {error.code})")
        # What is wrong with TLS stands in the text of the time that has run out, and nowhere else.
        for sign, words in _WORDS_OF_TEXTS.items():
            if sign in text:
                return MongoRefused(self._hosts, f"{words} ({text[:_TEXT_LETTERS]})")
        return MongoUnreachable(self._hosts, text)

    async def close(self) -> None:
        # On a thread: it says goodbye to the server and waits for the answer, even of a server that is gone.
        await asyncio.to_thread(self._client.close)


def open_mongo(settings: EventServers | Servers | StoreServers) -> Mongo:
    """The database that a component's settings name. Raises SettingError."""
    return Mongo(settings.mongo, settings.mongo_database, settings.mongo_ca_file)
