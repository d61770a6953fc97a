"""Tokens end, and connections with them: records pass all along, and the log is not filled with it."""

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from mldash.connections.kafka_security import connecting
from mldash.connections.topic_reading import stop_quietly
from tests.secret_scan import write_secret

from .servers import USER, SecuredServers
from .test_kafka_doors import by_token, server

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured servers")]

LIFE_S = 3.0
SECONDS = 10.0
MOST_S = 20.0
"""For an acknowledgement over an end: 0.3 s were seen, and a request that is given up takes 40."""


async def test_records_pass_over_the_ends_of_tokens_and_the_log_says_nothing(
    secured: SecuredServers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name, script = f"t{uuid.uuid4().hex[:12]}", tmp_path / "give"
    await secured.grants.let_in([USER], name)
    settings = server(secured, **by_token(kafka_token_file=str(script)))

    def renew() -> None:
        new = tmp_path / "new"
        write_secret(new, secured.issuer.token(USER, LIFE_S))
        new.replace(script)

    renew()
    admin = AIOKafkaAdminClient(bootstrap_servers=secured.kafka_open)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    sent = 0
    producer = AIOKafkaProducer(**connecting(settings), enable_idempotence=True, acks="all")
    consumer = AIOKafkaConsumer(
        name, **connecting(settings), group_id=name, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with AsyncExitStack() as clients:
        for client in (producer, consumer):
            await client.start()
            clients.push_async_callback(stop_quietly, client)
        begun, longest = monotonic(), 0.0
        got: list[int] = []
        while monotonic() - begun < SECONDS:
            renew()
            before = monotonic()
            await producer.send_and_wait(name, str(sent).encode())
            longest = max(longest, monotonic() - before)
            sent += 1
            got += [int(one.value) for found in (await consumer.getmany(timeout_ms=50)).values() for one in found]
            await asyncio.sleep(0.02)
        while len(got) < sent:
            got += [int(one.value) for found in (await consumer.getmany(timeout_ms=500)).values() for one in found]
    assert got == list(range(sent))
    assert longest < MOST_S
    loud = [
        one.getMessage() for one in caplog.records if one.name.startswith("aiokafka") and one.levelno > logging.INFO
    ]
    assert not [one for one in loud if "Connection at" in one or "dead" in one or "update metadata" in one]
    secured.assert_kept(caplog.text)
