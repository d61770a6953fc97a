"""Sessions of an experiment: the facts of their run events (folded in the chain of runs), and when each last lived."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mldash.answers.shapes import SessionAnswer
from mldash.events.run_status import CREATED, LOST, SessionTimes, attempts, succeeded
from mldash_api.seam.snapshots import Carried, all_carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores
from mldash_api.times import iso_or_none
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.run_states import FoldedRuns, SessionState

_decode = msgspec.msgpack.Decoder(dict[str, Any]).decode
_AT_ONCE = 500


class Runs(NamedTuple):
    """An experiment's runs: the folded chain, and the sessions' documents."""

    folded: FoldedRuns
    sessions: dict[bytes, Mapping[str, Any]]
    last_at: float | None

    def times(self) -> list[SessionTimes]:
        """Of the sessions that have started."""
        documents = self.sessions
        return [_times(one, state, documents.get(one, {})) for one, state in self.folded.sessions.items()]


async def read_runs(mongo: Mongo, experiments: Sequence[ExperimentRef], *, contexts: bool = False) -> dict[bytes, Runs]:
    """Of many experiments at once, by experiment id. `contexts`: with what each session recorded of its host."""
    carried = await all_carried_forward(mongo, [one.stream("runs") for one in experiments])
    documents = await _session_documents(mongo, experiments, contexts)
    return {one.id: _runs(carried.get(one.stream("runs").id), documents.get(one.id, {})) for one in experiments}


def _runs(carried: Carried | None, sessions: dict[bytes, Mapping[str, Any]]) -> Runs:
    if carried is None or carried.snapshot.runs is None:
        return Runs(FoldedRuns(), sessions, None)
    return Runs(carried.snapshot.runs, sessions, carried.snapshot.last_at)


async def _session_documents(
    mongo: Mongo, experiments: Sequence[ExperimentRef], contexts: bool
) -> dict[bytes, dict[bytes, Mapping[str, Any]]]:
    generations = {one.id: one.generation for one in experiments}
    found = defaultdict[bytes, dict[bytes, Mapping[str, Any]]](dict)
    ids = list(generations)
    fields = dict.fromkeys(("exp", "gen", "heartbeat", "first_at", "stored_at", "seen_at", "skew"), 1)
    fields |= {"context": 1} if contexts else {}
    for at in range(0, len(ids), _AT_ONCE):
        async for one in mongo.sessions.find({"exp": {"$in": ids[at : at + _AT_ONCE]}}, fields):
            if one["gen"] == generations[one["exp"]]:
                found[one["exp"]][one["_id"]] = one
    return found


async def sessions_of_ranks(
    mongo: Mongo, experiments: Sequence[ExperimentRef], ranks: Sequence[int]
) -> dict[bytes, frozenset[bytes]]:
    """Those that have one of these ranks, by experiment id."""
    found: dict[bytes, set[bytes]] = {one.id: set() for one in experiments}
    own = [{"exp": one.id, "gen": one.generation} for one in experiments]
    for first in range(0, len(own), _AT_ONCE):
        query = {"$or": own[first : first + _AT_ONCE], "rank": {"$in": list(ranks)}}
        async for document in mongo.sessions.find(query, {"exp": 1}):
            found[document["exp"]].add(document["_id"])
    return {id_: frozenset(sessions) for id_, sessions in found.items()}


async def ranks_of(mongo: Mongo, sessions: Collection[bytes]) -> dict[bytes, int | None]:
    """Of the sessions that are known."""
    if not sessions:
        return {}
    found = mongo.sessions.find({"_id": {"$in": list(sessions)}}, {"rank": 1})
    return {one["_id"]: one.get("rank") async for one in found}


async def list_sessions(stores: Stores, experiment: ExperimentRef, now: float) -> list[SessionAnswer]:
    """In the order in which they were first heard of."""
    runs = (await read_runs(stores.mongo, [experiment], contexts=True))[experiment.id]
    lost_after_s = stores.settings.lost_after_s
    known = dict.fromkeys([*runs.folded.sessions, *runs.sessions])
    order = sorted(known, key=lambda one: (_first_at(one, runs), one))
    times = runs.times()
    statuses = {one.id: one.status_at(now, lost_after_s) for one in times}
    statuses |= {times[at].id: LOST for at in succeeded(times)}
    numbers = {times[at].id: number for at, number in attempts(times).items()}
    answers = [_answer(one, runs.folded.sessions.get(one), runs.sessions.get(one, {}), statuses) for one in order]
    for answer in answers:
        if answer["session"] in numbers:
            answer["attempt"] = numbers[answer["session"]]
    return answers


def _first_at(session: bytes, runs: Runs) -> float:
    state = runs.folded.sessions.get(session)
    first_at = runs.sessions.get(session, {}).get("first_at")
    return state.started if state is not None else float(first_at or 0.0)


def _times(session: bytes, state: SessionState, document: Mapping[str, Any]) -> SessionTimes:
    """By the broker's clock. `seen_at` is its time of the last heartbeat; `skew` is what is added to a time of the
    session's host. A session that never sent a heartbeat (its journal was sent by another process), or was stored by
    version 0.1.0, has neither: its own times count, and none after it was stored.
    """
    skew = document.get("skew") or 0.0
    heartbeat = document.get("seen_at")
    if heartbeat is None:
        said = max(state.started, document.get("heartbeat") or 0.0)
        heartbeat = min(said, document.get("stored_at") or said)
    return SessionTimes(
        state.started + skew,
        heartbeat,
        None if state.ended is None else state.ended + skew,
        state.status,
        session.hex(),
        state.host,
        state.rank,
        state.resume_key,
        tuple(state.after),
    )


def _answer(
    session: bytes, state: SessionState | None, document: Mapping[str, Any], statuses: Mapping[str, str]
) -> SessionAnswer:
    folded = state or SessionState()
    answer: SessionAnswer = {
        "session": session.hex(),
        "status": statuses.get(session.hex(), CREATED),
        "host": folded.host,
        "pid": folded.pid,
        "rank": folded.rank,
        "startedAt": None if state is None else iso_or_none(state.started),
        "endedAt": iso_or_none(folded.ended),
        "heartbeatAt": iso_or_none(document.get("seen_at") or document.get("heartbeat")),
    }
    if folded.resume_key:
        answer["resumeKey"] = folded.resume_key
    if folded.error is not None:
        answer["error"] = msgspec.to_builtins(folded.error)
    if document.get("context"):
        answer["context"] = _decode(document["context"])
    return answer
