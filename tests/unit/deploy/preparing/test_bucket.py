"""Which life-cycle rules of a bucket would take chunks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mldash_deploy.preparing.bucket import RULE, check_rules, own_rule, same_rule
from mldash_deploy.preparing.changes import BucketWouldExpire
from mldash_deploy.preparing.settings import PrepareSettings

OWN = own_rule(PrepareSettings(kafka="k:1", mongo="mongodb://m"))
DAYS = {"Expiration": {"Days": 30}, "Status": "Enabled", "ID": "old"}

TAKES: list[dict[str, Any]] = [
    {**DAYS, "Filter": {"Prefix": ""}},
    {**DAYS, "Filter": {}},
    {**DAYS, "Prefix": "own"},
    {**DAYS, "Filter": {"Prefix": "owner=alice/"}},
    {**DAYS, "Filter": {"And": {"Prefix": "o", "ObjectSizeGreaterThan": 5}}},
    {**DAYS, "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)}, "Filter": {}},
]
LEAVES: list[dict[str, Any]] = [
    OWN,
    {**DAYS, "Status": "Disabled", "Filter": {}},
    {**DAYS, "Filter": {"Prefix": "logs/"}},
    {**DAYS, "Filter": {"Tag": {"Key": "k", "Value": "v"}}},
    {**DAYS, "Filter": {"And": {"Prefix": "", "Tags": [{"Key": "k", "Value": "v"}]}}},
    {"ID": "markers", "Status": "Enabled", "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    {"ID": "archive", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
]


@pytest.mark.parametrize("rule", TAKES)
def test_a_rule_that_deletes_current_chunks_is_refused_by_name(rule: dict[str, Any]) -> None:
    with pytest.raises(BucketWouldExpire, match="'old' of bucket 'b' deletes current objects") as caught:
        check_rules("b", [OWN, rule])
    assert caught.value.rule == "old"


@pytest.mark.parametrize("rule", LEAVES)
def test_a_rule_that_leaves_them_stays(rule: dict[str, Any]) -> None:
    check_rules("b", [rule])


def test_our_rule_deletes_no_current_object_and_is_known_again_however_its_prefix_is_written() -> None:
    assert OWN["ID"] == RULE and "Expiration" not in OWN
    for where in ({"Filter": {}}, {"Filter": {"Prefix": ""}}, {"Prefix": ""}):
        assert same_rule({**{key: value for key, value in OWN.items() if key != "Filter"}, **where}, OWN)
    assert not same_rule({**OWN, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, OWN)
