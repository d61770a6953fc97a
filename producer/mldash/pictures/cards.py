"""Charts: a card a field, with its line, the numbers at its corners, and of how many points it is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mldash.answers.downsample import TIME
from mldash.answers.pixel_columns import Number
from mldash.answers.shapes import MetricView, iso_time

from .lines import Lines, Point, lines_of
from .svg import MARGIN, WIDTH, box, number, text

MOST: Final = 12
"""Cards of one picture."""
_GAP: Final = 14
_SMALL: Final = 3
"""In a row, where there are more than one."""
_MARK: Final = 3.5


class Card(Struct, frozen=True):
    """`told`: of how many points it is made."""

    title: str
    told: str
    view: MetricView
    field: str


class _Plot(Struct, frozen=True):
    """Where lines are drawn in a card, in its pixels, and over which span of x and y."""

    left: float
    top: float
    width: float
    height: float
    low_x: Number
    high_x: Number
    low: Number
    high: Number

    def x(self, value: Number) -> float:
        return self.left + _share(value, self.low_x, self.high_x) * self.width

    def y(self, value: Number) -> float:
        return self.top + (1 - _share(value, self.low, self.high)) * self.height


def drawn_cards(cards: Sequence[Card], top: int) -> tuple[list[str], int]:
    """Those of one picture, and where they end; one alone is wide."""
    shown = cards[:MOST]
    in_row, height = (1, 240) if len(shown) == 1 else (_SMALL, 132)
    width = (WIDTH - 2 * MARGIN - (in_row - 1) * _GAP) / in_row
    parts = [
        box(MARGIN + at % in_row * (width + _GAP), top + at // in_row * (height + _GAP), width, height, drawn)
        for at, drawn in enumerate(_drawn(card, width, height) for card in shown)
    ]
    return parts, top + math.ceil(len(shown) / in_row) * (height + _GAP)


def _drawn(card: Card, width: float, height: float) -> list[str]:
    lines = lines_of(card.view, card.field, round(width))
    values = lines.range
    low, high = values or (0, 0)
    plot = _Plot(58, 24, width - 62, height - 58, card.view["start"] or 0, card.view["end"] or 0, low, high)
    last = card.view["fields"][card.field]["y"][-1:]
    letters = round(width / 7)
    parts = [
        text(0, 12, card.title, "strong", most=letters - 10),
        text(width, 12, number(last[0]) if last else "–", end=True),
        text(0, height - 4, card.told, "dim", "small", most=letters),
        *_axes(plot, card.view, values is not None),
    ]
    curve = "".join(_path(one, plot) for one in lines.stretches if len(one) > 1)
    dots = "".join(_path(one, plot) for one in lines.stretches if len(one) == 1)
    drawn = (("curve", curve), ("dots", dots), ("mark", _marks(lines, plot)))
    return parts + [f'<path class="mldash-{look}" d="{path}"/>' for look, path in drawn if path]


def _axes(plot: _Plot, view: MetricView, has_values: bool) -> list[str]:
    """A line at the least and at the greatest y, which are named, as are the least and the greatest x."""
    left, bottom, right = plot.left, plot.top + plot.height, plot.left + plot.width
    parts = [f'<path class="mldash-grid" d="M{left:g} {plot.top:g}H{right:g}M{left:g} {bottom:g}H{right:g}"/>']
    if has_values and plot.low == plot.high:
        parts.append(text(left - 6, plot.top + plot.height / 2 + 4, number(plot.low), "dim", "small", end=True))
    elif has_values:
        parts.append(text(left - 6, plot.top + 4, number(plot.high), "dim", "small", end=True))
        parts.append(text(left - 6, bottom + 4, number(plot.low), "dim", "small", end=True))
    if view["start"] is not None and view["end"] is not None:
        parts.append(text(left, bottom + 15, _place(view["start"], view["x"]), "dim", "small"))
        if view["start"] != view["end"]:
            parts.append(text(right, bottom + 15, _place(view["end"], view["x"]), "dim", "small", end=True))
    return parts


def _path(stretch: Sequence[Point], plot: _Plot) -> str:
    """A point alone is a line of no length, which its round ends make a dot."""
    places = [f"{plot.x(x):.1f} {plot.y(y):.1f}" for x, y in stretch]
    return f"M{places[0]}h0" if len(places) == 1 else f"M{'L'.join(places)}"


def _marks(lines: Lines, plot: _Plot) -> str:
    """Triangles at the edges, where infinities are."""
    bottom = plot.top + plot.height
    up = (f"M{plot.x(x) - _MARK:.1f} {plot.top + 6:g}h{2 * _MARK:g}l{-_MARK:g} -6z" for x in lines.above)
    down = (f"M{plot.x(x) - _MARK:.1f} {bottom - 6:g}h{2 * _MARK:g}l{-_MARK:g} 6z" for x in lines.below)
    return "".join([*up, *down])


def _share(value: Number, low: Number, high: Number) -> float:
    """How far between the two; of halves, for their distance need not be a float64."""
    whole = high / 2 - low / 2
    return (value / 2 - low / 2) / whole if whole else 0.5


def _place(x: Number, axis: str) -> str:
    if axis == TIME:
        try:
            return iso_time(x)[:19].replace("T", " ")
        except (ValueError, OverflowError, OSError):
            return number(x)  # times may be any numbers
    return number(x)
