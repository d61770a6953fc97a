"""The servers that a worker works with: MongoDB and Kafka, asked by a step of its supervision."""

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from mldash.process.dependencies import Dependencies

from . import instruments
from .access import Access
from .documents.mongo import Mongo


def dependencies_of(mongo: Mongo, access: Access, consumer: Callable[[], AIOKafkaConsumer]) -> Dependencies:
    """The worker's own consumer is asked for at each look, and has started then: its connections are what counts."""

    async def ask_kafka() -> None:
        await access.look(consumer())
        if access.trouble is not None:
            raise ConnectionError(access.trouble)

    return Dependencies({"MongoDB": mongo.ping, "Kafka": ask_kafka}, instruments.show_dependency)
