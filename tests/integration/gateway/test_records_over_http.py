"""POST /v1/records: what belongs together is passed on in order and once, all else is refused in words."""

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec
import pytest
import zstandard
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from mldash.events.batches import BATCH_BYTES, BATCH_RECORDS, BatchedRecord, RecordBatch
from mldash.events.schema import Rows
from tests.integration.ingest_workers.emitting import stored, until_stored, working
from tests.integration.query_api.conftest import Client, Running
from tests.integration.query_api.test_tokens import token_for
from tests.world import World

from .conftest import ONE, TWO, answers, batched, post, post_body, record

pytestmark = pytest.mark.integration


@pytest.fixture
async def open_api(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(stop_timeout_s=2.0)) as made:
        yield made


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


async def test_records_are_stored_once_and_in_order_however_often_they_are_sent(world: World, open_api: Client) -> None:
    sent = [batched(record(first_seq=seq)) for seq in range(0, 100, 10)]
    first = answers(await post(open_api, *sent))
    assert all(isinstance(one, tuple) for one in first)
    assert [one[1] for one in first] == sorted(one[1] for one in first)  # type: ignore[index]
    for _ in range(2):
        answers(await post(open_api, *sent))
    answers(await post(open_api, batched(record(first_seq=100))))
    async with working(world.worker()):
        await until_stored(world, 110)
    assert await stored(world) == [(ONE, seq) for seq in range(110)]


async def test_an_empty_request_says_whether_records_are_taken(world: World, guarded: Client) -> None:
    writer, reader = await token_for(world, ("write", "owner")), await token_for(world, ("read", ""))
    assert answers(await post(guarded, token=writer)) == []
    refused = await post(guarded, token=reader)
    assert (refused.status_code, refused.json()["type"]) == (403, "not-allowed")
    assert (await post(guarded)).status_code == 401


async def test_a_token_writes_what_it_was_made_for_and_nothing_else(world: World, guarded: Client) -> None:
    token = await token_for(world, ("write", "owner/project"))
    foreign = batched(record(TWO, prefix="owner/other/run"))
    mine, refused = answers(await post(guarded, batched(record()), foreign, token=token))
    assert isinstance(mine, tuple)
    assert refused == "ada has no right to write owner/other/run"
    alone = await post(guarded, foreign, token=token)
    assert (alone.status_code, alone.json()["type"]) == (403, "records-refused")
    async with working(world.worker()):
        await until_stored(world, 10)
    assert await world.mongo.sessions.count_documents({}) == 1


async def test_a_session_is_of_its_experiment_and_of_who_began_it(world: World, guarded: Client) -> None:
    """A renewed token goes on with it; another subject needs admin."""
    ada = await token_for(world, ("write", "owner"))
    answers(await post(guarded, batched(record()), token=ada))
    renewed = await token_for(world, ("write", "owner"))
    answers(await post(guarded, batched(record(first_seq=10)), token=renewed))
    elsewhere = await post(guarded, batched(record(prefix="owner/project/other")), token=ada)
    assert elsewhere.status_code == 403 and "of another experiment" in elsewhere.json()["detail"]
    other = await token_for(world, ("write", "owner"), subject="bob")
    refused = await post(guarded, batched(record(first_seq=20)), token=other)
    assert refused.status_code == 403 and "begun by another than bob" in refused.json()["detail"]
    admin = await token_for(world, ("admin", "owner"), subject="bob")
    answers(await post(guarded, batched(record(first_seq=20)), token=admin))


async def test_a_session_that_began_over_kafka_goes_on_over_http(world: World, guarded: Client) -> None:
    """For its own experiment alone: the workers know whose it is."""
    async with working(world.worker()):
        async with Running(world.api(stop_timeout_s=2.0)) as direct:
            answers(await post(direct, batched(record())))
        await until_stored(world, 10)
        await world.mongo.writers.delete_many({})
        token = await token_for(world, ("write", "owner"))
        elsewhere = await post(guarded, batched(record(prefix="owner/project/other")), token=token)
        assert elsewhere.status_code == 403
        answers(await post(guarded, batched(record(first_seq=10)), token=token))
        await until_stored(world, 20)


async def test_a_session_keeps_the_partition_counts_that_it_began_with(open_api: Client) -> None:
    """Else two partitions would bring one stream, in any order."""
    answers(await post(open_api, batched(record(), 1)))
    refused = await post(open_api, batched(record(first_seq=10), 2))
    assert refused.status_code == 403 and "begun with 1 partitions" in refused.json()["detail"]
    more = await post(open_api, batched(record(TWO), 3))
    assert more.status_code == 403 and "has 2 partitions, not 3" in more.json()["detail"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prefix": "owner"}, "prefix"),
        ({"prefix": "/owner/project/run/"}, "which is written"),
        ({"kind": "logs", "name": "x"}, 'has the name ""'),
        ({"session": b"short"}, "16 bytes"),
    ],
)
async def test_a_record_that_no_sdk_writes_is_refused_in_words(
    open_api: Client, given: dict[str, object], told: str
) -> None:
    refused = await post(open_api, batched(record(**given)))  # type: ignore[arg-type]
    assert refused.status_code == 403 and told in refused.json()["detail"]


async def test_what_may_not_be_written_is_not_decoded(world: World, guarded: Client) -> None:
    """A record whose values would take long, of somebody without a right: its head is enough."""
    token = await token_for(world, ("write", "owner"))
    head = b'{"prefix":"another/project/run","kind":"logs","name":"","session":"MTExMTExMTExMTExMTExMQ==","blocks":[['
    one = BatchedRecord(head + b"[]," * 100_000 + b"0]]}", "application/json", "mldash/1.1", 2)
    refused = await post(guarded, one, token=token)
    assert refused.status_code == 403 and "no right to write another/project/run" in refused.json()["detail"]


async def test_a_header_that_no_sdk_sends_is_refused(open_api: Client) -> None:
    """It would be kept, and passed on."""
    one = BatchedRecord(b"x", "application/msgpack", "mldash/" + "1" * 1_000, 2)
    refused = await post(open_api, one)
    assert refused.status_code == 403 and "more than 64" in refused.json()["detail"]


async def test_a_batch_that_is_too_large_for_kafka_says_nothing_of_records_that_are_not(world: World) -> None:
    """Records that stood beside one another are sent again in smaller batches; one that stands alone is too large."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    topic = ConfigResource(ConfigResourceType.TOPIC, f"{world.name}.logs", {"max.message.bytes": "500000"})
    await admin.alter_configs([topic])
    await admin.close()

    def line(seq: int, size: int) -> BatchedRecord:
        rows = Rows(["message"], [1.0], [[os.urandom(size // 2).hex()]])
        return batched(record(first_seq=seq, count=1, kind="logs", name="", blocks=[rows]))

    async with Running(world.api(stop_timeout_s=2.0, event_compression="none")) as client:
        found = answers(await post(client, *(line(seq, 200_000) for seq in range(8)), line(8, 700_000)))
    assert [isinstance(one, tuple) for one in found] == [True] * 8 + [False]
    assert found[8] is None


async def test_what_is_no_record_is_refused_and_the_others_go_on(open_api: Client) -> None:
    good, bad = answers(await post(open_api, batched(record()), batched(b"\xc1")))
    assert isinstance(good, tuple) and isinstance(bad, str) and "no record" in bad


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"\x80", {}, 400),
        (b"no zstd", {"Content-Encoding": "zstd"}, 400),
        (msgspec.msgpack.encode(RecordBatch([])), {"Content-Encoding": "br"}, 400),
        (msgspec.msgpack.encode(RecordBatch([batched(b"x")] * (BATCH_RECORDS + 1))), {}, 400),
        (b"\x81\xa7records\xdd\xff\xff\xff\xff", {}, 400),
        (zstandard.ZstdCompressor().compress(bytes(BATCH_BYTES + 1)), {"Content-Encoding": "zstd"}, 413),
        (bytes(BATCH_BYTES + 1), {}, 413),
    ],
    ids=[
        "empty",
        "another shape",
        "no zstd",
        "another encoding",
        "too many",
        "more than there are",
        "too large inside",
        "too large",
    ],
)
async def test_a_body_that_is_no_batch_gets_a_problem_that_says_so(
    open_api: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await post_body(open_api, body, headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]


async def test_more_than_may_be_on_its_way_is_told_to_come_again(world: World) -> None:
    """Several requests at once, each larger than half of what one process may hold."""
    async with Running(world.api(gateway_bytes=1 << 20, stop_timeout_s=2.0)) as client:
        large = [record(bytes([48 + one]) * 16, count=20_000) for one in range(8)]
        found = await asyncio.gather(*(post(client, batched(one)) for one in large))
        assert {one.status_code for one in found} == {200, 429}
        busy = next(one for one in found if one.status_code == 429)
        assert (busy.json()["type"], busy.headers["retry-after"]) == ("too-busy", "1")


async def test_the_openapi_document_has_the_operation(open_api: Client) -> None:
    document = (await open_api.raw("/v1/openapi.json")).json()
    operation = document["paths"]["/v1/records"]["post"]
    assert "application/msgpack" in operation["requestBody"]["content"]
    assert "403" in operation["responses"]
