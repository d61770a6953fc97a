"""The segments of a path → the field that they ask for."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from .errors import FilterError
from .names import KEYED, METRICS, PLAIN, STATISTICS, UNNAMED, beginnings, nearest
from .syntax import Field, Keyed, Plain, Statistic

_OF_METRIC: Final = "metrics.<name>.<field>.<statistic>; what has a dot or a space in it is a JSON string"


class Segment(Struct, frozen=True):
    """One step of a path, and where it stands. `is_quoted`: it was a JSON string."""

    text: str
    position: int
    is_quoted: bool = False


def field_of(segments: Sequence[Segment], text: str) -> Field:
    """Raises FilterError that names what there is."""
    first, rest = segments[0], segments[1:]
    if first.text in PLAIN:
        if rest:
            raise FilterError(text, rest[0].position, rest[0].text, [], f"nothing stands below {first.text}")
        return Plain(first.text)
    if first.text in KEYED:
        if not rest:
            raise FilterError(text, first.position, first.text, [], f"a name is missing: {first.text}.<name>")
        return Keyed(first.text, ".".join(one.text for one in rest))
    if first.text == METRICS:
        return _statistic(first, rest, text)
    near = nearest(first.text)
    reason = "there is no such field" + (f", {near} is near to it" if near else "")
    raise FilterError(text, first.position, first.text, beginnings(), reason)


def _statistic(first: Segment, rest: Sequence[Segment], text: str) -> Statistic:
    if len(rest) != 3:
        wrong = rest[3] if len(rest) > 3 else first
        raise FilterError(text, wrong.position, wrong.text, [], f"a metric is asked for by {_OF_METRIC}")
    metric, field, statistic = rest
    if statistic.text not in STATISTICS:
        raise FilterError(text, statistic.position, statistic.text, STATISTICS, "there is no such statistic")
    is_unnamed = metric.text == UNNAMED and not metric.is_quoted
    return Statistic(None if is_unnamed else metric.text, field.text, statistic.text)
