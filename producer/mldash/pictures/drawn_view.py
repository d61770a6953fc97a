"""The answer of `metrics(name).view(…)`: a plain dict that a notebook shows as charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mldash.answers.shapes import MetricView

from .cards import MOST, Card, drawn_cards
from .notebook import told_in_a_line
from .run_picture import card_title
from .svg import MARGIN, WIDTH, counted, link, picture, text


class DrawnView(dict[str, Any]):
    """A MetricView of one metric of a run."""

    __slots__ = ("_metric", "_page", "_prefix")

    def __init__(self, view: Mapping[str, Any], prefix: str, metric: str | None, page: str | None) -> None:
        """`page`: the address of the run's live page, where there is one."""
        super().__init__(view)
        self._prefix, self._metric, self._page = prefix, metric, page

    def __reduce__(self) -> tuple[Any, ...]:
        return DrawnView, (dict(self), self._prefix, self._metric, self._page)

    def _repr_html_(self) -> str:
        """An SVG of a chart a field, at most twelve; see docs/sdk.md, In a notebook. It never raises."""
        return told_in_a_line(f"the chart of {self._prefix}", self._svg)

    def _svg(self) -> str:
        view = cast(MetricView, self)
        told = f"of {counted(view['totalPoints'], 'point')}"
        # A field and an expression of one name are one card: that of the field.
        shown = cast(MetricView, {**view, "fields": {**view.get("expressions", {}), **view["fields"]}})
        cards = [Card(card_title(self._metric, name), told, shown, name) for name in shown["fields"]]
        parts = [
            text(MARGIN, 24, self._prefix, "strong", most=70),
            text(WIDTH - MARGIN, 24, f"over {view['x']}", "dim", most=30, end=True),
        ]
        drawn, top = drawn_cards(cards, 38)
        parts += drawn
        if len(cards) != len(drawn) or not cards:
            left = counted(len(cards) - MOST, "more field") if cards else "no numbers"
            parts.append(text(MARGIN, top + 8, left, "dim"))
            top += 17
        if self._page is not None:
            parts.append(link(self._page, text(MARGIN, top + 8, self._page, "link", most=100)))
            top += 17
        return picture(f"{card_title(self._metric, 'chart')} of {self._prefix}", top + 6, self._prefix, parts)
