"""Joining neighbouring chunks, and retention: two joiners, a mover that slept, a sweep, a reader (docs/protocol.md 4.9).

Two chunks, full and cold, each with an object of its own. A joiner takes an intent on each, puts one object for both, and
moves each chunk's document to it. `check` demands of every step: each chunk from the floor on has a live object that is
there; and where nobody is at work any more, the sweep takes every object that no chunk names.

The rules, each with the variant that leaves it out and the trace that breaks it, are in CASES; FINAL holds.
"""

from typing import NamedTuple

BOTH = (0, 1)


class Rules(NamedTuple):
    named: bool = True  # the sweep asks every document of the range for the key (else it goes by the first one's epoch)
    joining: bool = True  # an intent names the key before the put (else only `live` does)
    fenced: bool = True  # a commit needs the epoch and `joining` (else the live key as read alone)
    unique: bool = True  # the key holds the first intent's epoch (else the range alone)
    again: bool = True  # retention deletes what is below the floor again and again (else once)


class Chunk(NamedTuple):
    """A chunk's document."""

    epoch: int = 1
    live: object = None
    joining: object = None
    open: bool = False


class Joiner(NamedTuple):
    at: str = ""
    seen: tuple = ()  # epochs as read before the intents
    key: object = None
    mine: tuple = ()  # (epoch, live) of each chunk, as the intents returned it


class World(NamedTuple):
    chunks: tuple
    objects: frozenset
    joiners: tuple
    mover: str
    floor: int
    retained: bool
    sweep: tuple  # (key, how many documents were asked)
    reader: tuple
    net: tuple  # commits under way
    tries: int
    kills: int
    expiries: int
    late: int


def holds(key: object, k: int) -> bool:
    """Whether the object has the rows of chunk k."""
    return k in BOTH if key[0] == "joined" else key[1] == k  # type: ignore[index]


def span_of(key: object) -> tuple[int, ...]:
    return BOTH if key[0] == "joined" else (key[1],)  # type: ignore[index]


def is_orphan(rules: Rules, key: object, asked: tuple, floor: int) -> bool:
    """The sweep's verdict, by the documents of the object's range as it found them."""
    there = [chunk for chunk in asked if chunk is not None]
    names = any(key in (chunk.live, chunk.joining) for chunk in there)
    if key[0] == "single":  # type: ignore[index]
        return not names and (key[2] < there[0].epoch if there else floor > key[1])  # type: ignore[index]
    if rules.named:
        return not names and (bool(there) or floor > max(BOTH))
    return asked[0] is not None and asked[0].live != key and key[1] < asked[0].epoch  # type: ignore[index]


def model(rules: Rules, tries=2, kills=1, expiries=1, late=1, joiners=2, mover=True, retention=True, reading=True):
    def put(w, k, **fields):
        return w.chunks[:k] + (w.chunks[k]._replace(**fields),) + w.chunks[k + 1 :]

    def may_commit(w, k, key, epoch, live):
        there = w.chunks[k]
        if there is None:
            return False
        fenced = there.epoch == epoch and (there.joining == key or not rules.joining)
        return there.live == live and (fenced or not rules.fenced)

    def committed(w, k, key):
        return put(w, k, live=key, joining=None, open=False)

    def work(w, n, j):
        who = f"J{n + 1}"

        def to(joiner, label, **more):
            return f"{who}: {label}", w._replace(joiners=w.joiners[:n] + (joiner,) + w.joiners[n + 1 :], **more)

        def give_up(label):
            chunks = w.chunks
            for k in BOTH:
                if chunks[k] is not None and chunks[k].joining == j.key:
                    chunks = chunks[:k] + (chunks[k]._replace(open=False, joining=None),) + chunks[k + 1 :]
            return to(Joiner(), label, chunks=chunks)

        if j.at and w.kills:
            yield to(Joiner(), "is killed", kills=w.kills - 1)
        if j.at == "":
            if w.tries and None not in w.chunks and w.chunks[0].live != w.chunks[1].live:
                seen = tuple(chunk.epoch for chunk in w.chunks)
                yield to(Joiner("intent 0", seen), f"reads the documents: epochs {seen}", tries=w.tries - 1)
        elif j.at.startswith("intent"):
            k = int(j.at[-1])
            there = w.chunks[k]
            key = j.key or ("joined", j.seen[0] + 1 if rules.unique else 0)
            if there is None or there.epoch != j.seen[k] or (there.open and not w.expiries):
                yield give_up(f"chunk {k} is another's, gives up")
                return
            named = key if rules.joining else None
            taken = put(w, k, epoch=there.epoch + 1, open=True, joining=named)
            mine = (*j.mine, (there.epoch + 1, there.live))
            after = Joiner("intent 1" if k == 0 else "read", j.seen, key, mine)
            yield to(
                after,
                f"intent on chunk {k}, epoch {there.epoch + 1}, for {key}",
                chunks=taken,
                expiries=w.expiries - there.open,
            )
        elif j.at == "read":
            if any(live not in w.objects for _, live in j.mine):
                yield give_up("an object is gone, gives up")
            else:
                yield to(j._replace(at="put"), "reads the chunks' bytes")
        elif j.at == "put":
            yield to(j._replace(at="commit 0"), f"puts and verifies {j.key}", objects=w.objects | {j.key})
        elif j.at.startswith("commit"):
            k = int(j.at[-1])
            epoch, live = j.mine[k]
            after = j._replace(at="commit 1") if k == 0 else Joiner()
            if may_commit(w, k, j.key, epoch, live):
                yield to(after, f"commits chunk {k} to {j.key}", chunks=committed(w, k, j.key))
            else:
                yield (
                    to(after, f"commit of chunk {k} refused")
                    if k == 0
                    else give_up("commit of chunk 1 refused, gives up")
                )
            if w.late:
                label, after = give_up(f"sends the commit of chunk {k}: no answer, gives up")
                yield label, after._replace(net=w.net + ((k, j.key, epoch, live),), late=w.late - 1)

    def move(w):
        there = w.chunks[0]
        if w.mover == "asleep" and (there is None or not there.open or w.expiries):
            fresh = Chunk() if there is None else there._replace(epoch=there.epoch + 1, joining=None)
            spent = bool(there and there.open)
            yield (
                "M: wakes, intent on chunk 0, sees that it is cold, leaves it",
                w._replace(mover="done", chunks=(fresh._replace(open=False), w.chunks[1]), expiries=w.expiries - spent),
            )

    def retain(w):
        if retention and not w.floor:
            yield "retention: floor behind chunk 0", w._replace(floor=1)
        if w.floor and w.chunks[0] is not None and (rules.again or not w.retained):
            yield "retention: deletes chunk 0's document", w._replace(chunks=(None, w.chunks[1]), retained=True)

    def sweep(w):
        if not w.sweep:
            for key in sorted(w.objects, key=repr):
                yield f"sweep: lists {key}", w._replace(sweep=(key, ()))
            return
        key, asked = w.sweep
        span = span_of(key)
        if len(asked) < len(span):
            yield f"sweep: asks chunk {span[len(asked)]}", w._replace(sweep=(key, (*asked, w.chunks[span[len(asked)]])))
            return
        orphan = is_orphan(rules, key, asked, w.floor)
        after = w._replace(sweep=(), objects=w.objects - {key} if orphan else w.objects)
        yield f"sweep: {'deletes' if orphan else 'leaves'} {key}", after

    def read(w):
        if not w.reader:
            for k in BOTH:
                if k >= w.floor and w.chunks[k] is not None:
                    yield f"reader wants chunk {k}: {w.chunks[k].live}", w._replace(reader=(k, w.chunks[k].live))
            return
        k, key = w.reader
        changed = w.chunks[k] is None or w.chunks[k].live != key
        if key in w.objects or changed:
            yield "reader: has it, or starts over", w._replace(reader=())
        else:
            yield "reader: the object is gone and the document is the same", w._replace(reader=(k, "failed"))

    def steps(w):
        for n, joiner in enumerate(w.joiners):
            yield from work(w, n, joiner)
        yield from move(w)
        yield from retain(w)
        yield from sweep(w)
        if reading:
            yield from read(w)
        for i, (k, key, epoch, live) in enumerate(w.net):
            rest = w.net[:i] + w.net[i + 1 :]
            landed = committed(w, k, key) if may_commit(w, k, key, epoch, live) else w.chunks
            yield f"a late commit of chunk {k} to {key} lands", w._replace(net=rest, chunks=landed)

    def check(before, label, w):
        if w.reader and w.reader[1] == "failed":
            return f"the reader found no object for chunk {w.reader[0]}"
        for k in BOTH[w.floor :]:
            chunk = w.chunks[k]
            if chunk is None or chunk.live not in w.objects or not holds(chunk.live, k):
                return f"chunk {k} has no object: {chunk}, there are {sorted(w.objects, key=repr)}"
        quiet = not any(joiner.at for joiner in w.joiners) and not w.net and not w.sweep and w.mover != "asleep"
        if quiet and (w.chunks[0] is None or w.chunks[0].live == w.chunks[1].live or retained_for_good(w)):
            for key in w.objects:
                documents = tuple(w.chunks[k] for k in span_of(key))
                named = any(key in (chunk.live, chunk.joining) for chunk in documents if chunk is not None)
                if not named and not is_orphan(rules, key, documents, w.floor):
                    return f"nobody is at work, no chunk names {key}, and no sweep takes it"
        return None

    def retained_for_good(w):
        return w.retained and not rules.again

    singles = tuple(("single", k, 1) for k in BOTH)
    world = World(
        tuple(Chunk(live=key) for key in singles), frozenset(singles), (Joiner(),) * joiners, "asleep" if mover else "",
        0, False, (), (), (), tries, kills, expiries, late,
    )  # fmt: skip
    return world, steps, check


CASES: list[tuple[str, Rules, dict]] = [
    ("the sweep goes by the first chunk's epoch", Rules(named=False), {}),
    ("no intent names the key", Rules(joining=False), {}),
    ("a commit is not fenced", Rules(fenced=False), {}),
    ("one key a span", Rules(unique=False), {}),
    ("retention deletes documents once", Rules(again=False), {}),
]
FINAL: list[tuple[str, Rules, dict]] = [
    ("one joiner, mover, retention, reader, late commit", Rules(), dict(joiners=1)),
    ("two joiners, mover, sweep", Rules(), dict(retention=False, reading=False)),
    ("all of it", Rules(), dict(kills=2, expiries=2, tries=3)),
]
