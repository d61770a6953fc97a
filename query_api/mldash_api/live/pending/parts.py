"""Consecutive events of one session in one stream that are acknowledged and not stored, as they are told."""

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash.answers.rows import NonFinite, with_strings
from mldash.events.reading import Event, events_of
from mldash.events.schema import Record
from mldash_api.live.asked import Asked
from mldash_api.times import iso_or_none

_IN_A_THREAD_FROM: Final = 1_000
_OF_A_PART: Final = 1_000
_OF_A_BYTE: Final = 4
"""Decoded, and as JSON, about so many bytes for each that Kafka has."""

Variant = tuple[NonFinite, tuple[str, ...]]
"""How NaN is told, and of log lines the levels."""


class Named(Struct, frozen=True, rename="camel"):
    """The name of events: seqs [first_seq, first_seq + count) of a session in a stream."""

    prefix: str
    kind: str
    name: str | None
    session: str
    """In hex."""
    first_seq: int
    count: int


class Part:
    """Of one record, the events that no other part has."""

    def __init__(self, number: int, record: Record, first_seq: int, end_seq: int, record_bytes: int) -> None:
        self.number, self.first_seq, self.end_seq = number, first_seq, end_seq
        self.stream = (record.prefix, record.kind, record.name)
        self.session = record.session
        self.named = Named(*self.stream, record.session.hex(), first_seq, end_seq - first_seq)
        self.held_bytes = _OF_A_PART + _OF_A_BYTE * record_bytes
        self._record = record
        self._encoded = dict[Variant, bytes]()

    async def told_to(self, asked: Asked) -> bytes:
        """The block of JSON for this listener; empty where nothing is told of it."""
        variant: Variant = (asked.nonfinite, asked.levels if self._record.kind == "logs" else ())
        told = self._encoded.get(variant)
        if told is None:
            is_long = self._record.count >= _IN_A_THREAD_FROM
            told = await asyncio.to_thread(self._encode, variant) if is_long else self._encode(variant)
            self._encoded[variant] = told
        return told

    def _encode(self, variant: Variant) -> bytes:
        nonfinite, levels = variant
        events = [
            told
            for one in events_of(self._record)
            if self.first_seq <= one.seq < self.end_seq
            and (not levels or one.data.get("level") in levels)
            and (told := self._told(one, nonfinite)) is not None
        ]
        return msgspec.json.encode(self.named)[:-1] + b',"events":[' + b",".join(events) + b"]}" if events else b""

    def _told(self, event: Event, nonfinite: NonFinite) -> bytes | None:
        """None: JSON can't say it. A foreign producer's values may be of types of their own, and no stream ends by
        them."""
        time = event.time if self._record.kind == "tracks" else iso_or_none(event.time)
        told: dict[str, Any] = {"seq": event.seq, "time": time, "data": event.data}
        try:
            return msgspec.json.encode(with_strings(told) if nonfinite == "string" else told)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            return None
