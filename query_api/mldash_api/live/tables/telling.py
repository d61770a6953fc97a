"""What a listener is told of its table: all rows at first, then those that came, changed and went. Pure."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct


class Looked(Struct, frozen=True, kw_only=True):
    """A table at one look: of each row, in order, the block that tells it."""

    rows: Mapping[str, bytes]
    count: int
    """Of all runs that pass the filter."""
    as_of: str | None
    """Every change that was stored then is in it."""

    def is_like(self, other: "Looked") -> bool:
        """Whether nothing has to be told between the two."""
        return self.rows == other.rows and self.count == other.count and [*self.rows] == [*other.rows]


def rows_told(before: Looked | None, now: Looked) -> bytes:
    """The data of the event. `before`: what the listener was told last, None: nothing on this connection."""
    known: Mapping[str, bytes] = {} if before is None else before.rows
    head = {
        "whole": before is None,
        "asOf": now.as_of,
        "count": now.count,
        "gone": [one for one in known if one not in now.rows],
        "order": [*now.rows] if [*known] != [*now.rows] else None,
    }
    rows = b",".join(block for prefix, block in now.rows.items() if known.get(prefix) != block)
    return msgspec.json.encode(head)[:-1] + b',"rows":[' + rows + b"]}"
