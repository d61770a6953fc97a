"""Whether a record fits into the documents that it becomes, so that all of them stay below 16 MB. No I/O.

Our own publisher never sends what is refused here; records of other producers must not hold up a partition.
"""

from typing import Any, Final

import msgspec

from mldash.events.column_types import value_bytes
from mldash.events.limits import ABOUT_BYTES, CALL_BYTES, NAME_BYTES
from mldash.events.schema import (
    Claim,
    Columns,
    Describe,
    End,
    Heartbeat,
    Record,
    Rows,
    RunEvents,
    Signals,
    Start,
)

_LOOK_FROM: Final = 3 << 20  # bytes of a record: JSON's are at most five times shorter than what is stored
_MOST: Final = 2**62  # of numbers that stand in documents, which have 64 bits
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def check_sizes(record: Record, record_bytes: int) -> None:
    """Raises ValueError that says what is too large."""
    _check_number("first seq", record.first_seq + record.count)
    for block in record.blocks:
        if isinstance(block, RunEvents):
            for event in block.events:
                _check_run_event(event)
        elif isinstance(block, Signals):
            for signal in block.signals:
                _check_signal(signal)
        elif record_bytes > _LOOK_FROM and (largest := _largest_event(block)) > CALL_BYTES:
            raise ValueError(f"an event of {largest} bytes, at most {CALL_BYTES} are stored")


def _check_run_event(event: Start | Describe | End) -> None:
    if isinstance(event, Start):
        for what, number in (("pid", event.pid), ("rank", event.rank or 0)):
            _check_number(what, number)
        for what, text in (("host", event.host), ("user", event.user)):
            _check_bytes(what, text.encode(), NAME_BYTES)
        _check_bytes("context", _encode(event.context), ABOUT_BYTES)
    elif isinstance(event, Describe):
        for what in ("description", "readme", "tags", "metadata"):
            _check_bytes(what, _encode(getattr(event, what)), ABOUT_BYTES)


def _check_signal(signal: Heartbeat | Claim) -> None:
    if isinstance(signal, Claim):
        for what, number in (("seq", signal.seq), ("offset", signal.offset), ("partition", signal.partition)):
            _check_number(f"a claim's {what}", number)
        _check_bytes("a claim's name", (signal.name or "").encode(), NAME_BYTES)


def _check_number(what: str, number: int) -> None:
    if abs(number) > _MOST:
        raise ValueError(f"{what} {number} is beyond 64 bits")


def _check_bytes(what: str, data: bytes, most: int) -> None:
    if len(data) > most:
        raise ValueError(f"{what} has {len(data)} bytes, at most {most} are stored")


def _largest_event(block: Rows | Columns) -> int:
    """Bytes of its values and names, as they are stored."""
    names = sum(len(name.encode()) for name in block.fields)
    if isinstance(block, Rows):
        return names + max((len(_encode(row)) for row in block.rows), default=0)
    widths = [0] * block.count
    fixed = names
    for column in block.columns:
        if column.type == "values":
            widths = [width + len(_encode(value)) for width, value in zip(widths, _decode(column.data), strict=True)]
        else:
            fixed += value_bytes(column.type, column.shape)
    return fixed + max(widths, default=0)
