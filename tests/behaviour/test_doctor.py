"""`mldash doctor` against real servers: well, and with what can be wrong about them."""

import asyncio
import json
import os
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from mldash.answers.shapes import Connection
from mldash.doctor.servers import _kafka
from mldash.events.topics import TopicAddress
from mldash.settings import SdkSettings
from mldash_deploy.preparing.topics import make_topics
from tests.stack import StackAddresses, run_mldash

pytestmark = pytest.mark.integration


def test_a_host_with_all_servers_in_reach_is_well(remote: dict[str, Any]) -> None:
    done = run_mldash("doctor", "--remote", remote["remote"], "--journal", remote["journal"])
    assert done.stderr == ""
    marks = {
        line[0] for line in done.stdout.splitlines() if not line[2:].startswith("journal lasts:")
    }  # /tmp in memory
    assert marks == {"✓"}, done.stdout
    for told in ("answers in", "Kafka:", "partitions: ", "records of up to", "clock:", "versions:"):
        assert told in done.stdout


def test_for_programs_it_answers_in_json_and_by_its_exit_code(remote: dict[str, Any]) -> None:
    arguments = ["doctor", "--json", "--remote", remote["remote"], "--journal", remote["journal"]]
    well = json.loads(run_mldash(*arguments).stdout)
    others = [one for one in well["findings"] if one["what"] != "journal lasts"]
    assert well["healthy"] and {one["state"] for one in others} == {"ok"}
    done = run_mldash(*arguments, "--kafka", "127.0.0.1:9", check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == "" and not answer["healthy"]
    (problem,) = [one for one in answer["findings"] if one["state"] == "problem"]
    assert problem["what"] == "Kafka" and "127.0.0.1:9" in problem["said"] and "MLDASH_KAFKA" in problem["advice"]


def test_topics_that_are_missing_too_few_or_too_small_are_told_by_name(stack: StackAddresses) -> None:
    name = f"d{os.urandom(6).hex()}"

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
        await admin.start()
        sizes = {"max.message.bytes": "1000000"}
        await make_topics(
            admin, [NewTopic(f"{name}.metrics", 2, 1, topic_configs=sizes), NewTopic(f"{name}.logs", 4, 1)]
        )
        await admin.close()

    asyncio.run(make())
    topics = {kind: TopicAddress(f"{name}.{kind}", 4) for kind in ("metrics", "logs", "params")}
    told = list(
        _kafka(
            Connection(kafka=stack.kafka, topics=topics, content_type="application/msgpack", server_version="0.1"),
            SdkSettings(),
        )
    )
    said = [(one.what, one.state, one.said) for one in told]
    assert ("topics", "problem", f"not there: {name}.params") in said
    assert ("topics", "problem", f"{name}.metrics has 2 partitions, not 4") in said
    (small,) = [one for one in told if one.what == "record size"]
    assert small.state == "warning" and f"{name}.metrics 1.0 MB" in small.said and f"{name}.logs" not in small.said
