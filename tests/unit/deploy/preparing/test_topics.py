"""What is made and changed of topics, decided without a broker."""

from __future__ import annotations

from typing import Any

import pytest

from mldash_deploy.preparing.changes import TopicWouldShrink
from mldash_deploy.preparing.settings import TOPIC_RECORD_BYTES, PrepareSettings
from mldash_deploy.preparing.topics import There, TopicChanges, compare, wanted_topics


def settings(**given: Any) -> PrepareSettings:
    return PrepareSettings(kafka="k:1", mongo="mongodb://m", **given)


def as_made(**given: Any) -> dict[str, There]:
    """What the first run makes of these settings."""
    made = compared({}, brokers=3, **given).make
    return {
        one.name: There(
            one.num_partitions,
            one.replication_factor,
            {"max.message.bytes": "1048588", "min.insync.replicas": "1", **one.topic_configs},
        )
        for one in made
    }


def compared(there: dict[str, There], *, brokers: int = 1, alter: bool = True, **given: Any) -> TopicChanges:
    asked = settings(**given)
    return compare(wanted_topics(asked), there, replication=asked.replication, brokers=brokers, alter=alter)


def test_new_topics_get_three_copies_where_there_are_brokers_for_them() -> None:
    for brokers, copies, in_sync in ((1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (7, 3, "2")):
        made = compared({}, brokers=brokers).make
        assert len(made) == 7
        assert {one.replication_factor for one in made} == {copies}
        assert {one.topic_configs["min.insync.replicas"] for one in made} == {in_sync}
    assert {one.replication_factor for one in compared({}, brokers=3, replication=2).make} == {2}


def test_what_events_need_is_always_set() -> None:
    configs = {one.name: one.topic_configs for one in compared({}).make}
    assert configs["mldash.runs"]["message.timestamp.type"] == "LogAppendTime"
    assert configs["mldash.stored"]["cleanup.policy"] == "compact"
    assert "retention.ms" not in configs["mldash.stored"]
    assert configs["mldash.metrics"]["max.message.bytes"] == str(TOPIC_RECORD_BYTES)
    there = as_made()
    there["mldash.stored"] = There(1, 3, {**there["mldash.stored"].configs, "cleanup.policy": "delete"})
    assert compared(there).configure == {"mldash.stored": {"cleanup.policy": "compact"}}


def test_a_second_run_changes_nothing_and_what_is_unset_stays_as_it_is() -> None:
    assert not compared(as_made()).changes
    mine = as_made(metrics_partitions=32, retention_days=90, record_bytes=64 << 20, min_insync_replicas=3)
    assert not compared(mine).changes


def test_a_setting_that_says_otherwise_is_a_change_named_with_both_values() -> None:
    found = compared(as_made(), retention_days=1, min_insync_replicas=1)
    assert found.configure["mldash.logs"] == {"retention.ms": "86400000", "min.insync.replicas": "1"}
    assert found.configure["mldash.dead-letters"] == {"min.insync.replicas": "1"}
    assert "topic mldash.logs: retention.ms 604800000 → 86400000" in map(str, found.changes)


def test_growth_says_what_it_does_to_streams() -> None:
    found = compared(as_made(), metrics_partitions=12)
    assert found.grow == {"mldash.metrics": 12}
    [note] = found.notes
    assert "keeps the partition count that it started with" in note and "the first 8" in note


@pytest.mark.parametrize("less", [{"metrics_partitions": 4}, {"record_bytes": 2 << 20}])
def test_nothing_shrinks(less: dict[str, int]) -> None:
    with pytest.raises(TopicWouldShrink, match="prepare never shrinks"):
        compared(as_made(), **less)


def test_records_that_a_topic_could_not_take_are_let_in() -> None:
    there = as_made()
    there["mldash.tracks"] = There(8, 3, {**there["mldash.tracks"].configs, "max.message.bytes": "1048588"})
    assert compared(there).configure == {"mldash.tracks": {"max.message.bytes": str(TOPIC_RECORD_BYTES)}}
    assert not compared(there, alter=False).changes


def test_other_replicas_of_what_is_there_are_kafkas_own_tools_work() -> None:
    found = compared(as_made(), replication=2)
    assert not found.changes and len(found.notes) == 7 and "kafka-reassign-partitions" in found.notes[0]
