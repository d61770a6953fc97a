"""To whom each session belongs that comes over the gateway: its experiment, and the subject that first brought it.

A subject is a person or a service, not a token: a renewed token, `mldash sync` and a relay go on with the session.
Another subject needs admin on the experiment. A session that began over Kafka is taken from whoever may write its
experiment. Where nobody signs in, sessions belong to their experiments alone.
"""

from collections import OrderedDict
from collections.abc import Iterable
from time import time
from typing import Any, Final

from msgspec import Struct
from pymongo import ReturnDocument

from mldash_api.rights.caller import Caller, allows
from mldash_ingest.documents.mongo import Mongo

from .batch import Arrived

_KNOWN: Final = 100_000
_SESSIONS: Final = 256
"""Of one request, counted by kind."""


class _Writer(Struct):
    prefix: str
    subject: str | None
    partitions: dict[str, int]


class Writers:
    """What is known of sessions; they never change hands, so what was read once holds."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._known = OrderedDict[bytes, _Writer]()

    async def refusals(self, caller: Caller, records: Iterable[Arrived]) -> dict[tuple[bytes, str, str], str]:
        """(session, prefix, kind) → why its records are refused. New sessions belong to the caller from here on."""
        refused: dict[tuple[bytes, str, str], str] = {}
        wanted = {(one.session, one.prefix, one.kind): one.partitions for one in records if one.refusal is None}
        for number, ((session, prefix, kind), partitions) in enumerate(wanted.items()):
            if number < _SESSIONS:
                why = await self._refusal(caller, session, prefix, kind, partitions)
            else:  # each that is new costs MongoDB three calls
                why = f"a request brings records of at most {_SESSIONS} sessions and kinds: send the others in another"
            if why is not None:
                refused[session, prefix, kind] = why
        return refused

    async def _refusal(self, caller: Caller, session: bytes, prefix: str, kind: str, partitions: int) -> str | None:
        if not allows(caller, "write", prefix):
            return f"{caller.subject} has no right to write {prefix}"
        writer = await self._writer(caller, session, prefix)
        if writer is None or writer.prefix != prefix:
            return f"session {session.hex()} is of another experiment than {prefix}"
        is_own = writer.subject in (None, caller.subject)
        if not is_own and not allows(caller, "admin", prefix):
            return (
                f"session {session.hex()} of {prefix} was begun by another than {caller.subject}: going on with it "
                "needs admin"
            )
        fixed = await self._partitions(session, writer, kind, partitions)
        if fixed != partitions:
            return f"session {session.hex()} has begun with {fixed} partitions of {kind}, not {partitions}"
        return None

    async def _writer(self, caller: Caller, session: bytes, prefix: str) -> _Writer | None:
        """None: the session began over Kafka, for another experiment."""
        known = self._known.get(session)
        if known is not None:
            self._known.move_to_end(session)
            return known
        document = await self._mongo.writers.find_one({"_id": session})
        if document is None:
            began = await self._mongo.sessions.find_one({"_id": session}, {"prefix": 1})
            if began is not None and began.get("prefix") not in (None, prefix):
                return None
            subject = caller.subject if caller.is_somebody else None
            document = await self._mongo.writers.find_one_and_update(
                {"_id": session},
                {"$setOnInsert": {"prefix": prefix, "subject": subject, "partitions": {}, "at": time()}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return self._keep(session, document)

    async def _partitions(self, session: bytes, writer: _Writer, kind: str, partitions: int) -> int:
        """How many partitions the kind's topic had when the session began: the first to say it says it for all."""
        if kind not in writer.partitions:
            field = f"partitions.{kind}"  # one of KINDS: the record was decoded
            await self._mongo.writers.update_one(
                {"_id": session, field: {"$exists": False}}, {"$set": {field: partitions}}
            )
            document = await self._mongo.writers.find_one({"_id": session})
            writer = self._keep(session, document) if document else writer
        return writer.partitions.get(kind, partitions)

    def _keep(self, session: bytes, document: dict[str, Any]) -> _Writer:
        writer = _Writer(document["prefix"], document["subject"], dict(document["partitions"]))
        self._known[session] = writer
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return writer
