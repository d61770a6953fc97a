"""Compaction: hot buckets -> Parquet object -> manifest -> cold end -> hot deleted; two compactors, sweep, reader.

One stream; the content of index i is i. Chunk k covers [2k, 2k+2). An object's content is a tuple of (index, value) and
its identity includes who wrote it (two encoders need not give the same bytes). `garbage` buckets are what a zombie
ingest worker of an older epoch may insert at any time.
"""

from typing import NamedTuple

SIZE = 2


class Rules(NamedTuple):
    intent: bool = True  # manifest document of a chunk exists before the put; its epoch is the lease and the fence
    unique: bool = True  # object key carries the epoch (else one key a chunk)
    atomic: bool = True  # design only: lease check and manifest insert in one step (MongoDB has none across documents)
    recheck: bool = True  # a reader of hot data reads the cold end again afterwards
    merge: bool = True  # a short last chunk is replaced by a longer one
    sweep: bool = True  # orphans are swept
    rank: bool = True  # of buckets that cover an index, the highest epoch counts
    runs: bool = False  # a compactor may take neighbours that nobody had, and advance the cold end once for all
    behind: bool = True  # it advances the cold end behind its last commit (else behind the first)


class Entry(NamedTuple):  # manifest document of chunk k
    epoch: int = 0
    key: object = None  # live object
    end: int = 0
    sum: object = None  # its checksum (here: its content)


class Compactor(NamedTuple):
    at: str = ""
    k: int = 0
    end: int = 0
    epoch: int = 0
    content: tuple = ()
    run: tuple = ()  # (epoch, content) of each chunk of a run, from k on
    step: int = 0  # the chunk of the run that is in hand


class World(NamedTuple):
    next: int
    cold: int
    hot: frozenset  # (index, ingest epoch, value)
    objects: tuple  # sorted (key, content)
    manifest: tuple  # Entry or None by chunk
    lease: int  # design: the stream's lease epoch
    workers: tuple
    sweep: object  # key that the sweep is about to delete
    reader: tuple  # () | (index, step, what it knows)
    net: tuple  # late puts and deletes
    kills: int
    expiries: int
    late: int
    garbage: int


def read_hot(rules, hot, index):
    found = sorted((epoch, value) for i, epoch, value in hot if i == index)
    return found[-1 if rules.rank else 0][1] if found else None


def model(rules, points=4, kills=1, expiries=2, late=1, garbage=1, reading=True):
    chunks = (points + SIZE - 1) // SIZE

    def store(objects, key, content):
        return tuple(sorted({**dict(objects), key: content}.items()))

    def run_on(w, c, to):
        """The next step of one that has a run of chunks in hand."""

        def put(k, entry):
            return w.manifest[:k] + (entry,) + w.manifest[k + 1 :]

        k = c.k + c.step
        if c.at == "run intent":
            k = c.k + 1
            if w.manifest[k] is None:
                both = c._replace(at="run read", run=(*c.run, (1, ())))
                yield to(both, f"intent of a run: chunk {k}", manifest=put(k, Entry(1)))
            else:
                yield to(c._replace(at="run read"), f"somebody had chunk {k}: the run ends before it")
        elif c.at == "run read":
            first, end = c.k * SIZE, (c.k + len(c.run)) * SIZE
            rows = {i: read_hot(rules, w.hot, i) for i in range(first, end)}
            if None in rows.values() or w.cold > first:
                yield to(Compactor(), "finds a hole or a cold end that moved, starts over")
            else:
                run = tuple(
                    (epoch, ("run", *((i, rows[i]) for i in range(k * SIZE, (k + 1) * SIZE))))
                    for k, (epoch, _) in enumerate(c.run, c.k)
                )
                yield to(c._replace(at="run put", run=run), f"reads [{first}, {end})")
        elif c.at == "run put":
            epoch, content = c.run[c.step]
            key = (k, epoch if rules.unique else 0)
            last = c.step + 1 == len(c.run)
            after = c._replace(at="run commit" if last else "run put", step=0 if last else c.step + 1)
            yield to(after, f"puts object {key}, verified", objects=store(w.objects, key, content))
            if w.late:
                late = w.net + (("put", key, content),)
                yield to(Compactor(), f"puts object {key}: gives up, it is under way", net=late, late=w.late - 1)
        elif c.at == "run commit":
            epoch, content = c.run[c.step]
            key, end = (k, epoch if rules.unique else 0), (k + 1) * SIZE
            entry = w.manifest[k]
            if not (entry and entry.epoch == epoch and entry.end < end):
                yield to(Compactor(), f"commit of chunk {k} refused, its epoch has passed")
                return
            last = c.step + 1 == len(c.run) or not rules.behind
            advance = c._replace(at="advance", end=(c.k + len(c.run)) * SIZE, run=(), step=0)
            yield to(
                advance if last else c._replace(step=c.step + 1),
                f"commits the manifest: chunk {k} to {end}, object {key}",
                manifest=put(k, Entry(epoch, key, end, content)),
            )

    def steps(w):
        if w.next < points:
            yield f"ingest stores index {w.next}", w._replace(next=w.next + 1, hot=w.hot | {(w.next, 1, w.next)})
        if w.garbage:
            for i in (0, 1):
                yield (
                    f"zombie ingest inserts a bucket of an old epoch at {i}",
                    w._replace(hot=w.hot | {(i, 0, "bad")}, garbage=w.garbage - 1),
                )
        for n, c in enumerate(w.workers):
            who = f"C{n + 1}"

            def to(worker, label, **more):
                return f"{who}: {label}", w._replace(workers=w.workers[:n] + (worker,) + w.workers[n + 1 :], **more)

            def manifest(entry):
                return w.manifest[: c.k] + (entry,) + w.manifest[c.k + 1 :]

            idle = Compactor()
            if c.at and w.kills:
                yield to(idle, "is killed", kills=w.kills - 1)
            key = (c.k, c.epoch if rules.unique else 0)
            entry = w.manifest[c.k] if c.k < chunks else None
            if c.at.startswith("run"):
                yield from run_on(w, c, to)
            elif c.at == "":
                k = w.cold // SIZE
                if k >= chunks:
                    continue
                if rules.runs and w.cold == k * SIZE and w.next >= (k + 2) * SIZE and w.manifest[k] is None:
                    yield to(
                        Compactor("run intent", k, run=((1, ()),)),
                        f"intent of a run: chunk {k}",
                        manifest=(*w.manifest[:k], Entry(1), *w.manifest[k + 1 :]),
                    )
                held, end = w.manifest[k], min(w.next, (k + 1) * SIZE)
                full = end == (k + 1) * SIZE or rules.merge
                if held and held.end > w.cold:
                    yield to(Compactor("advance", k, held.end), f"finds chunk {k} committed to {held.end}")
                elif full and end > w.cold:
                    if rules.intent:
                        fresh = Entry(1) if held is None else held._replace(epoch=held.epoch + 1)
                        if held is None or w.expiries or held.end:
                            used = bool(held and not held.end)
                            yield to(
                                Compactor("read", k, end, fresh.epoch),
                                f"intent: chunk {k} to {end}, epoch {fresh.epoch}",
                                manifest=w.manifest[:k] + (fresh,) + w.manifest[k + 1 :],
                                expiries=w.expiries - used,
                            )
                    elif w.lease == 0 or w.expiries:
                        yield to(
                            Compactor("read", k, end, w.lease + 1),
                            f"takes the lease, epoch {w.lease + 1}, for chunk {k} to {end}",
                            lease=w.lease + 1,
                            expiries=w.expiries - bool(w.lease),
                        )
            elif c.at == "read":
                rows = dict(dict(w.objects).get(entry.key, ())[1:]) if entry and entry.key else {}
                for i in range(c.k * SIZE, c.end):
                    if i not in rows and read_hot(rules, w.hot, i) is not None:
                        rows[i] = read_hot(rules, w.hot, i)
                if len(rows) < c.end - c.k * SIZE:
                    yield to(idle, "finds a hole, starts over")
                else:
                    yield to(
                        c._replace(at="put", content=(who,) + tuple(sorted(rows.items()))),
                        f"reads [{c.k * SIZE}, {c.end})",
                    )
            elif c.at == "put":
                yield to(c._replace(at="verify"), f"puts object {key}", objects=store(w.objects, key, c.content))
                if w.late:
                    yield to(
                        c,
                        f"puts object {key}: no answer, it is still under way, tries again",
                        net=w.net + (("put", key, c.content),),
                        late=w.late - 1,
                    )
                    yield to(
                        idle,
                        f"puts object {key}: gives up and it is still under way",
                        net=w.net + (("put", key, c.content),),
                        late=w.late - 1,
                    )
            elif c.at == "verify":
                good = dict(w.objects).get(key) == c.content
                yield to(
                    c._replace(at="commit") if good else idle,
                    "verifies the checksum" + ("" if good else ": differs, starts over"),
                )
            elif c.at == "commit":
                done = Entry(c.epoch, key, c.end, c.content)
                if rules.intent:
                    if entry and entry.epoch == c.epoch and entry.end < c.end:
                        yield to(
                            c._replace(at="advance"),
                            f"commits the manifest: chunk {c.k} to {c.end}, object {key}",
                            manifest=manifest(done),
                        )
                    else:
                        yield to(idle, "commit refused, its epoch has passed")
                elif rules.atomic:
                    free = w.lease == c.epoch and (entry is None or (rules.merge and entry.end < c.end))
                    yield (
                        to(
                            c._replace(at="advance"),
                            f"inserts the manifest entry: chunk {c.k}, object {key}",
                            manifest=manifest(done),
                        )
                        if free
                        else to(idle, "manifest insert refused")
                    )
                else:
                    yield to(
                        c._replace(at="insert") if w.lease == c.epoch else idle,
                        "checks its lease: " + ("valid" if w.lease == c.epoch else "lost"),
                    )
            elif c.at == "insert":
                yield (
                    to(
                        c._replace(at="advance"),
                        f"inserts the manifest entry: chunk {c.k}, object {key}",
                        manifest=manifest(done := Entry(c.epoch, key, c.end, c.content)),
                    )
                    if entry is None or (rules.merge and entry.end < c.end)
                    else to(idle, "manifest entry exists")
                )
            elif c.at == "advance":
                yield to(
                    c._replace(at="delete", end=max(w.cold, c.end)),
                    f"cold end {max(w.cold, c.end)}",
                    cold=max(w.cold, c.end),
                )
            elif c.at == "delete":
                yield to(idle, f"deletes hot buckets below {c.end}", hot=frozenset(b for b in w.hot if b[0] >= c.end))
        if w.sweep is None:
            for key, _ in w.objects if rules.sweep else ():  # listed first, the manifest is read afterwards
                entry = w.manifest[key[0]]
                if (entry is None and not rules.intent) or (
                    entry and entry.key != key and (not rules.intent or key[1] < entry.epoch)
                ):
                    yield f"sweep: object {key} is an orphan", w._replace(sweep=key)
        else:
            rest = tuple(o for o in w.objects if o[0] != w.sweep)
            yield f"sweep: deletes object {w.sweep}", w._replace(sweep=None, objects=rest)
        for j, (_, key, content) in enumerate(w.net):
            yield (
                f"late put of {key} lands",
                w._replace(net=w.net[:j] + w.net[j + 1 :], objects=store(w.objects, key, content)),
            )
        if reading:
            yield from read(w)

    def read(w):
        over = w._replace(reader=())
        if not w.reader:
            for i in range(min(w.next, 2)):
                entry_first = w._replace(reader=(i, "cold" if i < w.cold else "hot", None))
                yield f"reader wants index {i}: cold end {w.cold}", entry_first
            return
        i, step, known = w.reader
        if step == "cold":
            entry = w.manifest[i // SIZE]
            yield f"reader takes the manifest entry: {entry and entry.key}", w._replace(reader=(i, "get", entry))
        elif step == "get":
            content = dict(w.objects).get(known.key) if known else None
            if content is None and known != w.manifest[i // SIZE]:
                yield "reader: object gone, manifest changed, starts over", over
            elif content is None or content != known.sum:
                yield "reader: object missing or damaged", w._replace(reader=(i, "failed", None))
            else:
                yield "reader returns", w._replace(reader=(i, "got", dict(content[1:]).get(i)))
        elif step == "hot":
            value = read_hot(rules, w.hot, i)
            after = over if value is None else w._replace(reader=(i, "check" if rules.recheck else "got", value))
            yield f"reader reads hot: {value}", after
        elif step == "check":
            yield (
                ("reader: cold end moved past, starts over", over)
                if w.cold > i
                else ("reader returns", w._replace(reader=(i, "got", known)))
            )
        elif step == "got":
            yield "reader is done", over

    def check(before, label, w):
        if w.reader and w.reader[1] == "got" and w.reader[2] != w.reader[0]:
            return f"the reader was given {w.reader[2]!r} for index {w.reader[0]}"
        if w.reader and w.reader[1] == "failed":
            return f"the reader found no good object for index {w.reader[0]}"
        for i in range(w.next):
            if i < w.cold:
                entry = w.manifest[i // SIZE]
                content = dict(w.objects).get(entry.key) if entry else None
                if content is None or content != entry.sum or dict(content[1:]).get(i) != i:
                    return f"index {i} is cold, and its object is {'missing' if content is None else 'not what the manifest says'}"
            elif read_hot(rules, w.hot, i) != i:
                return f"index {i} is hot, and reads {read_hot(rules, w.hot, i)!r}"
        if w.cold < before.cold:
            return "the cold end went back"

    world = World(
        1,
        0,
        frozenset({(0, 1, 0)}),
        (),
        (None,) * chunks,
        0,
        (Compactor(), Compactor()),
        None,
        (),
        (),
        kills,
        expiries,
        late,
        garbage,
    )
    return world, steps, check


DESIGN = Rules(intent=False, unique=False, atomic=False, recheck=False, merge=False, rank=False)
QUIET = dict(garbage=0, points=2, reading=False)

CASES = [
    ("one key a chunk, lease read before the manifest insert", DESIGN, dict(QUIET, late=0)),
    ("the same, unique keys", DESIGN._replace(unique=True), dict(QUIET, late=0)),
    (
        "lease check and insert in one step, sweep by age",
        DESIGN._replace(unique=True, atomic=True),
        dict(QUIET, late=0),
    ),
    ("one key a chunk, intent document and fenced sweep, late put", Rules(unique=False), QUIET),
    ("the same without any sweep", Rules(unique=False, sweep=False), QUIET),
    ("the reader does not read the cold end again", Rules(recheck=False), dict(points=2)),
    ("buckets not ranked by epoch", Rules(rank=False), dict(points=2)),
    (
        "a run advances the cold end behind its first commit",
        Rules(runs=True, behind=False),
        dict(points=4, garbage=0, reading=False),
    ),
]
FINAL = [
    ("one chunk, reader, garbage, late put", Rules(), dict(points=2)),
    ("chunks and a short last one merged", Rules(), dict(points=3, garbage=0)),
    ("two chunks, two kills, two late puts", Rules(), dict(points=4, kills=2, late=2, expiries=3, reading=False)),
    ("two chunks, all", Rules(), dict(points=4)),
    ("a run of two chunks", Rules(runs=True), dict(points=4, garbage=0, reading=False)),
    ("a run of two chunks, two kills, two late puts, all", Rules(runs=True), dict(points=4, kills=2, late=2)),
]
