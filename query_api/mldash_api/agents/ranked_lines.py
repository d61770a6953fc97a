"""read_logs, of some ranks of a run alone. Over an API alone: local files do not say which process wrote a line.

The API merges lines in the order of time. So the newest ones are looked for from the last sign of life of these
processes backwards, in growing stretches, until there are enough.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from mldash.client.client import Client
from mldash.client.open_run import OpenRun
from mldash.events.moments import checked_moment

from .backing import found_run
from .budget import Answer, Part, fit, kept
from .errors import WrongArgument
from .lines import AROUND_S, line_sizes, shown_lines
from .texts import QUOTED_IS_LOGGED, call_text, quoted

_STRETCHES_S: Final = (60.0, 600.0, 6_000.0, 86_400.0)
_PAGE: Final = 1_000
_MOST_READ: Final = 20_000
"""Lines of one stretch, from its beginning."""


def read_ranked(
    client: Client,
    prefix: str,
    ranks: Sequence[int],
    level: Sequence[str] | None,
    text: str | None,
    around: str | None,
    offset: int | None,
    limit: int,
    budget: int,
) -> Answer:
    """The newest lines where `around` is not given. Raises WrongArgument, NeedsApi over folders."""
    if offset is not None:
        raise WrongArgument("offset", "lines of some ranks are found by around=…, or are the newest; leave offset out")
    run = found_run(client, prefix)
    _check_there(run, ranks)
    asked: dict[str, Any] = {"rank": [*ranks], "level": level, "search": text}
    moment = checked_moment(around, "around")
    if moment is None:
        found = _newest(client, run, asked, limit)
        lines = found.lines[-limit:]
    else:
        found = _read(client, run, {**asked, "start": moment - AROUND_S, "end": moment + AROUND_S})
        before = sum(datetime.fromisoformat(one["timestamp"]).timestamp() < moment for one in found.lines)
        first = max(0, min(before - limit // 2, len(found.lines) - limit))
        lines = found.lines[first : first + limit]
    named = ", ".join(map(str, ranks[:20]))
    where = f"around {quoted(around)}" if around else "the newest"
    head = f"{len(lines)} lines of rank {named}, {where}, in the order of time. {QUOTED_IS_LOGGED}"
    call = {"run": prefix, "rank": [*ranks], "level": level, "text": text}

    def told(size: int | None) -> tuple[str, str]:
        there = min(size or 0, len(lines))
        at = lines[-there - 1 if around is None else there]["timestamp"] if there < len(lines) else around
        what = f"{len(lines) - there} of {len(lines)} lines (long ones are cut first)"
        return what, call_text("read_logs", **call, around=at, limit=limit)

    shown = Part(lambda size: shown_lines(lines, size, is_newest=around is None), told, line_sizes(len(lines)))
    parts = [kept(head), shown]
    if lines and len(found.lines) > len(lines):
        edge = lines[0 if around is None else -1]["timestamp"]
        parts.append(kept(f"More lines: {call_text('read_logs', **call, around=edge, limit=limit)}"))
    if found.is_cut:
        parts.append(kept(f"Only the first {_MOST_READ} lines of this time were looked at: ask around a moment."))
    return fit(parts, budget, {"shown": len(lines)})


class _Found:
    def __init__(self, lines: list[dict[str, Any]], *, is_cut: bool) -> None:
        self.lines, self.is_cut = lines, is_cut


def _check_there(run: OpenRun, ranks: Sequence[int]) -> None:
    there = sorted({one["rank"] for one in run.sessions(wait=0) if one["rank"] is not None})
    for rank in ranks:
        if rank not in there:
            known = ", ".join(map(str, there[:20])) + (" …" if len(there) > 20 else "") if there else "none is known"
            raise WrongArgument("rank", f"the run has no process with rank {rank}; its ranks: {known}")


def _newest(client: Client, run: OpenRun, asked: dict[str, Any], enough: int) -> _Found:
    """So many at least, where there are so many."""
    ranks = asked["rank"]
    signs = [
        sign
        for one in run.sessions(wait=0)
        if one["rank"] in ranks
        for sign in (one["endedAt"], one["heartbeatAt"], one["startedAt"])
        if sign
    ]
    last = max((datetime.fromisoformat(one).timestamp() for one in signs), default=0.0)
    for stretch in _STRETCHES_S:
        found = _read(client, run, {**asked, "start": last - stretch})
        if len(found.lines) >= enough:
            return found
    return _read(client, run, asked)


def _read(client: Client, run: OpenRun, asked: dict[str, Any]) -> _Found:
    lines, cursor = list[dict[str, Any]](), None
    while True:
        page = client.lines([run.prefix], **asked, limit=_PAGE, cursor=cursor)
        lines += page["lines"]
        cursor = page["next"]
        if cursor is None or len(lines) >= _MOST_READ:
            return _Found(lines, is_cut=cursor is not None)
