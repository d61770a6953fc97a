"""Tokens by MongoDB's own credentials, which may do everything: how the first admin is made."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import TypeVar

from mldash.answers.shapes import GrantAnswer, NewTokenAnswer, TokenAnswer
from mldash_ingest.documents.changes import who_runs_this
from mldash_ingest.documents.mongo import Mongo

from .administering import checked_grants, end_token, expiry_of, make_token, tokens_for
from .tokens import NewToken

_Answer = TypeVar("_Answer")


def create(
    uri: str, database: str, subject: str, grants: Sequence[GrantAnswer], days: float | None, note: str
) -> NewTokenAnswer:
    """Raises WrongParameter, MongoUnreachable."""
    asked = NewToken(subject=subject, grants=checked_grants(grants), expires_at=expiry_of(days, time()), note=note)
    return _with(uri, database, lambda mongo: make_token(mongo, who_runs_this(), asked))


def all_of(uri: str, database: str) -> list[TokenAnswer]:
    """Raises MongoUnreachable."""
    return _with(uri, database, lambda mongo: tokens_for(mongo, None))


def revoke(uri: str, database: str, id_: str) -> TokenAnswer:
    """Raises NotFound, MongoUnreachable."""
    return _with(uri, database, lambda mongo: end_token(mongo, who_runs_this(), id_, None))


def _with(uri: str, database: str, do: Callable[[Mongo], Awaitable[_Answer]]) -> _Answer:
    async def run() -> _Answer:
        mongo = Mongo(uri, database)
        try:
            await mongo.ping()
            return await do(mongo)
        finally:
            await mongo.close()

    return asyncio.run(run())
