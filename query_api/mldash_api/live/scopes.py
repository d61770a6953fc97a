"""Experiments below owners and projects, as they are at this moment."""

from collections.abc import Iterable
from typing import Any, Final

from mldash_api.errors import AnswerTooLarge
from mldash_api.experiments.experiments import within
from mldash_ingest.documents.mongo import Mongo

MOST_EXPERIMENTS: Final = 1_000
"""Of one listener."""


async def prefixes_below(mongo: Mongo, scopes: Iterable[str]) -> list[str]:
    """Raises AnswerTooLarge."""
    found = await first_below(mongo, scopes, MOST_EXPERIMENTS + 1)
    if len(found) > MOST_EXPERIMENTS:
        raise AnswerTooLarge(len(found), MOST_EXPERIMENTS, "listen to a project, or to prefixes")
    return found


async def first_below(mongo: Mongo, scopes: Iterable[str], most: int) -> list[str]:
    """In the order of their names, and no more than so many."""
    if not (query := _query(scopes)):
        return []
    cursor = mongo.experiments.find(query, {"_id": 0, "prefix": 1}).sort("prefix", 1).limit(most)
    return [one["prefix"] async for one in cursor]


def _query(scopes: Iterable[str]) -> dict[str, Any]:
    parts = [within(scope) for scope in scopes]
    return {"$or": parts} if parts else {}
