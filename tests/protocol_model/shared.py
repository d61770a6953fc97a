"""Short chunks of several streams in one object: sharers, a mover, retention, a deletion, a sweep, a backup, a reader.

Streams of one experiment, each with one event that is hot. A sharer takes an intent on the chunk of each, the first
one's alone and before the others; reads the rows; puts one object for all that it could read, if the first is among
them; and commits each chunk's document to it, on that chunk's own intent. Stream 0 may grow by an event and be moved by itself; when that has made it
full, retention may delete its chunk. `check` demands of every step: each event of a stream that was not deleted is in
an object that its chunk's document names and that is there, or hot; what a backup has named stays until it is copied;
and where nobody is at work any more, the sweep takes every object that no chunk names.

The rules, each with the variant that leaves it out and the trace that breaks it, are in CASES; FINAL holds.
"""

from typing import NamedTuple

FULL = 2
CLOSED = 9


class Rules(NamedTuple):
    held_by_all: bool = True  # the sweep asks the document of every stream that the object holds (else the first's)
    joining: bool = True  # an intent names the key before the put (else only `live` does)
    fenced: bool = True  # a commit needs the epoch and `joining` (else the live key as the intent returned it)
    unique: bool = True  # the key holds the first intent's epoch (else the first stream alone)
    read_whole: bool = True  # a stream whose rows were not all there is left out (else it is committed with the others)
    own_end: bool = True  # each cold end passes behind the stream's own commit (else behind the first of the group)
    hold_behind: bool = True  # who deletes an object asks for holds behind its verdict (else before it)
    first_read: bool = True  # the group is given up where its first stream was not read (else it goes on without it)
    again: bool = True  # a deletion is done again for what came meanwhile (else once)


class Chunk(NamedTuple):
    """A chunk's document; `live` is (key, end)."""

    epoch: int = 0
    live: object = None
    joining: object = None
    open: bool = False


class Stream(NamedTuple):
    end: int = 1
    cold: int = 0
    hot: frozenset = frozenset({0})  # indices that stand in buckets
    floor: int = 0


class Sharer(NamedTuple):
    at: str = ""
    want: tuple = ()  # of each stream the end that it was to move to, as it was read; None: not in the group
    cold: tuple = ()  # and the cold end
    key: object = None
    mine: tuple = ()  # of each stream (epoch, live) as its intent returned it
    rows: tuple = ()  # of each stream the indices that were read


class World(NamedTuple):
    streams: tuple
    chunks: tuple  # None: no document
    objects: tuple  # sorted (key, contents: of each stream the end, or 0)
    sharers: tuple
    mover: tuple  # of stream 0: () | (at, want, cold, epoch, live)
    sweep: tuple  # (key, contents, how many were asked, names, there, held)
    backup: tuple  # () | ("held",) | ("named", keys) | ("failed",) | ("done",)
    reader: tuple
    deletion: int  # steps done
    net: tuple  # commits under way
    tries: int
    kills: int
    expiries: int
    late: int


def model(
    rules: Rules, tries=2, kills=1, expiries=1, late=1, sharers=2, streams=2, grows=True, deletion=True, backup=True,
    reading=True, sweeping=True,
):  # fmt: skip
    every = tuple(range(streams))
    nothing = (0,) * streams
    deleted = 4 if rules.again else 2

    def replaced(items, n, item):
        return items[:n] + (item,) + items[n + 1 :]

    def put_chunk(w, n, **fields):
        return replaced(w.chunks, n, (w.chunks[n] or Chunk())._replace(**fields))

    def store(objects, key, contents):
        return tuple(sorted({**dict(objects), key: contents}.items(), key=repr))

    def may_commit(w, n, key, epoch, live):
        there = w.chunks[n]
        if there is None:
            return False
        fenced = there.epoch == epoch and (there.joining == key or not rules.joining)
        return fenced if rules.fenced else there.live == live

    def committed(w, n, key, end):
        return put_chunk(w, n, live=(key, end), joining=None, open=False)

    def rows_of(w, n, cold, want, live):
        """Those of the live object, and the chain from the cold end on; None where they are not all there."""
        found = set()
        if live is not None:
            contents = dict(w.objects).get(live[0])
            if contents is None or live[1] != cold:
                return None
            found |= set(range(contents[n]))
        elif cold:
            return None
        found |= {index for index in w.streams[n].hot if cold <= index < want}
        return tuple(sorted(found)) if found == set(range(want)) and w.streams[n].cold == cold else None

    def share(w, i, s):
        who = f"S{i + 1}"

        def to(sharer, label, **more):
            return f"{who}: {label}", w._replace(sharers=replaced(w.sharers, i, sharer), **more)

        def give_up(label):
            chunks = w.chunks
            for n in every:
                there = chunks[n]
                if there is not None and s.key is not None and there.joining == s.key:
                    chunks = replaced(chunks, n, there._replace(open=False, joining=None))
            return to(Sharer(), label, chunks=chunks)

        if s.at and w.kills:
            yield to(Sharer(), "is killed", kills=w.kills - 1)
        if s.at == "":
            group = tuple(one.end if one.cold < one.end < FULL else None for one in w.streams)
            if w.tries and None not in group:
                cold = tuple(one.cold for one in w.streams)
                yield to(
                    Sharer("intent 0", group, cold, mine=(None,) * len(every)), f"finds {group} due", tries=w.tries - 1
                )
        elif s.at.startswith("intent"):
            n = int(s.at[-1])
            there = w.chunks[n]
            next_intent = "read" if n == every[-1] else f"intent {n + 1}"
            if there is not None and there.open and not w.expiries:
                if n == 0:
                    yield give_up("the first chunk is another's, gives up")
                else:
                    yield to(s._replace(at=next_intent), f"chunk {n} is another's, left out")
                return
            fresh = (there or Chunk())._replace(open=True)
            fresh = fresh._replace(epoch=fresh.epoch + 1)
            key = s.key or ("shared", fresh.epoch if rules.unique else 0)
            fresh = fresh._replace(joining=key if rules.joining else None)
            spent = w.expiries - bool(there is not None and there.open)
            took = s._replace(key=key, at=next_intent)
            if fresh.live is not None and fresh.live[1] > s.cold[n]:  # committed: finished by the way of a single move
                freed = replaced(w.chunks, n, fresh._replace(open=False, joining=None))
                streams = advanced(w, n, fresh.live[1])
                yield to(took, f"chunk {n} is committed, finishes it", chunks=freed, streams=streams, expiries=spent)
                return
            took = took._replace(mine=replaced(s.mine, n, (fresh.epoch, fresh.live)))
            label = f"intent on chunk {n}, epoch {fresh.epoch}, for {key}"
            yield to(took, label, chunks=replaced(w.chunks, n, fresh), expiries=spent)
        elif s.at == "read":
            rows = tuple(
                rows_of(w, n, s.cold[n], s.want[n], s.mine[n][1]) if s.mine[n] is not None else None for n in every
            )
            if rules.read_whole:
                left = s._replace(mine=tuple(mine if row else None for mine, row in zip(s.mine, rows)))
                chunks = w.chunks
                for n in every:
                    there = chunks[n]
                    if left.mine[n] is None and there is not None and there.joining == s.key:
                        chunks = replaced(chunks, n, there._replace(open=False, joining=None))
                if not any(left.mine) or (rules.first_read and left.mine[0] is None):
                    yield give_up("could not read the first stream, gives up")
                else:
                    yield to(left._replace(at="put", rows=rows), f"reads {rows}", chunks=chunks)
            else:
                yield to(s._replace(at="put", rows=rows), f"reads {rows}")
        elif s.at == "put":
            contents = tuple(len(row) if row else 0 for row in s.rows)
            after = s._replace(at="commit 0")
            yield to(after, f"puts and verifies {s.key}: {contents}", objects=store(w.objects, s.key, contents))
        elif s.at.startswith("commit"):
            n = int(s.at[-1])
            after = s._replace(at="advance 0" if n == every[-1] else f"commit {n + 1}")
            if s.mine[n] is None:
                yield to(after, f"chunk {n} is not in the group")
                return
            epoch, live = s.mine[n]
            early = {} if rules.own_end else {"streams": all_advanced(w, s)}
            if may_commit(w, n, s.key, epoch, live):
                yield to(after, f"commits chunk {n} to {s.key}", chunks=committed(w, n, s.key, s.want[n]), **early)
            else:
                yield to(after._replace(mine=replaced(s.mine, n, None)), f"commit of chunk {n} refused")
            if w.late:
                label, gone = give_up(f"sends the commit of chunk {n}: no answer, gives up")
                yield label, gone._replace(net=w.net + ((n, s.key, epoch, live, s.want[n]),), late=w.late - 1)
        elif s.at.startswith("advance"):
            n = int(s.at[-1])
            after = Sharer() if n == every[-1] else s._replace(at=f"advance {n + 1}")
            if s.mine[n] is None:
                yield to(after, f"chunk {n} is not committed")
            else:
                yield to(after, f"cold end of {n}: {s.want[n]}", streams=advanced(w, n, s.want[n]))

    def advanced(w, n, end):
        """The cold end, and behind it the deletion of hot buckets below (their order is compaction.py's)."""
        one = w.streams[n]
        if one.cold == CLOSED or one.cold >= end:
            return w.streams
        return replaced(w.streams, n, one._replace(cold=end, hot=frozenset(i for i in one.hot if i >= end)))

    def all_advanced(w, s):
        for n in every:
            if s.mine[n] is not None:
                w = w._replace(streams=advanced(w, n, s.want[n]))
        return w.streams

    def move(w):
        """Stream 0 grows, and is moved by itself."""
        one, there = w.streams[0], w.chunks[0]
        if grows and one.end < FULL and one.cold != CLOSED:
            grown = one._replace(end=one.end + 1, hot=one.hot | {one.end})
            yield "stream 0 grows", w._replace(streams=replaced(w.streams, 0, grown))
        if not w.mover:
            if one.end == FULL and one.cold < FULL and (there is None or not there.open or w.expiries):
                fresh = (there or Chunk())._replace(open=True, joining=None)
                fresh = fresh._replace(epoch=fresh.epoch + 1)
                spent = w.expiries - bool(there is not None and there.open)
                if fresh.live is not None and fresh.live[1] > one.cold:
                    freed = replaced(w.chunks, 0, fresh._replace(open=False))
                    streams = advanced(w, 0, fresh.live[1])
                    yield "M: chunk 0 is committed, finishes it", w._replace(chunks=freed, streams=streams)
                else:
                    mover = ("read", one.end, one.cold, fresh.epoch, fresh.live)
                    label = f"M: intent on chunk 0, epoch {fresh.epoch}"
                    yield label, w._replace(chunks=replaced(w.chunks, 0, fresh), mover=mover, expiries=spent)
            return
        at, want, cold, epoch, live = w.mover
        key = ("single", epoch)
        mine = there is not None and there.epoch == epoch
        if at == "read":
            if rows_of(w, 0, cold, want, live) is None:
                chunks = replaced(w.chunks, 0, there._replace(open=False)) if mine else w.chunks
                yield "M: a hole, or the cold end has moved: gives up", w._replace(mover=(), chunks=chunks)
            else:
                yield (
                    "M: reads, puts, verifies",
                    w._replace(mover=("commit", *w.mover[1:]), objects=store(w.objects, key, (want, *nothing[1:]))),
                )
        elif at == "commit":
            if mine and (there.live is None or there.live[1] < want):
                chunks = put_chunk(w, 0, live=(key, want), open=False)
                yield "M: commits chunk 0", w._replace(mover=("advance", *w.mover[1:]), chunks=chunks)
            else:
                yield "M: commit refused", w._replace(mover=())
        else:
            yield f"M: cold end of 0: {want}", w._replace(mover=(), streams=advanced(w, 0, want))

    def retain(w):
        one = w.streams[0]
        if one.cold == FULL and not one.floor:
            yield (
                "retention: floor behind chunk 0",
                w._replace(
                    streams=replaced(w.streams, 0, one._replace(floor=FULL)), chunks=replaced(w.chunks, 0, None)
                ),
            )
        elif one.floor and w.chunks[0] is not None:
            yield "retention: once more", w._replace(chunks=replaced(w.chunks, 0, None))

    def held(w):
        return w.backup[:1] in (("held",), ("named",))

    def delete(w):
        """Twice: the second pass comes when late writers have ended. Objects that are held stay, and so does the note."""
        if not deletion or w.deletion == deleted:
            return
        if w.deletion in (0, 2):
            closed = tuple(one._replace(cold=CLOSED) for one in w.streams)
            yield "rm: closes the streams", w._replace(streams=closed, deletion=w.deletion + 1)
        elif not held(w) and (w.deletion == 1 or not at_work(w)):
            streams = tuple(one._replace(hot=frozenset()) for one in w.streams)
            chunks = (None,) * len(w.chunks)
            after = w._replace(streams=streams, chunks=chunks, objects=(), deletion=w.deletion + 1)
            yield "rm: deletes buckets, chunks and objects", after

    def at_work(w):
        return any(one.at for one in w.sharers) or bool(w.mover) or bool(w.net)

    def sweep(w):
        if not w.sweep:
            for key, contents in w.objects:
                yield f"sweep: lists {key}", w._replace(sweep=(key, contents, 0, False, False, held(w)))
            return
        key, contents, asked, names, there, was_held = w.sweep
        span = [n for n in every if contents[n]]
        if key[0] == "shared" and not rules.held_by_all:
            span = span[:1]
        if asked < len(span):
            n = span[asked]
            chunk = w.chunks[n]
            if chunk is not None:
                there = True
                if key[0] == "single":
                    names |= key in (chunk.live and chunk.live[0], chunk.joining) or chunk.epoch <= key[1]
                else:
                    names |= key in (chunk.live and chunk.live[0], chunk.joining)
            asked_one = (key, contents, asked + 1, names, there, was_held)
            yield f"sweep: asks chunk {n}", w._replace(sweep=asked_one)
            return
        gone = all(w.streams[n].cold == CLOSED or w.streams[n].floor == FULL for n in span)
        orphan = not names and (there or gone) and not (held(w) if rules.hold_behind else was_held)
        rest = tuple(one for one in w.objects if one[0] != key) if orphan else w.objects
        yield f"sweep: {'deletes' if orphan else 'leaves'} {key}", w._replace(sweep=(), objects=rest)

    def back_up(w):
        if not backup or w.backup in (("failed",), ("done",)):
            return
        if not w.backup:
            yield "backup: places its hold", w._replace(backup=("held",))
        elif w.backup == ("held",):
            named = [chunk.live[0] for chunk in w.chunks if chunk is not None and chunk.live is not None]
            keys = frozenset(() if w.deletion else named)
            yield f"backup: reads the manifest: {sorted(keys, key=repr)}", w._replace(backup=("named", keys))
        else:
            lacking = w.backup[1] - dict(w.objects).keys()
            yield "backup: copies, and releases", w._replace(backup=("failed",) if lacking else ("done",))

    def read(w):
        if not w.reader:
            for n in every:
                chunk = w.chunks[n]
                if w.streams[n].floor < w.streams[n].cold < CLOSED and chunk is not None and chunk.live is not None:
                    yield f"reader wants chunk {n}: {chunk.live}", w._replace(reader=(n, chunk.live))
            return
        n, live = w.reader
        changed = w.chunks[n] is None or w.chunks[n].live != live
        if changed or dict(w.objects).get(live[0], nothing)[n] >= live[1]:
            yield "reader: has it, or starts over", w._replace(reader=())
        else:
            yield "reader: the rows are gone and the document is the same", w._replace(reader=(n, "failed"))

    def steps(w):
        for i, sharer in enumerate(w.sharers):
            yield from share(w, i, sharer)
        yield from move(w)
        yield from retain(w)
        yield from delete(w)
        if sweeping:
            yield from sweep(w)
        yield from back_up(w)
        if reading:
            yield from read(w)
        for i, (n, key, epoch, live, end) in enumerate(w.net):
            rest = w.net[:i] + w.net[i + 1 :]
            landed = committed(w, n, key, end) if may_commit(w, n, key, epoch, live) else w.chunks
            yield f"a late commit of chunk {n} to {key} lands", w._replace(net=rest, chunks=landed)

    def check(before, label, w):
        if w.reader and w.reader[1] == "failed":
            return f"the reader found no rows for chunk {w.reader[0]}"
        if w.backup == ("failed",):
            return "an object that the backup has named is gone"
        there = dict(w.objects)
        for n in every:
            one, chunk = w.streams[n], w.chunks[n]
            if w.deletion or one.cold == CLOSED or one.floor:
                continue
            if one.cold:
                live = chunk.live if chunk is not None else None
                if live is None or live[1] < one.cold or there.get(live[0], nothing)[n] < live[1]:
                    return f"stream {n} is cold to {one.cold}, and its chunk is {chunk}; there are {w.objects}"
            if any(index not in one.hot for index in range(one.cold, one.end)):
                return f"an event of stream {n} is neither hot nor cold: {one}"
        if not at_work(w) and not w.sweep and not held(w) and w.deletion in (0, deleted):
            return left_over(w)
        return None

    def left_over(w):
        if w.deletion and any(w.chunks):
            return f"the experiment is deleted, and a chunk's document stays: {w.chunks}"
        for key, contents in w.objects:
            span = [n for n in every if contents[n]]
            asked = [w.chunks[n] for n in span if w.chunks[n] is not None]
            names = any(key in (chunk.live and chunk.live[0], chunk.joining) for chunk in asked)
            gone = all(w.streams[n].cold == CLOSED or w.streams[n].floor == FULL for n in span)
            if key[0] == "single":
                names |= any(chunk.epoch <= key[1] for chunk in asked)
            if not names and not asked and not gone:
                return f"nobody is at work, no chunk names {key}, and no sweep takes it"
        return None

    world = World(
        (Stream(),) * streams, (None,) * streams, (), (Sharer(),) * sharers, (), (), (), (), 0, (), tries, kills, expiries,
        late,
    )  # fmt: skip
    return world, steps, check


ALONE: dict = dict(deletion=False, backup=False)
CASES: list[tuple[str, Rules, dict]] = [
    ("the sweep asks the first stream's document alone", Rules(held_by_all=False), dict(ALONE, grows=False)),
    ("no intent names the key", Rules(joining=False), dict(ALONE, grows=False)),
    ("a commit is not fenced", Rules(fenced=False), dict(ALONE, grows=False)),
    ("one key a group", Rules(unique=False), dict(ALONE, grows=False, reading=False)),
    ("a stream is committed that was not read", Rules(read_whole=False), dict(ALONE, reading=False, sweeping=False)),
    ("all cold ends pass behind the first commit", Rules(own_end=False), dict(ALONE, grows=False)),
    (
        "a group goes on without its first stream",
        Rules(first_read=False),
        dict(ALONE, streams=3, late=0, reading=False, sweeping=False),
    ),
    ("holds are asked for before the verdict", Rules(hold_behind=False), dict(deletion=False, sharers=1)),
    ("a deletion is done once", Rules(again=False), dict(grows=False, backup=False, sharers=1)),
]
FINAL: list[tuple[str, Rules, dict]] = [
    ("two sharers, a sweep, a reader, late commits", Rules(), dict(ALONE, grows=False)),
    ("one sharer, a stream that grows and expires", Rules(), dict(ALONE, sharers=1)),
    ("one sharer, a deletion", Rules(), dict(grows=False, backup=False, sharers=1)),
    ("three streams", Rules(), dict(ALONE, streams=3)),
    ("all of it", Rules(), dict(kills=2, expiries=2, tries=3)),
]
