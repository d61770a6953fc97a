"""POST /v1/experiments/delete: by prefixes or by a filter, first as a dry run."""

from time import time
from typing import Literal, TypedDict

from litestar import Response, post
from litestar.params import JSONBody
from msgspec import Struct

from mldash.events.identity import experiment_id
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.experiments.deletion import TOKEN_S, Going, delete, look_at, shown_by, token_of
from mldash_api.limits import MOST_CHANGED
from mldash_api.rights.administering import who
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import Caller, allows, scopes_of
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import OurCaller, OurForm, OurIndex, OurStores
from mldash_api.routes.parameters import checked_count, checked_prefix
from mldash_api.routes.runs import found_by
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import Stores
from mldash_api.times import iso_or_none
from mldash_ingest.documents.removals import Target, target_of


class DeleteBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A dry run: `prefixes` or `filter`. The deletion: its `token`, and `dry_run` false."""

    prefixes: list[str] | None = None
    filter: str | None = None
    token: str | None = None
    dry_run: bool = True


class GoingAnswer(TypedDict):
    """`events`: points, entries, lines and all else, hot and cold; `bytes`: of documents and objects. `liveSessions`:
    processes that still write; what they log later would be dropped."""

    prefix: str
    streams: dict[str, int]
    events: int
    bytes: int
    sessions: int
    liveSessions: int


class DryRunAnswer(TypedDict):
    """What would go. `count`: how many pass the filter; at most 200 of them are shown, and go, at a time."""

    experiments: list[GoingAnswer]
    count: int
    events: int
    bytes: int
    token: str
    expiresAt: str | None


class DeletedAnswer(TypedDict):
    """`notDeleted`: shown, and not there any more: deleted since, and perhaps made anew."""

    deleted: list[str]
    notDeleted: list[str]


@post("/experiments/delete", tags=["experiments"], opt=needs("admin", "shown"), status_code=200)
async def deleted(
    stores: OurStores, index: OurIndex, caller: OurCaller, form: OurForm, data: JSONBody[DeleteBody]
) -> Response[DryRunAnswer | DeletedAnswer]:
    """What would be deleted, counted, and a token; then, with the token, exactly that is deleted, for good. The caller
    must be admin of each; a filter finds no others."""
    if data.token is None:
        if not data.dry_run:
            raise WrongParameter("token", "a deletion names what a dry run has shown: make one, and send its token")
        return form.answer(await _dry_run(stores, index, caller, data))
    if data.dry_run or data.prefixes is not None or data.filter is not None:
        raise WrongParameter("token", "it goes with `dry_run` false and nothing else: it says what is deleted")
    return form.answer(await _delete(stores, caller, data.token))


async def _dry_run(stores: Stores, index: RunIndex, caller: Caller, data: DeleteBody) -> DryRunAnswer:
    now = time()
    if (data.prefixes is None) == (data.filter is None):
        raise WrongParameter("prefixes", "name experiments by it, or say a `filter`: one of the two")
    if data.filter is not None:
        found, count = await found_by(stores, index, data.filter, scopes_of(caller, "admin"), now, MOST_CHANGED)
        going = await look_at(stores.mongo, [one.id for one in found], now)
    else:
        going = await _named(stores, caller, data.prefixes or [], now)
        count = len(going)
    shown = [_answer_of(one) for one in going]
    return {
        "experiments": shown,
        "count": count,
        "events": sum(one["events"] for one in shown),
        "bytes": sum(one["bytes"] for one in shown),
        "token": token_of(going, now),
        "expiresAt": iso_or_none(now + TOKEN_S),
    }


async def _named(stores: Stores, caller: Caller, texts: list[str], now: float) -> list[Going]:
    """Raises NotFound, where one is not there."""
    checked_count("number of prefixes", len(texts), MOST_CHANGED)
    prefixes = list(dict.fromkeys(checked_prefix(text).text for text in texts))
    for prefix in prefixes:
        demand(caller, "admin", prefix)
    going = await look_at(stores.mongo, [experiment_id(prefix) for prefix in prefixes], now)
    there = {one.target.prefix.text for one in going}
    for prefix in prefixes:
        if prefix not in there:
            raise NotFound("experiment", prefix)
    return going


async def _delete(stores: Stores, caller: Caller, token: str) -> DeletedAnswer:
    shown = shown_by(token, time(), MOST_CHANGED)
    targets = list[Target]()
    for one in shown:
        target = await target_of(stores.mongo, one.id)
        if target is None or not allows(caller, "read", target.prefix.text):
            raise NotFound("experiment of the token", one.id.hex())
        demand(caller, "admin", target.prefix.text)
        targets.append(target)
    answer: dict[Literal["deleted", "notDeleted"], list[str]] = {"deleted": [], "notDeleted": []}
    for target, one in zip(targets, shown, strict=True):
        is_deleted = await delete(stores.mongo, who(caller), target, one)
        answer["deleted" if is_deleted else "notDeleted"].append(target.prefix.text)
    return {"deleted": answer["deleted"], "notDeleted": answer["notDeleted"]}


def _answer_of(going: Going) -> GoingAnswer:
    counts = going.counts
    return {
        "prefix": going.target.prefix.text,
        "streams": counts.streams,
        "events": counts.events,
        "bytes": counts.bucket_bytes + counts.chunk_bytes,
        "sessions": counts.sessions,
        "liveSessions": len(counts.live_sessions),
    }
