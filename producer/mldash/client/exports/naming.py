"""How the files of many streams are called, below one folder:

    PREFIX/metrics/NAME.csv   PREFIX/tracks/TOPIC.csv   PREFIX/logs.csv   PREFIX/params.csv

Each name is one segment, whatever it holds, so that none leads out of the folder, and no two meet:

    %XX     stands for a byte that can't or must not stand there: a control character, % / \\ : * ? " < > |, a dot at
            the beginning, a dot or a space at the end, and the first byte of a prefix's segment that would meet a file
            or folder of ours (metrics, logs.csv, …)
    None    is the unnamed metric, and a metric called "None" is %4Eone
    %~      ends a segment above 180 bytes, with a hash of the whole
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Final

from .asked import SUFFIXES, Format, Stream

_SEGMENT_BYTES: Final = 180
_UNNAMED: Final = "None"
_RESERVED: Final = frozenset(
    ["metrics", "tracks", *(f"{kind}{suffix}" for kind in ("logs", "params") for suffix in SUFFIXES.values())]
)
_ESCAPED: Final = re.compile(r'[\x00-\x1f\x7f%/\\:*?"<>|]|^\.|[. ]$')


def file_path(prefix: str, stream: Stream, format: Format) -> PurePosixPath:
    """Relative to the folder; `prefix` is a checked one."""
    run = PurePosixPath(*(_run_segment(part) for part in prefix.split("/")))
    if stream.kind in ("logs", "params"):
        return run / f"{stream.kind}{SUFFIXES[format]}"
    return run / stream.kind / f"{_stream_segment(stream)}{SUFFIXES[format]}"


def _run_segment(part: str) -> str:
    # Of file systems that do not tell capitals apart, too.
    return _first_escaped(part) if part.casefold() in _RESERVED else _segment(part)


def _stream_segment(stream: Stream) -> str:
    if stream.name is None:
        return _UNNAMED
    return _first_escaped(stream.name) if stream.name == _UNNAMED else _segment(stream.name)


def _first_escaped(name: str) -> str:
    return f"%{ord(name[0]):02X}{name[1:]}"


def _segment(name: str) -> str:
    found = _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", name)
    if len(found.encode()) <= _SEGMENT_BYTES:
        return found
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{found.encode()[: _SEGMENT_BYTES - 40].decode(errors='ignore')}%~{digest}"
