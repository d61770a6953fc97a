"""The events that each session claims, compared with its stored ones. Pure.

A claim says which seqs of a stream a session has written, and where on Kafka the last of them is. A missing event
counts as lost only once the workers have passed that place; before that it is on its way. An event without a claim is
known to exist where a later event of the session is stored; it counts as lost once the workers have read everything.
Without a final claim the number of further events is unknown. Events in the dead letters are known to exist as well.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from mldash.events.seen import Seen

from .findings import Finding
from .ranges import Ranges, intersect, length, stored_in, subtract


class Claimed(Struct, frozen=True):
    """The newest that a session has said of a stream. `offset` -1: Kafka knew the record already and did not say."""

    seq: int
    partition: int
    offset: int
    final: bool


class Progress(Struct, frozen=True):
    """How far the workers have come in a partition, and where it ends; read before anything else."""

    committed: int
    end: int


class Letter(Struct, frozen=True, kw_only=True):
    """A record that was set aside. Of one that can't be decoded only its key is known."""

    place: str
    reason: str
    key: bytes | None
    kind: str | None
    name: str | None
    session: bytes | None
    first_seq: int
    count: int


class Account(Struct, kw_only=True):
    """One session in one stream: what it said, and what is stored of it."""

    session: bytes
    kind: str
    name: str | None
    claim: Claimed | None
    stored: Seen
    snapshot: Seen
    """What the stream's snapshot says is stored; more than `stored` where a part of the chain is damaged or retired."""
    retired: bool = False
    """Retention has deleted the stream's head: what was there is known by the snapshot alone."""


def judge(
    account: Account, progress: Mapping[int, Progress], letters: Sequence[Letter], unreadable: Sequence[Letter]
) -> Iterator[Finding]:
    """The findings of one account. `progress` is of its topic, by partition; `unreadable` letters bear its stream's
    key."""
    claim = account.claim
    claimed = claim.seq if claim else 0
    set_aside = max((letter.first_seq + letter.count for letter in letters), default=0)
    known_end = max(claimed, account.stored.hi, account.snapshot.hi, set_aside)
    stored = stored_in(account.stored)
    missing = subtract([(0, known_end)] if known_end else [], stored)
    if account.retired:
        missing = subtract(missing, stored_in(account.snapshot))
    for letter in letters:
        own = intersect(missing, [(letter.first_seq, letter.first_seq + letter.count)])
        missing = subtract(missing, own)
        for first, end in own:
            yield _finding(account, "dead-letter", f"set aside as letter {letter.place}: {letter.reason}", first, end)
    caught_up = all(one.committed >= one.end for one in progress.values())
    passed = caught_up if claim is None else _has_passed(claim, progress, caught_up)
    for part, is_passed in ((_below(missing, claimed), passed), (_from(missing, claimed), caught_up)):
        for first, end in part:
            yield _missing(account, first, end, is_passed=is_passed, unreadable=unreadable)
    if claim is None or not claim.final:
        said = f"it last said that it wrote {claimed}" if claim else "it said nothing of what it wrote"
        yield _finding(account, "end-unknown", f"{said}; {length(stored)} are stored", None, None)


def _has_passed(claim: Claimed, progress: Mapping[int, Progress], caught_up: bool) -> bool:
    at = progress.get(claim.partition)
    return caught_up if claim.offset < 0 or at is None else at.committed > claim.offset


def _missing(account: Account, first: int, end: int, *, is_passed: bool, unreadable: Sequence[Letter]) -> Finding:
    if not is_passed:
        return _finding(account, "not-yet", "the workers have not come to it", first, end)
    if intersect([(first, end)], stored_in(account.snapshot)):
        detail = "they were stored, and are gone with a damaged part of the chain"
    elif unreadable:
        places = ", ".join(letter.place for letter in unreadable[:5])
        detail = f"not stored; letters of this stream that can't be decoded may hold them: {places}"
    else:
        detail = "written, passed by the workers, and not stored"
    return _finding(account, "missing-events", detail, first, end)


def _finding(account: Account, what: object, detail: str, first: int | None, end: int | None) -> Finding:
    return Finding(
        what=what,  # type: ignore[arg-type]
        kind=account.kind,
        name=account.name,
        session=account.session.hex(),
        detail=detail,
        first=first,
        end=end,
    )


def _below(ranges: Ranges, seq: int) -> Ranges:
    return intersect(ranges, [(0, seq)])


def _from(ranges: Ranges, seq: int) -> Ranges:
    return subtract(ranges, [(0, seq)])
