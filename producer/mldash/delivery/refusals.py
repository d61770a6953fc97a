"""The record sizes that brokers refused, one object for all records of one producer; and how refused events are told.

A broker measures a compressed batch, and each topic may have a limit of its own. So where a batch of several events is
refused, smaller batches follow; where one event was alone in its batch, that much is known of its topic: from then on
an event that compresses to as much is not even tried, for each refusal costs the producer (kafka.py).
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic

import msgspec

from mldash.errors import EventsRefused
from mldash.events.schema import Record

from .kafka import BATCH_BYTES

_SMALLEST_BATCH_BYTES = 16 << 10
"""Batches grow smaller than this only where a broker refuses even these."""

_KEPT_S = 600.0
"""Then a size is tried again: an operator may have raised the topic's limit."""


class Refusals:
    """Sizes that were refused, topic by topic, and how large the producer's batches may be."""

    def __init__(self, packed_bytes: Callable[[bytes], int], clock: Callable[[], float] = monotonic) -> None:
        """`packed_bytes` says how many bytes of a batch a record's value takes."""
        self.batch_bytes = BATCH_BYTES
        """Larger batches are refused by some topic, as far as is known."""
        self._packed_bytes, self._clock = packed_bytes, clock
        self._least: dict[str, tuple[int, float]] = {}
        """Topic → bytes of the smallest event that was refused alone, and when."""

    def refuse(self, topic: str, value: bytes, *, is_one_event: bool) -> None:
        """A batch with this record in it was refused, the largest one of the batch."""
        if not is_one_event or len(value) <= self.batch_bytes:  # another record may have stood beside it
            smaller = min(self.batch_bytes, len(value)) // 2
            floor = _SMALLEST_BATCH_BYTES if self.batch_bytes > _SMALLEST_BATCH_BYTES else 1
            self.batch_bytes = max(smaller, floor)
            return
        packed = self._packed_bytes(value)
        known = self._known(topic)
        self._least[topic] = (packed if known is None else min(known, packed), self._clock())
        self.batch_bytes = BATCH_BYTES  # it was this event and not the size of batches

    def expects(self, topic: str, value: bytes) -> bool:
        """Whether the broker would refuse this one event."""
        known = self._known(topic)
        # Nothing grows by being compressed: a batch is sent as it is where that is smaller.
        return known is not None and len(value) >= known and self._packed_bytes(value) >= known

    def _known(self, topic: str) -> int | None:
        least, at = self._least.get(topic, (None, 0.0))
        return None if least is None or self._clock() - at > _KEPT_S else least


class RefusedEvents:
    """A session's, counted as they are set aside: the text for flush(), the end of a run, and experiment.events."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._counts = Counter[tuple[str, str | None]]()
        self._kept_bytes = 0
        self._example = ""

    def add(self, records: list[Record], kept_bytes: int) -> EventsRefused:
        """All of them until now, as an error."""
        for record in records:
            self._counts[record.kind, record.name] += record.count
            self._example = self._example or told(record)
        self._kept_bytes += kept_bytes
        refused = [(kind, name, count) for (kind, name), count in self._counts.items()]
        return EventsRefused(refused, self._kept_bytes, self._folder, self._example)


def told(record: Record) -> str:
    """The name of a refused event in a sentence."""
    of = f"{record.kind} {record.name!r}" if record.name else record.kind
    return f"an event of {of} with {len(msgspec.msgpack.encode(record))} bytes (seq {record.first_seq})"
