"""What an audit asks of Kafka: where the workers are, then the dead letters; what the workers have passed and set aside
is among these."""

from collections import defaultdict

from mldash.connections.group_offsets import group_offsets
from mldash.connections.servers import KafkaServer
from mldash.connections.topic_reading import reading
from mldash.events.topics import event_topics
from mldash_ingest.dead_letters.browse import list_letters

from .claims import Letter, Progress

ByPartition = dict[str, dict[int, Progress]]
"""By kind of streams and partition."""


async def ask_kafka(server: KafkaServer, group: str) -> tuple[ByPartition, list[Letter]]:
    """`group` is the workers'. Raises KafkaUnreachable, KafkaRefused, TopicError."""
    kinds = event_topics(server.topic_prefix)
    progress: ByPartition = defaultdict(dict)
    async with reading(server) as consumer:
        offsets = await group_offsets(server, consumer, group, kinds)
        for (topic, partition), at in offsets.items():
            progress[kinds[topic]][partition] = Progress(at.committed, at.end)
        letters = [
            Letter(
                place=str(one.place),
                reason=one.reason,
                key=one.key,
                kind=one.kind,
                name=one.name,
                session=one.session,
                first_seq=one.first_seq,
                count=one.count,
            )
            for one in await list_letters(consumer, server.topic_prefix)
        ]
    return progress, letters
