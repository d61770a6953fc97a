"""What may be asked: an allow-list. Anything else is refused by name."""

from difflib import get_close_matches
from typing import Final, Literal

Kind = Literal["text", "number", "time", "boolean", "texts", "any"]
"""Of a field's values. "any": whatever was logged."""

PLAIN: Final[dict[str, Kind]] = {
    "prefix": "text",
    "owner": "text",
    "project": "text",
    "name": "text",
    "title": "text",
    "status": "text",
    "created": "time",
    "started": "time",
    "ended": "time",
    "updated": "time",
    "duration": "number",
    "tags": "texts",
    "archived": "boolean",
    "description": "text",
    "notes": "text",
    "user": "text",
    "host": "text",
    "sessions": "number",
}
"""Fields that stand for themselves."""

KEYED: Final = ("params", "context", "metadata")
"""Fields behind which a dotted key stands: `params.optimizer.lr`."""

METRICS: Final = "metrics"

STATISTICS: Final = ("count", "min", "max", "mean", "last", "first")
"""Of the numbers of one field of a metric: `metrics.eval.accuracy.max`."""

UNNAMED: Final = "null"
"""The unnamed metric, as a bare word: `metrics.null.loss.min`. A metric that is called so is `metrics."null"`."""


def beginnings() -> list[str]:
    """The first words of all fields."""
    return [*PLAIN, *KEYED, METRICS]


def nearest(word: str) -> str | None:
    """The beginning that was probably meant."""
    found = get_close_matches(word, beginnings(), 1)
    return found[0] if found else None
