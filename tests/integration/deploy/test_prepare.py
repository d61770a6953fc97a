"""`mldash prepare` on real servers: what is missing is made, what differs is changed, nothing shrinks."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError
from msgspec.structs import asdict

from mldash.events.topics import DEFAULT_PARTITIONS, event_topic
from mldash.process.environment import to_variables
from mldash_deploy.prepare import prepare, prepare_all
from mldash_deploy.preparing.bucket import RULE
from mldash_deploy.preparing.changes import BucketWouldExpire, TopicWouldShrink
from mldash_deploy.preparing.settings import PrepareSettings
from mldash_ingest.documents.collections import INDEXES, missing_indexes
from tests.stack import StackAddresses, run_mldash
from tests.world import World, opened

pytestmark = pytest.mark.integration


def asked(world: World, **given: Any) -> PrepareSettings:
    return PrepareSettings(**asdict(world.servers), **given)


async def partitions(world: World) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    try:
        topics = await admin.describe_topics(None)
    finally:
        await admin.close()
    return {one["topic"]: len(one["partitions"]) for one in topics if one["topic"].startswith(f"{world.name}.")}


async def config_of(world: World, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    try:
        answers: list[Any] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {entry[0]: entry[1] for entry in answers[0].resources[0][4]}


async def test_too_few_brokers_are_waited_for_and_then_named(stack: StackAddresses) -> None:
    """A broker whose heartbeats are late counts as none for a moment: once a suite ended by it."""
    async with opened(World(stack)) as new:
        began = monotonic()
        with pytest.raises(InvalidReplicationFactorError, match=r"topic .* could not be made"):
            await prepare(new.servers, replication=3, patience_s=0.6)
        assert monotonic() - began >= 0.6


async def test_preparing_again_changes_nothing(world: World) -> None:
    await prepare(world.servers)


async def test_a_dry_run_names_everything_and_makes_nothing_then_the_first_run_makes_it_and_the_second_nothing(
    stack: StackAddresses,
) -> None:
    async with opened(World(stack)) as new:
        shown = await prepare_all(asked(new, versioning="enabled"), dry_run=True)
        subjects = [one.subject for one in shown.changes]
        assert [one for one in subjects if one.startswith("topic")] == [
            f"topic {new.name}.{name}" for name in (*DEFAULT_PARTITIONS, "dead-letters", "stored")
        ]
        assert subjects.count(f"bucket {new.name}") == 3  # itself, versioning, the rule
        assert len([one for one in subjects if one.startswith("collection")]) == len(INDEXES)
        assert await partitions(new) == {}
        assert await missing_indexes(new.mongo) == [*INDEXES]

        assert (await prepare_all(asked(new, versioning="enabled"))).changes == shown.changes
        assert await partitions(new) == {
            **{event_topic(new.name, kind): count for kind, count in DEFAULT_PARTITIONS.items()},
            f"{new.name}.dead-letters": 1,
            f"{new.name}.stored": 1,
        }
        assert await missing_indexes(new.mongo) == []
        assert (await new.objects.administer("get_bucket_versioning"))["Status"] == "Enabled"
        [rule] = (await new.objects.administer("get_bucket_lifecycle_configuration"))["Rules"]
        assert rule["ID"] == RULE and "Expiration" not in rule
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}

        again = await prepare_all(asked(new, versioning="enabled"))
        assert (again.changes, again.notes) == ([], [])
        assert (await prepare_all(asked(new))).changes == []


async def test_a_changed_setting_is_altered_and_what_was_set_beside_it_stays(world: World) -> None:
    topic = event_topic(world.name, "metrics")
    await prepare_all(asked(world, record_bytes=20 << 20))
    before = await config_of(world, topic)
    wanted = asked(world, retention_days=2, metrics_partitions=3, noncurrent_days=5)
    shown = await prepare_all(wanted, dry_run=True)
    assert f"topic {topic}: partitions 2 → 3" in map(str, shown.changes)
    assert f"topic {topic}: retention.ms 604800000 → 172800000" in map(str, shown.changes)
    assert any(f"the rule {RULE}" in one.what for one in shown.changes)
    assert "keeps the partition count that it started with" in shown.notes[0]
    assert await config_of(world, topic) == before, "a dry run changes nothing"
    await prepare_all(wanted)
    after = await config_of(world, topic)
    assert after == {**before, "retention.ms": "172800000"}
    assert after["max.message.bytes"] == str(20 << 20)
    assert (await partitions(world))[topic] == 3
    assert (await prepare_all(wanted)).changes == []
    assert (await prepare_all(asked(world, noncurrent_days=5))).changes == []


async def test_fewer_partitions_are_refused_and_nothing_else_is_changed(world: World) -> None:
    topic = event_topic(world.name, "metrics")
    before = await config_of(world, topic)
    with pytest.raises(TopicWouldShrink, match="has partitions 2, and 1 is asked for: prepare never shrinks"):
        await prepare_all(asked(world, metrics_partitions=1, retention_days=1))
    assert await config_of(world, topic) == before


async def test_a_bucket_whose_rule_expires_chunks_is_refused_and_other_rules_stay(world: World) -> None:
    harmless = {
        "ID": "uploads of others",
        "Status": "Enabled",
        "Filter": {"Prefix": "others/"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    expires = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    put = "put_bucket_lifecycle_configuration"
    await world.objects.administer(put, LifecycleConfiguration={"Rules": [harmless, expires]})
    with pytest.raises(BucketWouldExpire, match=r"the life-cycle rule 'tidy' of bucket .* deletes current objects"):
        await prepare_all(asked(world, retention_days=1))
    assert (await config_of(world, event_topic(world.name, "logs")))["retention.ms"] == "604800000"
    await world.objects.administer(put, LifecycleConfiguration={"Rules": [harmless]})
    await prepare_all(asked(world))
    rules = (await world.objects.administer("get_bucket_lifecycle_configuration"))["Rules"]
    assert {one["ID"] for one in rules} == {"uploads of others", RULE}


async def test_the_command_shows_and_makes(world: World) -> None:
    variables = to_variables(world.servers, "")
    shown = run_mldash("prepare", "--dry-run", "--set", "logs_partitions=5", **variables)
    assert f"topic {world.name}.logs: partitions 2 → 5" in shown.stdout
    assert "note: topic" in shown.stdout and "1 differences; nothing was changed" in shown.stdout
    made = run_mldash("prepare", "--set", "logs_partitions=5", **variables)
    assert "1 changes made" in made.stdout
    again = run_mldash("prepare", "--set", "logs_partitions=5", **variables)
    assert again.stdout == "everything is as it should be\n"
    refused = run_mldash("prepare", "--set", "logs_partitions=2", check=False, **variables)
    assert refused.returncode == 1 and "prepare never shrinks" in refused.stderr
    wrong = run_mldash("prepare", "--acls", "bob=king", check=False, **variables)
    assert wrong.returncode == 1 and "a role is one of producer, worker" in wrong.stderr
