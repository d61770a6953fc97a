"""What is missing of a session's events is lost, on its way, set aside, or unknown: by its claim and by the offsets."""

from typing import Any

import pytest

from mldash.events.seen import Seen
from mldash_api.audit.claims import Account, Claimed, Letter, Progress, judge

SESSION = b"s" * 16
BEHIND, THERE = {0: Progress(5, 9), 1: Progress(9, 9)}, {0: Progress(9, 9), 1: Progress(9, 9)}


def account(claim: Claimed | None, hi: int, *holes: tuple[int, int], **more: Any) -> Account:
    fields: dict[str, Any] = {"stored": Seen(hi, list(holes)), "snapshot": Seen(), **more}
    return Account(session=SESSION, kind="metrics", name="loss", claim=claim, **fields)


def letter(first: int, count: int) -> Letter:
    return Letter(
        place="0/3", reason="why", key=b"k", kind="metrics", name="loss", session=SESSION, first_seq=first, count=count
    )


def found(one: Account, progress: dict[int, Progress], *letters: Letter) -> list[tuple[str, int | None, int | None]]:
    return [(finding.what, finding.first, finding.end) for finding in judge(one, progress, letters, ())]


def test_all_that_is_claimed_and_stored_is_nothing_to_speak_of() -> None:
    assert found(account(Claimed(10, 0, 4, True), 10), BEHIND) == []


@pytest.mark.parametrize(
    ("offset", "what"),
    [
        (4, "missing-events"),  # the workers have come to 5: offset 4 is behind them
        (5, "not-yet"),
        (-1, "not-yet"),  # nobody knows where it is: until all is read it may be anywhere
    ],
)
def test_a_missing_seq_is_lost_only_once_the_workers_have_passed_the_claim(offset: int, what: str) -> None:
    assert found(account(Claimed(12, 0, offset, True), 10), BEHIND) == [(what, 10, 12)]


def test_a_claim_without_an_offset_is_passed_when_nothing_is_left_to_read() -> None:
    assert found(account(Claimed(12, 0, -1, True), 10), THERE) == [("missing-events", 10, 12)]


def test_a_hole_that_nobody_claims_is_lost_when_nothing_is_left_to_read() -> None:
    assert found(account(None, 10, (3, 5)), BEHIND) == [("not-yet", 3, 5), ("end-unknown", None, None)]
    assert found(account(None, 10, (3, 5)), THERE) == [("missing-events", 3, 5), ("end-unknown", None, None)]


def test_holes_below_and_above_the_claim_are_judged_apart() -> None:
    """The claim speaks of the seqs below its own; what was stored since may have left a hole that fills yet."""
    one = account(Claimed(6, 0, 4, False), 10, (3, 8))
    assert found(one, BEHIND) == [("missing-events", 3, 6), ("not-yet", 6, 8), ("end-unknown", None, None)]


def test_what_lies_in_a_letter_is_set_aside_and_the_rest_is_lost() -> None:
    one = account(Claimed(12, 0, 4, True), 10, (3, 6))
    assert found(one, BEHIND, letter(4, 5)) == [
        ("dead-letter", 4, 6),
        ("missing-events", 3, 4),
        ("missing-events", 10, 12),
    ]


def test_a_letter_is_named_where_nobody_claimed_it_and_nothing_behind_it_is_stored() -> None:
    assert found(account(None, 4), THERE, letter(4, 5)) == [("dead-letter", 4, 9), ("end-unknown", None, None)]


def test_a_letter_of_what_is_stored_meanwhile_is_nothing_to_speak_of() -> None:
    assert found(account(Claimed(10, 0, 4, True), 10), BEHIND, letter(4, 2)) == []


def test_what_retention_has_deleted_is_not_missing() -> None:
    one = account(Claimed(10, 0, 4, True), 10, (0, 6), snapshot=Seen(10), retired=True)
    assert found(one, BEHIND) == []


def test_what_the_snapshot_knows_and_the_chain_has_not_is_gone_with_it() -> None:
    (finding,) = judge(account(Claimed(10, 0, 4, True), 10, (0, 6), snapshot=Seen(10)), BEHIND, (), ())
    assert finding.detail == "they were stored, and are gone with a damaged part of the chain"
