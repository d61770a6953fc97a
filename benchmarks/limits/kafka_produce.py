"""A bare aiokafka producer that sends one buffer again and again, as the publisher's is set up, but uncompressed."""

import asyncio
from time import perf_counter, time_ns

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from mldash_deploy.preparing.topics import make_topics

_WAITING = 64
"""Records that are handed over and not yet acknowledged."""


async def produce_seconds(bootstrap: str, value: bytes, count: int) -> float:
    """Seconds until `count` records of these bytes are acknowledged, on one partition of a topic of their own."""
    topic = f"bare-{time_ns()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await make_topics(admin, [NewTopic(topic, 1, 1)])
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=1 << 20,
        max_request_size=16 << 20,
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        begun = perf_counter()
        waiting: set[asyncio.Future[object]] = set()
        for _ in range(count):
            waiting.add(await producer.send(topic, value, partition=0))
            if len(waiting) >= _WAITING:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*waiting)
        return perf_counter() - begun
    finally:
        await producer.stop()
        await admin.delete_topics([topic])
        await admin.close()
