"""Whether what a session writes counts: its generation against its experiment's (docs/protocol.md 7.4)."""

from mldash.ingest_workers.documents.mongo import Mongo
from mldash.producer.answers.shapes import Standing
from mldash.producer.events.identity import Prefix, experiment_id


async def standing_of(mongo: Mongo, prefix: Prefix, session: bytes) -> Standing:
    """'unknown': no worker has met it yet, in this experiment. Two reads by id, whatever the experiment holds."""
    experiment = experiment_id(prefix.text)
    of_session = await mongo.sessions.find_one({"_id": session, "exp": experiment}, {"gen": 1})
    now = await mongo.experiments.find_one({"_id": experiment}, {"gen": 1})
    if of_session is None or now is None:
        return "unknown"
    return "deleted" if of_session["gen"] < now["gen"] else "counted"
