"""How many points the views of one answer may hold together: an answer is in memory as a whole."""

from collections import Counter
from collections.abc import Iterable

from mldash_api.errors import AnswerTooLarge


class Room:
    """Counts what is kept of each view while it is drawn, from any thread. A view that is begun anew counts once, and
    one that the answer shows more than once as often as it does."""

    def __init__(self, limit: int, shown: Iterable[bytes] = ()) -> None:
        """`shown`: the streams of the answer's views, in which some may stand more than once."""
        self._limit, self._shown = limit, Counter(shown)
        self._held = dict[bytes, int]()

    def take(self, stream: bytes, points: int) -> None:
        """The view of this stream holds so many now. Raises AnswerTooLarge."""
        self._held[stream] = points * max(self._shown[stream], 1)
        count = sum(list(self._held.values()))
        if count > self._limit:
            advice = "ask for fewer experiments, name the `fields`, or set `points` to the width of the chart"
            raise AnswerTooLarge(count, self._limit, advice)
