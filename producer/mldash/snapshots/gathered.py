"""What a snapshot's page holds of runs, bounded: texts as they were logged, and charts as lines of so many points."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from mldash.answers.pixel_columns import Number
from mldash.events.printable import printable_line
from mldash.pictures.lines import Lines, lines_of
from mldash.pictures.run_picture import card_title
from mldash.pictures.shown import ShownRun, read_shown
from mldash.pictures.svg import colour_of

if TYPE_CHECKING:
    from mldash.mode import Reader

COLUMNS: Final = 400
"""Pixel columns of a line: at most four points each."""
MOST_FIELDS: Final = 40
"""Of one metric."""
_LAST_LINES: Final = 500
_PAGE: Final = 10_000
_TEXT: Final = 100_000
"""Letters of one text."""
_DIGITS: Final = 9


class PageRun(Struct, frozen=True, rename="camel"):
    """One run. `facts`, `params`: names and texts; `lines`: time, level and message of the last of `line_count`."""

    prefix: str
    status: str
    colour: int
    facts: list[tuple[str, str]]
    params: list[tuple[str, str]]
    readme: str | None
    lines: list[tuple[str, str, str]]
    line_count: int


class PageSeries(Struct, frozen=True):
    """The line of one run: `stretches` are x, y, x, y, … each; `above`, `below` the x of infinities. `points`: of how
    many it was made; `without`: how many of these have no number there."""

    run: int
    points: int
    without: int
    start: Number
    end: Number
    stretches: list[list[Number]]
    above: list[Number]
    below: list[Number]


class PageChart(Struct, frozen=True):
    """One field of one metric over all runs that have it."""

    title: str
    series: list[PageSeries]


class Page(Struct, frozen=True):
    """`left`: how many metrics and fields, over all runs, have no chart here."""

    made: str
    runs: list[PageRun]
    charts: list[PageChart]
    left: int


class NothingLogged(Exception):
    """At this prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.prefix = prefix

    def __str__(self) -> str:
        return f"nothing was logged at {self.prefix}: `mldash ls` lists what there is"


def gather(readers: Mapping[str, Reader], most_metrics: int, made: str, done: Callable[[str], None]) -> Page:
    """Of these runs, by prefix; `done(prefix)` is called after each. Raises NothingLogged, and as reads do."""
    runs: list[PageRun] = []
    charts: dict[tuple[str, str], list[PageSeries]] = {}
    left = 0
    for at, (prefix, reader) in enumerate(readers.items()):
        shown = read_shown(reader, most_metrics, COLUMNS)
        if shown is None:
            raise NothingLogged(prefix)
        runs.append(_run(shown, reader))
        left += shown.metric_count - len(shown.metrics)
        for metric in shown.metrics:
            fields = [*metric.view["fields"]]
            left += len(fields[MOST_FIELDS:])
            for field in fields[:MOST_FIELDS]:
                numbers = int(metric.statistics.get(field, {}).get("count") or 0)
                lines, view = lines_of(metric.view, field, COLUMNS), metric.view
                made_of = _series(at, lines, metric.points, max(0, metric.points - numbers), view["start"], view["end"])
                charts.setdefault((metric.name or "", field), []).append(made_of)
        done(prefix)
    named = [PageChart(card_title(name or None, field), series) for (name, field), series in sorted(charts.items())]
    return Page(made, runs, named, left)


def _run(shown: ShownRun, reader: Reader) -> PageRun:
    run = shown.run
    lines, line_count = _last_lines(reader)
    tracks = {f"track {topic}": f"{entries:,} entries" for topic, entries in shown.tracks.items()}
    facts = {**shown.facts(), **tracks}
    return PageRun(
        prefix=run["prefix"],
        status=run["status"],
        colour=colour_of(run["prefix"]),
        facts=[(name, _text(value)) for name, value in facts.items() if value is not None and name != "status"],
        params=[(name, _text(value)) for name, value in shown.params.items()],
        readme=None if run["readme"] is None else _text(run["readme"]),
        lines=lines,
        line_count=line_count,
    )


def _last_lines(reader: Reader) -> tuple[list[tuple[str, str, str]], int]:
    """And how many there are."""
    last = deque[tuple[str, str, str]](maxlen=_LAST_LINES)
    for page in count():
        lines = reader.log_lines(limit=_PAGE, offset=page * _PAGE)
        last.extend((one["timestamp"], one["level"], _text(one["message"])) for one in lines)
        if len(lines) < _PAGE:
            return [*last], page * _PAGE + len(lines)
    raise AssertionError("count() does not end")


def _series(run: int, lines: Lines, points: int, without: int, start: Number | None, end: Number | None) -> PageSeries:
    return PageSeries(
        run=run,
        points=points,
        without=without,
        start=start or 0,
        end=end or 0,
        stretches=[[part for x, y in stretch for part in (x, _short(y))] for stretch in lines.stretches],
        above=lines.above,
        below=lines.below,
    )


def _short(value: Number) -> Number:
    """Of a float nine digits: a pixel is a thousandth of the picture, and the exact ones would double the page."""
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _text(value: Any) -> str:
    """A text as it was logged, other values in one line; cut where it is very long."""
    text = value if isinstance(value, str) else printable_line(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
