"""Events of one stream from one index to another, as they are told: encoded once, for all who listen to the stream."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from mldash.answers.rows import NonFinite, with_strings
from mldash_api.logs.lines import lines_of
from mldash_api.points.points import points_of
from mldash_api.seam.rows import Rows, columns_of, events_of, rows_of_indices
from mldash_api.stores.streams import StreamRef
from mldash_api.tracks.entries import entries_of
from mldash_ingest.documents.buckets import Bucket, Source

from .asked import Asked
from .points_json import points_json

_IN_A_THREAD_FROM: Final = 1_000
_OF_A_VALUE: Final = 16
_OF_A_PIECE: Final = 1_000

Variant = tuple[NonFinite, tuple[str, ...], bool]
"""How NaN is told, of log lines the levels, and whether names of events are told, for who knew them as pending."""


class Piece:
    """Events [first_index, end_index). Of a track its rows are entries, merged by time; else each row is an event."""

    def __init__(self, stream: StreamRef, first_index: int, end_index: int, rows: Sequence[Rows]) -> None:
        self.stream, self.first_index, self.end_index, self._rows = stream, first_index, end_index, rows
        self._encoded = dict[Variant, bytes]()
        self._encoding = dict[Variant, asyncio.Task[bytes]]()

    @property
    def count(self) -> int:
        return self.end_index - self.first_index

    @property
    def held_bytes(self) -> int:
        """About what it takes in memory, with one form of it."""
        return _OF_A_PIECE + sum(
            _OF_A_PIECE
            + one.count * _OF_A_VALUE * (2 + 3 * len(one.part.columns))
            + sum(len(column.data) for column in one.part.columns)
            for one in self._rows
        )

    def fields(self) -> list[str]:
        """Names of the fields that its events have."""
        names = dict[str, None]()
        for one in self._rows:
            own, columns = columns_of(one)
            names.update(dict.fromkeys(chain.from_iterable(columns[0]) if own == [""] else own))
        return list(names)

    def column_names(self) -> list[str]:
        """The same where columns have names, without a look at values; "" stands for whole events."""
        return list(dict.fromkeys(column.name for one in self._rows for column in one.part.columns))

    def sources(self) -> list[Source]:
        """Names of its events, and of others that were stored with them; those that were read from S3 are not known."""
        return [source for one in self._rows if isinstance(one.part, Bucket) for source in one.part.sources]

    def from_index(self, index: int) -> "Piece":
        """What of it begins there; not of tracks."""
        rows = [
            rows_of_indices(one.part, max(index, one.first_index), one.first_index + one.count) for one in self._rows
        ]
        return Piece(self.stream, index, self.end_index, [one for one in rows if one.count])

    async def told_to(self, asked: Asked) -> bytes:
        """The block of JSON for this listener, as for all who ask the same; empty where nothing is told of it."""
        variant: Variant = (asked.nonfinite, asked.levels if self.stream.kind == "logs" else (), asked.pending)
        told = self._encoded.get(variant)
        if told is not None:
            return told
        if self.count < _IN_A_THREAD_FROM:
            told = self._encoded[variant] = self._encode(variant)
            return told
        task = self._encoding.get(variant)
        if task is None:
            task = self._encoding[variant] = asyncio.create_task(asyncio.to_thread(self._encode, variant))
        try:
            told = self._encoded[variant] = await asyncio.shield(task)  # it is for all, whoever leaves meanwhile
        finally:
            if task.done():
                self._encoding.pop(variant, None)
        return told

    def _encode(self, variant: Variant) -> bytes:
        nonfinite, levels, is_named = variant
        told = self._encode_events(nonfinite, levels)
        return told[:-1] + b',"sources":' + msgspec.json.encode(self._sources()) + b"}" if told and is_named else told

    def _encode_events(self, nonfinite: NonFinite, levels: Sequence[str]) -> bytes:
        if self.stream.kind == "metrics" and nonfinite == "null":
            head = {"prefix": self.stream.prefix, "name": self.stream.name, "firstIndex": self.first_index}
            return msgspec.json.encode(head)[:-1] + b',"points":' + points_json(self._rows) + b"}"
        block = _BLOCKS[self.stream.kind](self, levels)
        if block is None:
            return b""
        return msgspec.json.encode(with_strings(block) if nonfinite == "string" else block)

    def _sources(self) -> list[dict[str, Any]]:
        """The names of its events; those that were read from S3 are not known here."""
        found = list[dict[str, Any]]()
        for part in [one.part for one in self._rows if isinstance(one.part, Bucket)]:
            first = part.first_index
            for source in part.sources:
                low, high = max(first, self.first_index), min(first + source.count, self.end_index)
                if low < high:
                    names = {"session": source.session.hex(), "firstSeq": source.first_seq + low - first}
                    found.append({"firstIndex": low, "count": high - low, **names})
                first += source.count
        return found

    def _points(self, _: Sequence[str]) -> dict[str, Any]:
        head = {"prefix": self.stream.prefix, "name": self.stream.name, "firstIndex": self.first_index}
        return {**head, "points": points_of(self._rows)}

    def _entries(self, _: Sequence[str]) -> dict[str, Any]:
        head = {"prefix": self.stream.prefix, "topic": self.stream.name, "firstIndex": self.first_index}
        return {**head, "count": self.count, "entries": entries_of(self._rows)}

    def _lines(self, levels: Sequence[str]) -> dict[str, Any] | None:
        lines = [line for one in self._rows for line in lines_of(one) if not levels or line["level"] in levels]
        return {"prefix": self.stream.prefix, "lines": lines} if lines else None

    def _params(self, _: Sequence[str]) -> dict[str, Any]:
        sets = [event for one in self._rows for event in events_of(one)]
        return {"prefix": self.stream.prefix, "firstIndex": self.first_index, "sets": sets}


_BLOCKS: Final[dict[str, Callable[[Piece, Sequence[str]], dict[str, Any] | None]]] = {
    "metrics": Piece._points,
    "tracks": Piece._entries,
    "logs": Piece._lines,
    "params": Piece._params,
}
