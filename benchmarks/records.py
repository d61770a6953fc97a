"""The records that the cases of ingest send, as a publisher of the SDK packs them."""

import random
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record, Rows

NOW = 1_790_000_000.0
_DIFFERENT = 256  # blocks of random rows, megabytes: one hardly comes again where LZ4 or Snappy still look back
Kind = Literal["params", "metrics", "logs", "tracks", "runs"]


class Source:
    """One session's events of one stream, in order."""

    def __init__(self, prefix: str, kind: Kind, name: str, session: int) -> None:
        self.prefix, self.kind, self.name = prefix, kind, name
        self.session = session.to_bytes(16, "big")
        self.key = stream_key(experiment_id(prefix), kind, name)
        self.next_seq = 0

    def record(self, *blocks: Rows) -> Record:
        """The next events."""
        first, self.next_seq = self.next_seq, self.next_seq + sum(len(block.times) for block in blocks)
        return Record(
            prefix=self.prefix,
            kind=self.kind,
            name=self.name,
            session=self.session,
            first_seq=first,
            logged_at=NOW,
            blocks=[*blocks],
        )


def points(source: Source, count: int) -> Record:
    """Metric points of four floats."""
    first = source.next_seq
    rows = [[*numbers, 1e-3] for numbers in _rows(3, count, random.randrange(_DIFFERENT))]
    return source.record(
        Rows(["loss", "accuracy", "norm", "rate"], [NOW + (first + i) * 0.01 for i in range(count)], rows)
    )


def entries(source: Source, count: int) -> Record:
    """Track entries: the second half of them have the times of the first, and other fields."""
    half = count // 2
    times = [NOW + (source.next_seq // 2 + i) * 0.01 for i in range(half)]
    positions = _rows(3, half, random.randrange(_DIFFERENT))
    forces = _rows(2, half, random.randrange(_DIFFERENT))
    return source.record(Rows(["x", "y", "z"], times, positions), Rows(["left", "right"], times, forces))


def lines(source: Source, count: int) -> Record:
    """Log lines of about eighty bytes."""
    first = source.next_seq
    levels = ("info", "info", "info", "debug", "warn")
    rows: list[list[Any]] = [
        [
            levels[i % 5],
            f"step {first + i}: the loss is {random.random():.12f} and the gradient's norm {i}",
            {"rank": 0},
        ]
        for i in range(count)
    ]
    return source.record(
        Rows(["level", "message", "metadata"], [NOW + (first + i) * 0.001 for i in range(count)], rows)
    )


@cache
def _rows(width: int, count: int, which: int) -> list[list[Any]]:
    """Random rows: made once, for millions would take longer than storing them."""
    return [[random.random() for _ in range(width)] for _ in range(count)]


MAKERS = {"metrics": points, "tracks": entries, "logs": lines}


def in_turn(sources: list[Source], events: int, records: int) -> Iterator[tuple[bytes, Record]]:
    """`records` records of `events` events each, from one source after the other, with their keys."""
    for turn in range(records):
        source = sources[turn % len(sources)]
        yield source.key, MAKERS[source.kind](source, events)
