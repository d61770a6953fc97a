"""Moving an experiment to another prefix by an alias: workers that admit a session's first record, movers, a removal.

An id is the hash of the prefix that an experiment was first logged under; its document stands at that id. A move makes a
document at the new prefix's id that says `alias: the experiment's id`, and sets the present prefix. Who meets an alias
(a worker at a session's first record, a reader, the gateway) takes the experiment that it names.

`check` demands of every step: a session of a generation that was not deleted is found under the prefix that it was
logged under, by whoever resolves it now; two experiments never have one present prefix. A session is admitted as in docs/protocol.md 7.3: the prefix's document is made where there is none,
read, and the session is inserted with the generation that was read.

The rules, each with the variant that leaves it out and the trace that breaks it, are in CASES; FINAL holds. None of it is
built: docs/decisions/0034-a-title-before-an-alias.md says why.
"""

from typing import NamedTuple

PREFIXES = ("a", "b", "c")
"""Ids too: an id is the hash of a prefix."""


class Rules(NamedTuple):
    alias_first: bool = True  # the alias is made before the present prefix is set (else after it)
    unused: bool = (
        True  # a prefix becomes an alias only where no document is, deleted ones included (else where no session is)
    )
    exclusive: bool = True  # the alias is a unique insert (else it replaces what is there)
    kept: bool = True  # an alias is never taken back (else by a mover whose present prefix was not set)


class Own(NamedTuple):
    """An experiment's document."""

    gen: int = 0
    prefix: str = ""


class Alias(NamedTuple):
    of: str


class Worker(NamedTuple):
    """Admits one session, whose first record says this prefix."""

    prefix: str
    at: str = ""  # "" | read | resolve | insert | done
    exp: str = ""
    gen: int = 0


class Mover(NamedTuple):
    source: str
    target: str
    at: str = ""  # "" | alias | prefix | undo | done
    exp: str = ""
    seen: str = ""  # the present prefix as it read it


class World(NamedTuple):
    docs: tuple  # of each of PREFIXES: Own, Alias or None
    sessions: tuple  # (prefix, exp, gen)
    workers: tuple
    movers: tuple
    removals: int
    kills: int


def at(w, id_):
    return w.docs[PREFIXES.index(id_)]


def put(w, id_, doc):
    place = PREFIXES.index(id_)
    return w._replace(docs=(*w.docs[:place], doc, *w.docs[place + 1 :]))


def resolved(w, prefix):
    """The id of the experiment that a prefix means now; None: there is none."""
    doc = at(w, prefix)
    return doc.of if isinstance(doc, Alias) else prefix if doc is not None else None


def has_sessions(w, id_):
    doc = at(w, id_)
    return any(exp == id_ and gen == doc.gen for _, exp, gen in w.sessions)


def model(rules, workers=("a", "b"), moves=(("a", "b"),), removals=1, kills=1, begun=("a",), deleted=()):
    def work(w, n, k):
        def to(after, **new):
            return after._replace(workers=(*after.workers[:n], k._replace(**new), *after.workers[n + 1 :]))

        name, doc = f"worker of {k.prefix}", at(w, k.exp or k.prefix)
        if k.at == "":
            made = put(w, k.prefix, Own(0, k.prefix)) if doc is None else w
            yield (
                f"{name}: {'makes the document' if doc is None else 'finds a document'}",
                to(made, at="read", exp=k.prefix),
            )
        elif k.at == "read":
            if isinstance(doc, Alias):
                yield f"{name}: reads the alias of {doc.of}", to(w, exp=doc.of)
            elif doc is None:
                yield f"{name}: finds nothing, begins again", to(w, at="", exp="")
            else:
                yield f"{name}: reads generation {doc.gen}", to(w, at="insert", gen=doc.gen)
        elif k.at == "insert":
            session = (k.prefix, k.exp, k.gen)
            yield f"{name}: inserts its session", to(w._replace(sessions=(*w.sessions, session)), at="done")

    def move(w, n, m):
        def to(after, **new):
            return after._replace(movers=(*after.movers[:n], m._replace(**new), *after.movers[n + 1 :]))

        name, there = f"mover {m.source} to {m.target}", at(w, m.target)
        order = ("alias", "prefix") if rules.alias_first else ("prefix", "alias")
        after_of = {order[0]: order[1], order[1]: "done"}
        if m.at == "":
            exp = resolved(w, m.source)
            if exp is not None:
                yield f"{name}: reads {at(w, exp)}", to(w, at=order[0], exp=exp, seen=at(w, exp).prefix)
        elif m.at == "alias":
            alias = Alias(m.exp)
            is_free = there is None or (not rules.unused and isinstance(there, Own) and not has_sessions(w, m.target))
            if m.target == m.exp or there == alias or not (is_free or not rules.exclusive):
                done = m.target == m.exp or there == alias
                yield (
                    f"{name}: {'the alias is there' if done else 'refused'}",
                    to(w, at=after_of["alias"] if done else "done"),
                )
            else:
                yield f"{name}: makes the alias", to(put(w, m.target, alias), at=after_of["alias"])
        elif m.at == "prefix":
            doc = at(w, m.exp)
            if isinstance(doc, Own) and doc.prefix == m.seen:
                yield (
                    f"{name}: sets the present prefix",
                    to(put(w, m.exp, doc._replace(prefix=m.target)), at=after_of["prefix"]),
                )
            elif not rules.kept and there == Alias(m.exp):
                yield f"{name}: overtaken, takes its alias back", to(put(w, m.target, None), at="done")
            else:
                yield f"{name}: overtaken", to(w, at="done")
        if m.at not in ("", "done") and w.kills:
            yield f"{name}: killed, run again", to(w._replace(kills=w.kills - 1), at="", exp="", seen="")

    def remove(w):
        if w.removals:
            for prefix in PREFIXES:
                exp = resolved(w, prefix)
                if exp == prefix and has_sessions(w, exp):
                    doc = at(w, exp)
                    raised = put(w, exp, doc._replace(gen=doc.gen + 1))
                    yield f"removal of {doc.prefix}: generation {doc.gen + 1}", raised._replace(removals=w.removals - 1)

    def steps(w):
        for n, worker in enumerate(w.workers):
            yield from work(w, n, worker)
        for n, mover in enumerate(w.movers):
            yield from move(w, n, mover)
        yield from remove(w)

    def check(before, label, w):
        for prefix, exp, gen in w.sessions:
            meant = resolved(w, prefix)
            if meant is None or (meant != exp and not _deleted(w, exp, gen)):
                return f"a session of {prefix} is at {exp}, and {prefix} means {meant}"
        present = [doc.prefix for doc in w.docs if isinstance(doc, Own)]
        for prefix in present:
            if present.count(prefix) > 1:
                return f"two experiments have the prefix {prefix}"
        return None

    def _deleted(w, exp, gen):
        doc = at(w, exp)
        return isinstance(doc, Own) and gen < doc.gen

    def begin(prefix):
        if prefix in begun:
            return Own(0, prefix)
        return Own(1, prefix) if prefix in deleted else None

    world = World(
        tuple(begin(prefix) for prefix in PREFIXES),
        tuple((prefix, prefix, 0) for prefix in begun),
        tuple(Worker(prefix) for prefix in workers),
        tuple(Mover(*one) for one in moves),
        removals,
        kills,
    )
    return world, steps, check


TWO = (("a", "b"), ("a", "c"))
CASES: list[tuple[str, Rules, dict]] = [
    ("the present prefix is set before the alias is made", Rules(alias_first=False), {}),
    ("a deleted prefix becomes an alias", Rules(unused=False), dict(deleted=("b",))),
    ("an alias replaces what is there", Rules(exclusive=False), {}),
    ("a mover that was overtaken takes its alias back", Rules(kept=False), dict(moves=TWO, workers=("a", "c"))),
]
FINAL: list[tuple[str, Rules, dict]] = [
    ("a move while first records arrive, and a removal", Rules(), {}),
    ("two moves of one experiment", Rules(), dict(moves=TWO, workers=("b", "c"))),
    (
        "two experiments to one prefix",
        Rules(),
        dict(moves=(("a", "c"), ("b", "c")), begun=("a", "b"), workers=("c", "a")),
    ),
    ("a move on, and back", Rules(), dict(moves=(("a", "b"), ("b", "c"), ("c", "a")), workers=("b", "c"))),
    ("to a prefix that was deleted", Rules(), dict(deleted=("b",))),
]
