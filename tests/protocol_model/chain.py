"""The chain protocol: buckets are a compare-and-set chain, the stream document is only a snapshot; ingest, compaction,
reader, sweep in one model. Objects, puts and verification are in compaction.py; here a commit carries the rows.
A walk is always three steps: the stream document, the buckets, a second look at cold; worker and compactor alike.

A record is (session, first seq, count); an event is (session, seq); one stream. A bucket is (first index, events). Truth
is what an ideal reader sees at each state: rows of live chunks below `cold`, then hot buckets by exact boundaries. `check`
demands of every step: truth only grows, holds no event twice; no hot bucket at or beyond `cold` outside the chain; the
snapshot equals the fold of its prefix; all below a committed offset is readable; a reader's answer is the truth.
"""

from functools import lru_cache
from typing import NamedTuple

CHUNK = 2


class Rules(NamedTuple):
    check: bool = True  # W4: cold is read after the inserts
    between: bool = True  # W4 passed before the next insert of the same stream (else only at the batch's end)
    outstanding: int = 1  # inserts of one stream under way at once
    look: bool = True  # W1 ends with a second look at cold, causally after the walk, before anything is planned
    resume: bool = True  # a duplicate key: walk on from one's own prefix (else read the stream document again)
    skip: bool = False  # the walk goes on at the next bucket there is, over a gap
    early: bool = False  # snapshot written before W4
    hasty: bool = False  # offset committed before W4
    dedupe: str = "ranges"  # or "highest"
    aligned: bool = True  # no bucket crosses a multiple of CHUNK
    delete: str = "after"  # hot buckets are deleted "after" $max cold, or "before"
    cover: bool = True  # cold moves only where the snapshot's next >= end
    fenced: bool = True  # the compactor's snapshot comes after its commit (else before)
    live: bool = True  # the compactor judges live.end as the intent returned it (else as it read it before)
    refold: bool = True  # a compactor that folds for a snapshot looks at cold again before it writes it
    relook: bool = True  # the reader reads cold again
    floor: bool = True  # the reader uses hot buckets with i >= cold only
    sweep: bool = True  # anyone deletes buckets with i < cold at any time


class Doc(NamedTuple):
    next: int = 0
    seen: frozenset = frozenset()
    cold: int = 0


class Worker(NamedTuple):
    part: object = None
    pos: int = 0
    stage: str = ""  # load | walk | look | ready | insert | check | commit
    next: int = 0  # its prefix of the chain
    seen: frozenset = frozenset()
    start: int = 0  # where its walk began
    end: int = 0
    todo: tuple = ()
    made: tuple = ()  # buckets inserted, not yet past W4


class Entry(NamedTuple):  # chunk document
    epoch: int = 0
    end: int = 0  # live.end
    rows: tuple = ()
    open: bool = False  # someone holds the intent


class Comp(NamedTuple):
    at: str = ""  # intent | read | commit | fold | look | cold | delete
    k: int = 0
    doc: object = None  # the stream document as it read it
    held: int = 0  # live.end as it read it before the intent
    epoch: int = 0
    pos: int = 0
    end: int = 0
    rows: tuple = ()
    fold: frozenset = frozenset()


class World(NamedTuple):
    doc: Doc
    old: Doc  # an older version that a read without a causal bound may see
    buckets: tuple  # sorted (first, events)
    chunks: tuple
    workers: tuple
    comps: tuple
    owner: tuple
    offset: tuple
    net: tuple
    reader: tuple
    kills: int
    moves: int
    late: int
    stale: int
    expiries: int
    reads: int


@lru_cache(maxsize=2_000_000)
def truth(cold, buckets, chunks):
    """What an ideal reader sees: (events, what is wrong or None)."""
    out = []
    for i in range(cold):
        entry = chunks[i // CHUNK]
        if i >= entry.end:
            return tuple(out), f"index {i} is below cold={cold} and in no live chunk"
        out.append(entry.rows[i % CHUNK])
    hot = {i: events for i, events in buckets if i >= cold}
    while len(out) in hot:
        out += hot.pop(len(out))
    if hot:
        i = min(hot)
        return (
            tuple(out),
            f"hot bucket {i}..{i + len(hot[i])} is {'an orphan beyond' if i > len(out) else 'overlapped inside'} the chain [0, {len(out)}), cold={cold}",
        )
    if len(set(out)) < len(out):
        return tuple(out), f"an event is stored twice: {out}"
    return tuple(out), None


def model(
    rules, logs, kills=1, moves=1, late=1, stale=1, expiries=1, reads=1, comps=1, workers=2, takes=(1, 2), begin=None
):
    total = len({(s, a + i) for log in logs for s, a, n in log for i in range(n)})
    slots = total // CHUNK + 2

    def known(seen, event):
        if rules.dedupe == "ranges":
            return event in seen
        return any(s == event[0] and q >= event[1] for s, q in seen)

    def plan(k, take):
        seen, at, todo, points = set(k.seen), k.next, [], []
        for s, a, n in logs[k.part][k.pos : k.pos + take]:
            for event in [(s, a + i) for i in range(n)]:
                if not known(seen, event):
                    seen.add(event)
                    points.append(event)
        while points:
            size = CHUNK - at % CHUNK if rules.aligned else len(points)
            todo.append((at, tuple(points[:size])))
            at, points = at + len(points[:size]), points[size:]
        return k._replace(stage="insert" if todo else "commit", end=k.pos + take, todo=tuple(todo), made=())

    def snap(doc, next_, seen):
        return doc._replace(next=next_, seen=seen) if doc.next < next_ else doc

    def name(bucket):
        return f"[{bucket[0]},{bucket[0] + len(bucket[1])}) {' '.join(s + str(q) for s, q in bucket[1])}"

    def work(w, i, k, hot):
        who = "AB"[i]

        def to(worker, label, **more):
            return f"{who}: {label}", w._replace(workers=w.workers[:i] + (worker,) + w.workers[i + 1 :], **more)

        if k.part is None:
            for p, owner in enumerate(w.owner):
                if owner == i and w.offset[p] < len(logs[p]):
                    yield to(Worker(p, w.offset[p], "load"), f"gets partition {p} at offset {w.offset[p]}")
            return
        if w.kills:
            yield to(Worker(), "is killed", kills=w.kills - 1)
        load = k._replace(stage="load", next=0, seen=frozenset(), start=0, todo=(), made=())
        redo = k._replace(stage="walk", start=k.next, todo=(), made=()) if rules.resume else load
        if k.stage == "load":
            for doc, budget in ((w.doc, w.stale), (w.old, w.stale - 1)):
                if budget >= 0 and (doc is w.doc or doc != w.doc):
                    yield to(
                        k._replace(stage="walk", next=doc.next, seen=doc.seen, start=doc.next),
                        f"reads {'the' if doc is w.doc else 'a stale'} snapshot: next={doc.next} cold={doc.cold}",
                        stale=budget,
                    )
        elif k.stage == "walk":
            at = k.next
            if rules.skip and k.todo:  # its cursor has passed the gap
                at = min([j for j in hot if j > k.next], default=k.next)
            if rules.skip and at not in hot and not k.todo:
                yield to(k._replace(todo=("passed",)), f"its cursor passes {k.next}: no bucket")
            elif at in hot:
                yield to(
                    k._replace(next=at + len(hot[at]), seen=k.seen | set(hot[at])),
                    f"walks over bucket {name((at, hot[at]))}",
                )
            else:
                yield to(k._replace(stage="look" if rules.look else "ready", todo=()), f"finds no bucket at {k.next}")
        elif k.stage == "look":
            if w.doc.cold > k.start:
                yield to(load, f"looks at cold={w.doc.cold} again, past {k.start} where its walk began: loads again")
            else:
                yield to(k._replace(stage="ready", start=0), f"looks at cold={w.doc.cold} again: good")
        elif k.stage == "ready":
            for take in takes:
                if k.pos + take <= len(logs[k.part]):
                    yield to(
                        plan(k, take),
                        f"takes {take} record(s) from offset {k.pos}: {logs[k.part][k.pos : k.pos + take]}",
                    )
        elif k.stage == "insert":
            for j, bucket in enumerate(k.todo[: rules.outstanding]):
                rest = k.todo[:j] + k.todo[j + 1 :]
                done = k._replace(todo=rest, made=k.made + (bucket,))
                if (rest and not rules.between) or (rest and rules.outstanding > 1):
                    pass
                elif rules.check:
                    done = done._replace(stage="check")
                else:
                    done = passed(done)
                text, more = f"inserts bucket {name(bucket)}", {}
                if rules.outstanding > 1:
                    more = dict(net=w.net + tuple(("bucket", b) for b in rest))  # sent together
                if bucket[0] in hot:
                    yield to(redo, f"{text}: duplicate key", **more)
                else:
                    landed = tuple(sorted(w.buckets + (bucket,)))
                    yield to(done, text, buckets=landed)
                    yield to(redo if w.late else load, f"{text}: applied, but no answer", buckets=landed, **more)
                    if w.late:
                        net = more.get("net", w.net) + (("bucket", bucket),)
                        yield to(
                            done,
                            f"{text}; a copy is still under way",
                            buckets=landed,
                            net=w.net + (("bucket", bucket),),
                            late=w.late - 1,
                        )
                        yield to(redo, f"{text}: no answer, still under way", net=net, late=w.late - 1)
        elif k.stage == "check":
            if any(w.doc.cold > first for first, _ in k.made):
                yield to(load, f"reads cold={w.doc.cold}, past its insert: loads again")
            else:
                yield to(passed(k), f"reads cold={w.doc.cold}: good")
            if rules.early:
                ahead = passed(k)
                yield to(
                    k,
                    f"writes a snapshot before W4: next={ahead.next}",
                    doc=snap(w.doc, ahead.next, ahead.seen),
                    old=w.doc,
                )
            if rules.hasty and not k.todo:
                yield from commit(w, i, k, to)
        elif k.stage == "commit":
            yield from commit(w, i, k, to)
        if k.stage in ("ready", "commit") and k.next > w.doc.next:
            after = snap(w.doc, k.next, k.seen)
            yield to(k, f"writes the snapshot next={k.next}", doc=after, old=w.doc)
            if w.late:
                yield to(
                    k,
                    f"sends the snapshot next={k.next}: no answer, still under way",
                    net=w.net + (("snap", k.next, k.seen),),
                    late=w.late - 1,
                )

    def passed(k):
        made = [e for _, events in k.made for e in events]
        last = max(k.made)
        return k._replace(
            stage="insert" if k.todo else "commit", next=last[0] + len(last[1]), seen=k.seen | set(made), made=()
        )

    def commit(w, i, k, to):
        if w.owner[k.part] == i:
            offset = w.offset[: k.part] + (k.end,) + w.offset[k.part + 1 :]
            more = k.end < len(logs[k.part])
            if k.stage == "check":
                yield to(k, f"commits offset {k.end} before W4", offset=offset)
            else:
                yield to(
                    k._replace(pos=k.end, stage="ready", end=0, start=0) if more else Worker(),
                    f"commits offset {k.end}",
                    offset=offset,
                )
        elif k.stage == "commit":
            yield to(Worker(), "commit refused (not the owner any more), drops all")

    def compact(w, n, c, hot):
        who = f"C{n + 1}"

        def to(comp, label, **more):
            return f"{who}: {label}", w._replace(comps=w.comps[:n] + (comp,) + w.comps[n + 1 :], **more)

        def entry(e):
            return w.chunks[: c.k] + (e,) + w.chunks[c.k + 1 :]

        idle, now = Comp(), w.chunks[c.k]
        if c.at and w.kills:
            yield to(idle, "is killed", kills=w.kills - 1)
        if c.at == "":
            for doc, budget in ((w.doc, w.stale), (w.old, w.stale - 1)):
                if budget < 0 or (doc is not w.doc and doc == w.doc):
                    continue
                k = doc.cold // CHUNK
                held = w.chunks[k]
                text = f"reads {'the' if doc is w.doc else 'a stale'} stream document: next={doc.next} cold={doc.cold}"
                if held.end > doc.cold:
                    yield to(
                        Comp("fold", k, doc, held.end, pos=doc.next, end=held.end, fold=doc.seen),
                        f"{text}, chunk {k} committed to {held.end}",
                        stale=budget,
                    )
                elif doc.cold in hot and (not held.open or w.expiries):
                    yield to(Comp("intent", k, doc, held.end), text, stale=budget)
        elif c.at == "intent":
            if now.open and not w.expiries:
                return
            fresh, spent = now._replace(epoch=now.epoch + 1, open=True), w.expiries - now.open
            end = now.end if rules.live else c.held
            if end > c.doc.cold:
                yield to(
                    Comp("fold", c.k, c.doc, end, pos=c.doc.next, end=end, fold=c.doc.seen),
                    f"intent on chunk {c.k}: live to {end} already",
                    chunks=entry(fresh._replace(open=False)),
                    expiries=spent,
                )
            else:
                yield to(
                    c._replace(
                        at="read",
                        epoch=fresh.epoch,
                        pos=c.doc.cold,
                        rows=now.rows[: c.doc.cold % CHUNK],
                        fold=c.doc.seen,
                    ),
                    f"intent on chunk {c.k}, epoch {fresh.epoch}",
                    chunks=entry(fresh),
                    expiries=spent,
                )
        elif c.at == "read":
            full = (c.k + 1) * CHUNK
            if c.pos < full and c.pos in hot:
                events, fold = hot[c.pos], c.fold
                if c.pos >= c.doc.next:
                    fold = fold | set(events)
                yield to(
                    c._replace(pos=c.pos + len(events), rows=(c.rows + events)[:CHUNK], fold=fold),
                    f"reads bucket {name((c.pos, events))}",
                )
            elif c.pos == c.doc.cold:
                yield to(idle, "finds nothing", chunks=entry(now._replace(open=now.open and now.epoch != c.epoch)))
            else:
                end = min(c.pos, full)
                yield to(c._replace(at="commit" if rules.fenced else "early", end=end), f"has read up to {end}")
        elif c.at == "early":
            yield to(
                c._replace(at="commit"), f"writes the snapshot next={c.end}", doc=snap(w.doc, c.end, c.fold), old=w.doc
            )
        elif c.at == "commit":
            if now.epoch == c.epoch and now.end < c.end:
                yield to(
                    c._replace(at="cold" if rules.delete == "after" else "delete"),
                    f"commits chunk {c.k} to {c.end}: {[s + str(q) for s, q in c.rows]}",
                    chunks=entry(Entry(c.epoch, c.end, c.rows)),
                )
            else:
                yield to(idle, "commit refused")
        elif c.at == "fold":
            if c.pos >= c.end:
                good = c.pos == c.end or c.doc.next >= c.end
                yield to(
                    c._replace(at="look" if rules.refold else "cold") if good else idle, f"has folded up to {c.pos}"
                )
            elif c.pos in hot:
                yield to(
                    c._replace(pos=c.pos + len(hot[c.pos]), fold=c.fold | set(hot[c.pos])),
                    f"folds bucket {name((c.pos, hot[c.pos]))}",
                )
            else:
                yield to(idle, f"finds no bucket at {c.pos}, starts over")
        elif c.at == "look":
            if w.doc.cold > c.doc.next:
                yield to(idle, f"looks at cold={w.doc.cold} again, past {c.doc.next} where its fold began: starts over")
            else:
                yield to(c._replace(at="cold"), f"looks at cold={w.doc.cold} again: good")
        elif c.at == "cold":
            if not rules.cover or w.doc.next >= c.end:
                yield to(
                    c._replace(
                        at="delete" if rules.delete == "after" else "",
                        **({} if rules.delete == "after" else idle._asdict()),
                    ),
                    f"cold={max(w.doc.cold, c.end)}",
                    doc=w.doc._replace(cold=max(w.doc.cold, c.end)),
                    old=w.doc,
                )
                if w.late:
                    yield to(
                        idle,
                        f"sends cold={c.end}: no answer, still under way",
                        net=w.net + (("cold", c.end),),
                        late=w.late - 1,
                    )
            if rules.cover and w.doc.next < c.end:
                yield to(c, f"writes the snapshot next={c.end}", doc=snap(w.doc, c.end, c.fold), old=w.doc)
                if w.late:
                    yield to(
                        idle,
                        f"sends the snapshot next={c.end}: no answer, still under way",
                        net=w.net + (("snap", c.end, c.fold),),
                        late=w.late - 1,
                    )
        elif c.at == "delete":
            gone = [b for b in w.buckets if b[0] + len(b[1]) <= c.end]
            for bucket in gone:
                yield to(c, f"deletes hot bucket {name(bucket)}", buckets=tuple(b for b in w.buckets if b != bucket))
            if not gone:
                yield to(idle if rules.delete == "after" else c._replace(at="cold"), "has nothing more to delete")

    def read(w, hot):
        over = w._replace(reader=())
        if not w.reader:
            rows = truth(w.doc.cold, w.buckets, w.chunks)[0]
            for a in (0, 1):
                if w.reads and a <= len(rows):
                    yield (
                        f"R: wants [{a}, end): cold={w.doc.cold}",
                        w._replace(reader=("chunks", a, w.doc.cold, 0, 0, (), len(rows)), reads=w.reads - 1),
                    )
            return
        at, a, cold, first, pos, got, need = w.reader
        if at == "chunks":
            got = tuple(w.chunks[i // CHUNK].rows[i % CHUNK] for i in range(a, cold))
            yield (
                "R: reads the chunks below cold",
                w._replace(reader=("floor" if a >= cold else "walk", a, cold, cold, cold, got, need)),
            )
        elif at == "floor":
            low = max([i for i in hot if i <= a and (i >= cold or not rules.floor)], default=None)
            if low is None or low + len(hot[low]) <= a:
                yield (
                    f"R: no bucket covers {a}",
                    w._replace(reader=("look", a, cold, a if low is None else low, a, (), need)),
                )
            else:
                yield (
                    f"R: bucket {name((low, hot[low]))} covers {a}",
                    w._replace(reader=("walk", a, cold, low, low + len(hot[low]), hot[low][a - low :], need)),
                )
        elif at == "walk":
            if pos in hot:
                yield (
                    f"R: reads bucket {name((pos, hot[pos]))}",
                    w._replace(reader=(at, a, cold, first, pos + len(hot[pos]), got + hot[pos], need)),
                )
            else:
                yield (
                    f"R: no bucket at {pos}",
                    w._replace(reader=("look" if rules.relook else "got", a, cold, first, pos, got, need)),
                )
        elif at == "look":
            if w.doc.cold > (first if rules.floor else cold):
                yield (
                    f"R: cold={w.doc.cold} passed {first}, starts over",
                    w._replace(reader=("chunks", a, w.doc.cold, 0, 0, (), need)),
                )
            else:
                yield "R: returns", w._replace(reader=("got", a, cold, first, pos, got, need))
        elif at == "got":
            yield "R: is done", over

    def steps(w):
        hot = dict(w.buckets)
        for i, k in enumerate(w.workers):
            yield from work(w, i, k, hot)
        for n, c in enumerate(w.comps):
            yield from compact(w, n, c, hot)
        yield from read(w, hot)
        for j, write in enumerate(w.net):
            rest = w.net[:j] + w.net[j + 1 :]
            if write[0] == "bucket":
                dup = write[1][0] in hot
                yield (
                    f"late bucket {name(write[1])} lands{': duplicate key' if dup else ''}",
                    w._replace(net=rest, buckets=w.buckets if dup else tuple(sorted(w.buckets + (write[1],)))),
                )
            elif write[0] == "snap":
                yield (
                    f"late snapshot next={write[1]} lands",
                    w._replace(net=rest, doc=snap(w.doc, *write[1:]), old=w.doc),
                )
            elif w.doc.next >= write[1]:
                yield (
                    f"late cold={write[1]} lands",
                    w._replace(net=rest, doc=w.doc._replace(cold=max(w.doc.cold, write[1])), old=w.doc),
                )
        if rules.sweep:
            for bucket in w.buckets:
                if bucket[0] < w.doc.cold:
                    yield (
                        f"sweep deletes bucket {name(bucket)}",
                        w._replace(buckets=tuple(b for b in w.buckets if b != bucket)),
                    )
        if w.moves:
            for p, owner in enumerate(w.owner):
                yield (
                    f"partition {p} moves from {'AB'[owner]} to {'AB'[1 - owner]}",
                    w._replace(owner=w.owner[:p] + (1 - owner,) + w.owner[p + 1 :], moves=w.moves - 1),
                )

    def check(before, label, w):
        rows, bad = truth(w.doc.cold, w.buckets, w.chunks)
        if bad:
            return bad
        was = truth(before.doc.cold, before.buckets, before.chunks)[0]
        if rows[: len(was)] != was:
            return f"what was readable changed: {was} -> {rows}"
        if w.doc.next < before.doc.next or w.doc.cold < before.doc.cold:
            return "next or cold went back"
        if w.doc.next > len(rows) or w.doc.seen != frozenset(rows[: w.doc.next]):
            return f"snapshot next={w.doc.next} says {sorted(w.doc.seen)}, the chain says {rows[: w.doc.next]}"
        if w.doc.next < w.doc.cold:
            return f"the snapshot next={w.doc.next} is behind cold={w.doc.cold}: every load would be refused for ever"
        for p, offset in enumerate(w.offset):
            for s, a, n in logs[p][:offset]:
                for q in range(a, a + n):
                    if (s, q) not in rows:
                        return f"event {s}{q} is below the committed offset and not readable: {rows}"
        if w.reader and w.reader[0] == "got":
            _, a, _, _, _, got, need = w.reader
            if rows[a : a + len(got)] != got or a + len(got) < need:
                return f"the reader was given {got} for [{a}, {need}), the truth is {rows}"

    def settled(w):
        rows = truth(w.doc.cold, w.buckets, w.chunks)[0]
        if len(rows) < total and any(o < len(log) for o, log in zip(w.offset, logs)):
            return f"nothing goes on, and only {rows} are stored"

    first = Worker()
    world = World(
        Doc(),
        Doc(),
        (),
        (Entry(),) * slots,
        (first,) * workers,
        (Comp(),) * comps,
        tuple(p % workers for p in range(len(logs))),
        (0,) * len(logs),
        (),
        (),
        kills,
        moves,
        late,
        stale,
        expiries,
        reads,
    )
    if begin:
        live = begin.get("chunks", ())
        world = world._replace(**{**begin, "chunks": live + (Entry(),) * (slots - len(live))})
    return world, steps, check, settled


def a(*seqs):
    return tuple(("a", q, 1) for q in seqs)


THREE = (a(0, 1, 2),)
GROWN = (a(0, 1), (("a", 1, 1), ("b", 0, 1)))
BOTH = (a(0, 1), (("b", 0, 1), ("b", 1, 1)))
FULL = (a(0, 1), (("b", 0, 2), ("b", 2, 1)))
ORDER = (a(1, 2), a(0))
quiet = dict(reads=0, kills=0, expiries=0, moves=0, late=0, stale=0)
A0, A1 = ("a", 0), ("a", 1)
# Starts some way down the road (all reachable from the plain one; BFS from there gives short traces):
# chunk 0 is committed to 1 (event a0), cold=1, nothing hot; A (redoing a0) and B read the snapshot next=0 long ago.
COLD = dict(
    doc=Doc(1, frozenset({A0}), 1), chunks=(Entry(1, 1, (A0,)),), workers=(Worker(0, 0, "walk"), Worker(1, 0, "ready"))
)
# the same, a1 hot behind it, A done with both; a compactor that began before all this sleeps at the step named.
SLEEP = dict(COLD, buckets=((1, (A1,)),), workers=(Worker(), Worker(1, 0, "ready")), offset=(2, 0))
READ = dict(SLEEP, chunks=(Entry(2, 1, (A0,)),), comps=(Comp("read", 0, Doc(), 0, 1), Comp()))
INTENT = dict(SLEEP, comps=(Comp("intent", 0, Doc(), 0), Comp()))
FOLD = dict(SLEEP, comps=(Comp("fold", 0, Doc(), 1, end=1), Comp()))
# cold=1 and the bucket [0,1) not yet deleted; nobody else is about
LEFT = dict(COLD, buckets=((0, (A0,)), (1, (A1,))), workers=(Worker(), Worker(1, 0, "ready")), offset=(2, 0))

CASES = [
    (
        "1 AS PROPOSED: W1 without a second look, W4 at the batch's end",
        Rules(look=False, between=False, resume=False),
        BOTH,
        dict(quiet, begin=COLD),
        "violation",
    ),
    (
        "1b AS PROPOSED, one worker alone: its own garbage",
        Rules(look=False, between=False, resume=False),
        THREE,
        dict(quiet, late=1, stale=1, begin=dict(COLD, workers=(Worker(0, 0, "ready"), Worker()), old=Doc())),
        "violation",
    ),
    (
        "2 second look, but W4 at the batch's end (two buckets in one batch)",
        Rules(between=False),
        FULL,
        dict(quiet, begin=COLD),
        "violation",
    ),
    ("3 W4 between, but no second look", Rules(look=False), BOTH, dict(quiet, begin=COLD), "violation"),
    ("4 without W4", Rules(check=False), BOTH, dict(quiet, begin=COLD), "violation"),
    ("5 two outstanding inserts a stream", Rules(outstanding=2, between=False), BOTH, quiet, "violation"),
    ("6 snapshot before W4", Rules(early=True), BOTH, dict(quiet, begin=COLD), "violation"),
    ("7 commit before W4", Rules(hasty=True), BOTH, dict(quiet, begin=COLD), "violation"),
    ("8 hot buckets deleted before $max cold", Rules(delete="before"), THREE, quiet, "violation"),
    ("9 cold moved without a snapshot that covers it", Rules(cover=False), THREE, quiet, "violation"),
    ("10 reader without the second look at cold", Rules(relook=False), THREE, dict(quiet, reads=1), "violation"),
    (
        "11 reader takes a bucket that covers a, also with i < cold",
        Rules(floor=False),
        BOTH,
        dict(quiet, reads=1, begin=COLD),
        "violation",
    ),
    ("12 walk that skips gaps", Rules(skip=True), BOTH, quiet, "violation"),
    (
        "13 unaligned cut: a bucket crosses a chunk's end",
        Rules(aligned=False),
        ((("a", 0, 1), ("a", 1, 2)),),
        quiet,
        "violation",
    ),
    ("14 highest-seq dedupe", Rules(dedupe="highest"), ORDER, quiet, "violation"),
    (
        "15 compactor judges live.end as read before its intent",
        Rules(live=False),
        BOTH,
        dict(quiet, comps=2, begin=INTENT),
        "violation",
    ),
    (
        "16 compactor's snapshot before its commit",
        Rules(fenced=False),
        BOTH,
        dict(quiet, comps=2, begin=dict(READ)),
        "violation",
    ),
    (
        "17 finishing compactor folds without a second look",
        Rules(refold=False),
        BOTH,
        dict(quiet, comps=2, begin=INTENT),
        "violation",
    ),
]
FINAL = [
    ("18a FINAL, small bounds: stale workers", Rules(), BOTH, dict(quiet, begin=COLD)),
    ("18b FINAL, small bounds: stale workers, two buckets a batch", Rules(), FULL, dict(quiet, begin=COLD)),
    ("18c FINAL, small bounds: compactor that lost its lease", Rules(), BOTH, dict(quiet, comps=2, begin=READ)),
    ("18d FINAL, small bounds: compactor asleep before its intent", Rules(), BOTH, dict(quiet, comps=2, begin=INTENT)),
    ("18e FINAL, small bounds: finishing compactor asleep", Rules(), BOTH, dict(quiet, comps=2, begin=FOLD)),
    ("18f FINAL, small bounds: leftovers below cold, reader", Rules(), BOTH, dict(quiet, reads=1, begin=LEFT)),
    (
        "18g FINAL, small bounds: one late write, one stale read",
        Rules(),
        BOTH,
        dict(quiet, late=1, stale=1, begin=COLD),
    ),
    ("18h FINAL, small bounds: from nothing, reader", Rules(), THREE, dict(quiet, moves=1, reads=1)),
    ("20 FINAL, one partition, kill, move, late write, stale read, reader", Rules(), THREE, dict()),
    ("21 FINAL, two partitions, no reader", Rules(), BOTH, dict(reads=0, moves=0)),
    ("22 FINAL, two partitions, overlapping seqs, reader", Rules(), GROWN, dict(kills=0, moves=1)),
    ("23 FINAL, two compactors, takeovers", Rules(), BOTH, dict(reads=0, moves=0, comps=2, expiries=2)),
    ("24 FINAL, two late writes, two moves", Rules(), THREE, dict(late=2, moves=2, reads=0)),
    (
        "25 FINAL, two compactors, reader, all at once",
        Rules(),
        BOTH,
        dict(comps=2, expiries=2, kills=2, late=2, moves=1),
    ),
    ("26 FINAL, a duplicate key loads from the document", Rules(resume=False), BOTH, dict(reads=0, kills=0)),
    ("27 FINAL, no sweep, a session out of order", Rules(sweep=False), (a(1, 3, 2), a(0)), dict(kills=0, moves=0)),
    ("30 FINAL from cold=1, stale workers", Rules(), FULL, dict(kills=0, moves=0, reads=0, begin=COLD)),
    (
        "31 FINAL from cold=1, stale worker, sleeping compactor that lost its lease",
        Rules(),
        BOTH,
        dict(kills=0, moves=0, reads=0, comps=2, begin=READ),
    ),
    (
        "32 FINAL, compactor asleep before its intent",
        Rules(),
        BOTH,
        dict(kills=0, moves=0, reads=0, comps=2, begin=INTENT),
    ),
    ("33 FINAL, finishing compactor asleep", Rules(), BOTH, dict(kills=0, moves=0, reads=0, comps=2, begin=FOLD)),
    ("34 FINAL, leftovers below cold, reader", Rules(), BOTH, dict(kills=1, moves=0, begin=LEFT)),
]
