"""What takes a session's records on: Kafka itself (kafka.py), or an API that passes them on (gateway.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from mldash.events.identity import experiment_id, stream_key
from mldash.events.topics import TopicAddress, partition_of

Headers = Sequence[tuple[str, bytes]]
Done = Callable[["asyncio.Future[Any]"], None]


class Route(NamedTuple):
    """Where a stream's records go; `partitions`: how many the topic has, as the session has fixed it."""

    topic: str
    partition: int
    key: bytes
    partitions: int


class Producer(Protocol):
    """From its start to its end; whoever has it gives it up at the first failure, and goes on with another one."""

    @property
    def cpu_s(self) -> float:
        """Seconds that threads of its own have computed, beside the one that it is used by."""
        ...

    async def send(self, route: Route, value: bytes, headers: Headers, done: Done) -> asyncio.Future[Any]:
        """Hand a record over; `done` is called with the future that `acknowledged` reads.

        Raises NotTaken, and TooLarge for what no request may hold. May wait: the caller has a deadline.
        """
        ...

    async def in_words(self, trouble: KafkaTrouble) -> KafkaTrouble:
        """What has ended it, after a look at which door is shut."""
        ...

    async def why_silent(self) -> Exception | None:
        """The shut door that is the reason for a silence, where there is one."""
        ...

    async def abandon(self) -> None:
        """End it at once; nothing that is still unanswered will be known."""
        ...


class Routes:
    """Stream → topic, partition and key, by the counts that the session has fixed."""

    def __init__(self, prefix: str, topics: dict[str, TopicAddress]) -> None:
        self._experiment = experiment_id(prefix)
        self._topics = topics
        self._known: dict[tuple[str, str | None], Route] = {}

    def of(self, kind: str, name: str | None) -> Route:
        route = self._known.get((kind, name))
        if route is None:
            if len(self._known) > 100_000:
                self._known.clear()
            key = stream_key(self._experiment, kind, name)
            address = self._topics[kind]
            partition = partition_of(key, address.partitions)
            route = self._known[kind, name] = Route(address.topic, partition, key, address.partitions)
        return route


class KafkaTrouble(Exception):
    """The producer is of no more use, for `reason`: make a new one."""

    retry_after_s: float = 0.0
    """Nothing is to be tried again before, as a server has said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AccessRefused(KafkaTrouble):
    """Kafka does not let this program in, or not to its topics: waiting for a server does not help."""


class NotTaken(KafkaTrouble):
    """The client has not taken the record: nothing was sent, and the producer is as good as before."""


class BatchRefused(KafkaTrouble):
    """The broker takes no batch of this size: smaller ones follow, with a new producer, at once."""

    def __init__(self, size: int) -> None:
        super().__init__(f"Kafka takes no batch of {size} bytes: smaller ones follow")
        self.size = size


class TooLarge(Exception):
    """The broker takes no record of this size."""


class Acknowledged(NamedTuple):
    """Where a record is. The offset is -1 where the broker knew it already and does not say."""

    partition: int
    offset: int
