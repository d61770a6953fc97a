"""An experiment, in order: claims first, then the stores, so that what a claim speaks of has had its time to arrive."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from mldash.events.identity import stream_key
from mldash.events.seen import Seen
from mldash_api.stores.streams import ExperimentRef, StreamRef
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.mongo import Mongo

from .chains import CountedStream, count_stream
from .claims import Account, Claimed, Letter, Progress, judge
from .findings import Report, SessionCount
from .leftovers import leftovers
from .ranges import length, stored_in

_Key = tuple[str, str | None]  # kind and name
_Owner = tuple[bytes, str, str | None]  # session, kind and name


async def audit(
    mongo: Mongo,
    objects: ObjectStore,
    experiment: ExperimentRef,
    progress: Mapping[str, Mapping[int, Progress]],
    letters: Sequence[Letter],
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """What was written against what is stored. `progress` (kind → partition → where the workers are) is read before
    `letters`, and both before this is called. `tell` is called with events done and events in all.

    Raises what the servers' clients raise, and ReadOvertaken where a stream moves under every attempt.
    """
    claims = await _claims(mongo, experiment)
    report = Report(prefix=experiment.prefix.text, generation=experiment.generation)
    counted = await _count_all(mongo, objects, experiment, tell)
    for one in counted.values():
        report.streams.append(one.count)
        report.findings += one.findings
    by_owner = _by_owner(experiment, letters, await _elsewhere(mongo, experiment, letters))
    unreadable = _by_key(letters)
    for account in _accounts(counted, claims, by_owner):
        key = stream_key(experiment.id, account.kind, account.name)
        own = by_owner.get((account.session, account.kind, account.name), ())
        report.findings += judge(account, progress.get(account.kind, {}), own, unreadable.get(key, ()))
        report.sessions.append(_session_count(account))
    report.findings += [found async for found in leftovers(mongo, objects, experiment, counted)]
    return report


async def _claims(mongo: Mongo, experiment: ExperimentRef) -> dict[_Key, dict[bytes, Claimed]]:
    """By stream and session."""
    found = defaultdict[_Key, dict[bytes, Claimed]](dict)
    async for one in mongo.claims.find({"exp": experiment.id, "gen": experiment.generation}):
        claim = Claimed(one["seq"], one["partition"], one["offset"], one["final"])
        found[one["kind"], one["name"]][bytes(one["_id"]["sid"])] = claim
    return found


async def _count_all(
    mongo: Mongo, objects: ObjectStore, experiment: ExperimentRef, tell: Callable[[int, int], None]
) -> dict[bytes, CountedStream]:
    query = {"exp": experiment.id, "gen": experiment.generation}
    named = [one async for one in mongo.streams.find(query, {"kind": 1, "name": 1, "next": 1, "floor": 1})]
    named.sort(key=lambda one: (one["kind"], one["name"] or ""))
    total = sum(one["next"] - one.get("floor", 0) for one in named)
    done = 0

    def tell_more(events: int) -> None:
        nonlocal done
        done += events
        tell(done, max(done, total))

    counted = dict[bytes, CountedStream]()
    for one in named:
        stream = StreamRef(bytes(one["_id"]), one["kind"], one["name"], experiment.prefix.text)
        found = await count_stream(mongo, objects, stream, tell_more)
        if found is not None:
            counted[stream.id] = found
    return counted


async def _elsewhere(mongo: Mongo, experiment: ExperimentRef, letters: Sequence[Letter]) -> set[bytes]:
    """The sessions among theirs that belong to a generation that was deleted, or to another experiment."""
    sessions = list({one.session for one in letters if one.session is not None})
    found = mongo.sessions.find({"_id": {"$in": sessions}}, {"exp": 1, "gen": 1})
    here = (experiment.id, experiment.generation)
    return {bytes(one["_id"]) async for one in found if (bytes(one["exp"]), one["gen"]) != here}


def _accounts(
    counted: Mapping[bytes, CountedStream], claims: Mapping[_Key, Mapping[bytes, Claimed]], by_owner: Iterable[_Owner]
) -> list[Account]:
    """Every session in every stream that it claims, or of which something is stored or lies in the dead letters."""
    accounts = list[Account]()
    streams = {(one.stream.kind, one.stream.name): one for one in counted.values()}
    set_aside = defaultdict[_Key, set[bytes]](set)
    for owner, kind, name in by_owner:
        set_aside[kind, name].add(owner)
    keys = streams.keys() | claims.keys() | set_aside.keys()
    for key in sorted(keys, key=lambda one: (one[0], one[1] or "")):
        stream, said = streams.get(key), claims.get(key, {})
        stored: Mapping[bytes, Seen] = stream.recount.seen if stream else {}
        snapshot: Mapping[bytes, Seen] = stream.snapshot if stream else {}
        for session in sorted(stored.keys() | said.keys() | snapshot.keys() | set_aside.get(key, set())):
            accounts.append(
                Account(
                    session=session,
                    kind=key[0],
                    name=key[1],
                    claim=said.get(session),
                    stored=stored.get(session, Seen()),
                    snapshot=snapshot.get(session, Seen()),
                    retired=bool(stream and stream.document.get("floor", 0)),
                )
            )
    return accounts


def _session_count(account: Account) -> SessionCount:
    return SessionCount(
        session=account.session.hex(),
        kind=account.kind,
        name=account.name,
        claimed=account.claim.seq if account.claim else None,
        final=bool(account.claim and account.claim.final),
        stored=length(stored_in(account.stored)),
    )


def _by_owner(
    experiment: ExperimentRef, letters: Sequence[Letter], elsewhere: Set[bytes]
) -> dict[_Owner, list[Letter]]:
    found = defaultdict[_Owner, list[Letter]](list)
    for letter in letters:
        if letter.session is None or letter.kind is None or letter.session in elsewhere:
            continue
        if letter.key == stream_key(experiment.id, letter.kind, letter.name):
            found[letter.session, letter.kind, letter.name].append(letter)
    return found


def _by_key(letters: Sequence[Letter]) -> dict[bytes, list[Letter]]:
    """Of those that can't be decoded."""
    found = defaultdict[bytes, list[Letter]](list)
    for letter in letters:
        if letter.session is None and letter.key is not None:
            found[letter.key].append(letter)
    return found
