"""A local experiment's files → Kafka, on a real broker: what is sent again, and what the broker refuses."""

import os
import shutil
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from mldash import Experiment
from mldash.answers.shapes import Standing
from mldash.delivery.resend import LocalExperiment, find_experiments, send_files
from mldash.events.topics import event_topic

from .emission import PREFIX, Topics

pytestmark = pytest.mark.integration


def log_points(root: Path, count: int) -> LocalExperiment:
    with Experiment(PREFIX, root=root, echo=False, capture_context=False).run as experiment:
        for i in range(count):
            experiment.metrics("train").log(i=i)
    (found,) = find_experiments(root)
    return found


async def names(topics: Topics) -> set[tuple[bytes, str, int]]:
    """(session, kind, seq) of each event on the topics."""
    return {
        (record.session, record.kind, record.first_seq + at)
        for _, _, record in await topics.records()
        for at in range(record.count)
    }


async def test_what_is_sent_again_has_the_same_names_until_it_was_deleted(topics: Topics, tmp_path: Path) -> None:
    """Sessions of an experiment that was deleted there belong to what was deleted, for ever: then they get new names,
    the same ones whoever asks, until it is deleted once more."""
    deleted = set[bytes]()

    def standing(session: bytes) -> Standing:
        return "deleted" if session in deleted else "unknown"

    experiment, connection = log_points(tmp_path, 10), topics.connection()
    assert (await send_files(experiment, "there", connection)).event_count == 12
    first = await names(topics)
    assert len(first) == 12
    again = await send_files(experiment, "there", connection, again=True)
    assert again.event_count == 12 and await names(topics) == first
    anew = await send_files(experiment, "there", connection, again=True, standing=standing)
    assert anew.event_count == 12 and await names(topics) == first, "nothing was deleted"
    copy = tmp_path.with_name("copy")
    shutil.copytree(tmp_path, copy)
    deleted |= {session for session, _, _ in first}
    anew = await send_files(experiment, "there", connection, again=True, standing=standing)
    both = await names(topics)
    assert anew.event_count == 12 and len(both) == 24
    assert not {session for session, _, _ in first} & {session for session, _, _ in both - first}
    assert (await send_files(experiment, "there", connection)).event_count == 0
    await send_files(experiment, "there", connection, again=True)
    assert await names(topics) == both, "the new names are noted, and are what it is called there from now on"
    for one in (experiment, *find_experiments(copy)):
        assert (await send_files(one, "there", connection, again=True, standing=standing)).event_count == 12
    assert await names(topics) == both, "and who asks once more finds them again, in a copy too"
    log_points(tmp_path, 5)
    assert (await send_files(experiment, "there", connection)).event_count == 7
    assert len(await names(topics)) == 31
    assert (await send_files(experiment, "elsewhere", connection)).event_count == 19
    assert len(await names(topics)) == 31, "under the names that it was logged with"
    deleted |= {session for session, _, _ in both}
    await send_files(experiment, "there", connection, again=True, standing=standing)
    assert len(await names(topics)) == 31 + 12, "of what was deleted twice; what came later was not"


async def test_what_the_broker_finds_too_large_holds_its_file_back_and_the_rest_is_sent(
    kafka_address: str, tmp_path: Path
) -> None:
    topics = Topics(kafka_address)
    await topics.make(**{"max.message.bytes": "20000"})
    with Experiment(PREFIX, root=tmp_path, echo=False, capture_context=False).run as experiment:
        experiment.log("before")
        experiment.log(os.urandom(30_000).hex())
        experiment.log("behind")
        for i in range(2_000):
            experiment.metrics("train").log(i=i, text=os.urandom(20).hex())
    (local,) = find_experiments(tmp_path)
    sent = await send_files(local, "there", topics.connection())
    assert sent.left is not None and "refuses an event of logs" in sent.left
    found = await topics.events(any_seqs=True)
    assert [fields["message"] for fields in found["logs", ""]] == ["before", "behind"]
    assert sorted(fields["i"] for fields in found["metrics", "train"]) == list(range(2_000))
    await raise_limit(topics)
    sent = await send_files(local, "there", topics.connection())
    assert sent.left is None and sent.event_count == 3, "all lines of the record that was cut"
    assert len((await topics.events())["logs", ""]) == 3


async def raise_limit(topics: Topics) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.kafka)
    await admin.start()
    try:
        topic = event_topic(topics.name, "logs")
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "200000"})])
    finally:
        await admin.close()
