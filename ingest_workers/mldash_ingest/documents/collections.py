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
"""

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


async def ensure_indexes(mongo: Mongo) -> None:
    """Make what is missing; what is there stays."""
    tracks_and_logs = {"kind": {"$in": ["tracks", "logs", "metrics"]}}
    await _ensure(mongo.experiments, "prefix_1", [("prefix", 1)], unique=True)
    await _ensure(mongo.sessions, "exp_gen", [("exp", 1), ("gen", 1)])
    await _ensure(mongo.streams, "exp_gen_kind", [("exp", 1), ("gen", 1), ("kind", 1)])
    await _ensure(mongo.streams, "due_at", [("due_at", 1)], sparse=True)
    await _ensure(mongo.streams, "id_cold", [("_id", 1), ("cold", 1)])
    await _ensure(mongo.streams, "floor", [("floor", 1)], partialFilterExpression={"floor": {"$gt": 0}})
    await _ensure(mongo.buckets, "s_t1_t0", [("s", 1), ("t1", 1), ("t0", 1)], partialFilterExpression=tracks_and_logs)
    await _ensure(mongo.chunks, "s_t1_t0", [("_id.s", 1), ("live.t1", 1), ("live.t0", 1)])
    await _ensure(mongo.chunks, "s_k", [("_id.s", 1), ("_id.k", 1)])
    await _ensure(mongo.seqs, "s", [("_id.s", 1)])
    await _ensure(mongo.claims, "s", [("_id.s", 1)])
    await _ensure(mongo.claims, "exp_gen", [("exp", 1), ("gen", 1)])
    await _ensure(mongo.experiments, "purge_gen", [("purge.gen", 1)], sparse=True)


async def _ensure(collection: Collection, name: str, keys: list[tuple[str, int]], **options: object) -> None:
    await collection.create_index(keys, name=name, **options)  # type: ignore[arg-type]
