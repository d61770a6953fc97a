"""Lag and dead letters as one answer, asked of Kafka at most once in KEPT_S for all callers.

That Kafka does not answer is an answer too: else each of those who wait would ask a Kafka that hangs again.
"""

import asyncio
from math import inf
from time import monotonic, time
from typing import Final, TypedDict

from mldash.connections.errors import TopicError
from mldash.connections.topic_reading import reading
from mldash_api.errors import ServerAway
from mldash_api.kafka import KAFKA_TROUBLES, kafka_away
from mldash_api.settings import ApiSettings

from .lag import PartitionLag, lag_of
from .letters import Letters, LettersAnswer

KEPT_S: Final = 5.0
_TIMEOUT_S: Final = 60.0


class WaitingAnswer(TypedDict):
    """`at`: when Kafka was asked, Unix seconds. `group`: the workers'. `partitions`: by topic and number."""

    at: float
    group: str
    partitions: list[PartitionLag]
    letters: LettersAnswer


class Waiting:
    """Nothing is asked while nobody wants to know; the letters that were read are kept for the next who does."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._letters = Letters(settings.topic_prefix)
        self._asking = asyncio.Lock()
        self._known: WaitingAnswer | ServerAway | None = None
        self._known_at = -inf

    async def answer(self) -> WaitingAnswer:
        """Raises ServerAway where Kafka does not answer, or refuses: topics, the group, or to let the API in."""
        async with self._asking:  # who comes meanwhile gets the same
            if self._known is None or monotonic() - self._known_at > KEPT_S:
                self._known = await self._outcome()
                self._known_at = monotonic()
            known = self._known
        if isinstance(known, ServerAway):
            raise ServerAway(known.server, known.reason)
        return known

    async def _outcome(self) -> WaitingAnswer | ServerAway:
        try:
            return await self._ask()
        except ServerAway as error:
            return ServerAway(error.server, error.reason)  # without the frames that the raised one holds

    async def _ask(self) -> WaitingAnswer:
        settings = self._settings
        try:
            async with asyncio.timeout(_TIMEOUT_S), reading(settings) as consumer:
                at = time()
                partitions = await lag_of(settings, consumer, settings.audit_group)
                await self._letters.look(consumer)
        except TopicError as error:
            raise ServerAway("Kafka", str(error)) from error
        except KAFKA_TROUBLES as error:
            raise await kafka_away(settings, error) from error
        return WaitingAnswer(at=at, group=settings.audit_group, partitions=partitions, letters=self._letters.answer())
