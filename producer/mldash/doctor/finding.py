"""One line of the report."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "warning", "problem", "skipped"]


class Finding(Struct, frozen=True):
    """A check and its outcome. `advice` says what to do, where that helps."""

    what: str
    state: State
    said: str
    advice: str = ""


def size(byte_count: float) -> str:
    """For people: `12.3 MB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if byte_count < 1000 or unit == "TB":
            break
        byte_count /= 1000
    return f"{byte_count:.0f} {unit}" if unit == "bytes" else f"{byte_count:.1f} {unit}"
