"""A writer whose records come in the wrong order, so that some are set aside, until the gaps before them are filled.

Every second of its events first: more gaps than a session may have, and so dead letters; then those between; then the
letters are replayed, twice. In the end each event is stored once. And records that nobody can read.
"""

import asyncio
import os
import random
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from mldash.connections.kafka_security import connecting
from mldash.connections.servers import Servers
from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record, Rows
from mldash.events.seen import HOLES
from mldash.events.topics import DEFAULT_PARTITIONS, event_topic, partition_of

from . import sequences
from .returned import Account, Accounts, life_now
from .sequences import LETTERS_METRIC, MAIN, Stream
from .statements import Statements
from .system import System

_STREAM: Final = Stream(MAIN, "metrics", LETTERS_METRIC)
_EVENTS: Final = 4 * HOLES
_TRIES: Final = 60
_SET_ASIDE_S: Final = 60.0  # for workers that lag behind what was sent


class LetterWriter:
    """Writes straight onto the topic, as many lives as it is asked for."""

    def __init__(self, system: System, accounts: Accounts) -> None:
        self._system, self._accounts = system, accounts
        self._servers: Servers = system.servers
        self.writers: list[int] = []
        self.replayed = 0

    async def set_aside(self, chance: float) -> None:
        """One more writer: its even events, something unreadable, its odd events."""
        who, session = self._system.next_who(), os.urandom(16)
        life = life_now(who, -1, os.getpid(), "", {MAIN: session.hex()}, [_STREAM])
        account = Account(self._system.accounts, life)
        self._accounts.look()
        numbers = account.begin(_STREAM, _EVENTS)
        broken = encode_record(_record(who, session, 0))[: random.Random(chance).randrange(1, 20)]
        values = [
            *(encode_record(_record(who, session, number)) for number in numbers[::2]),
            broken,
            *(encode_record(_record(who, session, number)) for number in numbers[1::2]),
        ]
        await self._send([(value, tuple(headers())) for value in values])
        account.returned(_STREAM, numbers)
        self.writers.append(who)

    async def replay(self, statements: Statements) -> None:
        """As an operator does, who is told to try again while the broker is away; then, as one who does not look, all
        of them once more."""
        await statements.until_letters(_SET_ASIDE_S)
        letters = [*statements.letters.values()]
        await self._system.persistently("dead-letters", "replay", "--all", "--yes")
        await self._send([(letter.value or b"", tuple(letter.headers)) for letter in letters])
        self.replayed += len(letters)

    async def _send(self, records: list[tuple[bytes, tuple[tuple[str, bytes], ...]]]) -> None:
        """All of them, in order, however often the broker goes away: what comes twice is a part of the test."""
        key = stream_key(experiment_id(MAIN), "metrics", LETTERS_METRIC)
        topic = event_topic(self._servers.topic_prefix, "metrics")
        place = partition_of(key, DEFAULT_PARTITIONS["metrics"])
        for attempt in range(_TRIES):
            try:
                client = AIOKafkaProducer(**connecting(self._servers), acks="all")
                async with asyncio.timeout(30), client as producer:
                    for value, own in records:
                        await producer.send_and_wait(topic, value, key=key, partition=place, headers=[*own])
                return
            except (KafkaError, OSError, TimeoutError):
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.5)


def _record(who: int, session: bytes, number: int) -> Record:
    event = sequences.point((who, number))
    return Record(
        prefix=MAIN,
        kind="metrics",
        name=LETTERS_METRIC,
        session=session,
        first_seq=number,
        logged_at=1.7e9 + number,
        blocks=[Rows([*event], [1.7e9 + number], [[*event.values()]])],
    )
