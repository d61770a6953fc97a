"""Points → JSON, many at once: of plain numbers each column is encoded as a whole, and no point becomes an object.

A third of the time that points as objects take, and the same bytes.
"""

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Final

import msgspec

from mldash.events.column_types import WIDTHS
from mldash_api.points.points import points_of
from mldash_api.seam.rows import Rows, columns_of, times_of
from mldash_api.times import iso_times

_encode: Final = msgspec.json.Encoder().encode
_MOST_FIELDS: Final = 1_000


def points_json(rows: Sequence[Rows]) -> bytes:
    """As MetricPoints, in an array; NaN and infinities are null."""
    parts = [
        _encode(points_of(list(alike)))[1:-1] if names is None else _plain(names, list(alike))
        for names, alike in groupby(rows, _names)
    ]
    return b"[" + b",".join(parts) + b"]"


def _names(rows: Rows) -> tuple[str, ...] | None:
    """Of the fields, where every one is one number in every row; else None."""
    columns = rows.part.columns
    if not 0 < len(columns) <= _MOST_FIELDS:
        return None
    if any(one.present is not None or one.shape or one.type not in WIDTHS for one in columns):
        return None
    return tuple(one.name for one in columns)


def _plain(names: Sequence[str], rows: Sequence[Rows]) -> bytes:
    fields = ",".join(_encode(name).decode().replace("%", "%%") + ":%s" for name in names)
    point = '{"index":%d,"data":{' + fields + '},"createdAt":"%s"}'
    columns = zip(*(columns_of(one)[1] for one in rows), strict=True)
    # Of numbers no token holds a comma.
    tokens = [_encode(list(chain.from_iterable(column)))[1:-1].decode().split(",") for column in columns]
    indices = chain.from_iterable(range(one.first_index, one.first_index + one.count) for one in rows)
    return ",".join([point % row for row in zip(indices, *tokens, iso_times(times_of(rows)), strict=True)]).encode()
