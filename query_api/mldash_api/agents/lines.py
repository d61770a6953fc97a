"""read_logs"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mldash.client.client import Client
from mldash.client.open_run import OpenRun
from mldash.events.moments import checked_moment

from .backing import found_run
from .budget import Answer, Part, fit, kept
from .texts import QUOTED_IS_LOGGED, call_text, quoted, value_text

_MESSAGE: Final = 1_000
_SHORT: Final = 160
AROUND_S: Final = 60.0


def read_logs(
    client: Client,
    prefix: str,
    level: Sequence[str] | None,
    text: str | None,
    around: str | None,
    offset: int | None,
    limit: int,
    budget: int,
) -> Answer:
    """The newest lines where neither `around` nor `offset` is given."""
    run = found_run(client, prefix)
    start = end = None
    moment = checked_moment(around, "around")
    if moment is not None:
        start, end = (datetime.fromtimestamp(moment + by, UTC) for by in (-AROUND_S, AROUND_S))
    asked: dict[str, Any] = {"level": level, "search": text, "start": start, "end": end}
    count = _count(run, asked)
    first = max(0, count - limit) if offset is None else offset
    lines = run.logs.read(offset=first, limit=limit, wait=0, **asked)
    if moment is not None and offset is None and len(lines) < count:
        first = max(0, _place_of(run, asked, moment, count) - limit // 2)
        lines = run.logs.read(offset=first, limit=limit, wait=0, **asked)
    which = f"{count} lines fit" + (f", from a minute before to a minute behind {quoted(around)}" if around else "")
    head = f"{which}; lines {first} to {first + len(lines) - 1} of these. {QUOTED_IS_LOGGED}"
    if not lines:
        head = f"{which}; none is shown. {QUOTED_IS_LOGGED}"
    call = {"run": prefix, "level": level, "text": text, "around": around}
    is_newest = offset is None and around is None

    def told(size: int | None) -> tuple[str, str]:
        there = size or 0
        begin = first if is_newest else first + there
        more = call_text("read_logs", **call, offset=begin, limit=max(1, len(lines) - there))
        return f"{len(lines) - there} of {len(lines)} lines (long ones are cut first)", more

    parts = [kept(head), Part(lambda size: shown_lines(lines, size, is_newest=is_newest), told, line_sizes(len(lines)))]
    if is_newest and first:
        before = call_text("read_logs", **call, offset=max(0, first - limit), limit=limit)
        parts.append(kept(f"{first} older lines: {before}"))
    elif first + len(lines) < count:
        parts.append(kept(f"Later lines: {call_text('read_logs', **call, offset=first + len(lines), limit=limit)}"))
    return fit(parts, budget, {"count": count, "first": first, "shown": len(lines)})


def line_sizes(count: int) -> list[int]:
    """Above `count` all lines at length, `count` all of them cut, below it so many."""
    return [count + 1, *range(count, -1, -1)] if count else [0]


def shown_lines(lines: Sequence[Mapping[str, Any]], size: int, *, is_newest: bool) -> str:
    """Of a size of `line_sizes`."""
    letters = _MESSAGE if size > len(lines) else _SHORT
    chosen = lines[:size] if not is_newest else lines[max(0, len(lines) - size) :]
    return "\n".join(_line(one, letters) for one in chosen)


def _line(one: Mapping[str, Any], letters: int) -> str:
    rank = f"rank {one['rank']} " if "rank" in one else ""
    said = f"{rank}{one['sequenceNumber']} {one['timestamp']} {one['level']} {quoted(one['message'], letters)}"
    metadata = one.get("metadata")
    return f"{said} {value_text(metadata, letters)}" if metadata else said


def _count(run: OpenRun, asked: dict[str, Any]) -> int:
    """How many lines fit: a bound is doubled until it lies beyond, then the distance is halved."""
    return _first_place(lambda place: not run.logs.read(offset=place, limit=1, wait=0, **asked))


def _place_of(run: OpenRun, asked: dict[str, Any], moment: float, count: int) -> int:
    """Of the first line at or behind the moment."""

    def is_behind(place: int) -> bool:
        found = run.logs.read(offset=place, limit=1, wait=0, **asked)
        return not found or datetime.fromisoformat(found[0]["timestamp"]).timestamp() >= moment

    return min(count, _first_place(is_behind))


def _first_place(holds: Any) -> int:
    """The first place from which on it holds."""
    if holds(0):
        return 0
    low, high = 0, 1
    while not holds(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
