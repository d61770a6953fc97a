"""The points that the stream has told: where they are all that an answer shows, nothing has to be read for it."""

from mldash.answers.shapes import MetricPoint
from mldash.client.live.events import Points


class ToldPoints:
    """Those with the indices from `first` on, `most` at most. One thread takes them, another one reads `next`, then
    `whole`."""

    def __init__(self, first: int, most: int) -> None:
        self.next = first
        """Behind the last one that was told."""
        self._most, self._points = most, list[MetricPoint]()
        self._is_exact = True

    def take(self, told: Points) -> int:
        """The index behind these."""
        end = told.first_index + len(told.points)
        if told.first_index > self.next:
            self._is_exact = False  # a gap: what lies there is read
        new = told.points[max(0, self.next - told.first_index) :]
        self._points += new[: self._most - len(self._points)]
        self.next = max(self.next, end)
        return end

    def whole(self) -> list[MetricPoint] | None:
        """All of them; None where some were not told, or not as they were logged: NaN comes as null."""
        if not self._is_exact or len(self._points) < self._most:
            return None
        values = (value for point in self._points for value in point["data"].values())
        return [*self._points] if all(isinstance(value, bool | int | float | str) for value in values) else None
