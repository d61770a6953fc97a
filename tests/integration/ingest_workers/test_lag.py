"""What the lag of a partition is before anything of it was committed."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from mldash.events.topics import event_topic
from mldash_ingest import instruments
from mldash_ingest.lag import Lag
from tests.world import World

pytestmark = pytest.mark.integration


async def test_without_a_commit_a_partition_counts_from_the_logs_start(world: World) -> None:
    """As KEDA counts with offsetResetPolicy: earliest. Retention moves the start while nobody commits."""
    topic = event_topic(world.name, "metrics")
    uncommitted, committed = TopicPartition(topic, 0), TopicPartition(topic, 1)
    producer = AIOKafkaProducer(bootstrap_servers=world.servers.kafka)
    await producer.start()
    for partition, count in ((0, 10), (1, 6)):
        for _ in range(count):
            await producer.send_and_wait(topic, b"x", partition=partition)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=world.servers.kafka, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await consumer.start()
    await admin.start()
    try:
        consumer.assign([uncommitted, committed])
        lag = Lag(consumer, dict)
        lag.begin({committed: 4})
        await lag.look()
        assert (records(uncommitted), records(committed)) == (10, 2)
        await admin.delete_records({uncommitted: RecordsToDelete(before_offset=7)})
        await lag.look()
        assert (records(uncommitted), records(committed)) == (3, 2)
        lag.stored({uncommitted: 9})
        await lag.look()
        assert records(uncommitted) == 1
    finally:
        await admin.close()
        await consumer.stop()


def records(partition: TopicPartition) -> float:
    return float(instruments.lag_records.labels(partition.topic, partition.partition)._value.get())
