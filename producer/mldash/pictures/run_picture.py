"""A run as SVG: what it is, its first parameters, and the charts of its first metrics. However much was logged, the
picture has at most so many rows and charts, and says how many more there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .cards import MOST, Card, drawn_cards
from .shown import ShownMetric, ShownRun
from .svg import MARGIN, WIDTH, box, counted, link, picture, text

_ROW: Final = 17
_NAMES: Final = 130
"""Pixels of the names of facts and parameters."""
_PARAMS: Final = 16
_GOING: Final = ("CREATED", "RUNNING")


def run_picture(shown: ShownRun, page: str | None) -> str:
    """`page`: the address of its live page, where there is one. The same run gives the same text."""
    prefix = shown.run["prefix"]
    status = shown.run["status"]
    look = "dim" if status in _GOING else "good" if status == "COMPLETED" else "bad"
    parts = [
        box(MARGIN, 8, WIDTH - 2 * MARGIN - 120, 22, [text(0, 16, prefix, "strong", most=80)]),
        text(WIDTH - MARGIN, 24, status, "strong", look, end=True),
    ]
    facts = {name: value for name, value in shown.facts().items() if value is not None and name != "status"}
    top = _rows(parts, facts, 38, WIDTH - 2 * MARGIN)
    top = _params(parts, shown.params, top)
    cards, left = _cards(shown)
    drawn, top = drawn_cards(cards, top + 4)
    parts += drawn
    for line in _left_out(shown, left):
        parts.append(text(MARGIN, top + 8, line, "dim", most=100))
        top += _ROW
    if page is not None:
        parts.append(link(page, text(MARGIN, top + 8, page, "link", most=100)))
        top += _ROW
    return picture(f"{prefix}, {status}", top + 6, prefix, parts)


def _rows(parts: list[str], facts: Mapping[str, Any], top: int, width: float, left: float = MARGIN) -> int:
    """Names and values below each other; where they end."""
    for name, value in facts.items():
        names = box(left, top, _NAMES - 8, _ROW, [text(0, 12, name, "dim", most=40)])
        values = box(left + _NAMES, top, width - _NAMES, _ROW, [text(0, 12, value, most=round((width - _NAMES) / 6))])
        parts += [names, values]
        top += _ROW
    return top


def _params(parts: list[str], params: Mapping[str, Any], top: int) -> int:
    """In two columns."""
    shown = dict([*params.items()][:_PARAMS])
    if not shown:
        return top
    parts.append(text(MARGIN, top + 18, "params", "strong"))
    names, half, width = [*shown], (len(shown) + 1) // 2, (WIDTH - 2 * MARGIN) / 2
    ends = [
        _rows(parts, {name: shown[name] for name in column}, top + 24, width - 8, MARGIN + at * width)
        for at, column in enumerate((names[:half], names[half:]))
    ]
    top = max(ends)
    if len(params) > len(shown):
        parts.append(text(MARGIN, top + 12, counted(len(params) - len(shown), "more param"), "dim"))
        top += _ROW
    return top + 8


def _cards(shown: ShownRun) -> tuple[list[Card], int]:
    """Those that are drawn, and how many fields of the metrics that were read are not."""
    cards = [card for metric in shown.metrics for card in _cards_of(metric)]
    return cards[:MOST], len(cards[MOST:])


def _cards_of(metric: ShownMetric) -> Iterator[Card]:
    for field in metric.view["fields"]:
        count = metric.statistics.get(field, {}).get("count")
        told = counted(metric.points, "point")
        if isinstance(count, int) and 0 <= count < metric.points:
            told += f", {metric.points - count:,} without a number"
        yield Card(card_title(metric.name, field), told, metric.view, field)


def card_title(metric: str | None, field: str) -> str:
    return field if metric is None else f"{metric}, {field}"


def _left_out(shown: ShownRun, fields: int) -> Iterator[str]:
    """What the picture has not."""
    metrics = shown.metric_count - len(shown.metrics)
    if metrics or fields:
        more = [counted(count, noun) for count, noun in ((fields, "more field"), (metrics, "more metric")) if count]
        yield f"{' and '.join(more)}: mldash show {shown.run['prefix']}"
    if shown.tracks:
        yield f"tracks: {', '.join(f'{topic} ({count:,})' for topic, count in [*shown.tracks.items()][:6])}"
