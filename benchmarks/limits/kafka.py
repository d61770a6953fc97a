"""A bare aiokafka fetch of some ranges of partitions: records come in, nothing is looked at."""

from time import perf_counter

from aiokafka import AIOKafkaConsumer, TopicPartition


async def fetch_seconds(bootstrap: str, first: dict[TopicPartition, int], ends: dict[TopicPartition, int]) -> float:
    """Seconds for the records from the offsets `first` (0 where there is none) to `ends`."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 << 20,
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    try:
        consumer.assign(list(ends))
        for partition in ends:
            consumer.seek(partition, first.get(partition, 0))
        wanted = sum(end - first.get(partition, 0) for partition, end in ends.items())
        begun, found = perf_counter(), 0
        while found < wanted:
            found += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        return perf_counter() - begun
    finally:
        await consumer.stop()
