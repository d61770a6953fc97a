"""Experiments: their descriptions, and the status that follows from their sessions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mldash.answers.shapes import ExperimentAnswer
from mldash.events.identity import Prefix
from mldash.events.run_status import status_of_run
from mldash_api.rights.caller import EVERYTHING
from mldash_api.stores.streams import ExperimentRef, Stores
from mldash_api.times import iso_or_none

from .annotations import Annotation, read_annotations, with_tags
from .sessions import Runs, read_runs


class Asked(NamedTuple):
    """Which experiments, and behind which prefix the page begins. `scopes`: those that the caller may read."""

    owner: str | None
    project: str | None
    after: str | None
    limit: int
    scopes: Sequence[str] = (EVERYTHING,)


class Listing(NamedTuple):
    """A page in the order of prefixes; `last`: where the next one goes on, None at the end."""

    experiments: list[ExperimentAnswer]
    last: str | None


async def describe(stores: Stores, experiments: Sequence[ExperimentRef], now: float) -> list[ExperimentAnswer]:
    """Many at once, in their order."""
    runs = await read_runs(stores.mongo, experiments)
    annotations = await read_annotations(stores.mongo, experiments)
    lost_after_s = stores.settings.lost_after_s
    return [answer_of(one, runs[one.id], annotations.get(one.id), now, lost_after_s) for one in experiments]


async def list_experiments(stores: Stores, asked: Asked, now: float) -> Listing:
    """One page. What was deleted and not made again is left out."""
    if not asked.scopes:
        return Listing([], None)
    query = _query(asked)
    cursor = stores.mongo.experiments.find(query, {"prefix": 1, "gen": 1, "created_at": 1})
    documents = [one async for one in cursor.sort("prefix", 1).limit(asked.limit + 1)]
    more, page = len(documents) > asked.limit, documents[: asked.limit]
    found = await _present(stores, [_reference(one) for one in page])
    return Listing(await describe(stores, found, now), page[-1]["prefix"] if more and page else None)


def _query(asked: Asked) -> dict[str, Any]:
    """Ranges of the prefix, so that its index answers; "0" is what follows "/" in the order of bytes."""
    bounds: list[dict[str, Any]] = [{"prefix": {"$gt": asked.after or ""}}]
    if asked.owner is not None:
        bounds.append(within(asked.owner if asked.project is None else f"{asked.owner}/{asked.project}"))
    if EVERYTHING not in asked.scopes:
        bounds.append({"$or": [within(scope) for scope in asked.scopes]})
    return {"$and": bounds}


def within(scope: str) -> dict[str, Any]:
    """Prefixes that are the scope, or lie below it. No prefix is an owner alone."""
    below = {"prefix": {"$gte": f"{scope}/", "$lt": f"{scope}0"}}
    return {"$or": [{"prefix": scope}, below]} if "/" in scope else below


async def _present(stores: Stores, experiments: Sequence[ExperimentRef]) -> list[ExperimentRef]:
    """Without those whose present generation has no session: they were deleted."""
    again = [one for one in experiments if one.generation]
    if not again:
        return list(experiments)
    match = {"$match": {"$or": [{"exp": one.id, "gen": one.generation} for one in again]}}
    first = {"$group": {"_id": "$exp", "first_at": {"$min": "$first_at"}}}
    made = {one["_id"]: one["first_at"] async for one in stores.mongo.sessions.aggregate([match, first])}
    return [
        msgspec.structs.replace(one, created_at=made[one.id]) if one.generation else one
        for one in experiments
        if not one.generation or one.id in made
    ]


def _reference(document: Mapping[str, Any]) -> ExperimentRef:
    return ExperimentRef(Prefix(document["prefix"]), document["_id"], document["gen"], document.get("created_at"))


def answer_of(
    experiment: ExperimentRef, runs: Runs, annotation: Annotation | None, now: float, lost_after_s: float
) -> ExperimentAnswer:
    """What was said of it, and the status of its runs."""
    said = {part: told.value for part, told in runs.folded.about.items()}
    updated = runs.last_at if runs.last_at is not None else experiment.created_at
    answer: ExperimentAnswer = {
        "name": experiment.prefix.name,
        "project": experiment.prefix.project,
        "owner": experiment.prefix.owner,
        "prefix": experiment.prefix.text,
        "description": said.get("description"),
        "readme": said.get("readme"),
        "tags": with_tags(said.get("tags") or [], annotation),
        "metadata": said.get("metadata"),
        "status": status_of_run(runs.times(), now, lost_after_s),
        "created_at": iso_or_none(experiment.created_at),
        "updated_at": iso_or_none(updated),
    }
    if annotation is not None:
        answer["notes"], answer["archived"] = annotation.notes, annotation.archived
        answer["title"] = annotation.title
    return answer
