"""Keeping a process that has lost its lease, and does not know it yet, away from the files.

It may be anywhere between two system calls, with a row file open, about to cut it and to write. So after a lease was
broken, whoever appends to a row file next replaces it first by a copy of its acknowledged part, and its sources by a
copy: the other process then has a file open that has no name any more. And a process that appends asks for its lease
after it has opened the file: a process that opens the copy too late finds that out.

`.state/acknowledged.N` holds how often leases were broken (its fence) and at which fence each file was made; it is
never replaced but followed by N + 1, made by link, which only one process can do (acknowledged.py).

    .data.jsonl.fence-7    the copy, while it is made; one of an earlier fence is removed before the copy takes the
                           file's name, so that who made it can't do that any more
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

_COPY_BYTES = 1 << 20


class LeaseLost(RuntimeError):
    """This process was paused for so long that another broke its lease: nothing was acknowledged, deliver again."""

    def __init__(self) -> None:
        super().__init__("the lease of the experiment's files was broken while this process was paused")


def put_out_of_reach(path: Path, fence: int, check: Callable[[], None], end_bytes: int | None = None) -> None:
    """Replace a file, or none, by a copy of its first bytes, or of all. `check` raises LeaseLost.

    Raises OSError: then the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    copy = path.with_name(f".{path.name}.fence-{fence}")
    with copy.open("wb") as target:
        check()
        for other in path.parent.glob(f".{path.name}.fence-*"):
            if other != copy:
                other.unlink(missing_ok=True)
        if path.exists():
            with path.open("rb") as source:
                size = os.fstat(source.fileno()).st_size if end_bytes is None else end_bytes
                _copy(source.fileno(), target.fileno(), size)
            shutil.copymode(path, copy)
        os.fsync(target.fileno())
    try:
        copy.rename(path)
    except FileNotFoundError:
        raise LeaseLost from None


def _copy(source: int, target: int, count: int) -> None:
    at = 0
    while at < count:
        data = os.pread(source, min(_COPY_BYTES, count - at), at)
        if not data:
            raise OSError(f"a file ended at {at} while its first {count} bytes were copied")
        at += os.write(target, data)
