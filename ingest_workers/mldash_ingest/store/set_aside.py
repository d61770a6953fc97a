"""How many events of a session were set aside, noted in its document so that its process can be told.

    set_aside   {n: events, why: the newest reason, at: {"metrics-3": offset, …}}

`at` is the offset, by kind and partition, up to which letters were counted, so letters that a crash repeats count once.
`n` is an upper bound of what is missing: a replayed letter stays counted, and counts again where it is set aside again.
After a topic was made anew, its letters count only once its offsets exceed the old ones.
"""

from collections.abc import Iterable, Mapping

from mldash.events.encoding import UndecodableRecord, decode_record
from mldash.events.identity import ID_BYTES, experiment_id, parse_prefix, stream_key
from mldash_ingest.documents.mongo import Mongo, UpdateOne
from mldash_ingest.fetch.decode import Arrival, SetAside

from .sessions import Sessions

_REASON_CHARACTERS = 1_000
_MOST_EVENTS = 1 << 31
"""Of one letter. What breaks the rules may claim any number, and a sum beyond 64 bits would stop its partition."""


async def note_set_aside(
    mongo: Mongo, sessions: Sessions, kinds: Mapping[str, str], letters: Iterable[SetAside]
) -> None:
    """Of letters that are acknowledged, in the order of their offsets; `kinds` of the event topics. Letters that can't
    be decoded, or that are under another stream's key, count for no session.

    Raises what MongoDB's client raises.
    """
    owned = [(arrival, letter.reason) for letter in letters if (arrival := _arrival_of(letter)) is not None]
    if not owned:
        return
    admitted = await sessions.admit([arrival for arrival, _ in owned])
    writes = [
        _write(arrival, reason, kinds[arrival.origin.topic])
        for arrival, reason in owned
        if not admitted[arrival.record.session].closed
    ]
    if writes:
        await mongo.sessions.bulk_write(writes)


def _arrival_of(letter: SetAside) -> Arrival | None:
    """The record with its owner, where it says who that is."""
    origin = letter.origin
    try:
        record = decode_record(origin.value, origin.headers)
        experiment = experiment_id(record.prefix)
        is_own = parse_prefix(record.prefix).text == record.prefix and len(record.session) == ID_BYTES
        is_own = is_own and origin.key == stream_key(experiment, record.kind, record.name)
    except (UndecodableRecord, ValueError):
        return None
    return Arrival(record, experiment, origin) if is_own and record.count > 0 else None


def _write(arrival: Arrival, reason: str, kind: str) -> UpdateOne:
    origin, at = arrival.origin, f"set_aside.at.{kind}-{arrival.origin.partition}"
    new = {"_id": arrival.record.session, "first_at": {"$exists": True}, at: {"$not": {"$gte": origin.offset}}}
    why = reason[:_REASON_CHARACTERS].encode(errors="replace").decode()
    count = min(arrival.record.count, _MOST_EVENTS)
    return UpdateOne(new, {"$inc": {"set_aside.n": count}, "$set": {at: origin.offset, "set_aside.why": why}})
