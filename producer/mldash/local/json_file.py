"""A JSON file that is replaced whole: a reader sees the old or the new one, never half of one."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

import msgspec

from mldash.events.encoding import exact_from_json, exact_to_json

from .opening import NotFollowed, OpenFile, file_of, open_anyhow

_encoder = msgspec.json.Encoder()


def write_json(path: Path, value: dict[str, Any], fsync: bool = False) -> None:
    """Replace the file. NaN, infinities and bytes stand as events/encoding.py writes them; the file ends in a newline.

    Raises OSError; then the old file is there, whole.
    """
    data = msgspec.json.format(_encoder.encode(exact_to_json(value)), indent=2) + b"\n"
    # One name a writer: two that replace the file at once don't write into each other's. Plain calls: of 100,000
    # metrics there are as many files.
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{threading.get_ident()}")  # noqa: PTH118
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def read_json(path: Path, open_file: OpenFile = open_anyhow) -> dict[str, Any] | None:
    """The content of the file; None where it is missing, torn by another program, or a link that is not followed: the
    row files are the truth."""
    try:
        with file_of(open_file(path)) as file:
            value = exact_from_json(msgspec.json.decode(file.read()))
    except (FileNotFoundError, NotADirectoryError, NotFollowed, msgspec.DecodeError, ValueError):
        return None
    return value if isinstance(value, dict) else None
