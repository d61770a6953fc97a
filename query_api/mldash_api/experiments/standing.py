"""Whether a session's events count: its generation against its experiment's (docs/protocol.md 7.4)."""

from typing import NamedTuple

from mldash.answers.shapes import Standing
from mldash.events.identity import Prefix, experiment_id
from mldash_ingest.documents.mongo import Mongo


class SetAside(NamedTuple):
    """How many of a session's events became dead letters, at most (mldash_ingest/store/set_aside.py), and why the
    newest did."""

    event_count: int
    why: str


async def set_aside_of(mongo: Mongo, prefix: Prefix, session: bytes) -> SetAside | None:
    """None where nothing was, as far as is known: workers of 0.1 do not note it."""
    asked = {"_id": session, "exp": experiment_id(prefix.text)}
    noted = (await mongo.sessions.find_one(asked, {"set_aside.n": 1, "set_aside.why": 1}) or {}).get("set_aside")
    return SetAside(int(noted["n"]), noted["why"]) if noted else None


async def standing_of(mongo: Mongo, prefix: Prefix, session: bytes) -> Standing:
    """'unknown': no worker has met it yet, in this experiment. Two reads by id, whatever the experiment holds."""
    experiment = experiment_id(prefix.text)
    of_session = await mongo.sessions.find_one({"_id": session, "exp": experiment}, {"gen": 1})
    now = await mongo.experiments.find_one({"_id": experiment}, {"gen": 1})
    if of_session is None or now is None:
        return "unknown"
    return "deleted" if of_session["gen"] < now["gen"] else "counted"
