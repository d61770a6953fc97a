"""Whose word counts."""

from mldash.events.identity import Prefix
from mldash_compactor.upkeep.retention import Policy, days_kept

POLICIES = [
    Policy("alice", {"logs": 30.0, "metrics": 365.0}),
    Policy("alice/robots", {"logs": None, "tracks": 7.0}),
    Policy("bob", {"logs": 1.0}),
]


def test_a_projects_word_counts_before_its_owners_kind_by_kind() -> None:
    assert days_kept(POLICIES, Prefix("alice/robots/walk")) == {"metrics": 365.0, "tracks": 7.0}
    assert days_kept(POLICIES, Prefix("alice/vision/x")) == {"logs": 30.0, "metrics": 365.0}
    assert days_kept(POLICIES, Prefix("alice/robots")) == {"metrics": 365.0, "tracks": 7.0}


def test_what_nobody_speaks_of_is_kept_for_ever() -> None:
    assert days_kept(POLICIES, Prefix("carol/x/y")) == {}
    assert days_kept([], Prefix("alice/robots")) == {}
    assert days_kept(POLICIES, Prefix("alice2/robots")) == {}
