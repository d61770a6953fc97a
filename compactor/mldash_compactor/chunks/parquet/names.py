"""The name of a field's Parquet column: that of the field, but for names that would meet others.

A field called as one of our own columns stands in "field:{name}": `index`, `time`, `events`, and the empty name, which
some tools refuse; and `owner`, `project`, `experiment`, `gen`, `stream`, for readers that take a key's
`owner=…/project=…` for columns would put these in its place. Upper and lower case are the same here, as they are for
DuckDB and Spark. A field that begins with "field:" gets another one before it, so no two fields have one column.

An object of version 0.1.0 has a field `owner` in the column `owner`: readers go by `mldash.fields`, which names both.
"""

from typing import Final

EVENTS: Final = "events"

_ESCAPE: Final = "field:"
_OWN: Final = frozenset({"", "index", "time", EVENTS})
_OF_THE_KEY: Final = frozenset({"owner", "project", "experiment", "gen", "stream"})


def column_name(field: str) -> str:
    """The Parquet column of a field; no two fields have one."""
    folded = field.casefold()
    return _ESCAPE + field if folded in _OWN | _OF_THE_KEY or folded.startswith(_ESCAPE) else field
