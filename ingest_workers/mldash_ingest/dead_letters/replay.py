"""Letters back to where they came from: the same topic, partition, key, value and headers, byte for byte.

A worker then stores the events that are missing, by session and seq, so a letter that is replayed twice is stored once.
The mark comes after the acknowledgement: a kill between the two leaves a letter that looks as if it waited, and another
replay of it does no harm.
"""

from collections.abc import Callable, Sequence
from time import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from mldash.connections.topic_reading import partitions_of
from mldash.events.letter import Letter, Place, mark_headers
from mldash.events.topics import dead_letter_topic
from mldash_ingest.errors import OriginMissing

from .browse import fetch_letters

_AT_ONCE = 16
"""A letter may have 16 MiB."""


async def replay(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    topic_prefix: str,
    places: Sequence[Place],
    done: Callable[[Place], None] = lambda place: None,
) -> None:
    """In the order of their places; each is sent, acknowledged and marked before the next.

    Raises TopicMissing, LetterMissing, OriginMissing (before anything of that letter is sent).
    """
    there = set[tuple[str, int]]()
    for at in range(0, len(places), _AT_ONCE):
        for letter in await fetch_letters(consumer, topic_prefix, sorted(places)[at : at + _AT_ONCE]):
            origin = (letter.origin.topic, letter.origin.partition)
            if origin not in there:
                there |= {(one.topic, one.partition) for one in await partitions_of(consumer, [letter.origin.topic])}
            if origin not in there:
                raise OriginMissing(str(letter.place), *origin)
            await _replay(producer, topic_prefix, letter)
            done(letter.place)


async def _replay(producer: AIOKafkaProducer, topic_prefix: str, letter: Letter) -> None:
    await producer.send_and_wait(
        letter.origin.topic,
        letter.value,
        key=letter.key,
        partition=letter.origin.partition,
        headers=letter.headers,
    )
    await producer.send_and_wait(
        dead_letter_topic(topic_prefix),
        b"",  # aiokafka sends nothing that has neither key nor value
        key=letter.key,
        partition=letter.place.partition,
        headers=mark_headers(letter.place, time()),
    )
