"""`log()` made for the fields that a loop logs: the same few numbers, again and again.

A call with keywords for any fields costs a dict; so do a look at each value's type and the encoding of the names. Where
a metric gets the same fields of the same types again, it gets a function of its own, whose parameters are those fields:

    def log(*, loss=absent, step=absent, **others):
        if type(loss) is float and type(step) is int and not others and …:
            the packed row (journal/layout.py) goes to the journal
        else:
            Metric.log, as for any other call

So whatever else it is called with, it does what `Metric.log` does, and the events are the same (a test compares the two
on arbitrary calls). It halves the cost of a call (benchmarks/sdk.py, "log"; docs/decisions/0008-packed-rows.md).
Only names that are plain identifiers become parameters: no text of a user's is ever run.
"""

import keyword
from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import error as OutOfRange  # noqa: N812 - what packing an int of more than 64 bits raises
from time import time
from typing import Any, Final, Protocol
from zlib import adler32

from mldash.journal.frame import HEADER, ROW
from mldash.journal.layout import MOST_FIELDS, TYPE_CODES
from mldash.mode import RowWriter

from .timestamps import ThreadTime

OURS: Final = "mldash_"
"""Names of the generated code begin so; a field that does gets no function."""

_TYPE_NAMES: Final = {code: kind.__name__ for kind, code in TYPE_CODES.items()}

Log = Callable[..., Any]


class Epochs(Protocol):
    """An owner whose `_epoch` changes with each start, end and fork."""

    @property
    def _epoch(self) -> int: ...


def row_types(fields: Mapping[str, Any]) -> str | None:
    """The types of a row of these fields; None where it can be none."""
    if not 0 < len(fields) <= MOST_FIELDS or not all(map(_may_be_parameter, fields)):
        return None
    codes = [TYPE_CODES.get(type(value)) for value in fields.values()]
    return None if None in codes else "".join(code for code in codes if code is not None)


def make_log(
    generic: Log,
    handle: object,
    rows: RowWriter,
    types: str,
    fields: tuple[str, ...],
    experiment: Epochs,
    thread: ThreadTime,
) -> Log:
    """The function, for the epoch that is now; it returns `handle`. `generic` takes every call that it does not."""
    epoch = experiment._epoch
    make = _compiled(types, fields)
    return make(generic, handle, rows, rows.pack, rows.here, rows.number, rows.word, experiment, epoch, thread)


def _may_be_parameter(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith((OURS, "__"))


@lru_cache(maxsize=4096)
def _compiled(types: str, fields: tuple[str, ...]) -> Callable[..., Log]:
    source = _SOURCE.format(
        parameters=", ".join(f"{name}=mldash_absent" for name in fields),
        fits=" and ".join(
            f"mldash_type({name}) is mldash_{_TYPE_NAMES[code]}" for name, code in zip(fields, types, strict=True)
        ),
        values=", ".join(fields),
        pairs=", ".join(f"({name!r}, {name})" for name in fields),
    )
    names: dict[str, Any] = {
        **{f"mldash_{kind.__name__}": kind for kind in TYPE_CODES},
        "mldash_type": type,
        "mldash_absent": _ABSENT,
        "mldash_time": time,
        "mldash_header": HEADER.pack,
        "mldash_adler32": adler32,
        "mldash_full": ValueError,
        "mldash_out_of_range": OutOfRange,
        "mldash_kind": ROW,
    }
    exec(compile(source, "<mldash: log() for its fields>", "exec"), names)
    make: Callable[..., Log] = names["mldash_make"]
    return make


_ABSENT: Final = type("Absent", (), {})()

_SOURCE: Final = """
def mldash_make(
    mldash_generic, mldash_handle, mldash_rows, mldash_pack, mldash_here, mldash_number, mldash_word,
    mldash_experiment, mldash_epoch, mldash_thread,
):
    def log(*, {parameters}, **mldash_others):
        if {fits} and not mldash_others and mldash_here[0] and mldash_experiment._epoch == mldash_epoch:
            mldash_now = mldash_time()
            try:
                mldash_row = mldash_pack(mldash_number, mldash_now, {values})
            except mldash_out_of_range:
                pass
            else:
                try:
                    mldash_rows._write(mldash_header(mldash_word, mldash_adler32(mldash_row, mldash_kind)) + mldash_row)
                except mldash_full:
                    mldash_rows.append_slowly(mldash_row)
                mldash_thread.last = mldash_now
                return mldash_handle
        mldash_given = {{name: value for name, value in ({pairs},) if value is not mldash_absent}}
        return mldash_generic(**mldash_given, **mldash_others)

    return log
"""
