"""What decides a deletion, in the experiment's own document: docs/protocol.md 7.1.

An experiment is deleted by raising its generation: from then on everything old is invisible, for its ids carry the
generation. `purge` notes each deleted generation until nothing of it is left; whoever finds a note may go on with it
(the compactor's upkeep/removal.py).
"""

from time import time
from typing import Any

from msgspec import Struct

from mldash.events.identity import Prefix, experiment_id

from .mongo import Mongo


class Note(Struct, frozen=True):
    """A deleted generation whose remains are not all gone; `swept_at`: when they were deleted the first time."""

    generation: int
    at: float
    swept_at: float | None = None


class Target(Struct, frozen=True):
    """An experiment as its document is now. `notes` are of earlier deletions that are not finished."""

    prefix: Prefix
    id: bytes
    generation: int
    notes: list[Note]
    is_there: bool
    """Whether anything has been logged in the present generation."""

    @property
    def unswept(self) -> list[int]:
        return [note.generation for note in self.notes if note.swept_at is None]


async def find_target(mongo: Mongo, prefix: Prefix) -> Target | None:
    """The experiment as it truly is now; None: no events were ever logged under this prefix."""
    return await target_of(mongo, experiment_id(prefix.text))


async def target_of(mongo: Mongo, id_: bytes) -> Target | None:
    """The same by the experiment's id."""
    document = await mongo.find_linearizable(mongo.experiments, id_)
    if document is None:
        return None
    generation = int(document["gen"])
    there = False
    for collection in (mongo.sessions, mongo.streams):
        there = there or await collection.find_one({"exp": id_, "gen": generation}, {"_id": 1}) is not None
    notes = [Note(one["gen"], one["at"], one.get("swept_at")) for one in document.get("purge", ())]
    return Target(Prefix(document["prefix"]), id_, generation, notes, there)


async def raise_generation(mongo: Mongo, target: Target) -> bool:
    """Delete the present generation, and note it; False where another did so since `target` was read."""
    note = {"gen": target.generation, "at": time()}
    stripped: dict[str, Any] = {
        "_id": "$_id",
        "prefix": "$prefix",
        "gen": target.generation + 1,
        "purge": {"$concatArrays": [{"$ifNull": ["$purge", []]}, [note]]},
    }
    raised = await mongo.experiments.update_one(
        {"_id": target.id, "gen": target.generation}, [{"$replaceWith": stripped}]
    )
    return bool(raised.matched_count)
