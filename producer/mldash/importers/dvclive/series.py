"""`plots/metrics/KEY.tsv`: a metric, a line a value.

step	KEY
0	0.5

With `timestamp=True` a line has milliseconds before the step, whatever the head says. Texts are quoted as in CSV, and
NaN and the infinities are the texts that Python has for them.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.values import name_of, number, text

_HEAD: Final = re.compile(rb"(?:timestamp\t)?step\t([^\r\n]+)\r?\n")
_NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*([eE][-+]?\d+)?|inf|nan)")
_WHOLE: Final = re.compile(r"-?\d{1,15}(\.\d+)?")
_MOST_BYTES: Final = 1024 * 1024
"""Of a line."""
_CELLS: Final = (2, 3)


def is_series(path: Path, head: bytes) -> bool:
    """Whether a file that begins so is one of these, which its name has to fit."""
    found = _HEAD.match(head)
    return found is not None and found[1].decode(errors="replace").strip('"') == path.name.removesuffix(".tsv")


class Series:
    """The part of one metric. It is named after its first line too: a folder that is used again has other ones."""

    def __init__(self, path: Path, key: str) -> None:
        """Raises OSError."""
        self.path, self.key = path, key
        with path.open("rb") as lines:
            lines.readline(_MOST_BYTES)
            first = lines.readline(_MOST_BYTES)
        self.id = f"{key}-{hashlib.blake2b(first, digest_size=16).hexdigest()}"

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """Up to the first line that is none, of which `left` is told. Raises OSError.

        What has no time of its own has that of the file.
        """
        metric, name = name_of(self.key), name_of(self.key.rpartition("/")[2])
        field, step_field = "ts" if name == "_ts" else name, "_step" if name == "step" else "step"
        about = self.path.stat()
        at, is_number = 0, None
        for line, is_whole in _lines(self.path, about.st_size):
            if at == 0:
                at = len(line)
                progress(at)
                continue
            row = _row(line) if is_whole else None
            # Of a metric that begins with a number a text is none of its values.
            if row is None or (is_number and isinstance(row[2], str)):
                reason = "a line is no value" if is_whole else "a line is not finished"
                left.torn.append(Torn(self.path, at, about.st_size - at, reason, is_whole))
                return
            time, step, value = row
            is_number = is_number or (is_number is None and not isinstance(value, str))
            fields = {field: number(name, value) if not isinstance(value, str) else text(value), step_field: step}
            yield Event("metrics", metric, about.st_mtime if time is None else time, fields)
            at += len(line)
            progress(len(line))


def _lines(path: Path, size: int) -> Iterator[tuple[bytes, bool]]:
    """(line, whether it has an end); one with a quoted text may be several of the file's."""
    at, begun = 0, b""
    with path.open("rb") as file:
        for line in file:
            at += len(line)
            if at > size:
                break
            begun += line
            if begun.count(b'"') % 2 == 0:
                yield begun, begun.endswith(b"\n")
                begun = b""
            elif len(begun) > _MOST_BYTES:
                break
    if begun:
        yield begun, len(begun) > _MOST_BYTES


def _row(line: bytes) -> tuple[float | None, int | float, float | str] | None:
    """(time, step, value) of a line; None of what is none."""
    try:
        (cells,) = csv.reader([line.decode().removesuffix("\n").removesuffix("\r")], delimiter="\t", strict=True)
    except (ValueError, csv.Error):
        return None
    if len(cells) not in _CELLS or not all(map(_WHOLE.fullmatch, cells[:-1])):
        return None
    *times, step, value = cells
    told: float | str = float(value) if _NUMBER.fullmatch(value) else value
    step_number = float(step)
    return (float(times[0]) / 1000 if times else None), number("step", step_number), told
