"""Indexes of MongoDB that are missing; what is there stays."""

from __future__ import annotations

from mldash_ingest.documents.collections import ensure_indexes, missing_indexes
from mldash_ingest.documents.mongo import Mongo

from .changes import Change, Plan


async def plan_indexes(mongo: Mongo) -> Plan:
    """Raises what MongoDB's driver raises."""
    missing = await missing_indexes(mongo)

    async def apply() -> None:
        if missing:
            await ensure_indexes(mongo)

    return Plan([Change(f"collection {one.collection}", f"make index {one.name}") for one in missing], apply=apply)
