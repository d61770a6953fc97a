"""Every collection, its fields and indexes (docs/protocol.md 2). Ids are binary, 16 bytes each; times, due_at and until
are float64 seconds since the epoch.

  experiments  {_id: hash of the prefix, prefix, gen, created_at, purge: [{gen, at, swept_at}]}: never deleted
  sessions     {_id: session, exp, gen, prefix, first_at, heartbeat, stored_at, seen_at, skew,
                host, pid, rank, user, context, set_aside: {n, why, at} (store/set_aside.py)}
  claims       {_id: {sid, s}, exp, gen, kind, name, seq, partition, offset, final, at}: what a session says it wrote
  streams      {_id: s, exp, gen, kind, name, chunk, cold, joined, floor, due_at, | a snapshot's fields (snapshot.py) |
               about: {description | tags | metadata: {at: [time, session, seq], v: MessagePack}}, newest by `at`}
  buckets      buckets.py
  chunks       {_id: {s, k}, epoch, owner, until, want, joining, live}: the manifest (the compactor's manifest.py)
  levels       {_id: s + level + number, fields, t0, t1, limited}: summaries of many chunks (its levels.py)
  seqs         {_id: {s, sid}, at, r}: sessions moved out of a crowded snapshot (crowd.py)
  policies     {_id: owner or owner/project, keep_days: {logs | metrics | tracks: days or null}}: retention.py
  tokens       {_id: first 8 bytes of the hash, in hex, hash: SHA-256 of the text, subject, grants: [{right, scope}],
                note, created_at, created_by, expires_at, used_at, revoked_at}: the API's rights/tokens.py
  links        {_id: first 8 bytes of the hash, in hex, hash: SHA-256 of the text, opens: {kind, …}, note, created_at,
                created_by, expires_at, used_at, revoked_at, gone_at}: the API's rights/people/links.py
  sign_ins     {_id: 16 random bytes in hex, way, subject, of, groups, address, created_at, expires_at, ended_at,
                gone_at}: browsers that have signed in: the API's rights/people/sign_ins.py
  writers      {_id: session, prefix, subject or null, partitions: {kind: count}, at}: sessions that came over HTTP: the
                API's gateway/writers.py
  annotations  {_id: experiment, gen, prefix, version, added, removed, notes, archived, title, history}: title, tags,
                notes and the archive flag that people set: the API's experiments/annotations.py
  views        {_id: as its page calls it, scope, name, version, cards, history, gone_at, …}: views that people save:
                the API's saved/views.py
  short_urls   {_id: hash of the path, path, subject, until: a date}: the API's saved/addresses.py
  changes      {_id: time + random bytes, subject, token_id, address, action, scope, details}: changes.py
  positions    {_id: 12 random bytes, until: a date, data: MessagePack}: the API's live/kept.py
  listeners    {_id: a page's name for its live stream, subject, change, asked, from, until: a date}: likewise
  listened     {_id: 12 random bytes, a process of the API, prefixes, version, until: a date}: which experiments its
               listeners name: the API's live/listened/kept.py
  holds        {_id: "objects", holders: [{id, until}]}: no object is deleted meanwhile: holds.py
"""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

from msgspec import Struct
from pymongo import IndexModel

from .mongo import Collection, Mongo

CLOSED = 2**62
"""`next` and `cold` of a stream of a deleted generation: every check of an old worker fails there."""

CLOSE = [
    {
        "$replaceWith": {field: f"${field}" for field in ("_id", "exp", "gen", "kind", "name", "chunk")}
        | {"next": CLOSED, "cold": CLOSED, "floor": CLOSED}
    }
]
"""The update that closes a stream's document: what it was the document of stays, and nothing else."""


_RANGES_BY_TIME: Final = {"kind": {"$in": ["tracks", "logs", "metrics"]}}


class Index(Struct, frozen=True):
    """One index, under the name that MongoDB keeps it by."""

    collection: str
    name: str
    keys: list[tuple[str, int]]
    options: Mapping[str, Any] = {}


INDEXES: Final = (
    Index("experiments", "prefix_1", [("prefix", 1)], {"unique": True}),
    Index("sessions", "exp_gen", [("exp", 1), ("gen", 1)]),
    Index("streams", "exp_gen_kind", [("exp", 1), ("gen", 1), ("kind", 1)]),
    Index("streams", "due_at", [("due_at", 1)], {"sparse": True}),
    Index("streams", "id_cold", [("_id", 1), ("cold", 1)]),
    Index("streams", "floor", [("floor", 1)], {"partialFilterExpression": {"floor": {"$gt": 0}}}),
    Index("buckets", "s_t1_t0", [("s", 1), ("t1", 1), ("t0", 1)], {"partialFilterExpression": _RANGES_BY_TIME}),
    Index("chunks", "s_t1_t0", [("_id.s", 1), ("live.t1", 1), ("live.t0", 1)]),
    Index("chunks", "s_k", [("_id.s", 1), ("_id.k", 1)]),
    Index("seqs", "s", [("_id.s", 1)]),
    Index("claims", "s", [("_id.s", 1)]),
    Index("claims", "exp_gen", [("exp", 1), ("gen", 1)]),
    Index("sign_ins", "gone_at", [("gone_at", 1)], {"expireAfterSeconds": 0}),
    Index("sign_ins", "subject", [("subject", 1)]),
    Index("links", "gone_at", [("gone_at", 1)], {"expireAfterSeconds": 0}),
    Index("experiments", "purge_gen", [("purge.gen", 1)], {"sparse": True}),
    Index("positions", "until", [("until", 1)], {"expireAfterSeconds": 0}),
    Index("listeners", "until", [("until", 1)], {"expireAfterSeconds": 0}),
    Index("listeners", "subject", [("subject", 1)]),
    Index("listened", "until", [("until", 1)], {"expireAfterSeconds": 0}),
    Index("views", "scope_id", [("scope", 1), ("_id", 1)]),
    Index("views", "gone_at", [("gone_at", 1)], {"expireAfterSeconds": 0}),
    Index("short_urls", "until", [("until", 1)], {"expireAfterSeconds": 0}),
    Index("short_urls", "subject_until", [("subject", 1), ("until", 1)]),
)


async def ensure_indexes(mongo: Mongo) -> None:
    """Make what is missing; what is there stays. All of a collection in one statement, which reads it once."""
    for _, of_one in groupby(sorted(INDEXES, key=_collection_of), key=_collection_of):
        indexes = list(of_one)
        made = [IndexModel(one.keys, name=one.name, **one.options) for one in indexes]
        await _collection(mongo, indexes[0]).create_indexes(made)


async def missing_indexes(mongo: Mongo) -> list[Index]:
    """Those that are not there under their name."""
    there = {one.collection: await _collection(mongo, one).index_information() for one in INDEXES}
    return [one for one in INDEXES if one.name not in there[one.collection]]


def _collection_of(index: Index) -> str:
    return index.collection


def _collection(mongo: Mongo, index: Index) -> Collection:
    found: Collection = getattr(mongo, index.collection)
    return found
